extension InvocationDraft {
    func resolveStoring() throws(UsageError) {
        guard invocation.storing.resumes, invocation.storing.journalPath == nil else { return }
        throw UsageError(
            .missingOption, option: "--journal", problem: "--resume needs the journal of the run to go on with",
            accepted: "--journal FILE")
    }
}
