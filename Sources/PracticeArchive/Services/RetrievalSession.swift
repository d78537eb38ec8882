import DICOM
import DICOMNode
import DICOMProtocol

/// What C-MOVE and C-GET have in common: the identifier, the instances that it names, the responses.
struct RetrievalSession {
    let archive: ArchiveService
    let association: Association
    let request: CommandSet
    let context: NegotiatedContexts.Accepted
    /// `C-MOVE` or `C-GET`.
    let name: String

    /// The instances that the identifier names; nil where it was refused.
    func instances(_ message: DIMSEMessage, model: InformationModel) throws(AssociationError) -> [StoredInstance]? {
        do throws(ArchiveQuery.Refusal) {
            let identifier = try ArchiveService.identifier(of: message, in: context)
            let query = try ArchiveQuery.retrieval(identifier, model: model, title: archive.title.string)
            return query.matches(in: archive.index.contents).flatMap(\.instances)
        } catch {
            archive.tell(association, "\(name): refused, \(error.comment) (\(error.status))", isTrouble: true)
            if let answer = error.answer(to: request) { try association.send(answer, contextID: context.id) }
            return nil
        }
    }

    func sendPending(_ tally: RetrievalTally) throws(AssociationError) {
        try association.send(response(.pending, tally.counts(isFinal: false), false), contextID: context.id)
    }

    func finish(_ tally: RetrievalTally) throws(AssociationError) {
        archive.tell(association, "\(name): \(tally.text)", isTrouble: !tally.failed.isEmpty)
        let identifier = tally.identifier.map { DataSetEncoder(context.transferSyntax).encode($0) }
        try association.send(
            response(tally.status, tally.counts(isFinal: true), identifier != nil), contextID: context.id,
            dataSet: identifier)
    }

    /// Ends the operation before it has begun.
    ///
    /// - Parameter remedy: for whoever reads the archive's own lines.
    func refuse(_ status: DIMSEStatus, _ why: String, remedy: String? = nil) throws(AssociationError) {
        let hint = remedy.map { "; \($0)" } ?? ""
        archive.tell(association, "\(name): \(why) (\(status))\(hint)", isTrouble: true)
        var answer = CommandSet.failureResponse(to: request, status: status, comment: why)
        answer?.affectedSOPClassUID = request.affectedSOPClassUID
        if let answer { try association.send(answer, contextID: context.id) }
    }

    private func response(_ status: DIMSEStatus, _ counts: SuboperationCounts, _ hasIdentifier: Bool) -> CommandSet {
        request.commandField == .cMoveRQ
            ? .moveResponse(to: request, status: status, counts: counts, hasIdentifier: hasIdentifier)
            : .getResponse(to: request, status: status, counts: counts, hasIdentifier: hasIdentifier)
    }
}
