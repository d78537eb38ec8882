import DICOM

/// The operation or notification that a command set carries, PS3.7 E.1 (0000,0100).
///
/// A response has the number of its request with the highest bit set. `C-CANCEL-RQ` has no response, and a number that
/// no request with a response could have.
package struct CommandField: WireCode {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let cStoreRQ: Self = 0x0001
    package static let cGetRQ: Self = 0x0010
    package static let cFindRQ: Self = 0x0020
    package static let cMoveRQ: Self = 0x0021
    package static let cEchoRQ: Self = 0x0030
    package static let nEventReportRQ: Self = 0x0100
    package static let nGetRQ: Self = 0x0110
    package static let nSetRQ: Self = 0x0120
    package static let nActionRQ: Self = 0x0130
    package static let nCreateRQ: Self = 0x0140
    package static let nDeleteRQ: Self = 0x0150
    package static let cCancelRQ: Self = 0x0FFF

    package static let cStoreRSP = cStoreRQ.withResponseBit
    package static let cGetRSP = cGetRQ.withResponseBit
    package static let cFindRSP = cFindRQ.withResponseBit
    package static let cMoveRSP = cMoveRQ.withResponseBit
    package static let cEchoRSP = cEchoRQ.withResponseBit
    package static let nEventReportRSP = nEventReportRQ.withResponseBit
    package static let nGetRSP = nGetRQ.withResponseBit
    package static let nSetRSP = nSetRQ.withResponseBit
    package static let nActionRSP = nActionRQ.withResponseBit
    package static let nCreateRSP = nCreateRQ.withResponseBit
    package static let nDeleteRSP = nDeleteRQ.withResponseBit

    /// The names of PS3.7 E.1.
    package static let meanings: KeyValuePairs<Self, String> = [
        .cStoreRQ: "C-STORE-RQ", .cStoreRSP: "C-STORE-RSP",
        .cGetRQ: "C-GET-RQ", .cGetRSP: "C-GET-RSP",
        .cFindRQ: "C-FIND-RQ", .cFindRSP: "C-FIND-RSP",
        .cMoveRQ: "C-MOVE-RQ", .cMoveRSP: "C-MOVE-RSP",
        .cEchoRQ: "C-ECHO-RQ", .cEchoRSP: "C-ECHO-RSP",
        .nEventReportRQ: "N-EVENT-REPORT-RQ", .nEventReportRSP: "N-EVENT-REPORT-RSP",
        .nGetRQ: "N-GET-RQ", .nGetRSP: "N-GET-RSP",
        .nSetRQ: "N-SET-RQ", .nSetRSP: "N-SET-RSP",
        .nActionRQ: "N-ACTION-RQ", .nActionRSP: "N-ACTION-RSP",
        .nCreateRQ: "N-CREATE-RQ", .nCreateRSP: "N-CREATE-RSP",
        .nDeleteRQ: "N-DELETE-RQ", .nDeleteRSP: "N-DELETE-RSP",
        .cCancelRQ: "C-CANCEL-RQ",
    ]
    package static let undefined = "command"

    package var description: String {
        definedMeaning ?? "\(Self.undefined) \(Hexadecimal.text(rawValue, digits: 4, uppercase: true))H"
    }

    private static let responseBit: UInt16 = 0x8000

    private var withResponseBit: Self { Self(rawValue: rawValue | Self.responseBit) }

    package var isResponse: Bool { rawValue & Self.responseBit != 0 }

    /// The response to this request, defined by the standard or not; nil for a response and for `C-CANCEL-RQ`.
    package var response: CommandField? { isResponse || self == .cCancelRQ ? nil : withResponseBit }
}
