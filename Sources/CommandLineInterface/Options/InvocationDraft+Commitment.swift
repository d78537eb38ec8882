// What the options of storage commitment mean together.
extension InvocationDraft {
    /// Whether storage commitment knows what to ask for without files, or asks nothing.
    var hasCommitmentSource: Bool {
        guard invocation.operation == .storageCommitment else { return false }
        return invocation.commitment.isListening || invocation.retrieval.listPath != nil
            || invocation.storing.journalPath != nil
    }

    mutating func resolveCommitment(_ options: [OptionArgument]) throws(UsageError) {
        try refuseWithoutCommitment(options)
        if invocation.operation == .storageCommitment, options.contains(where: { $0.definition.name == "output" }) {
            invocation.commitment.reportDirectory = invocation.outputDirectory
        }
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
        let ofRequests: Set<String> = ["max-references", "per", "recursive", "from-list", "journal"]
        if let argument = options.first(where: { ofRequests.contains($0.definition.name) }) {
            let option = argument.definition.option
            throw UsageError(
                .conflictingOptions, option: option, value: "--listen",
                problem: "\(option) has no use with --listen: nothing is asked", accepted: "one of them")
        }
    }
    /// Sending alone asks for no commitment and listens at no port.
    private func refuseWithoutCommitment(_ options: [OptionArgument]) throws(UsageError) {
        guard invocation.operation == .store, invocation.storing.verification != .commit else { return }
        let ofCommitment: Set<String> = ["wait", "transaction", "max-references", "per", "port-scp", "bind"]
        guard let argument = options.first(where: { ofCommitment.contains($0.definition.name) }) else { return }
        let option = argument.definition.option
        let others = argument.definition.operations.subtracting([.store])
        let accepted = Operation.allCases.filter { others.contains($0) }.map(\.option) + ["--store --verify commit"]
        throw UsageError(
            .optionNotApplicable, option: option, value: "--store", problem: "\(option) has no use with --store",
            accepted: "\(option) with \(accepted.joined(separator: ", "))")
    }
}
