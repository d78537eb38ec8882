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
        var bytes: UInt64 = 0
        /// Instances of the retrievals begun so far, as the server lists or announces them; nil where it does neither.
        var expected: Int? = 0
        /// The output could not be written: nothing more can be stored.
        var outputFailed = false
    }

    private struct Open: Sendable {
        let instances: RetrievedInstances
        let moveMessageID: UInt16?
    }

    private let folder: OutputFolder
    private let naming: InstanceNaming
    private let existing: InstanceWriter.Existing
    private let keepsBroken: Bool
    private let diagnostics: Diagnostics
    private let events: EventWriter?
    let journal: RetrievalJournal?
    private let sum = Locked(Total())
    private let open = Locked<[Open]>([])
    private let progress: ProgressLine?

    init(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment)
        throws(FileProblem)
    {
        folder = try OutputFolder(options.outputDirectory, syncing: options.syncing, fileMode: options.fileMode)
        naming = options.naming
        existing = options.existingFile
        keepsBroken = options.keepsBroken
        diagnostics = outcome.diagnostics
        events = outcome.events
        progress = environment.progress
        journal = try RetrievalJournal(options, network, output: folder)
    }

    var total: Total { sum.withLock { $0 } }
    var outputFailed: Bool { sum.withLock { $0.outputFailed } }

    /// Forces everything onto the disk.
    func sync() throws(FileProblem) {
        try folder.sync()
        guard let journal else { return }
        if folder.syncing != .none { journal.recordSync() }
        try journal.finish()
    }

    // MARK: Who receives

    /// Receives for one retrieval: what comes back on its own association.
    func receiver(for instances: RetrievedInstances) -> InstanceReceiver {
        receiver { [self] instance in
            take(instance)
            instances.record(instance)
        }
    }

    /// Receives at the one port for all retrievals.
    var sharedReceiver: InstanceReceiver {
        receiver { [self] instance in
            take(instance)
            instances(for: instance)?.record(instance)
        }
    }

    private func receiver(report: @escaping @Sendable (ReceivedInstance) -> Void) -> InstanceReceiver {
        var receiver = InstanceReceiver(
            folder: folder, naming: naming, existing: existing, hashing: journal != nil, report: report)
        receiver.keepsBroken = keepsBroken
        return receiver
    }

    /// From here on what the shared receiver gets may belong to this account.
    func begin(_ instances: RetrievedInstances, moveMessageID: UInt16) {
        open.withLock { $0.append(Open(instances: instances, moveMessageID: moveMessageID)) }
    }

    func end(moveMessageID: UInt16) { open.withLock { $0.removeAll { $0.moveMessageID == moveMessageID } } }

    /// Returns the retrieval that an instance belongs to: the one that expects it or is its move originator, or the
    /// only one.
    private func instances(for instance: ReceivedInstance) -> RetrievedInstances? {
        let open = open.withLock { $0 }
        guard open.count > 1 else { return open.first?.instances }
        if let expecting = open.first(where: { $0.instances.isListed(instance.sopInstanceUID) }) {
            return expecting.instances
        }
        return open.first { $0.moveMessageID == instance.moveOriginatorMessageID }?.instances
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
        journal?.record(instance)
        switch instance.outcome {
        case .stored(let outcome):
            tell(outcome)
            for remark in instance.remarks { diagnostics.warning(Message(outcome.path.displayed, "\(remark)")) }
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
                total.outputFailed = total.outputFailed || problem.code == .outOfSpace || problem.code == .notWritable
            }
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

    private func tell(_ outcome: InstanceWriter.Outcome) {
        if let remark = outcome.remark { diagnostics.warning(Message(outcome.path.displayed, remark)) }
        diagnostics.reportWritten(outcome.path, outcome.kind)
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
            let isAsAnnounced = outcome.remark == nil && instance.remarks.isEmpty
            event.set(outcome.kind == .skipped ? .skipped : isAsAnnounced ? .done : .warning)
            if !instance.remarks.isEmpty {
                event.set(.error, instance.remarks.map(\.description).joined(separator: "; "))
            }
        case .failed(let problem):
            event.set(problem.path)
            event.set(.failed)
            event.set(.error, problem.description)
        case .cutOff:
            event.set(.failed)
            event.set(.error, "cut off")
        }
        event.set(.status, instance.status.description)
        events.write(event)
    }
}
