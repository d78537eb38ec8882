extension OptionTable {
    static let operationOptions: [OptionDefinition] = [
        operation(.echo, "ask whether the peer answers; the default"),
        operation(
            .store, "send files (C-STORE)",
            details: """
                Every file is sent as it is: any transfer syntax and any SOP class that the peer accepts. A file that \
                cannot be read or that the peer does not take is reported, and the others still go.
                """),
        operation(.find, "query (C-FIND)", details: "Prints one result for each match on the standard output."),
        operation(
            .move, "have instances sent, to us or another (C-MOVE)",
            details: """
                A receiver listens on --port-scp before the request leaves. The peer must know our AE title \
                with this machine's address and that port. With --move-destination the instances go to another \
                node, and nothing is received here.
                """),
        operation(.get, "fetch instances on one association (C-GET)"),
        operation(.worklist, "query the modality worklist"),
        operation(
            .storageCommitment, "ask for a commitment to keep files",
            details: """
                Asks the peer by the Storage Commitment Push Model to answer for every instance that the files name. The \
                answer is taken on the same association and, with --port-scp, on a new one.
                """),
    ]

    private static func operation(
        _ operation: Operation, _ summary: String, details: String = ""
    ) -> OptionDefinition {
        OptionDefinition(
            operation.rawValue, .operation, summary, details: details,
            traits: operation == .storageCommitment ? .common : [.common, .compatible],
            apply: { (draft, _) throws(UsageError) in draft.operations.append(operation) })
    }
}
