import DICOM
import DICOMNode
import DICOMProtocol

/// Answers C-FIND, PS3.4 C.4.1, in the three information models of query and retrieval, and K.4.1 where there is a worklist.
struct FindSCP: ServiceClass {
    private let archive: ArchiveService

    init(_ archive: ArchiveService) { self.archive = archive }

    func supports(_ abstractSyntax: UID) -> Bool { model(of: abstractSyntax) != nil }

    func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation? {
        ArchiveService.negotiable.answer(to: negotiation)
    }

    func session(on association: Association) -> any ServiceSession { Session(self, association) }

    private func model(of sopClass: UID) -> InformationModel? {
        let worklist: [InformationModel] = archive.worklist.isEmpty ? [] : [.modalityWorklist]
        return (ArchiveService.models + worklist).first { $0.findSOPClass == sopClass }
    }

    /// What a query has found, before it is encoded.
    private struct Findings {
        /// As the line of the event calls the query.
        let name: String
        let status: DIMSEStatus
        let answers: [() -> DataSet]
    }

    private func findings(
        _ identifier: DataSet, _ model: InformationModel, _ negotiated: QueryNegotiation
    ) throws(ArchiveQuery.Refusal) -> Findings {
        guard model != .modalityWorklist else {
            let query = WorklistQuery(identifier)
            let steps = query.matches(in: archive.worklist)
            return Findings(name: "worklist", status: .pending, answers: steps.map { step in { query.answer(step) } })
        }
        let query = try ArchiveQuery(
            identifier, model: model, title: archive.title.string,
            combinesDateAndTime: negotiated.contains(.dateTimeMatching))
        return Findings(
            name: query.level.rawValue, status: query.hasUnsupportedKeys ? .pendingWithUnsupportedKeys : .pending,
            answers: query.matches(in: archive.index.contents).map { entity in { query.answer(entity) } })
    }

    private final class Session: ServiceSession {
        private let service: FindSCP
        private let association: Association
        private var archive: ArchiveService { service.archive }

        init(_ service: FindSCP, _ association: Association) {
            self.service = service
            self.association = association
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let request = message.command
            // A C-CANCEL that comes when all has been answered is too late, and is not answered.
            guard request.commandField != .cCancelRQ else { return }
            guard request.commandField == .cFindRQ, let model = service.model(of: context.abstractSyntax) else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            if let status = archive.faults.nextFind() {
                archive.tell(association, "C-FIND: answers \(status), as told by --inject", isTrouble: true)
                return try finish(request, context, status)
            }
            let findings: Findings
            do throws(ArchiveQuery.Refusal) {
                findings = try service.findings(
                    ArchiveService.identifier(of: message, in: context), model,
                    ArchiveService.granted(for: context.abstractSyntax, on: association))
            } catch {
                archive.tell(association, "C-FIND: refused, \(error.comment) (\(error.status))", isTrouble: true)
                return try refuse(request, context, error)
            }
            try send(findings, request, context)
        }

        private func send(
            _ findings: Findings, _ request: CommandSet, _ context: NegotiatedContexts.Accepted
        ) throws(AssociationError) {
            let pending = CommandSet.findResponse(to: request, status: findings.status, hasIdentifier: true)
            let encoder = DataSetEncoder(context.transferSyntax)
            var count = 0
            for answer in findings.answers {
                guard try !association.isCancelled(request) else {
                    archive.tell(association, "C-FIND \(findings.name): cancelled after \(count) matches")
                    return try finish(request, context, .cancel)
                }
                try association.send(pending, contextID: context.id, dataSet: encoder.encode(answer()))
                count += 1
            }
            archive.tell(association, "C-FIND \(findings.name): \(count) match\(count == 1 ? "" : "es")")
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
