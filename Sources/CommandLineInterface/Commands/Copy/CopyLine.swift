import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The way of all instances of a copy from the buffer to the new archive.
final class CopyLine: Sendable {
    let buffer: InstanceBuffer
    private let destination: Network
    private let outcome: RunOutcome
    private let records: CopyRecords
    private let state = Locked(State())

    private struct State {
        var storage: ParallelStorage?
        /// Those that the files in the buffer belong to.
        var owners: [FilePath: StudyCopy] = [:]
        /// True once nothing is sent any more.
        var hasEnded = false
    }

    init(_ buffer: InstanceBuffer, _ destination: Network, _ outcome: RunOutcome, _ records: CopyRecords) {
        self.buffer = buffer
        self.destination = destination
        self.outcome = outcome
        self.records = records
    }

    /// True once nothing is sent any more: nothing need be received then.
    var hasEnded: Bool { state.withLock { $0.hasEnded } || records.isStopped }

    /// Starts the associations, which are opened once there is something to send.
    ///
    /// - Parameter studies: the number of studies that come, at most.
    /// - Throws: `SystemError` if not even one thread can be started.
    func start(_ options: StoreOptions, studies: Int) throws(SystemError) {
        let delegate = SendingDelegate(
            destination, outcome, jobs: options.jobs,
            isStopped: { [self] in hasEnded || destination.cancellation.isRaised },
            record: { [self] in finish($0) }, onEnd: { [self] in end() })
        let storage = try delegate.makeStorage(options)
        if studies < options.jobs.maximum { storage.queue.shareStudies() }
        state.withLock { $0.storage = storage }
    }

    /// Hands a file over to be sent; waits while enough others wait. Returns false if it is not going to be sent.
    func send(_ file: InstanceFile, of copy: StudyCopy) -> Bool {
        let storage = state.withLock { state in
            state.owners[file.path] = copy
            return state.hasEnded ? nil : state.storage
        }
        if storage?.push([file]) == true { return true }
        state.withLock { $0.owners[file.path] = nil }
        return false
    }

    /// Waits until all was sent; returns the error that ended the sending early.
    func finish() -> AssociationError? {
        guard let storage = state.withLock({ $0.storage }) else { return nil }
        let (failure, unfinished) = storage.finish()
        for pending in unfinished { finish(pending.result(endedBy: .stopped)) }
        end()
        state.withLock { $0.storage = nil }
        return failure
    }

    private func end() {
        state.withLock { $0.hasEnded = true }
        // Nobody makes room any more.
        buffer.budget.close()
    }

    /// Called on the threads of the associations.
    private func finish(_ result: StoreResult) {
        let owner = state.withLock { $0.owners.removeValue(forKey: result.file.path) }
        // What the response is about is read from the file before that is gone.
        owner?.finish(result)
        buffer.remove(result.file.path, size: result.file.size)
    }
}

extension ParallelStorage {
    fileprivate func push(_ files: [InstanceFile]) -> Bool { queue.push(files) }
}
