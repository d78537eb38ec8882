/// A violation of the protocol by the peer. It ends the association with an A-ABORT and a message.
package struct ProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        // PS3.8, the upper layer
        /// A PDU type outside 01H to 07H: often the peer does not speak DICOM.
        case unrecognizedPDU
        /// Not a DICOM peer: its first bytes are those of another protocol.
        case foreignProtocol(ForeignProtocol)
        /// A PDU that the state of the association does not allow.
        case unexpectedPDU
        /// A PDU longer than the limit for its type.
        case pduTooLong
        /// A PDU or item that ends before its fields do.
        case truncated
        /// A length beyond the end of the PDU or item around it.
        case lengthBeyondEnd
        /// A second item of a type that is allowed once.
        case repeatedItem
        /// More items than any real association has.
        case tooManyItems
        /// A presentation data value shorter than its two header bytes, or longer than its PDU.
        case invalidPDVLength
        /// A field with a value the standard does not allow.
        case invalidValue
        // PS3.7, the messages
        /// A command set that cannot be read, or lacks an element that its command needs.
        case invalidCommandSet
        /// Fragments or messages in an order that PS3.7 and PS3.8 Annex E do not allow.
        case unexpectedMessage
        /// A presentation context that was not negotiated, or not for this use.
        case unknownPresentationContext
        /// A command set or message above the limit for it.
        case messageTooLong
    }

    package let code: Code
    /// The section of the standard that was violated, such as `PS3.8 9.3.5`.
    package let section: String
    /// A description in lower case and without a full stop.
    package let message: String

    package init(_ code: Code, section: String, _ message: String) {
        self.code = code
        self.section = section
        self.message = message
    }

    package var description: String { "\(message) (\(section))" }

    /// The reason field of the A-ABORT PDU that is sent for this error, PS3.8 table 9-26.
    package var abortReason: Abort.Reason {
        switch code {
        case .unrecognizedPDU, .foreignProtocol: .unrecognizedPDU
        case .unexpectedPDU, .unexpectedMessage: .unexpectedPDU
        case .repeatedItem, .tooManyItems: .unexpectedPDUParameter
        case .pduTooLong, .truncated, .lengthBeyondEnd, .invalidPDVLength, .invalidValue, .unknownPresentationContext:
            .invalidPDUParameterValue
        case .invalidCommandSet, .messageTooLong: .notSpecified
        }
    }
}

/// The violations of the message layer.
extension ProtocolError {
    static func commandSetTruncated(_ facts: String) -> ProtocolError {
        ProtocolError(.invalidCommandSet, section: "PS3.7 6.3.1", "command set cut short: \(facts)")
    }

    static func commandSetTooLong(limit: Int) -> ProtocolError {
        ProtocolError(.messageTooLong, section: "PS3.7 6.3.1", "command set of more than \(limit) bytes")
    }

    static func unexpectedFragment(_ facts: String) -> ProtocolError {
        ProtocolError(.unexpectedMessage, section: "PS3.8 E.2", facts)
    }

    static func negotiation(_ facts: String) -> ProtocolError {
        ProtocolError(.unknownPresentationContext, section: "PS3.8 9.3.3.2", facts)
    }
}

/// A protocol other than DICOM, recognized by its first bytes: the port is another one than was meant.
package enum ForeignProtocol: String, Sendable, CaseIterable {
    case http = "HTTP"
    case ssh = "SSH"
    case tls = "TLS"
    case hl7 = "HL7 (MLLP)"
    case mail = "SMTP or FTP"

    /// - Parameter bytes: the first that arrived, where a PDU should begin.
    package static func recognize(_ bytes: UnsafeRawBufferPointer) -> ForeignProtocol? {
        func begins(with text: StaticString) -> Bool {
            text.withUTF8Buffer { bytes.starts(with: $0) }
        }
        if begins(with: "HTTP/") || begins(with: "GET ") || begins(with: "POST ") || begins(with: "<") { return .http }
        if begins(with: "SSH-") { return .ssh }
        // RFC 8446 5.1: the record types alert and handshake, then a version 3.x.
        if bytes.count >= 2, bytes[0] == 0x15 || bytes[0] == 0x16, bytes[1] == 0x03 { return .tls }
        if bytes.first == 0x0B { return .hl7 }
        if begins(with: "220 ") || begins(with: "220-") { return .mail }
        return nil
    }
}
