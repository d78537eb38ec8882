/// The A-ABORT PDU, PS3.8 9.3.8 and table 9-26.
///
/// | Bytes of the body | Field |
/// |---|---|
/// | 1-2 | reserved, 00H |
/// | 3 | source |
/// | 4 | reason/diagnostic, significant only if the source is the service provider |
package struct Abort: Sendable, Hashable, CustomStringConvertible {
    package var source: UInt8
    package var reason: UInt8

    /// Values of the source field.
    package enum Source {
        package static let serviceUser: UInt8 = 0
        package static let serviceProvider: UInt8 = 2
    }

    /// Values of the reason field.
    package enum Reason {
        package static let notSpecified: UInt8 = 0
        package static let unrecognizedPDU: UInt8 = 1
        package static let unexpectedPDU: UInt8 = 2
        package static let unrecognizedPDUParameter: UInt8 = 4
        package static let unexpectedPDUParameter: UInt8 = 5
        package static let invalidPDUParameterValue: UInt8 = 6
    }

    package init(source: UInt8, reason: UInt8) {
        self.source = source
        self.reason = reason
    }

    package var sourceDescription: String {
        switch source {
        case Source.serviceUser: "service user"
        case Source.serviceProvider: "service provider"
        default: "unknown source \(source)"
        }
    }

    package var reasonDescription: String {
        switch reason {
        case Reason.notSpecified: "reason not specified"
        case Reason.unrecognizedPDU: "unrecognized PDU"
        case Reason.unexpectedPDU: "unexpected PDU"
        case Reason.unrecognizedPDUParameter: "unrecognized PDU parameter"
        case Reason.unexpectedPDUParameter: "unexpected PDU parameter"
        case Reason.invalidPDUParameterValue: "invalid PDU parameter value"
        default: "unknown reason \(reason)"
        }
    }

    package var description: String {
        source == Source.serviceUser
            ? "aborted by the \(sourceDescription)" : "aborted by the \(sourceDescription): \(reasonDescription)"
    }
}

extension Abort {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.8 9.3.8")
        _ = try reader.uint16("reserved bytes")
        source = try reader.uint8("source")
        reason = try reader.uint8("reason")
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: [0, 0, source, reason])
    }
}
