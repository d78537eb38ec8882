import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The destination of a run's instances: one folder for all retrievals, which may run at once, each with counts of its
/// own.
final class Reception: Sendable {
    struct Total: Sendable {
        var written = 0
        var skipped = 0
        var failed = 0
        /// Of those written, the ones that are not what was announced.
        var warned = 0
        /// Instances of nothing that was asked for: they are kept apart, or could not be stored.
        var unexpected = 0
        var bytes: UInt64 = 0
        /// Instances of the retrievals begun so far, as the server lists or announces them; nil where it does neither.
        var expected: Int? = 0
        /// The output could not be written: nothing more can be stored.
        var diskIsFullOrReadOnly = false
    }

    /// The retrievals that are going on, and all that was asked for since the run began.
    private struct Requests: Sendable {
        var open: [Open] = []
        var asked = RequestedEntities()

        /// The retrieval that an instance at our port belongs to, by what its data set says. Where that says nothing, it is the one
        /// that lists it or, without a list, the one that it names as its move originator or the only one.
        func place(of instance: ReceivedInstance.Origin) -> Place {
            // One retrieval after the other, as nearly always: nothing is to be chosen from.
            if open.count == 1, open[0].instances.asked.includes(instance) == true { return .of(open[0].instances) }
            var asking = open.filter { $0.instances.asked.includes(instance) == true }
            if asking.isEmpty {
                guard asked.includes(instance) != true else { return .late }
                asking = open.filter { one in
                    guard one.instances.asked.includes(instance) == nil else { return false }
                    if one.instances.listedCount != nil { return one.instances.isListed(instance.sopInstanceUID) }
                    return open.count == 1 || one.isOriginator(of: instance)
                }
            }
            let listing = asking.first { $0.instances.isListed(instance.sopInstanceUID) }
            let originator = asking.first { $0.isOriginator(of: instance) }
            return (listing ?? originator ?? asking.first).map { .of($0.instances) } ?? .unexpected
        }
    }

    private struct Open: Sendable {
        let instances: RetrievedInstances
        var moveMessageIDs: Set<UInt16> = []

        func isOriginator(of instance: ReceivedInstance.Origin) -> Bool {
            instance.moveOriginatorMessageID.map(moveMessageIDs.contains) == true
        }
    }

    /// The place of an instance that arrives.
    private enum Place: InstancePlace {
        case of(RetrievedInstances)
        /// Asked for by a retrieval that has ended.
        case late
        case unexpected

        var isWanted: Bool { if case .unexpected = self { false } else { true } }

        func isRepetition(_ uid: UID) -> Bool {
            if case .of(let instances) = self { instances.isRepetition(uid) } else { false }
        }
    }

    private let folder: OutputFolder
    private let naming: InstanceNaming
    private let existing: InstanceWriter.Existing
    private let keepsBroken: Bool
    private let run: RunOutcome
    private var diagnostics: Diagnostics { run.diagnostics }
    private let events: EventWriter?
    let journal: RetrievalJournal?
    /// Nil where no journal has them.
    private let digests: FileDigests?
    private let sum = Locked(Total())
    private let requests = Locked(Requests())
    private let progress: ProgressLine?
    private let jobs: RetrievalJobs
    /// Nil unless a page is asked for.
    let history: ReceptionHistory?
    /// Nil where the instances stay here.
    private let buffer: InstanceBuffer?

    /// - Parameters:
    ///   - jobs: told of what comes.
    ///   - buffer: for instances that do not stay here.
    /// - Throws: the problem of the output folder or the journal.
    init(
        _ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        _ jobs: RetrievalJobs, buffer: InstanceBuffer? = nil
    ) throws(FileProblem) {
        self.buffer = buffer
        self.jobs = jobs
        folder = try OutputFolder(options.outputDirectory, syncing: options.syncing, fileMode: options.fileMode)
        naming = options.naming ?? .standard
        existing = options.existingFile
        keepsBroken = options.keepsBroken
        run = outcome
        // What goes on is told when it has arrived.
        events = buffer == nil ? outcome.events : nil
        progress = environment.progress
        let isForPage = options.reportPath.map { RetrievalReportForm($0) == .html } ?? false
        history = isForPage ? ReceptionHistory() : nil
        journal = try RetrievalJournal(options, network, output: folder)
        digests = journal == nil ? nil : FileDigests()
    }

