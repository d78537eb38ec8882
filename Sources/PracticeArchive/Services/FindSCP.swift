import DICOM
import DICOMNode
import DICOMProtocol

/// Answers C-FIND, PS3.4 C.4.1, in the three information models.
struct FindSCP: ServiceClass {
    private let archive: ArchiveService

    init(_ archive: ArchiveService) { self.archive = archive }

    func supports(_ abstractSyntax: UID) -> Bool { Self.model(of: abstractSyntax) != nil }

    func session(on association: Association) -> any ServiceSession { Session(association, archive) }

    private static func model(of sopClass: UID) -> InformationModel? {
        ArchiveService.models.first { $0.findSOPClass == sopClass }
    }

    private final class Session: ServiceSession {
        private let association: Association
        private let archive: ArchiveService

        init(_ association: Association, _ archive: ArchiveService) {
            self.association = association
            self.archive = archive
        }

        func answer(_ message: Message, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let request = message.command
            // A C-CANCEL that comes when all has been answered is too late, and is not answered.
            guard request.command != .cCancelRQ else { return }
            guard request.command == .cFindRQ, let model = FindSCP.model(of: context.abstractSyntax) else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            if let status = archive.faults.nextFind() {
                archive.tell(association, "C-FIND: answers \(status), as told by --inject", isTrouble: true)
                return try finish(request, context, status)
            }
            let query: ArchiveQuery
            do throws(ArchiveQuery.Refusal) {
                query = try ArchiveQuery(
                    ArchiveService.identifier(of: message, in: context), model: model, title: archive.title.string)
            } catch {
                archive.tell(association, "C-FIND: refused, \(error.comment) (\(error.status))", isTrouble: true)
                return try refuse(request, context, error)
            }
            try answer(query, request, context)
        }

        private func answer(
            _ query: ArchiveQuery, _ request: CommandSet, _ context: NegotiatedContexts.Accepted
        ) throws(AssociationError) {
            let status: DIMSEStatus = query.hasUnsupportedKeys ? .pendingWithUnsupportedKeys : .pending
            let pending = CommandSet.findResponse(to: request, status: status, hasIdentifier: true)
            let encoder = DataSetEncoder(context.transferSyntax)
            var count = 0
            for entity in query.matches(in: archive.index.contents) {
                guard try !association.isCancelled(request) else {
                    archive.tell(association, "C-FIND \(query.level.rawValue): cancelled after \(count) matches")
                    return try finish(request, context, .cancel)
                }
                try association.send(pending, contextID: context.id, dataSet: encoder.encode(query.answer(entity)))
                count += 1
            }
            archive.tell(association, "C-FIND \(query.level.rawValue): \(count) match\(count == 1 ? "" : "es")")
            try finish(request, context, .success)
        }

        private func finish(
            _ request: CommandSet, _ context: NegotiatedContexts.Accepted, _ status: DIMSEStatus
        ) throws(AssociationError) {
            try association.send(
                .findResponse(to: request, status: status, hasIdentifier: false), contextID: context.id)
        }

        private func refuse(
            _ request: CommandSet, _ context: NegotiatedContexts.Accepted, _ refusal: ArchiveQuery.Refusal
        ) throws(AssociationError) {
            guard let answer = refusal.answer(to: request) else { return }
            try association.send(answer, contextID: context.id)
        }
    }
}

extension ArchiveQuery.Refusal {
    /// The response that says why.
    func answer(to request: CommandSet) -> CommandSet? {
        var answer = CommandSet.failureResponse(to: request, status: status, comment: comment)
        answer?.offendingElements = [offendingElement]
        return answer
    }
}
