import DICOM
import DICOMNode
import DICOMProtocol

extension OptionCategory {
    static let commitmentOptions: [OptionDefinition] = [
        OptionDefinition(
            .wait, value: .seconds(0...604_800), .commitment, for: [.store, .storageCommitment, .doctor, .copy],
            "time to wait for the commitment report; 0 does not wait",
            details:
                "Starts again with every report that has new results. For the doctor's call-back, 5 if it is not given.",
            default: .seconds(CommitmentOptions().resultWait),
            rules: [.only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.commitment.resultWait = try argument.seconds()
            }),
        OptionDefinition(
            .transaction, value: .file, .commitment, for: .committing,
            "file of open commitment transactions",
            details: """
                Each transaction is written here before it is asked for, each report before it is answered. What was not \
                reported on in time can be waited for by a later run with --listen.
                """,
            rules: [.only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.commitment.transactionFile = try argument.path()
            }),
        OptionDefinition(
            .listen, .commitment, for: [.storageCommitment],
            "only wait for reports on the transactions in the file",
            details: "Takes no HOST and no files, and needs --transaction and --port-scp.",
            rules: [
                .requires(.transaction), .requires(.portSCP),
                .excludes([.committedOut, .maxReferences, .per, .recursive, .fromList, .journal]),
            ],
            apply: { (draft, _) throws(UsageError) in draft.commitment.isListening = true }),
        OptionDefinition(
            .committedOut, value: .file, .commitment, for: .committing,
            "write the names of files that may be deleted to a file",
            details: """
                Those whose instance the server has committed to keep; after --store only if the file is still what was sent. One \
                name a line, or with NULs between where a name holds a line feed. The program deletes nothing.
                """,
            rules: [.only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.commitment.committedListPath = try argument.path()
            }),
        OptionDefinition(
            .maxReferences, value: .integer(placeholder: "N", 1...1_000_000), .commitment,
            for: .committing.union(.copy),
            "maximum number of instances in one transaction",
            details: """
                Many servers are slow with large ones: their time can grow with the square of the number.
                """,
            default: .integer(CommitmentOptions().maximumReferences),
            rules: [.only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.commitment.maximumReferences = try argument.integer()
            }),
        OptionDefinition(
            .per, value: .choice(CommitmentOptions.Grouping.allCases.map(\.rawValue)), .commitment, for: .committing,
            "one transaction for each study or series",
            rules: [.only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.commitment.grouping = try argument.choice(CommitmentOptions.Grouping.self)
            }),
    ]
}