    var total: Total { sum.withLock { $0 } }
    var diskIsFullOrReadOnly: Bool { sum.withLock { $0.diskIsFullOrReadOnly } }

    /// Forces everything onto the disk.
    func sync() throws(FileProblem) {
        // Also where the disk fails, the journal has what came.
        digests?.settle()
        try folder.sync()
        guard let journal else { return }
        if folder.syncing != .none { journal.recordSync() }
        try journal.finish()
    }

    // MARK: Who receives

    /// Receives for one retrieval: what comes back on its own association.
    func receiver(for instances: RetrievedInstances) -> InstanceReceiver {
        receiver { instance in
            // The server answers our request: what it lists belongs to it, whatever the data set says.
            let isAsked = instances.asked.includes(instance) ?? true
            return isAsked || instances.isListed(instance.sopInstanceUID)
                ? .of(instances) : .unexpected
        }
    }

    /// Receives at the one port for all retrievals.
    var sharedReceiver: InstanceReceiver {
        receiver { [self] instance in requests.withLock { $0.place(of: instance) } }
    }

    private func receiver(
        placing place: @escaping @Sendable (ReceivedInstance.Origin) -> Place
    ) -> InstanceReceiver {
        var receiver = InstanceReceiver(
            folder: folder, naming: naming, existing: existing, digests: digests,
            report: { [self] instance in
                take(instance)
                if case .stored(let outcome) = instance.outcome, outcome.isUnexpected {
                    return passOn(instance, to: nil)
                }
                let known = instance.place as? Place
                switch (known ?? place(instance.origin), instance.outcome) {
                case (.of(let instances), _):
                    instances.record(instance)
                    return passOn(instance, to: instances.forwarder)
                case (.unexpected, .failed): sum.withLock { $0.unexpected += 1 }
                case (.late, _), (.unexpected, _): break
                }
                passOn(instance, to: nil)
            })
        receiver.keepsBroken = keepsBroken
        receiver.budget = buffer?.budget
        receiver.placing = place
        return receiver
    }

    /// Hands an instance on that does not stay here; one that nobody takes is removed.
    private func passOn(_ instance: ReceivedInstance, to forwarder: (any InstanceForwarder)?) {
        // The same was there before, and goes on as that.
        guard let buffer, case .stored(let outcome) = instance.outcome, outcome.kind != .skipped else { return }
        guard let forwarder else { return buffer.remove(outcome.path, size: outcome.size) }
        forwarder.take(instance, at: outcome.path, size: outcome.size)
    }

    /// From here on what the shared receiver gets may belong to this retrieval.
    func begin(_ instances: RetrievedInstances, moveMessageID: UInt16) {
        requests.withLock { requests in
            let known = requests.open.firstIndex { $0.instances === instances }
            if known == nil {
                requests.open.append(Open(instances: instances))
                requests.asked.formUnion(instances.asked)
            }
            requests.open[known ?? requests.open.count - 1].moveMessageIDs.insert(moveMessageID)
        }
    }

    func end(_ instances: RetrievedInstances) {
        requests.withLock { $0.open.removeAll { $0.instances === instances } }
    }

    // MARK: What arrived

    /// Another retrieval begins.
    func expect(_ count: Int?) {
        sum.withLock { total in
            total.expected = count.flatMap { count in total.expected.map { $0 + count } }
        }
    }

    /// For the person who watches.
    private func showProgress() {
        progress?.update(
            {
                let total = total
                var progress = ProgressLine.Progress()
                progress.instances = total.written + total.skipped
                progress.failures = total.failed
                progress.bytes = total.bytes
                progress.total = total.expected
                return progress
            }())
    }

