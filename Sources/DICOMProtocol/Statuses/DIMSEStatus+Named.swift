/// The statuses that this program sends or asks for by name.
extension DIMSEStatus {
    package static let success: DIMSEStatus = 0x0000
    /// A match or sub-operation, and more to come, PS3.4 C.4.1.1.4.
    package static let pending: DIMSEStatus = 0xFF00
    /// A match, but the peer did not match every optional key, PS3.4 C.4.1.1.4.
    package static let pendingWithUnsupportedKeys: DIMSEStatus = 0xFF01
    package static let cancel: DIMSEStatus = 0xFE00

    // Any service, PS3.7 C.4 and C.5
    package static let processingFailure: DIMSEStatus = 0x0110
    package static let noSuchObjectInstance: DIMSEStatus = 0x0112
    package static let noSuchEventType: DIMSEStatus = 0x0113
    package static let noSuchArgument: DIMSEStatus = 0x0114
    package static let invalidArgumentValue: DIMSEStatus = 0x0115
    package static let invalidObjectInstance: DIMSEStatus = 0x0117
    package static let noSuchSOPClass: DIMSEStatus = 0x0118
    package static let classInstanceConflict: DIMSEStatus = 0x0119
    package static let missingAttribute: DIMSEStatus = 0x0120
    package static let sopClassNotSupported: DIMSEStatus = 0x0122
    package static let noSuchActionType: DIMSEStatus = 0x0123
    package static let notAuthorized: DIMSEStatus = 0x0124
    package static let unrecognizedOperation: DIMSEStatus = 0x0211
    package static let mistypedArgument: DIMSEStatus = 0x0212
    package static let resourceLimitation: DIMSEStatus = 0x0213

    // Storage, PS3.4 B.2.3
    package static let outOfResources: DIMSEStatus = 0xA700
    package static let dataSetDoesNotMatchSOPClass: DIMSEStatus = 0xA900
    package static let cannotUnderstand: DIMSEStatus = 0xC000
    package static let coercionOfDataElements: DIMSEStatus = 0xB000

    // Query and retrieval, PS3.4 C.4
    package static let identifierDoesNotMatchSOPClass: DIMSEStatus = 0xA900
    package static let unableToProcess: DIMSEStatus = 0xC000
    package static let unableToCalculateMatches: DIMSEStatus = 0xA701
    package static let unableToPerformSuboperations: DIMSEStatus = 0xA702
    package static let moveDestinationUnknown: DIMSEStatus = 0xA801
    package static let suboperationsCompleteWithFailures: DIMSEStatus = 0xB000
}
