import DICOM
import DICOMNode
import DICOMProtocol

/// Performs C-FIND, PS3.4 C.4.1, in the three information models of query and retrieval, and K.4.1 if there is a
/// worklist.
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

    /// The matches of a query, which are found while they are sent.
    private struct Matches {
        /// The level or kind of the query for the event.
        let name: String
        let status: DIMSEStatus
        /// Calls a closure with the identifier of each match, until it returns false.
        let forEach: ((DataSet) throws(AssociationError) -> Bool) throws(AssociationError) -> Void
    }

    private func matches(
        _ identifier: DataSet, _ model: InformationModel, _ negotiated: QueryNegotiation
    ) throws(ArchiveQuery.Refusal) -> Matches {
        guard model != .modalityWorklist else {
            let query = WorklistQuery(identifier)
            let steps = query.matches(in: archive.worklist)
            return Matches(name: "worklist", status: .pending) { (body) throws(AssociationError) in
                for step in steps {
                    guard try body(query.response(step)) else { return }
                }
            }
        }
        let query = try ArchiveQuery(
            identifier, model: model, title: archive.title.string, negotiated: negotiated)
        let contents = archive.index.contents
        return Matches(
            name: query.level.rawValue, status: query.hasUnsupportedKeys ? .pendingWithUnsupportedKeys : .pending
        ) { (body) throws(AssociationError) in
            try query.forEachMatch(in: contents) { (entity) throws(AssociationError) in
                try body(query.response(entity))
            }
        }
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
            // A C-CANCEL after the final response is too late, and has no response.
            guard request.commandField != .cCancelRQ else { return }
            guard request.commandField == .cFindRQ, let model = service.model(of: context.abstractSyntax) else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            if let status = archive.faults.nextStatus(of: .cFindRQ) {
                archive.report(association, "C-FIND: answers \(status) (injected)", isTrouble: true)
                return try finish(request, context, status)
            }
            let matches: Matches
            do throws(ArchiveQuery.Refusal) {
                matches = try service.matches(
                    archive.faults.understood(ArchiveService.identifier(of: message, in: context)), model,
                    association.grantedNegotiation(for: context.abstractSyntax))
            } catch {
                return try archive.refuse(request, as: "C-FIND", on: association, in: context, error)
            }
            try send(matches, request, context)
        }

        private func send(
            _ matches: Matches, _ request: CommandSet, _ context: NegotiatedContexts.Accepted
        ) throws(AssociationError) {
            let pending = CommandSet.findResponse(to: request, status: matches.status, hasIdentifier: true)
            let encoder = DataSetEncoder(context.transferSyntax)
            let limit = archive.faults.findLimit
            var count = 0
            var isCancelled = false
            var isLimited = false
            try matches.forEach { (identifier) throws(AssociationError) in
                isCancelled = try association.isCancelled(request)
                isLimited = limit.map { count >= $0.matches } ?? false
                guard !isCancelled, !isLimited else { return false }
                try association.send(pending, contextID: context.id, dataSet: encoder.encode(identifier))
                count += 1
                return true
            }
            guard !isCancelled else {
                archive.report(association, "C-FIND \(matches.name): cancelled after \(count) matches")
                return try finish(request, context, .cancel)
            }
            if isLimited, let limit {
                archive.report(
                    association, "C-FIND \(matches.name): ends after \(count) matches with \(limit.status) (injected)",
                    isTrouble: true)
                return try finish(request, context, limit.status)
            }
            archive.report(association, "C-FIND \(matches.name): \(count) match\(count == 1 ? "" : "es")")
            try finish(request, context, .success)
        }

        private func finish(
            _ request: CommandSet, _ context: NegotiatedContexts.Accepted, _ status: DIMSEStatus
        ) throws(AssociationError) {
            try association.send(
                .findResponse(to: request, status: status, hasIdentifier: false), contextID: context.id)
        }
    }
}
