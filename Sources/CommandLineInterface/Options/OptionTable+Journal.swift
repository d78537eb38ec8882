extension OptionTable {
    static let journalOptions: [OptionDefinition] = [
        OptionDefinition(
            "journal", value: .file, .sending, for: [.store, .move, .get, .storageCommitment],
            "record what became of each instance in a file",
            details: """
                JSON lines, one for each instance as soon as its outcome is known, forced onto the disk as the run goes on. An \
                existing journal is added to. Of each instance received it has the SHA-256 of the file. See --resume. \
                With --stgcmt: ask for what the journal says was stored, whichever server it went to, and record there \
                what the server says.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.journalPath = try argument.string()
                draft.invocation.retrieval.journalPath = draft.invocation.storing.journalPath
            }),
        OptionDefinition(
            "resume", .sending, for: [.store, .move, .get], "leave out what the journal says is done",
            details: """
                To send, a file counts as stored at this server if path, length, time of its last change and SOP Instance UID are those of the journal. \
                An instance counts as retrieved if its file is where the journal says, whole. Give \
                the same command line with --resume until everything is stored.
                """,
            apply: { (draft, _) throws(UsageError) in
                draft.invocation.storing.resumes = true
                draft.invocation.retrieval.resumes = true
            }),
    ]
}
