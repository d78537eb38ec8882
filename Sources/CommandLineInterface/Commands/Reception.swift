import DICOM
import DICOMNode
import DICOMProtocol

/// What a retrieval brings: where it goes, what has arrived, and what went wrong with it.
final class Reception: Sendable {
    struct Tally: Sendable {
        var stored = 0
        var skipped = 0
        var failed = 0
        var bytes: UInt64 = 0
        var outputFailed = false
        /// The UIDs of what is held; a retrieval that is checked or repeated needs them.
        var uids: Set<UID> = []

        /// Instances that are on disk, whole.
        var held: Int { stored + skipped }
    }

    let receiver: InstanceReceiver
    private let folder: OutputFolder
    private let tally: ConditionLock<Tally>

    init(_ run: CommandRun) throws(FileProblem) {
        let folder = try OutputFolder(FilePath(run.invocation.outputDirectory))
        let tally = ConditionLock(Tally())
        let diagnostics = run.diagnostics
        self.folder = folder
        self.tally = tally
        receiver = InstanceReceiver(
            folder: folder, naming: run.invocation.naming, existing: run.invocation.existingFile
        ) { instance in
            Self.take(instance, tally, diagnostics)
        }
    }

    var now: Tally { tally.withLock { $0 } }

    var heldUIDs: Set<UID> { now.uids }

    /// Waits until so many instances are on disk, or have failed.
    func wait(for count: Int, until deadline: Deadline) -> Bool {
        tally.wait(until: deadline) { $0.held + $0.failed >= count }
    }

    /// Forces everything onto the disk.
    func sync() throws(FileProblem) { try folder.sync() }

    private static func take(
        _ instance: ReceivedInstance, _ tally: ConditionLock<Tally>, _ diagnostics: Diagnostics
    ) {
        let uid = SafeText.line(instance.sopInstanceUID.string)
        switch instance.outcome {
        case .stored(let outcome):
            if let remark = outcome.remark { diagnostics.warning(Message("\(outcome.path)", remark)) }
            switch outcome.kind {
            case .written: diagnostics.verbose("\(outcome.path): written")
            case .replaced: diagnostics.verbose("\(outcome.path): replaced")
            case .skipped: diagnostics.verbose("\(outcome.path): skipped, it is there already")
            case .renamed:
                diagnostics.warning(
                    Message("\(outcome.path)", "kept under this name: another content has the proper one"))
            }
            tally.withLock { tally in
                if outcome.kind == .skipped { tally.skipped += 1 } else { tally.stored += 1 }
                tally.bytes += instance.length
                tally.uids.insert(instance.sopInstanceUID)
            }
        case .failed(let problem):
            diagnostics.error(
                Message(
                    "\(problem.path)", "instance \(uid) \(problem.code.rawValue): \(problem.detail)",
                    code: instance.status.description))
            tally.withLock { tally in
                tally.failed += 1
                tally.outputFailed = tally.outputFailed || problem.code == .outOfSpace || problem.code == .notWritable
            }
        case .cutOff:
            diagnostics.error(
                Message("instance \(uid)", "cut off after \(instance.length) bytes; nothing of it is kept"))
            tally.withLock { $0.failed += 1 }
        }
    }
}
