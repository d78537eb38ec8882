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
    private let state = ConditionLock(State())

    private struct State {
        /// The series that the old archive lists, and the place of each instance among them.
        var series: [InstanceListing.Series] = []
        var places: [UID: Int] = [:]
        /// Handed over to be sent, without an outcome yet.
        var underway: [FilePath: CopiedInstance] = [:]
        var accepted: [CopiedInstance] = []
        var failed: [CopiedInstance] = []
        var firstFailure: (ExitCode, Message)?
    }

    /// A wait looks as often whether anything is sent at all.
    private static let look = Duration.milliseconds(50)

    init(_ line: CopyLine, _ records: CopyRecords, _ destination: Network, _ outcome: RunOutcome) {
        self.line = line
        self.records = records
        self.destination = destination
        self.outcome = outcome
    }

    // MARK: Before

    /// Returns those of the listed instances that need not be copied: an earlier run has confirmed them, or the new archive has them.
    func held(_ listed: [InstanceListing.Series], _ existing: ExistingInstances?) -> Set<UID> {
        state.withLock { state in
            state.series = listed.map { $0.reduced(to: []) }
            for (place, series) in listed.enumerated() {
                for uid in series.sopInstanceUIDs { state.places[uid] = place }
            }
        }
        var held: Set<UID> = []
        var left: [InstanceListing.Series] = []
        for series in listed {
            let rest = series.sopInstanceUIDs.filter { uid in
                guard records.wasConfirmed(uid) else { return true }
                if held.insert(uid).inserted {
                    records.recordSkipped(CopiedInstance(uid, in: series), isInJournal: true)
                }
                return false
            }
            if !rest.isEmpty { left.append(series.reduced(to: rest)) }
        }
        guard let existing, !left.isEmpty else { return held }
        do throws(ExistingInstances.Failure) {
            for series in try existing.present(of: left) {
                for uid in series.sopInstanceUIDs where held.insert(uid).inserted {
                    records.recordSkipped(CopiedInstance(uid, in: series), isInJournal: false)
                }
            }
        } catch {
            records.recordUnknownExisting(existing.reason(error))
        }
        return held
    }

    // MARK: On its way

    func take(_ instance: ReceivedInstance, at path: FilePath, size: UInt64) {
        do throws(FileProblem) {
            let file = try InstanceFile.open(path).file
            let copied = state.withLock { state in
                let place = state.places[instance.sopInstanceUID] ?? state.places[file.sopInstanceUID]
                let copied = CopiedInstance(file, in: place.map { state.series[$0] })
                state.underway[path] = copied
                return copied
            }
            if line.send(file, of: self) { return }
            guard state.withLock({ $0.underway.removeValue(forKey: path) }) != nil else { return }
            records.recordUnsent(copied)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
        line.buffer.remove(path, size: size)
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
        let failure = StoreFailure(result, instance.response, destination, outcome)
        if let failure {
            records.recordFailure(instance, failure)
        } else if result.isStored {
            records.recordSent(instance)
        } else {
            records.recordUnsent(instance)
        }
        state.withLock { [instance] state in
            if result.isStored { state.accepted.append(instance) }
            if let failure {
                state.failed.append(instance)
                state.firstFailure = state.firstFailure ?? (failure.exitCode, failure.message)
            }
            state.underway[result.file.path] = nil
        }
    }

    // MARK: Afterwards

    /// Waits until all that came was sent, or nothing is sent any more.
    func waitForEnd() {
        while !state.wait(until: .after(Self.look), for: { $0.underway.isEmpty }), !line.hasEnded {}
    }

    /// Looks for what was sent at the new archive, and records what has failed.
    ///
    /// - Parameters:
    ///   - check: of the new archive; `session` is what this thread asks it by.
    ///   - commitment: asks for commitments instead, if that is wanted.
    func conclude(
        _ target: inout TargetOutcome, _ check: DestinationCheck?, _ session: ExistingInstances?,
        _ commitment: CopyCommitment?
    ) {
        let (accepted, failed, failure) = state.withLock { ($0.accepted, $0.failed, $0.firstFailure) }
        if let (exitCode, message) = failure {
            target.recordAbsent(Self.series(of: failed))
            target.fail(exitCode, message)
        }
        if let commitment, !accepted.isEmpty { return request(commitment, of: accepted, &target) }
        guard !accepted.isEmpty, let check, let session else { return }
        var unlisted = Self.series(of: accepted)
        if destination.cancellation.isRaised {
            target.wasInterrupted = true
        } else if !check.isPostponed {
            do throws(ExistingInstances.Failure) {
                try session.removeListed(from: &unlisted, within: 0)
            } catch {
                if check.report(error, of: session) { target.wasInterrupted = true }
            }
        }
        let missing = Set(unlisted.flatMap(\.sopInstanceUIDs))
        for instance in accepted where !missing.contains(instance.sopInstanceUID) { records.recordConfirmed(instance) }
        records.recordLate(accepted.filter { missing.contains($0.sopInstanceUID) })
        target.recordConfirmed(of: accepted.count, unlisted: unlisted)
    }

    /// Asks the new archive to commit to keep what was sent.
    private func request(_ commitment: CopyCommitment, of accepted: [CopiedInstance], _ target: inout TargetOutcome) {
        let verdicts = destination.cancellation.isRaised ? [:] : commitment.verdicts(on: accepted)
        guard !destination.cancellation.isRaised else {
            target.wasInterrupted = true
            return records.recordLate(accepted)
        }
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
        target.recordAbsent(Self.series(of: failed))
        let message = Message(
            "\(destination.peerName): \(target.target.name)",
            "\(failed.count) of \(Quantity.count(accepted.count, "instance")) not committed: \(firstReason)")
        target.fail(.commitmentFailed, message)
        outcome.report(message, kind: "requests with instances that the new archive has not committed to")
    }

    private static func series(of instances: [CopiedInstance]) -> [InstanceListing.Series] {
        [InstanceListing.Series](instances.lazy.map { ($0.studyInstanceUID, $0.seriesInstanceUID, $0.sopInstanceUID) })
    }
}
