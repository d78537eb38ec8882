extension OptionTable {
    static let journalOptions: [OptionDefinition] = [
        OptionDefinition(
            "journal", value: .file, .sending, for: [.store], "record what became of each instance in a file",
            details: """
                JSON lines, one for each instance as soon as its outcome is known, forced onto the disk as the run goes on. An \
                existing journal is added to. See --resume.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.storing.journalPath = try argument.string()
            }),
        OptionDefinition(
            "resume", .sending, for: [.store], "leave out what the journal says was stored at this server",
            details: """
                A file counts as stored if path, length, time of its last change and SOP Instance UID are those of the journal. Give \
                the same command line with --resume until everything is stored.
                """,
            apply: { (draft, _) throws(UsageError) in draft.invocation.storing.resumes = true }),
    ]
}
