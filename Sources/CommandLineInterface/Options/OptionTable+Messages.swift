extension OptionTable {
    static let messageOptions: [OptionDefinition] = [
        OptionDefinition(
            "verbose", short: "V", .messages, "tell what happens", traits: [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .verbose) }),
        OptionDefinition(
            "debug", short: "D", .messages, "tell it in every detail", traits: [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .debug) }),
        OptionDefinition(
            "warning", short: "W", .messages, "only warnings and errors", traits: .compatible,
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .warning) }),
        OptionDefinition(
            "error", short: "E", .messages, "only errors", traits: .compatible,
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .error) }),
        OptionDefinition(
            "log-file", short: "L", value: .file, .messages, "append messages to a file",
            default: "the standard error", traits: .compatible,
            apply: { (draft, argument) throws(UsageError) in draft.invocation.logFile = try argument.string() }),
        OptionDefinition(
            "log-phi", .messages, "show patient data in messages and logs",
            details: """
                Without it values of group 0010, accession numbers and names of persons are hidden there. Results are not \
                touched. Names of files that you give are shown.
                """,
            apply: { (draft, _) throws(UsageError) in draft.invocation.logsPatientData = true }),
        OptionDefinition(
            "fail-on", value: .choice(FailurePolicy.allCases.map(\.rawValue)), .messages,
            for: [.store, .move, .get, .find, .worklist], "from what on an instance or a query counts as failed",
            details: "With warning a warning status (0xB000 ...) makes the exit code 1.", default: "failure",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.failOn = try argument.choice(FailurePolicy.self)
            }),
    ]

    static let helpOptions: [OptionDefinition] = [
        OptionDefinition(
            "help", short: "h", value: .optionalChoice(["all"]), .help, "this help; \"--help all\" shows every option",
            traits: [.compatible, .common], apply: { (_, _) throws(UsageError) in }),
        OptionDefinition(
            "version", short: "v", .help, "the version", traits: [.compatible, .common],
            apply: { (_, _) throws(UsageError) in }),
        OptionDefinition(
            "queryhelp", .help, "list the keys for the model and level given",
            traits: [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.isQueryHelp = true }),
        OptionDefinition(
            "generate", value: .choice(GeneratedDocument.allCases.map(\.rawValue)), .help,
            "print the man page, a completion or the keywords", traits: .hidden,
            apply: { (_, _) throws(UsageError) in }),
    ]
}
