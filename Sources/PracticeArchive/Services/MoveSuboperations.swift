import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The C-STORE sub-operations of one C-MOVE, on an association that the archive requests.
final class MoveSuboperations: StorageDelegate {
    private let retrieval: RetrieveOperation
    private let instances: [ArchivedInstance]
    private let destination: AETitle
    private let cancellation: Cancellation
    private var progress: SuboperationProgress
    /// The error that ended the association of the C-MOVE; it ends the sub-operations, too.
    private var failure: AssociationError?

    init(
        _ retrieval: RetrieveOperation, _ instances: [ArchivedInstance], to destination: AETitle,
        _ cancellation: Cancellation
    ) {
        self.retrieval = retrieval
        self.instances = instances
        self.destination = destination
        self.cancellation = cancellation
        progress = SuboperationProgress(total: instances.count)
    }

    func perform() throws(AssociationError) {
        var files: [InstanceFile] = []
        for instance in instances {
            guard retrieval.archive.faults.failsNextSuboperation() else {
                files.append(instance.file)
                continue
            }
            progress.add(instance.file.sopInstanceUID, .processingFailure)
        }
        if !files.isEmpty { send(files) }
        if let failure { throw failure }
        try retrieval.finish(progress)
    }

    private func send(_ files: [InstanceFile]) {
        var options = StorageSCU.Options()
        // PS3.4 C.4.2.1.2: the sub-operations have the priority of the request.
        options.priority = retrieval.request.requestedPriority
        if let id = retrieval.request.messageID {
            options.moveOriginator = (retrieval.association.request.callingAETitle, id)
        }
        let sender = StorageSCU(options: options, cancellation: cancellation, delegate: self)
        do throws(AssociationError) {
            try sender.store(files)
            try sender.finish()
        } catch {
            // Unsent instances have been reported as such; the counts say so to the requestor.
            if !progress.isCancelled, failure == nil {
                retrieval.archive.report(
                    retrieval.association, "C-MOVE to \(destination): \(ArchiveEvent.text(error))", isTrouble: true)
            }
        }
    }

    func open(
        _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
    ) throws(AssociationError) -> Association {
        let opened = try retrieval.archive.destinations.associate(
            with: destination, as: retrieval.archive.title, contexts: contexts, cancellation: cancellation)
        guard let opened else { throw .unsendable("destination \(destination) is not known") }
        return opened
    }

    /// Records the result of a sub-operation, sends the counts to the requestor and checks for a C-CANCEL.
    func report(_ result: StoreResult) {
        // Instances that were not sent because of a cancel remain; they have not failed.
        if case .notSent = result.outcome, progress.isCancelled { return }
        progress.add(result.file.sopInstanceUID, result.status)
        guard failure == nil, !progress.isCancelled else { return }
        do throws(AssociationError) {
            try retrieval.sendPending(progress)
            if try retrieval.association.isCancelled(retrieval.request) {
                progress.cancel()
                cancellation.raise(to: .graceful)
            }
        } catch {
            failure = error
            cancellation.raise(to: .abort)
        }
    }
}
