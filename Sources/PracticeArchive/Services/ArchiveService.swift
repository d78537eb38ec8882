import DICOM
import DICOMNode
import DICOMProtocol

/// What the archive's services share.
struct ArchiveService: Sendable {
    let index: ArchiveIndex
    let title: AETitle
    let faults: FaultPlan
    let destinations: Destinations
    /// Scheduled procedure steps, one a data set; without any there is no worklist.
    let worklist: [DataSet]
    let report: ArchiveReport

    /// The information models that are served, PS3.4 C.6.
    static let models: [InformationModel] = [.patientRoot, .studyRoot, .patientStudyOnly]

    /// What can be negotiated: keys of the levels above are always matched, names never by their sound.
    static let negotiable: QueryNegotiation = [.relational, .dateTimeMatching]

    /// The identifier of a request in its context's transfer syntax.
    static func identifier(
        of message: DIMSEMessage, in context: NegotiatedContexts.Accepted
    ) throws(ArchiveQuery.Refusal) -> DataSet {
        guard let bytes = message.dataSet else {
            throw ArchiveQuery.Refusal(
                status: .identifierDoesNotMatchSOPClass, comment: "no identifier", offendingElement: .queryRetrieveLevel
            )
        }
        do throws(DataSetError) {
            return try DataSetDecoder(context.transferSyntax).decode(bytes[...])
        } catch {
            throw ArchiveQuery.Refusal(
                status: .unableToProcess, comment: "the identifier cannot be decoded",
                offendingElement: .queryRetrieveLevel)
        }
    }

    /// What was granted for a SOP class.
    static func granted(for sopClass: UID, on association: Association) -> QueryNegotiation {
        let items = association.accept.userInformation.extendedNegotiations
        return items.first { $0.sopClass == sopClass }.map { QueryNegotiation(granted: $0) } ?? []
    }

    func tell(_ association: Association, _ text: String, isTrouble: Bool = false) {
        report(ArchiveEvent(peer: association.eventPeer, text, isTrouble: isTrouble))
    }
}

extension Association {
    /// Looks whether the peer has cancelled the operation, PS3.7 9.3.2.3; refuses whatever else it asks for meanwhile.
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