    private func take(_ instance: ReceivedInstance) {
        history?.record(instance)
        switch instance.outcome {
        case .stored(let outcome) where outcome.isUnexpected:
            diagnostics.warning(
                Message(
                    name(of: instance, at: outcome.path),
                    "it belongs to nothing that was asked for; "
                        + (buffer == nil ? "it is kept apart and does not count as received" : "it is dropped")))
            sum.withLock { $0.unexpected += 1 }
        case .stored(let outcome):
            jobs.received(bytes: instance.length)
            journal?.record(instance)
            tell(instance, outcome)
            for remark in instance.remarks {
                diagnostics.warning(Message(name(of: instance, at: outcome.path), "\(remark)"))
            }
            sum.withLock { total in
                if outcome.kind == .skipped {
                    total.skipped += 1
                } else {
                    total.written += 1
                    if !instance.remarks.isEmpty { total.warned += 1 }
                }
                total.bytes += instance.length
            }
        case .failed(let problem):
            let uid = DisplayText.line(instance.sopInstanceUID.string)
            diagnostics.error(
                Message(
                    "\(problem)", "instance \(uid) was not stored" + Self.keptAs(instance),
                    code: instance.status.description))
            sum.withLock { total in
                total.failed += 1
                total.diskIsFullOrReadOnly =
                    total.diskIsFullOrReadOnly || problem.code == .outOfSpace || problem.code == .notWritable
            }
        case .cutOff where buffer != nil && instance.status == .outOfResources:
            // Nobody takes anything out of the buffer any more: it is we who end it.
            let uid = DisplayText.line(instance.sopInstanceUID.string)
            diagnostics.verbose("instance \(uid): not taken, as nothing more is passed on")
        case .cutOff:
            let uid = DisplayText.line(instance.sopInstanceUID.string)
            diagnostics.warning(
                Message(
                    "instance \(uid)",
                    "cut off after \(instance.length) bytes; it was not stored" + Self.keptAs(instance)))
            sum.withLock { $0.failed += 1 }
        }
        write(instance)
        showProgress()
    }

    private static func keptAs(_ instance: ReceivedInstance) -> String {
        instance.kept.map { "; the part that came is kept as \($0.displayed)" } ?? ""
    }

    /// As messages name it: a file in the buffer is gone when somebody reads them.
    private func name(of instance: ReceivedInstance, at path: FilePath) -> String {
        buffer == nil ? path.displayed : "instance \(DisplayText.line(instance.sopInstanceUID.string))"
    }

    private func tell(_ instance: ReceivedInstance, _ outcome: InstanceWriter.Outcome) {
        if let remark = outcome.remark { diagnostics.warning(Message(name(of: instance, at: outcome.path), remark)) }
        if buffer == nil { run.reportWritten(outcome.path, outcome.kind) }
    }

    private func write(_ instance: ReceivedInstance) {
        guard let events else { return }
        var event = RunEvent(.receive)
        event.set(.sopClassUID, instance.sopClassUID)
        event.set(.sopInstanceUID, instance.sopInstanceUID)
        event.set(.transferSyntaxUID, instance.transferSyntax.uid)
        event.set(.bytes, Int(clamping: instance.length))
        switch instance.outcome {
        case .stored(let outcome):
            event.set(outcome.path)
            let isAsAnnounced = outcome.remark == nil && instance.remarks.isEmpty && !outcome.isUnexpected
            event.set(outcome.kind == .skipped ? .skipped : isAsAnnounced ? .done : .warning)
            if !instance.remarks.isEmpty {
                event.set(.error, instance.remarks.map(\.description).joined(separator: "; "))
            }
        case .failed(let problem):
            event.set(problem.path)
            event.set(.failed)
            event.set(.error, problem.description)
            event.set(.cause, FailureCause(problem).rawValue)
        case .cutOff:
            event.set(.failed)
            event.set(.error, "cut off")
            event.set(.cause, FailureCause.connectionLost.rawValue)
        }
        event.set(.status, instance.status.description)
        events.write(event)
    }
}
