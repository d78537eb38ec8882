extension OptionTable {
    static let storingOptions: [OptionDefinition] = [
        OptionDefinition(
            "jobs", short: "j", value: .integer(placeholder: "N", 1...64), .sending,
            for: [.store, .move, .get], "work over N associations at once",
            details: """
                A study is kept on one association; retrieved are several studies or series at once, over one receiver port. Where the server takes fewer associations, or lets one wait, the work goes on \
                over those that it serves.
                """,
            default: "1", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.jobs = try argument.integer()
                draft.invocation.retrieval.jobs = draft.invocation.storing.jobs
            }),
        OptionDefinition(
            "window", aliases: ["async-window"], value: .integer(placeholder: "N", 1...65535), .sending, for: [.store],
            "have up to N instances unanswered on an association",
            details: """
                The asynchronous operations window (PS3.7 D.3.3.3): it hides the way to a far server, if the server grants one; \
                few do. Otherwise each instance waits for the answer to the one before.
                """,
            default: "1",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.operationsWindow = UInt16(clamping: try argument.integer())
            }),
        OptionDefinition(
            "retries", value: .integer(placeholder: "N", 0...1000), .sending, for: [.store],
            "try again up to N times what may succeed later",
            details: """
                That is: the connection was lost, the server was busy (rejected-transient, status A7xxH) or silent for too long. \
                What the server refuses for good is not tried again.
                """,
            default: "0",
            apply: { (draft, argument) throws(UsageError) in draft.invocation.storing.retries = try argument.integer() }
        ),
        OptionDefinition(
            "retry-delay", value: .seconds(0...86_400), .sending, for: [.store],
            "wait so long before the first further attempt",
            details: "Each further pause is twice as long, up to five minutes.", default: "2",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.retryDelay = try argument.seconds()
            }),
        OptionDefinition(
            "failed-out", value: .file, .sending, for: [.store], "write the names of what was not stored to a file",
            details: """
                One name a line, or with NULs between where a name holds a line feed: --input - reads either. The file is empty when \
                everything was stored.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.failedOutPath = try argument.string()
            }),
        OptionDefinition(
            "never-rewrite", .sending, for: [.store], "send files only in the transfer syntax that they have",
            details: """
                Otherwise an uncompressed file whose transfer syntax the server refuses is rewritten, without loss, in one that it \
                takes.
                """,
            apply: { (draft, _) throws(UsageError) in draft.invocation.storing.neverRewrites = true }),
        OptionDefinition(
            "skip-existing", .sending, for: [.store], "ask the server first and send only what it lacks",
            details: "Asks by C-FIND at image level. What the server cannot be asked for is sent.",
            apply: { (draft, _) throws(UsageError) in draft.invocation.storing.skipsExisting = true }),
        OptionDefinition(
            "verify", value: .choice(StoreVerificationMethod.allCases.map(\.rawValue)), .sending, for: [.store],
            "have the server confirm each instance after sending",
            details: """
                find asks by C-FIND at image level whether the server lists what it took; an instance that it does not list \
                counts as failed. commit asks for storage commitment of exactly what was sent, and sends once more what \
                failed; "safe to delete" is printed for each file that the server has committed to keep, and nothing \
                is ever deleted. See --wait, --transaction and --port-scp.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.verification = try argument.choice(StoreVerificationMethod.self)
            }),
    ]
}
