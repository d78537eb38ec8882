extension OptionTable {
    static let echoOptions: [OptionDefinition] = [
        OptionDefinition(
            "count", short: "c", value: .integer(placeholder: "N", 1...1_000_000_000), .network, for: [.echo],
            "ask N times, and sum up the times",
            details: "Each echo has an association of its own, so that all its parts are measured.", default: "1",
            apply: { (draft, argument) throws(UsageError) in draft.invocation.echoCount = try argument.integer() }),
        OptionDefinition(
            "interval", value: .seconds(0...86_400), .network, for: [.echo], "wait so long between two echoes",
            default: "1",
            apply: { (draft, argument) throws(UsageError) in draft.invocation.echoInterval = try argument.seconds() }),
    ]
}
