import DICOM
import DICOMNode
import DICOMProtocol

/// Answers C-GET, PS3.4 C.4.3: sends what was asked for on the same association, where the requestor took the role SCP of the
/// storage classes.
struct GetSCP: ServiceClass {
    private let archive: ArchiveService

    init(_ archive: ArchiveService) { self.archive = archive }

    func supports(_ abstractSyntax: UID) -> Bool { Self.model(of: abstractSyntax) != nil }

    func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation? {
        ArchiveService.negotiable.answer(to: negotiation)
    }

    func session(on association: Association) -> any ServiceSession { Session(association, archive) }

    private static func model(of sopClass: UID) -> InformationModel? {
        ArchiveService.models.first { $0.getSOPClass == sopClass }
    }

    private final class Session: ServiceSession {
        private let association: Association
        private let archive: ArchiveService

        init(_ association: Association, _ archive: ArchiveService) {
            self.association = association
            self.archive = archive
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let request = message.command
            guard request.commandField != .cCancelRQ else { return }
            guard request.commandField == .cGetRQ, let model = GetSCP.model(of: context.abstractSyntax) else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            let retrieval = RetrievalSession(
                archive: archive, association: association, request: request, context: context, name: "C-GET")
            if let status = archive.faults.nextGet() { return try retrieval.refuse(status, "as told by --inject") }
            guard let instances = try retrieval.instances(message, model: model) else { return }
            var tally = RetrievalTally(total: instances.count)
            for instance in instances {
                let status = try send(instance.file, request, &tally)
                tally.add(instance.file.sopInstanceUID, status)
                let isCancelled = try association.isCancelled(request)
                if isCancelled { tally.cancel() }
                if tally.isCancelled { break }
                try retrieval.sendPending(tally)
            }
            try retrieval.finish(tally)
        }

        /// One C-STORE sub-operation; nil where the instance could not be sent.
        private func send(
            _ file: InstanceFile, _ request: CommandSet, _ tally: inout RetrievalTally
        ) throws(AssociationError) -> DIMSEStatus? {
            guard !archive.faults.failsNextSuboperation(), let context = context(for: file) else { return nil }
            let store = CommandSet.storeRequest(
                messageID: association.nextMessageID(), sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID,
                // PS3.4 C.4.3.1.2: as urgent as what asks for it.
                priority: request.requestedPriority)
            let source: any DataSetSource
            do throws(FileProblem) {
                source = try file.dataSetSource(as: context.transferSyntax)
            } catch {
                archive.tell(association, error.description, isTrouble: true)
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
                        archive.tell(association, error.description, isTrouble: true)
                        return nil
                    }
                    return message.command.status
                } else if message.cancels(request) {
                    tally.cancel()
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
}
