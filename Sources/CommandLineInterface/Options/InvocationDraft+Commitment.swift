// What the options of storage commitment mean together.
extension InvocationDraft {
    mutating func resolveCommitment(_ options: [OptionArgument]) throws(UsageError) {
        guard invocation.commitment.isListening else { return }
        func needs(_ option: String, _ accepted: String) -> UsageError {
            UsageError(
                .missingOption, option: option, value: "--listen", problem: "--listen needs \(option)",
                accepted: accepted)
        }
        guard invocation.commitment.transactionFile != nil else {
            throw needs("--transaction", "--transaction FILE, as it was given to the run that asked")
        }
        guard invocation.receiverPort != nil else {
            throw needs("--port-scp", "--port-scp PORT, the port that the server has for us")
        }
        if let host {
            throw UsageError(
                .unexpectedArgument, option: host.host, value: host.host,
                problem: "--listen calls nobody, and \(host.host) is given", accepted: "no HOST and no files")
        }
        if let input = invocation.inputs.first {
            throw UsageError(
                .unexpectedArgument, option: input, value: input,
                problem: "--listen asks for nothing, and \(input) is given", accepted: "no HOST and no files")
        }
        let ofRequests: Set<String> = ["max-references", "per", "recursive"]
        if let argument = options.first(where: { ofRequests.contains($0.definition.name) }) {
            let option = argument.definition.option
            throw UsageError(
                .conflictingOptions, option: option, value: "--listen",
                problem: "\(option) has no use with --listen: nothing is asked", accepted: "one of them")
        }
    }
}
