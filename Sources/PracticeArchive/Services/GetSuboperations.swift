import DICOM
import DICOMNode
import DICOMProtocol

/// The C-STORE sub-operations of one C-GET, on its own association, where the requestor has the role SCP of the storage
/// classes.
final class GetSuboperations {
    private let retrieval: RetrieveOperation
    private let instances: [ArchivedInstance]
    private var progress: SuboperationProgress
    private var association: Association { retrieval.association }

    init(_ retrieval: RetrieveOperation, _ instances: [ArchivedInstance]) {
        self.retrieval = retrieval
        self.instances = instances
        progress = SuboperationProgress(total: instances.count)
    }

    func perform() throws(AssociationError) {
        for instance in instances {
            let status = try send(instance.file)
            progress.add(instance.file.sopInstanceUID, status)
            if try association.isCancelled(retrieval.request) { progress.cancel() }
            if progress.isCancelled { break }
            try retrieval.sendPending(progress)
        }
        try retrieval.finish(progress)
    }

    /// One C-STORE sub-operation; nil if the instance could not be sent.
    private func send(_ file: InstanceFile) throws(AssociationError) -> DIMSEStatus? {
        guard !retrieval.archive.faults.failsNextSuboperation(), let context = context(for: file) else { return nil }
        let store = CommandSet.storeRequest(
            messageID: association.nextMessageID(), sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID,
            // PS3.4 C.4.3.1.2: with the priority of the request.
            priority: retrieval.request.requestedPriority)
        let source: any DataSetSource
        do throws(FileProblem) {
            source = try file.dataSetSource(as: context.transferSyntax).source
        } catch {
            retrieval.archive.report(association, error.description, isTrouble: true)
            return nil
        }
        do throws(AssociationError) {
            try association.send(store, contextID: context.id, source: source)
        } catch .sourceUnreadable {
            return nil
        }
        while true {
            let message = try association.receive()
            if message.command.commandField == .cStoreRSP {
                try association.checkResponse(message.command, to: store)
                do throws(DataSetSourceError) { try source.checkArrived() } catch {
                    retrieval.archive.report(association, error.description, isTrouble: true)
                    return nil
                }
                return message.command.status
            } else if message.cancels(retrieval.request) {
                progress.cancel()
            } else {
                try association.refuse(message, status: .unrecognizedOperation)
            }
        }
    }

    private func context(for file: InstanceFile) -> NegotiatedContexts.Accepted? {
        let contexts = association.contexts
        guard contexts.roles(for: file.sopClassUID).scp else { return nil }
        return file.context(among: contexts.contexts(for: file.sopClassUID))
    }
}
