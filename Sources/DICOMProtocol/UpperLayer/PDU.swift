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

    /// - Parameter body: what follows the six bytes of the header, all of it.
    package static func decode(type: UInt8, body: ArraySlice<UInt8>) throws(ProtocolError) -> PDU {
        switch PDUType(rawValue: type) {
        case .associateRequest: return .associateRequest(try AssociateRequest(decoding: body))
        case .associateAccept: return .associateAccept(try AssociateAccept(decoding: body))
        case .associateReject: return .associateReject(try AssociateReject(decoding: body))
        // The four bytes carry nothing, so a peer that leaves them out loses nothing.
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
