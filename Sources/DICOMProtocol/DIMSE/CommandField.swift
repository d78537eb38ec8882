/// The operation or notification that a command set carries, PS3.7 E.1 (0000,0100).
///
/// A response has the number of its request with the highest bit set, which is why `C-CANCEL-RQ`, never answered, has
/// a number that no response could have.
package enum CommandField: UInt16, Sendable, CaseIterable {
    case cStoreRQ = 0x0001
    case cStoreRSP = 0x8001
    case cGetRQ = 0x0010
    case cGetRSP = 0x8010
    case cFindRQ = 0x0020
    case cFindRSP = 0x8020
    case cMoveRQ = 0x0021
    case cMoveRSP = 0x8021
    case cEchoRQ = 0x0030
    case cEchoRSP = 0x8030
    case nEventReportRQ = 0x0100
    case nEventReportRSP = 0x8100
    case nGetRQ = 0x0110
    case nGetRSP = 0x8110
    case nSetRQ = 0x0120
    case nSetRSP = 0x8120
    case nActionRQ = 0x0130
    case nActionRSP = 0x8130
    case nCreateRQ = 0x0140
    case nCreateRSP = 0x8140
    case nDeleteRQ = 0x0150
    case nDeleteRSP = 0x8150
    case cCancelRQ = 0x0FFF

    /// The bit that tells a response from its request.
    package static let responseBit: UInt16 = 0x8000

    package var isResponse: Bool { rawValue & Self.responseBit != 0 }

    /// The response that answers this request; nil for a response and for `C-CANCEL-RQ`.
    package var response: CommandField? {
        isResponse || self == .cCancelRQ ? nil : CommandField(rawValue: rawValue | Self.responseBit)
    }
}

extension CommandField: CustomStringConvertible {
    /// The name of the standard, as in PS3.7 E.1: `C-STORE-RQ`.
    package var description: String {
        switch self {
        case .cStoreRQ: "C-STORE-RQ"
        case .cStoreRSP: "C-STORE-RSP"
        case .cGetRQ: "C-GET-RQ"
        case .cGetRSP: "C-GET-RSP"
        case .cFindRQ: "C-FIND-RQ"
        case .cFindRSP: "C-FIND-RSP"
        case .cMoveRQ: "C-MOVE-RQ"
        case .cMoveRSP: "C-MOVE-RSP"
        case .cEchoRQ: "C-ECHO-RQ"
        case .cEchoRSP: "C-ECHO-RSP"
        case .nEventReportRQ: "N-EVENT-REPORT-RQ"
        case .nEventReportRSP: "N-EVENT-REPORT-RSP"
        case .nGetRQ: "N-GET-RQ"
        case .nGetRSP: "N-GET-RSP"
        case .nSetRQ: "N-SET-RQ"
        case .nSetRSP: "N-SET-RSP"
        case .nActionRQ: "N-ACTION-RQ"
        case .nActionRSP: "N-ACTION-RSP"
        case .nCreateRQ: "N-CREATE-RQ"
        case .nCreateRSP: "N-CREATE-RSP"
        case .nDeleteRQ: "N-DELETE-RQ"
        case .nDeleteRSP: "N-DELETE-RSP"
        case .cCancelRQ: "C-CANCEL-RQ"
        }
    }
}
