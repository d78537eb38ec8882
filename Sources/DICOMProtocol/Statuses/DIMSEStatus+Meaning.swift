extension DIMSEStatus {
    /// What the status says, in lower case and without a full stop, for the service it came from.
    ///
    /// The service's own table comes first, then the statuses of any service (PS3.7 C), then the kind of a number that no
    /// table has.
    package func meaning(for service: ServiceKind) -> String {
        ownMeaning(of: service) ?? generalMeaning ?? undefinedMeaning
    }

    private func ownMeaning(of service: ServiceKind) -> String? {
        switch service {
        case .verification: nil
        // Of the failure reasons, PS3.3 C.14.1.1, the one that PS3.7 does not have; servers refuse requests with it, too.
        case .storageCommitment: rawValue == 0x0131 ? "duplicate transaction UID" : nil
        case .storage: storageMeaning
        case .find, .worklist: findMeaning
        case .move: moveMeaning ?? retrieveMeaning
        case .get: getMeaning ?? retrieveMeaning
        }
    }

    /// C-STORE, PS3.4 table B.2-1.
    private var storageMeaning: String? {
        switch rawValue {
        case 0xA700...0xA7FF: "refused: out of resources"
        case Self.formerSOPClassNotSupported: Self.sopClassNotSupportedMeaning
        case 0xA900...0xA9FF: "data set does not match the SOP class"
        case 0xB000: "stored, with data elements coerced"
        case 0xB006: "stored, with data elements discarded"
        case 0xB007: "stored, but the data set does not match the SOP class"
        case 0xC000...0xCFFF: "cannot understand the data set"
        default: nil
        }
    }

    /// C-FIND, PS3.4 tables C.4-1 and K.4-1.
    private var findMeaning: String? {
        switch rawValue {
        case 0x0000: "matching is complete"
        case 0xA700: "refused: out of resources"
        case Self.formerSOPClassNotSupported: Self.sopClassNotSupportedMeaning
        case 0xA900: "identifier does not match the SOP class"
        case 0xC000...0xCFFF: "unable to process"
        case 0xFE00: "matching ended by the cancel request"
        case 0xFF00: "matches are continuing"
        case 0xFF01: "matches are continuing, but the server did not take all optional keys into account"
        default: nil
        }
    }

    /// C-MOVE, PS3.4 table C.4-2.
    private var moveMeaning: String? {
        switch rawValue {
        case 0xA801: "refused: move destination unknown"
        case 0xB000: "sub-operations complete, one or more failed"
        default: nil
        }
    }

    /// C-GET, PS3.4 table C.4-3.
    private var getMeaning: String? {
        switch rawValue {
        case 0xB000: "sub-operations complete, one or more failed or had warnings"
        default: nil
        }
    }

    /// What C-MOVE and C-GET share, PS3.4 tables C.4-2 and C.4-3, and Y.4-1 for the parts of an instance.
    private var retrieveMeaning: String? {
        switch rawValue {
        case 0x0000: "sub-operations complete, none failed"
        case 0xA701: "refused: out of resources, unable to calculate the number of matches"
        case 0xA702: "refused: out of resources, unable to perform sub-operations"
        case 0xA700...0xA7FF: "refused: out of resources"
        case Self.formerSOPClassNotSupported: Self.sopClassNotSupportedMeaning
        case 0xA900: "identifier does not match the SOP class"
        case 0xAA00: "none of the requested frames was found in the SOP instance"
        case 0xAA01: "unable to create a new object for this SOP class"
        case 0xAA02: "unable to extract frames"
        case 0xAA03: "request by time for an instance that is not based on time"
        case 0xAA04: "invalid request"
        case 0xC000...0xCFFF: "unable to process"
        case 0xFE00: "sub-operations ended by the cancel request"
        case 0xFF00: "sub-operations are continuing"
        default: nil
        }
    }

    /// Any service, PS3.7 C.
    private var generalMeaning: String? {
        switch rawValue {
        case 0x0000: "success"
        case 0x0001: "requested optional attributes are not supported"
        case 0x0105: "no such attribute"
        case 0x0106: "invalid attribute value"
        case 0x0107: "attribute list error"
        case 0x0110: "processing failure"
        case 0x0111: "duplicate SOP instance"
        case 0x0112: "no such SOP instance"
        case 0x0113: "no such event type"
        case 0x0114: "no such argument"
        case 0x0115: "invalid argument value"
        case 0x0116: "attribute value out of range"
        case 0x0117: "invalid SOP instance"
        case 0x0118: "no such SOP class"
        case 0x0119: "class and instance conflict"
        case 0x0120: "missing attribute"
        case 0x0121: "missing attribute value"
        case 0x0122: Self.sopClassNotSupportedMeaning
        case 0x0123: "no such action"
        case 0x0124: "refused: not authorized"
        case 0x0210: "duplicate invocation"
        case 0x0211: "unrecognized operation"
        case 0x0212: "mistyped argument"
        case 0x0213: "resource limitation"
        case 0xFE00: "ended by the cancel request"
        case 0xFF00, 0xFF01: "pending"
        default: nil
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

    /// The number that meant what 0122H means before the services shared one list; old archives still send it.
    private static let formerSOPClassNotSupported: UInt16 = 0xA800

    private static let sopClassNotSupportedMeaning = "refused: SOP class not supported"
}
