/// The first byte of every PDU, PS3.8 9.3.
package enum PDUType: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case associateRequest = 0x01
    case associateAccept = 0x02
    case associateReject = 0x03
    case presentationData = 0x04
    case releaseRequest = 0x05
    case releaseResponse = 0x06
    case abort = 0x07

    /// The standard's name.
    package var description: String {
        switch self {
        case .associateRequest: "A-ASSOCIATE-RQ"
        case .associateAccept: "A-ASSOCIATE-AC"
        case .associateReject: "A-ASSOCIATE-RJ"
        case .presentationData: "P-DATA-TF"
        case .releaseRequest: "A-RELEASE-RQ"
        case .releaseResponse: "A-RELEASE-RP"
        case .abort: "A-ABORT"
        }
    }
}

/// A control PDU, PS3.8 9.3. P-DATA-TF is never built as a value: see `PDUFramer` and `PresentationDataHeader`.
///
/// | Bytes | Field |
/// |---|---|
/// | 1 | PDU-type |
/// | 2 | reserved, 00H, not tested |
/// | 3-6 | PDU-length, of what follows, big endian |
/// | 7- | the body |
package enum PDU: Sendable, Equatable {
    case associateRequest(AssociateRequest)
    case associateAccept(AssociateAccept)
    case associateReject(AssociateReject)
    case releaseRequest
    case releaseResponse
    case abort(Abort)

    /// Type, reserved byte and length.
    package static let headerLength = 6

    package var type: PDUType {
        switch self {
        case .associateRequest: .associateRequest
        case .associateAccept: .associateAccept
        case .associateReject: .associateReject
        case .releaseRequest: .releaseRequest
        case .releaseResponse: .releaseResponse
        case .abort: .abort
        }
    }

    package func encode() -> [UInt8] {
        var bytes: [UInt8] = [type.rawValue, 0, 0, 0, 0, 0]
        switch self {
        case .associateRequest(let request): request.encode(into: &bytes)
        case .associateAccept(let accept): accept.encode(into: &bytes)
        case .associateReject(let reject): reject.encode(into: &bytes)
        // PS3.8 9.3.6 and 9.3.7: four reserved bytes.
        case .releaseRequest, .releaseResponse: bytes.append(contentsOf: [0, 0, 0, 0])
        case .abort(let abort): abort.encode(into: &bytes)
        }
        let length = UInt32(truncatingIfNeeded: bytes.count - Self.headerLength)
        for index in 0..<4 { bytes[2 + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index)) }
        return bytes
    }

    /// Decodes a control PDU.
    ///
    /// - Parameter body: the complete PDU after the six bytes of its header.
    /// - Throws: `ProtocolError` for a P-DATA-TF, an unknown type, or malformed fields or items.
    package static func decode(type: UInt8, body: ArraySlice<UInt8>) throws(ProtocolError) -> PDU {
        switch PDUType(rawValue: type) {
        case .associateRequest: return .associateRequest(try AssociateRequest(decoding: body))
        case .associateAccept: return .associateAccept(try AssociateAccept(decoding: body))
        case .associateReject: return .associateReject(try AssociateReject(decoding: body))
        // The four bytes are reserved, so a PDU without them is accepted.
        case .releaseRequest: return .releaseRequest
        case .releaseResponse: return .releaseResponse
        case .abort: return .abort(try Abort(decoding: body))
        case .presentationData:
            throw ProtocolError(.unexpectedPDU, section: "PS3.8 9.3.5", "P-DATA-TF is not a control PDU")
        case nil:
            throw ProtocolError(.unrecognizedPDU, section: "PS3.8 9.3.1", "unknown PDU type \(type)")
        }
    }
}

/// The bytes before the payload of a P-DATA-TF PDU that carries one presentation data value, PS3.8 9.3.5 and Annex E.2.
///
/// | Bytes | Field |
/// |---|---|
/// | 1 | PDU-type 04H |
/// | 2 | reserved, 00H |
/// | 3-6 | PDU-length: payload + 6 |
/// | 7-10 | PDV item length: payload + 2 |
/// | 11 | presentation context ID |
/// | 12 | message control header: bit 0 command, bit 1 last fragment |
package enum PresentationDataHeader {
    package static let length = 12

    /// The bytes that the PDU-length counts beside the payload: PDV length, context ID and message control header.
    package static let lengthInsidePDU = 6

    /// The longest payload of one PDU for a peer that announced `maximumLength` (0: no limit), in bytes.
    ///
    /// At least two bytes, so that the transfer goes on whatever a peer announces.
    package static func maximumPayloadLength(announced maximumLength: UInt32, ownLimit: Int) -> Int {
        guard maximumLength > 0 else { return ownLimit }
        let payload = Int(maximumLength) - lengthInsidePDU
        // Fragments have even lengths, PS3.8 E.2.
        return Swift.max(2, Swift.min(ownLimit, payload) & ~1)
    }

    /// Writes the 12 bytes at the start of `target`, which must hold at least as many.
    package static func write(
        into target: UnsafeMutableRawBufferPointer, contextID: UInt8, isCommand: Bool, isLast: Bool, payloadLength: Int
    ) {
        let payload = UInt32(truncatingIfNeeded: payloadLength)
        target[0] = PDUType.presentationData.rawValue
        target[1] = 0
        target.storeBytes(of: (payload &+ 6).bigEndian, toByteOffset: 2, as: UInt32.self)
        target.storeBytes(of: (payload &+ 2).bigEndian, toByteOffset: 6, as: UInt32.self)
        target[10] = contextID
        target[11] = (isCommand ? 0x01 : 0) | (isLast ? 0x02 : 0)
    }
}
