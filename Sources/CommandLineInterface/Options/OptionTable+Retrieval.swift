import DICOM
import DICOMNode

extension OptionTable {
    static let retrievalOptions: [OptionDefinition] = [
        OptionDefinition(
            "from-list", value: .file, .querying, for: .receiving.union([.storageCommitment]),
            "retrieve what a list names; - is standard input",
            details: """
                The list is CSV whose first line has keywords (StudyInstanceUID,SeriesInstanceUID,...), JSON lines as --find \
                prints them, or one UID a line, of the level given. What is missing after a retrieval is printed in \
                this form. With --stgcmt: ask for what the list names, by SOPClassUID and SOPInstanceUID.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.retrieval.listPath = try argument.string()
            }),
        OptionDefinition(
            "shard", value: .text(placeholder: "K/N"), .querying, for: .receiving,
            "only the K-th of N shares of the studies",
            details: "The share follows from the Study Instance UID alone and is the same on every machine.",
            apply: { (draft, argument) throws(UsageError) in
                guard let shard = Shard(argument.text) else {
                    throw argument.error("not a share", accepted: "K/N with K from 1 to N, such as 3/8")
                }
                draft.invocation.retrieval.shard = shard
            }),
        OptionDefinition(
            "dry-run", .querying, for: .receiving, "list what would be retrieved, and retrieve nothing",
            details: "The plan is CSV with the number of instances, and can be given to --from-list.",
            apply: { (draft, _) throws(UsageError) in draft.invocation.retrieval.isDryRun = true }),
        OptionDefinition(
            "no-check", .receiving, for: .receiving, "do not compare what came with what the server lists",
            apply: { (draft, _) throws(UsageError) in draft.invocation.retrieval.isChecked = false }),
        OptionDefinition(
            "or-move", .receiving, for: [.get], "use C-MOVE where the server offers no C-GET",
            details: "It needs --port-scp, and the server must know our title.",
            apply: { (draft, _) throws(UsageError) in draft.invocation.retrieval.fallsBackToMove = true }),
        OptionDefinition(
            "prefer", value: .text(placeholder: "SYNTAX"), .receiving, for: .receiving,
            "receive in this transfer syntax if the server converts",
            details: """
                A name (\(TransferSyntaxNames.accepted)); several have commas between them, the best first. Everything is \
                still taken as the server has it.
                """,
            apply: { (draft, argument) throws(UsageError) in
                for name in argument.text.split(separator: ",", omittingEmptySubsequences: false) {
                    guard let uid = TransferSyntaxNames.uid(for: String(name)) else {
                        throw argument.error(
                            "no transfer syntax that is known", accepted: TransferSyntaxNames.accepted,
                            suggestion: TransferSyntaxNames.nearest(to: String(name)))
                    }
                    draft.invocation.retrieval.preferredSyntaxes.append(uid)
                }
            }),
        OptionDefinition(
            "fsync", value: .choice(OutputFolder.Syncing.allCases.map(\.rawValue)), .receiving, for: .receiving,
            "when received instances are forced onto the disk",
            details: """
                each: before the server is told that an instance is stored; end: all at once, before the program says that it \
                succeeded.
                """,
            default: "end",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.retrieval.syncing = try argument.choice(OutputFolder.Syncing.self)
            }),
        OptionDefinition(
            "accept-from", value: .aeTitle, .receiving, for: .receiving, "AE title that may call our receiver",
            details: "Without it everybody may who calls us by our title.", traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.retrieval.acceptedCallers.append(try argument.aeTitle())
            }),
    ]
}
