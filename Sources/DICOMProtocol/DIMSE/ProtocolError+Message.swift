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
