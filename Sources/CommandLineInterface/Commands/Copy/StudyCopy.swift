import DICOM
import DICOMNode
import DICOMProtocol
import System

/// One target of a copy, most often a study: what comes of it is sent, and then looked for at the new archive.
final class StudyCopy: InstanceForwarder {
    private let line: CopyLine
    private let records: CopyRecords
    private let destination: Network
    private let outcome: RunOutcome
    /// Asks the new archive for commitments, if that is wanted.
    private let commitment: CopyCommitment?
    private let state = ConditionLock(State())

    private struct State {
        /// The series that the old archive lists, and the place of each instance among them.
        var series: [InstanceListing.Series] = []
        var places: [UID: Int] = [:]
        /// Listed in more than one series, although a UID belongs to one instance (PS3.5 9.1).
        var ambiguous: [UID: [InstanceListing.Series]] = [:]
        /// The series of each instance that was taken to be sent.
        var taken: [UID: UID?] = [:]
        /// Handed over to be sent, without an outcome yet.
        var underway: [FilePath: CopiedInstance] = [:]
        var accepted: [CopiedInstance] = []
        var failed: [CopiedInstance] = []
        /// Received, and not sent: nothing is sent any more.
        var unsent: [CopiedInstance] = []
        var firstFailure: (ExitCode, Message)?

        mutating func fail(_ instance: CopiedInstance, _ exitCode: ExitCode, _ message: Message) {
            failed.append(instance)
            firstFailure = firstFailure ?? (exitCode, message)
        }
    }

    /// A wait looks as often whether anything is sent at all.
    private static let look = Duration.milliseconds(50)

    init(
        _ line: CopyLine, _ records: CopyRecords, _ destination: Network, _ outcome: RunOutcome,
        _ commitment: CopyCommitment?
    ) {
        self.line = line
        self.records = records
        self.destination = destination
        self.outcome = outcome
        self.commitment = commitment
    }

    // MARK: Before

    /// Returns those of the listed instances that need not be copied: an earlier run has confirmed them, or the new archive has them. Where
    /// it is to commit to what it has, that it lists them is not enough.
    func held(_ listed: [InstanceListing.Series], _ existing: ExistingInstances?) -> Set<UID> {
        let ambiguous = state.withLock { state in
            state.series = listed.map { $0.reduced(to: []) }
            for (place, series) in listed.enumerated() {
                for uid in series.sopInstanceUIDs {
                    guard let other = state.places.updateValue(place, forKey: uid), other != place else { continue }
                    let known = state.ambiguous[uid] ?? [state.series[other].reduced(to: [uid])]
                    state.ambiguous[uid] = known + [series.reduced(to: [uid])]
                }
            }
            return state.ambiguous
        }
        var inJournal: [CopiedInstance] = []
        var left: [InstanceListing.Series] = []
        for series in listed {
            var rest: [UID] = []
            for uid in series.sopInstanceUIDs where ambiguous[uid] == nil {
                let instance = CopiedInstance(uid, in: series)
                if records.wasConfirmed(instance) { inJournal.append(instance) } else { rest.append(uid) }
            }
            if !rest.isEmpty { left.append(series.reduced(to: rest)) }
        }
        var held: Set<UID> = []
        for instance in inJournal where held.insert(instance.sopInstanceUID).inserted {
            records.recordSkipped(instance, .inJournal)
        }
        guard let existing, !left.isEmpty else { return held }
        do throws(ExistingInstances.Failure) {
            var present = try existing.present(of: left).flatMap { series in
                series.sopInstanceUIDs.map { CopiedInstance($0, in: series) }
            }
            if let commitment, !present.isEmpty {
                let committed = commitment.committed(present)
                present.removeAll { !committed.contains($0.sopInstanceUID) }
            }
            for instance in present where held.insert(instance.sopInstanceUID).inserted {
                records.recordSkipped(instance, commitment == nil ? .listed : .committed)
            }
        } catch {
            records.recordUnknownExisting(existing.reason(error))
        }
        return held
    }

    // MARK: On its way

    func take(_ instance: ReceivedInstance, at path: FilePath, size: UInt64) {
        if !send(instance, at: path) { line.buffer.remove(path, size: size) }
    }

    /// Returns false if the file is not going to be sent.
    private func send(_ received: ReceivedInstance, at path: FilePath) -> Bool {
        let series = series(of: received)
        let file: InstanceFile
        do throws(FileProblem) {
            file = try InstanceFile.open(path).file
        } catch {
            refuse(CopiedInstance(received, nil, in: series), .localFiles, Message(error).why ?? error.code.rawValue)
            return false
        }
        let copied = CopiedInstance(received, file, in: series)
        if let other = received.otherInstanceUID {
            refuse(copied, .incomplete, "the old archive has sent the instance \(other) in its place")
            return false
        }
        let seriesUID = copied.seriesInstanceUID
        let repeated = state.withLock { state -> UID?? in
            if let other = state.taken[copied.sopInstanceUID] { return other }
            state.taken[copied.sopInstanceUID] = .some(seriesUID)
            state.underway[path] = copied
            return nil
        }
        if let other = repeated {
            // The same once more, as a server sends it that is asked again, is no other instance.
            if other != seriesUID || received.isRenamed {
                refuse(copied, .incomplete, "the old archive has sent another instance of this UID before")
            }
            return false
        }
        if line.send(file, of: self) { return true }
        if let copied = state.withLock({ $0.underway.removeValue(forKey: path) }) { recordUnsent(copied) }
        return false
    }

