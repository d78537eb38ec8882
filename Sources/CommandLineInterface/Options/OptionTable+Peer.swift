extension OptionTable {
    static let peerOptions: [OptionDefinition] = [
        OptionDefinition(
            "hostname", short: "H", value: .host(placeholder: "HOST"), .peer, for: .calling,
            "name or address of the peer",
            details: """
                Also TITLE@HOST:PORT, HOST:PORT, [ADDRESS]:PORT and @NODE, a named peer of the configuration. A HOST given without an option wins; with both \
                -H and -p, what is given without an option is files.
                """,
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in
                draft.host = try PeerArgument.parse(argument.text, option: argument.definition.option)
            }),
        OptionDefinition(
            "port", short: "p", value: .port, .peer, for: .calling, "port of the peer", default: "104",
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in draft.port = try argument.port() }),
        OptionDefinition(
            "call", value: .aeTitle, .peer, for: .calling, "AE title of the peer (called AE title)", default: "ANY-SCP",
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in draft.calledAETitle = try argument.aeTitle() }),
        OptionDefinition(
            "aetitle", value: .aeTitle, .peer, "our own AE title (calling AE title)", default: "DCMSCU",
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.callingAETitle = try argument.aeTitle()
            }),
    ]
}
