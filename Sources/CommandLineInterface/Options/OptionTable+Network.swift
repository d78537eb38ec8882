import DICOMProtocol

extension OptionTable {
    /// Below this, headers would outweigh what they carry; above, a peer that allocates what we announce may fail.
    private static let announcedLengths = 4_096...16_777_216

    static let networkOptions: [OptionDefinition] = [
        OptionDefinition(
            "connect-timeout", value: .seconds(0...86_400), .network,
            "limit for name look-up and connect; 0 has none", default: "15", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.connectTimeout = try argument.limit()
            }),
        OptionDefinition(
            "timeout", value: .seconds(0...604_800), .network, "limit for the peer's silence; 0 has none",
            details: "Starts again with everything that arrives, so that a long transfer never passes it.",
            default: "120", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.inactivityTimeout = try argument.limit()
            }),
        OptionDefinition(
            "total-timeout", value: .seconds(0...2_592_000), .network, "limit for the whole run; 0 has none",
            details: "Ends the associations with the server by A-ABORT, however much still moves.",
            default: "0",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.totalTimeout = try argument.limit()
            }),
        OptionDefinition(
            "max-pdu", value: .integer(placeholder: "BYTES", announcedLengths), .network,
            "longest PDU that we offer to receive", default: String(PDULimits.standardAnnouncedMaximumLength),
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.maximumPDULength = UInt32(truncatingIfNeeded: try argument.integer())
            }),
    ]
}