    /// The series that an instance is listed in; nil where its data set tells it.
    private func series(of received: ReceivedInstance) -> InstanceListing.Series? {
        state.withLock { state in
            let uid = received.sopInstanceUID
            guard state.ambiguous[uid] == nil else { return nil }
            return state.places[uid].map { state.series[$0] }
        }
    }

    private func recordUnsent(_ instance: CopiedInstance) {
        records.recordUnsent(instance)
        state.withLock { $0.unsent.append(instance) }
    }

    /// Records an instance that was received and cannot be what was listed.
    private func refuse(_ instance: CopiedInstance, _ exitCode: ExitCode, _ why: String) {
        let message = Message(instance.name, why)
        records.recordRefused(instance, exitCode, message)
        state.withLock { $0.fail(instance, exitCode, message) }
    }

    func finish(_ result: StoreResult) {
        guard var instance = state.withLock({ $0.underway[result.file.path] }) else { return }
        if case .answered(let answer, _) = result.outcome {
            // Only other answers than success have words.
            instance.response =
                answer.status == .success
                ? answer
                : outcome.diagnostics.redaction.hidingPatientData(
                    in: answer, about: [InstanceFile.attributes(of: result.file.path)])
        }
        var failure = StoreFailure(result, instance.response, destination, outcome)
        if failure != nil {
            // The file is gone when somebody reads it.
            failure?.message.what = instance.name
            if case .noContext(let refusal) = result.outcome, !refusal.accepted.isEmpty {
                failure?.message.hint = Hint.copyConvertsNothing(accepted: refusal.names).text
            }
        }
        if let failure {
            records.recordFailure(instance, failure)
        } else if result.isStored {
            records.recordSent(instance)
        } else {
            records.recordUnsent(instance)
        }
        state.withLock { [instance, failure] state in
            if result.isStored {
                state.accepted.append(instance)
            } else if let failure {
                state.fail(instance, failure.exitCode, failure.message)
            } else {
                state.unsent.append(instance)
            }
            state.underway[result.file.path] = nil
        }
    }

    // MARK: Afterwards

    /// Waits until all that came was sent; false if nothing is sent any more, so that the outcome of some is known only once the sending
    /// has ended.
    func waitForEnd() -> Bool {
        while !state.wait(until: .after(Self.look), for: { $0.underway.isEmpty }) {
            if line.hasEnded { return false }
        }
        return !line.hasEnded
    }

    /// Looks for what was sent at the new archive, and records what has failed or was not sent: nothing that came is left out.
    ///
    /// - Parameter check: of the new archive; `session` is what this thread asks it by.
    func conclude(_ target: inout TargetOutcome, _ check: DestinationCheck?, _ session: ExistingInstances?) {
        let left = state.withLock { state in
            defer { state.underway = [:] }
            return Array(state.underway.values)
        }
        for instance in left { recordUnsent(instance) }
        let (accepted, failed, unsent, failure) = state.withLock {
            ($0.accepted, $0.failed, $0.unsent, $0.firstFailure)
        }
        recordAbsent(failed + unsent, &target)
        if let (exitCode, message) = failure { target.fail(exitCode, message) }
        concludeAmbiguous(&target)
        let isInterrupted = destination.cancellation.isRaised
        if isInterrupted, !(accepted.isEmpty && unsent.isEmpty) {
            return interrupt(&target, accepted)
        }
        if !unsent.isEmpty {
            target.fail(
                .incomplete,
                Message(
                    "\(destination.peerName): \(target.target.name)",
                    "\(Quantity.count(unsent.count, "instance")) received and not sent"))
        }
        guard !accepted.isEmpty else { return }
        if let commitment { return request(commitment, of: accepted, &target) }
        confirm(accepted, check, session, &target)
    }

