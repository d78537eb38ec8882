import DICOM

/// The Status (0000,0900) of a response, PS3.7 Annex C.
///
/// The numbers and meanings of all statuses are in this file: those of any service first, then those of PS3.4.
package struct DIMSEStatus: WireCode, Comparable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static func < (left: DIMSEStatus, right: DIMSEStatus) -> Bool { left.rawValue < right.rawValue }

    /// The number as the standard writes it: `A700H`.
    package var description: String { Hexadecimal.text(rawValue, digits: 4, uppercase: true) + "H" }

    // MARK: Numbers

    // Any service, PS3.7 C.1 to C.5
    package static let success: DIMSEStatus = 0x0000
    package static let optionalAttributesNotSupported: DIMSEStatus = 0x0001
    package static let noSuchAttribute: DIMSEStatus = 0x0105
    package static let invalidAttributeValue: DIMSEStatus = 0x0106
    package static let attributeListError: DIMSEStatus = 0x0107
    package static let processingFailure: DIMSEStatus = 0x0110
    package static let duplicateSOPInstance: DIMSEStatus = 0x0111
    package static let noSuchObjectInstance: DIMSEStatus = 0x0112
    package static let noSuchEventType: DIMSEStatus = 0x0113
    package static let noSuchArgument: DIMSEStatus = 0x0114
    package static let invalidArgumentValue: DIMSEStatus = 0x0115
    package static let attributeValueOutOfRange: DIMSEStatus = 0x0116
    package static let invalidObjectInstance: DIMSEStatus = 0x0117
    package static let noSuchSOPClass: DIMSEStatus = 0x0118
    package static let classInstanceConflict: DIMSEStatus = 0x0119
    package static let missingAttribute: DIMSEStatus = 0x0120
    package static let missingAttributeValue: DIMSEStatus = 0x0121
    package static let sopClassNotSupported: DIMSEStatus = 0x0122
    package static let noSuchActionType: DIMSEStatus = 0x0123
    package static let notAuthorized: DIMSEStatus = 0x0124
    package static let duplicateInvocation: DIMSEStatus = 0x0210
    package static let unrecognizedOperation: DIMSEStatus = 0x0211
    package static let mistypedArgument: DIMSEStatus = 0x0212
    package static let resourceLimitation: DIMSEStatus = 0x0213
    package static let cancel: DIMSEStatus = 0xFE00
    /// A match or sub-operation, with more to come, PS3.4 C.4.1.1.4.
    package static let pending: DIMSEStatus = 0xFF00
    /// A match, but the peer did not match every optional key, PS3.4 C.4.1.1.4.
    package static let pendingWithUnsupportedKeys: DIMSEStatus = 0xFF01

    // Storage, PS3.4 table B.2-1
    package static let outOfResources: DIMSEStatus = 0xA700
    package static let dataSetDoesNotMatchSOPClass: DIMSEStatus = 0xA900
    package static let coercionOfDataElements: DIMSEStatus = 0xB000
    package static let elementsDiscarded: DIMSEStatus = 0xB006
    package static let storedDataSetDoesNotMatchSOPClass: DIMSEStatus = 0xB007
    package static let cannotUnderstand: DIMSEStatus = 0xC000

    // Query and retrieval, PS3.4 tables C.4-1 to C.4-3
    package static let identifierDoesNotMatchSOPClass = dataSetDoesNotMatchSOPClass
    package static let unableToProcess = cannotUnderstand
    package static let unableToCalculateMatches: DIMSEStatus = 0xA701
    package static let unableToPerformSuboperations: DIMSEStatus = 0xA702
    /// A801H: the server has no address for the AE title of the move destination. Its words are in `serviceMeanings`.
    package static let moveDestinationUnknown: DIMSEStatus = 0xA801
    package static let suboperationsCompleteWithFailures = coercionOfDataElements

    /// 0122H as it was before the services shared one list; old archives still send it.
    private static let formerSOPClassNotSupported: DIMSEStatus = 0xA800
    /// The failure reason of storage commitment that PS3.7 does not have, PS3.3 C.14.1.1; sent as a status, too.
    private static let duplicateTransactionUID: DIMSEStatus = 0x0131

    private static let outOfResourcesRange = outOfResources...0xA7FF
    private static let unableToProcessRange = unableToProcess...0xCFFF

    // MARK: Kinds

    /// The outcome that a status stands for, PS3.7 C.1 to C.5.
    package enum Kind: Sendable, CaseIterable {
        case success
        case pending
        case warning
        case failure
        case cancel
    }

    /// The kind, by the ranges of PS3.7 Annex C. A status outside all of them counts as a failure.
    package var kind: Kind {
        switch self {
        case .success: .success
        case .pending, .pendingWithUnsupportedKeys: .pending
        case .cancel: .cancel
        case .optionalAttributesNotSupported, .attributeListError, .attributeValueOutOfRange, 0xB000...0xBFFF: .warning
        default: .failure
        }
    }

    /// True if the same request may succeed later, because the peer was short of resources.
    package var isTransient: Bool { Self.outOfResourcesRange.contains(self) || self == .resourceLimitation }

    // MARK: Meanings

    /// The meaning of the status for the service that it came from, in lower case and without a full stop.
    ///
    /// The service's own table comes first, then the statuses of any service, then the kind of an undefined number.
    package func meaning(for service: ServiceKind) -> String {
        let own = Self.serviceMeanings.first { $0.services.contains(service) && $0.statuses.contains(self) }
        return own?.meaning ?? definedMeaning ?? undefinedMeaning
    }

    /// Any service, PS3.7 C.
    package static let meanings: KeyValuePairs<DIMSEStatus, String> = [
        .success: "success",
        .optionalAttributesNotSupported: "requested optional attributes are not supported",
        .noSuchAttribute: "no such attribute",
        .invalidAttributeValue: "invalid attribute value",
        .attributeListError: "attribute list error",
        .processingFailure: "processing failure",
        .duplicateSOPInstance: "duplicate SOP instance",
        .noSuchObjectInstance: "no such SOP instance",
        .noSuchEventType: "no such event type",
        .noSuchArgument: "no such argument",
        .invalidArgumentValue: "invalid argument value",
        .attributeValueOutOfRange: "attribute value out of range",
        .invalidObjectInstance: "invalid SOP instance",
        .noSuchSOPClass: "no such SOP class",
        .classInstanceConflict: "class and instance conflict",
        .missingAttribute: "missing attribute",
        .missingAttributeValue: "missing attribute value",
        .sopClassNotSupported: "refused: SOP class not supported",
        .noSuchActionType: "no such action",
        .notAuthorized: "refused: not authorized",
        .duplicateInvocation: "duplicate invocation",
        .unrecognizedOperation: "unrecognized operation",
        .mistypedArgument: "mistyped argument",
        .resourceLimitation: "resource limitation",
        .cancel: "ended by the cancel request",
        .pending: "pending",
        .pendingWithUnsupportedKeys: "pending",
    ]

    package static let undefined = "status"

    /// The services' own tables. The first row that has the status counts.
    private static let serviceMeanings: [ServiceMeaning] = [
        // Storage, PS3.4 table B.2-1
        ServiceMeaning([.storage], outOfResourcesRange, "refused: out of resources"),
        ServiceMeaning([.storage], dataSetDoesNotMatchSOPClass...0xA9FF, "data set does not match the SOP class"),
        ServiceMeaning([.storage], coercionOfDataElements, "stored, with data elements coerced"),
        ServiceMeaning([.storage], elementsDiscarded, "stored, with data elements discarded"),
        ServiceMeaning(
            [.storage], storedDataSetDoesNotMatchSOPClass, "stored, but the data set does not match the SOP class"),
        ServiceMeaning([.storage], unableToProcessRange, "cannot understand the data set"),
        // C-FIND, PS3.4 tables C.4-1 and K.4-1
        ServiceMeaning(queries, success, "matching is complete"),
        ServiceMeaning(queries, outOfResources, "refused: out of resources"),
        ServiceMeaning(queries, cancel, "matching ended by the cancel request"),
        ServiceMeaning(queries, pending, "matches are continuing"),
        ServiceMeaning(
            queries, pendingWithUnsupportedKeys,
            "matches are continuing, but the server did not take all optional keys into account"),
        // C-MOVE and C-GET, PS3.4 tables C.4-2 and C.4-3, and Y.4-1 for the parts of an instance
        ServiceMeaning(retrievals, success, "sub-operations complete, none failed"),
        ServiceMeaning(
            retrievals, unableToCalculateMatches,
            "refused: out of resources, unable to calculate the number of matches"),
        ServiceMeaning(
            retrievals, unableToPerformSuboperations, "refused: out of resources, unable to perform sub-operations"),
        ServiceMeaning(retrievals, outOfResourcesRange, "refused: out of resources"),
        ServiceMeaning([.move], moveDestinationUnknown, "refused: move destination unknown"),
        ServiceMeaning(retrievals, 0xAA00, "none of the requested frames was found in the SOP instance"),
        ServiceMeaning(retrievals, 0xAA01, "unable to create a new object for this SOP class"),
        ServiceMeaning(retrievals, 0xAA02, "unable to extract frames"),
        ServiceMeaning(retrievals, 0xAA03, "request by time for an instance that is not based on time"),
        ServiceMeaning(retrievals, 0xAA04, "invalid request"),
        ServiceMeaning([.move], suboperationsCompleteWithFailures, "sub-operations complete, one or more failed"),
        ServiceMeaning(
            [.get], suboperationsCompleteWithFailures, "sub-operations complete, one or more failed or had warnings"),
        ServiceMeaning(retrievals, cancel, "sub-operations ended by the cancel request"),
        ServiceMeaning(retrievals, pending, "sub-operations are continuing"),
        // Several services
        ServiceMeaning(
            queries + retrievals, identifierDoesNotMatchSOPClass, "identifier does not match the SOP class"),
        ServiceMeaning(queries + retrievals, unableToProcessRange, "unable to process"),
        ServiceMeaning(
            [.storage] + queries + retrievals, formerSOPClassNotSupported, "refused: SOP class not supported"),
        ServiceMeaning([.storageCommitment], duplicateTransactionUID, "duplicate transaction UID"),
    ]

    private static let queries: [ServiceKind] = [.find, .worklist]
    private static let retrievals: [ServiceKind] = [.move, .get]

    private struct ServiceMeaning: Sendable {
        let services: [ServiceKind]
        let statuses: ClosedRange<DIMSEStatus>
        let meaning: String

        init(_ services: [ServiceKind], _ statuses: ClosedRange<DIMSEStatus>, _ meaning: String) {
            self.services = services
            self.statuses = statuses
            self.meaning = meaning
        }

        init(_ services: [ServiceKind], _ status: DIMSEStatus, _ meaning: String) {
            self.init(services, status...status, meaning)
        }
    }

    private var undefinedMeaning: String {
        switch kind {
        case .success: "success"
        case .pending: "pending"
        case .cancel: "cancelled"
        case .warning: "warning that the standard does not define"
        case .failure: "failure that the standard does not define"
        }
    }
}

/// The services whose statuses this program reads: one number has different meanings in them.
package enum ServiceKind: Sendable, CaseIterable {
    case verification
    case storage
    case find
    case move
    case get
    case worklist
    case storageCommitment
}
