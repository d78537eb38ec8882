extension OptionTable {
    static let commitmentOptions: [OptionDefinition] = [
        OptionDefinition(
            "wait", value: .seconds(0...604_800), .commitment, for: .committing,
            "wait so long for the commitment result; 0 does not wait",
            details: "Starts again with every report that tells something new.", default: "60",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.commitment.resultWait = try argument.seconds()
            }),
        OptionDefinition(
            "transaction", value: .file, .commitment, for: .committing,
            "keep open commitment transactions here",
            details: """
                Each transaction is written here before it is asked for, each report before it is answered. What was not \
                reported on in time can be waited for by a later run with --listen.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.commitment.transactionFile = try argument.string()
            }),
        OptionDefinition(
            "listen", .commitment, for: [.storageCommitment],
            "ask nothing; wait for reports on what is in the transaction file",
            details: "Takes no HOST and no files, and needs --transaction and --port-scp.",
            apply: { (draft, _) throws(UsageError) in draft.invocation.commitment.isListening = true }),
        OptionDefinition(
            "max-references", value: .integer(placeholder: "N", 1...1_000_000), .commitment, for: .committing,
            "most instances in one transaction",
            details: "Many servers choke on large ones: their time was seen to grow with the square of the number.",
            default: "500",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.commitment.maximumReferences = try argument.integer()
            }),
        OptionDefinition(
            "per", value: .choice(CommitmentOptions.Grouping.allCases.map(\.rawValue)), .commitment, for: .committing,
            "a transaction for each study or series",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.commitment.grouping = try argument.choice(CommitmentOptions.Grouping.self)
            }),
    ]
}

extension Set<Operation> {
    /// Those that can ask for storage commitment.
    static let committing: Set<Operation> = [.storageCommitment, .store]
}