    /// Asks the new archive which of the instances it lists: those, and no others, are confirmed.
    private func confirm(
        _ accepted: [CopiedInstance], _ check: DestinationCheck?, _ session: ExistingInstances?,
        _ target: inout TargetOutcome
    ) {
        let asked = accepted.filter(\.canBeAskedFor)
        var unlisted = Self.series(of: asked)
        if let check, let session, !check.isPostponed, !asked.isEmpty {
            do throws(ExistingInstances.Failure) {
                try session.removeListed(from: &unlisted, within: 0)
            } catch {
                if check.report(error, of: session) { return interrupt(&target, accepted) }
            }
        }
        let missing = Set(unlisted.flatMap(\.sopInstanceUIDs))
        for instance in asked where !missing.contains(instance.sopInstanceUID) { records.recordConfirmed(instance) }
        records.recordLate(asked.filter { missing.contains($0.sopInstanceUID) })
        target.recordConfirmed(of: asked.count, unlisted: unlisted)
        let others = accepted.filter { !$0.canBeAskedFor }
        guard !others.isEmpty else { return }
        let why = "nobody can ask for an instance whose data set names no study and series"
        for instance in others { records.recordUnconfirmed(instance, why: why, .failed) }
        recordAbsent(others, &target)
        report(
            Message(
                "\(destination.peerName): \(target.target.name)",
                "\(others.count) of \(Quantity.count(accepted.count, "instance")) not confirmed: \(why)"),
            .incomplete, kind: "requests with instances that nobody can ask the new archive for", &target)
    }

    private func interrupt(_ target: inout TargetOutcome, _ accepted: [CopiedInstance]) {
        target.interrupt()
        recordAbsent(accepted, &target)
        records.recordLate(accepted)
    }

    /// Records what is listed in several series and came as an instance of one of them.
    private func concludeAmbiguous(_ target: inout TargetOutcome) {
        let left = state.withLock { state -> [CopiedInstance] in
            guard !state.ambiguous.isEmpty else { return [] }
            let known = (state.accepted + state.failed + state.unsent).filter {
                state.ambiguous[$0.sopInstanceUID] != nil
            }
            return state.ambiguous.flatMap { uid, all -> [CopiedInstance] in
                // What never came is missing from the retrieval.
                guard state.taken[uid] != nil else { return [] }
                return all.filter { series in
                    !known.contains { $0.sopInstanceUID == uid && $0.seriesInstanceUID == series.seriesInstanceUID }
                }.map { CopiedInstance(uid, in: $0) }
            }
        }
        guard let first = left.first else { return }
        let why = "the old archive lists another instance of this UID, and has sent that alone"
        for instance in left { records.recordRefused(instance, .incomplete, Message(instance.name, why)) }
        recordAbsent(left, &target)
        target.fail(.incomplete, Message(first.name, why))
    }

    /// Asks the new archive to commit to keep what was sent.
    private func request(_ commitment: CopyCommitment, of accepted: [CopiedInstance], _ target: inout TargetOutcome) {
        let verdicts = commitment.verdicts(on: accepted)
        guard !destination.cancellation.isRaised else { return interrupt(&target, accepted) }
        var failed: [CopiedInstance] = []
        var firstReason = ""
        for instance in accepted {
            switch verdicts[instance.sopInstanceUID] {
            case .committed?: records.recordConfirmed(instance, isCommitted: true)
            case .failed(let why, let code, _)?:
                let reason = why + (code.map { " (\($0))" } ?? "")
                if failed.isEmpty { firstReason = reason }
                records.recordUnconfirmed(instance, why: reason, .uncommitted)
                failed.append(instance)
            case .pending?, nil:
                if failed.isEmpty { firstReason = "no report in time" }
                records.recordUnconfirmed(instance, why: "no report in time", .unanswered)
                failed.append(instance)
            }
        }
        target.recordConfirmed(of: accepted.count - failed.count, unlisted: [])
        guard !failed.isEmpty else { return }
        recordAbsent(failed, &target)
        report(
            Message(
                "\(destination.peerName): \(target.target.name)",
                "\(failed.count) of \(Quantity.count(accepted.count, "instance")) not committed: \(firstReason)"),
            .commitmentFailed, kind: "requests with instances that the new archive has not committed to", &target)
    }

    private func report(_ message: Message, _ code: ExitCode, kind: String, _ target: inout TargetOutcome) {
        target.fail(code, message)
        outcome.report(message, kind: kind)
    }

    /// Records instances for the list of what is missing. One that the list cannot name stands for the whole target.
    private func recordAbsent(_ instances: [CopiedInstance], _ target: inout TargetOutcome) {
        target.recordAbsent(Self.series(of: instances))
        if instances.contains(where: { !$0.canBeAskedFor }) { target.missing = .whole }
    }

    private static func series(of instances: [CopiedInstance]) -> [InstanceListing.Series] {
        [InstanceListing.Series](instances.lazy.map { ($0.studyInstanceUID, $0.seriesInstanceUID, $0.sopInstanceUID) })
    }
}

extension ReceivedInstance {
    /// The SOP Instance UID of the data set, if that is not the one which was announced.
    fileprivate var otherInstanceUID: UID? {
        for case .otherInstanceUID(let uid?) in remarks { return uid }
        return nil
    }

    /// True if another instance of its UID is in the buffer.
    fileprivate var isRenamed: Bool {
        if case .stored(let stored) = outcome { stored.kind == .renamed } else { false }
    }
}
