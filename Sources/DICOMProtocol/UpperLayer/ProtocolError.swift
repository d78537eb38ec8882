/// What a peer did against the protocol. It ends the association with an A-ABORT and a message, never in a trap.
package struct ProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        // PS3.8, the upper layer
        /// A PDU type outside 01H to 07H: often not a DICOM peer at all.
        case unrecognizedPDU
        /// Not a DICOM peer: its first bytes are those of another protocol.
        case foreignProtocol(ForeignProtocol)
        /// A PDU that the state of the association does not allow.
        case unexpectedPDU
        /// A PDU longer than the limit for its type.
        case pduTooLong
        /// A PDU or item that ends before its fields do.
        case truncated
        /// A length that reaches beyond what holds the item.
        case lengthBeyondEnd
        /// An item that may stand once only stands again.
        case repeatedItem
        /// More items than any real association has.
        case tooManyItems
        /// A presentation data value shorter than its two header bytes, or longer than its PDU.
        case invalidPDVLength
        /// A field with a value the standard does not allow.
        case invalidValue
        // PS3.7, the messages
        /// A command set that cannot be read, or that lacks what its command needs.
        case invalidCommandSet
        /// Fragments or messages in an order that PS3.7 and PS3.8 Annex E do not allow.
        case unexpectedMessage
        /// A presentation context that was not negotiated, or not for this use.
        case unknownPresentationContext
        /// A command set or message above the limit for it.
        case messageTooLong
    }

    package let code: Code
    /// The section of the standard that says how it should be, such as `PS3.8 9.3.5`.
    package let section: String
    /// The facts, in lower case and without a full stop.
    package let message: String

    package init(_ code: Code, section: String, _ message: String) {
        self.code = code
        self.section = section
        self.message = message
    }

    package var description: String { "\(message) (\(section))" }

    /// The reason field of the A-ABORT PDU that answers this error, PS3.8 table 9-26.
    package var abortReason: UInt8 {
        switch code {
        case .unrecognizedPDU, .foreignProtocol: Abort.Reason.unrecognizedPDU
        case .unexpectedPDU, .unexpectedMessage: Abort.Reason.unexpectedPDU
        case .repeatedItem, .tooManyItems: Abort.Reason.unexpectedPDUParameter
        case .pduTooLong, .truncated, .lengthBeyondEnd, .invalidPDVLength, .invalidValue, .unknownPresentationContext:
            Abort.Reason.invalidPDUParameterValue
        case .invalidCommandSet, .messageTooLong: Abort.Reason.notSpecified
        }
    }
}
