import DICOM
import DICOMNode
import DICOMProtocol

/// The state and the helpers that all services of the archive share.
struct ArchiveService: Sendable {
    let index: ArchiveIndex
    let title: AETitle
    let faults: FaultPlan
    let destinations: Destinations
    /// Scheduled procedure steps, one in each data set; if empty, there is no worklist.
    let worklist: [DataSet]
    let report: ArchiveReport

    /// The information models that are served, PS3.4 C.6.
    static let models: [InformationModel] = [.patientRoot, .studyRoot, .patientStudyOnly]

    /// The extended negotiation that is granted: keys of the levels above are always matched, names never by their
    /// sound.
    static let negotiable: QueryNegotiation = [.relational, .dateTimeMatching, .emptyValues, .multipleValues]

    /// Decodes the identifier of a request.
    ///
    /// - Throws: `Refusal` if there is none or it is malformed.
    static func identifier(
        of message: DIMSEMessage, in context: NegotiatedContexts.Accepted
    ) throws(ArchiveQuery.Refusal) -> DataSet {
        guard let bytes = message.dataSet else {
            throw ArchiveQuery.Refusal(
                status: .identifierDoesNotMatchSOPClass, comment: "no identifier", offendingElement: .queryRetrieveLevel
            )
        }
        do throws(DataSetError) {
            return try DataSetDecoder(context.transferSyntax, limits: .identifier).decode(bytes[...])
        } catch {
            throw ArchiveQuery.Refusal(
                status: .unableToProcess, comment: "the identifier cannot be decoded",
                offendingElement: .queryRetrieveLevel)
        }
    }

    func report(
        _ association: Association, _ text: String, isTrouble: Bool = false, unknownDestination: AETitle? = nil
    ) {
        var event = ArchiveEvent(peer: association.eventPeer, text, isTrouble: isTrouble)
        event.unknownDestination = unknownDestination
        report(event)
    }

    /// Reports a refused identifier and sends the response with the reason.
    func refuse(
        _ request: CommandSet, as name: String, on association: Association, in context: NegotiatedContexts.Accepted,
        _ refusal: ArchiveQuery.Refusal
    ) throws(AssociationError) {
        report(association, "\(name): refused, \(refusal.comment) (\(refusal.status))", isTrouble: true)
        var response = CommandSet.failureResponse(to: request, status: refusal.status, comment: refusal.comment)
        response?.offendingElements = [refusal.offendingElement]
        if let response { try association.send(response, contextID: context.id) }
    }
}

extension Association {
    /// Returns true if the peer has cancelled the operation, PS3.7 9.3.2.3; refuses all other requests meanwhile.
    func isCancelled(_ request: CommandSet) throws(AssociationError) -> Bool {
        while let message = try receiveIfAny() {
            if message.cancels(request) { return true }
            try refuse(message, status: .unrecognizedOperation)
        }
        return false
    }
}

extension DIMSEMessage {
    func cancels(_ request: CommandSet) -> Bool {
        guard command.commandField == .cCancelRQ else { return false }
        return command.messageIDBeingRespondedTo.map { $0 == request.messageID } ?? true
    }
}
