import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Performs C-MOVE (PS3.4 C.4.2) or C-GET (C.4.3).
struct RetrieveSCP: ServiceClass {
    private let archive: ArchiveService
    private let command: CommandField
    private let outgoing: OutgoingWork

    /// - Parameter command: C-MOVE-RQ or C-GET-RQ.
    init(_ command: CommandField, _ archive: ArchiveService, outgoing: OutgoingWork) {
        self.command = command
        self.archive = archive
        self.outgoing = outgoing
    }

    func supports(_ abstractSyntax: UID) -> Bool { model(of: abstractSyntax) != nil }

    func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation? {
        ArchiveService.negotiable.answer(to: negotiation)
    }

    func session(on association: Association) -> any ServiceSession { Session(self, association) }

    private func model(of sopClass: UID) -> InformationModel? {
        ArchiveService.models.first { (command == .cMoveRQ ? $0.moveSOPClass : $0.getSOPClass) == sopClass }
    }

    private final class Session: ServiceSession {
        private let service: RetrieveSCP
        private let association: Association

        init(_ service: RetrieveSCP, _ association: Association) {
            self.service = service
            self.association = association
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let request = message.command
            // A C-CANCEL after the final response is too late, and has no response.
            guard request.commandField != .cCancelRQ else { return }
            guard request.commandField == service.command, let model = service.model(of: context.abstractSyntax) else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            let retrieval = RetrieveOperation(
                archive: service.archive, association: association, request: request, context: context)
            if let status = service.archive.faults.nextStatus(of: service.command) {
                return try retrieval.refuse(status, "injected")
            }
            if service.command == .cMoveRQ {
                try retrieval.move(message, model, service.outgoing)
            } else if let instances = try retrieval.instances(message, model: model) {
                try GetSuboperations(retrieval, instances).perform()
            }
        }
    }
}

/// One C-MOVE or C-GET: its request, the instances that its identifier names, and its responses.
struct RetrieveOperation {
    let archive: ArchiveService
    let association: Association
    let request: CommandSet
    let context: NegotiatedContexts.Accepted

    private var name: String { request.commandField == .cMoveRQ ? "C-MOVE" : "C-GET" }

    fileprivate func move(
        _ message: DIMSEMessage, _ model: InformationModel, _ outgoing: OutgoingWork
    ) throws(AssociationError) {
        guard let destination = request.moveDestination, archive.destinations.isKnown(destination) else {
            let title = request.moveDestination.map { "\($0)" } ?? ""
            return try refuse(
                .moveDestinationUnknown, "destination \(title) is not known here",
                unknownDestination: request.moveDestination)
        }
        guard let instances = try instances(message, model: model) else { return }
        let cancellation: Cancellation
        do throws(SystemError) {
            cancellation = try Cancellation()
        } catch {
            return try refuse(.unableToPerformSuboperations, "out of resources")
        }
        let id = outgoing.begin(cancellation)
        defer { outgoing.end(id) }
        try MoveSuboperations(self, instances, to: destination, cancellation).perform()
    }

    /// The instances that the identifier names; nil if it was refused.
    func instances(_ message: DIMSEMessage, model: InformationModel) throws(AssociationError) -> [ArchivedInstance]? {
        do throws(ArchiveQuery.Refusal) {
            let identifier = try ArchiveService.identifier(of: message, in: context)
            let query = try ArchiveQuery.retrieval(identifier, model: model, title: archive.title.string)
            var found: [ArchivedInstance] = []
            query.forEachMatch(in: archive.index.contents) { entity in
                found += entity.instances
                return true
            }
            return found
        } catch {
            try archive.refuse(request, as: name, on: association, in: context, error)
            return nil
        }
    }

    func sendPending(_ progress: SuboperationProgress) throws(AssociationError) {
        try association.send(response(.pending, progress.counts(isFinal: false), false), contextID: context.id)
    }

    func finish(_ progress: SuboperationProgress) throws(AssociationError) {
        archive.report(association, "\(name): \(progress.text)", isTrouble: !progress.failed.isEmpty)
        let identifier = progress.identifier.map { DataSetEncoder(context.transferSyntax).encode($0) }
        try association.send(
            response(progress.status, progress.counts(isFinal: true), identifier != nil), contextID: context.id,
            dataSet: identifier)
    }

    /// Ends the operation before its first sub-operation.
    ///
    /// - Parameter unknownDestination: the move destination, if it is the reason.
    func refuse(
        _ status: DIMSEStatus, _ why: String, unknownDestination: AETitle? = nil
    ) throws(AssociationError) {
        archive.report(
            association, "\(name): \(why) (\(status))", isTrouble: true, unknownDestination: unknownDestination)
        let response = CommandSet.failureResponse(to: request, status: status, comment: why)
        if let response { try association.send(response, contextID: context.id) }
    }

    private func response(_ status: DIMSEStatus, _ counts: SuboperationCounts, _ hasIdentifier: Bool) -> CommandSet {
        request.commandField == .cMoveRQ
            ? .moveResponse(to: request, status: status, counts: counts, hasIdentifier: hasIdentifier)
            : .getResponse(to: request, status: status, counts: counts, hasIdentifier: hasIdentifier)
    }
}
