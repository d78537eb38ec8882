import DICOMProtocol

/// Turns a command line and the configuration into a typed request, by the option table, the way GNU getopt_long reads one.
///
/// It reads neither the environment nor a file itself: what it needs is passed in.
package struct CommandLineParser: Sendable {
    /// `GDCM_ROOT_UID` of the environment.
    package let rootUIDFromEnvironment: String?
    private let configurationFile: ConfigurationFile

    package init(rootUIDFromEnvironment: String? = nil, configurationFile: ConfigurationFile = .none) {
        self.rootUIDFromEnvironment = rootUIDFromEnvironment
        self.configurationFile = configurationFile
    }

    /// - Parameter arguments: without the program's name.
    package func parse(_ arguments: [String]) throws(UsageError) -> ParsedCommandLine {
        guard !arguments.isEmpty else { return .empty }
        let scanned = try ArgumentScanner.scan(arguments)
        if let text = try Self.requestForText(scanned) {
            guard text == .generate(.nodes) else { return text }
            let configuration = try configurationFile.load(try Self.last("config", of: scanned)?.string())
            return .showConfiguration(configuration.nodes.map { "@\($0.name)\n" }.joined())
        }
        var typed = InvocationDraft()
        for argument in scanned.options { try argument.definition.apply(&typed, argument) }
        if typed.isQueryHelp {
            let isWorklist = typed.operations.contains(.worklist)
            let (model, level) = isWorklist ? (.modalityWorklist, .study) : try typed.modelAndLevel()
            return .queryHelp(model, level)
        }
        try typed.chooseOperation()
        try Self.checkApplicability(scanned.options, to: typed.invocation.operation)
        let peers = try typed.takePositionals(scanned.positionals)
        let configuration = try configurationFile.load(try Self.last("config", of: scanned)?.string())
        let request = Request(typed: typed, options: scanned.options, configuration: configuration)
        if Self.last("show-config", of: scanned) != nil {
            return .showConfiguration(try shownConfiguration(request, peers.first))
        }
        guard !peers.isEmpty else { return .perform(try invocation(request, nil)) }
        var invocations: [Invocation] = []
        for peer in peers { invocations.append(try invocation(request, peer)) }
        return invocations.count == 1 ? .perform(invocations[0]) : .performEach(invocations)
    }

    /// What was typed, and what it is completed by.
    private struct Request {
        let typed: InvocationDraft
        let options: [OptionArgument]
        let configuration: Configuration

        var operation: Operation { typed.invocation.operation }
    }

    // MARK: One peer

    private func invocation(
        _ request: Request, _ peer: InvocationDraft.PeerChoice?
    ) throws(UsageError) -> Invocation {
        let (draft, _) = try draft(request, peer, isComplete: true)
        return draft.makeInvocation()
    }

    /// - Parameter isComplete: false where nothing will be sent, and so a peer, files and keys may be missing.
    private func draft(
        _ request: Request, _ peer: InvocationDraft.PeerChoice?, isComplete: Bool
    ) throws(UsageError) -> (InvocationDraft, EffectiveArguments) {
        var node: Configuration.Node?
        if let name = peer?.host.node {
            node = try request.configuration.node(named: name, option: peer?.option ?? "HOST")
        }
        var claimed: Set<String> = []
        if peer?.host.aeTitle != nil { claimed.insert("call") }
        if peer != nil, node == nil { claimed.formUnion(peer?.port == nil ? ["hostname"] : ["hostname", "port"]) }
        if rootUIDFromEnvironment?.isEmpty == false { claimed.insert("root-uid") }
        let arguments = EffectiveArguments(
            request.options.filter { node == nil || $0.definition.name != "hostname" },
            request.configuration.layers(for: request.operation, node: node), of: request.configuration,
            for: request.operation, claimed: claimed)
        var draft = InvocationDraft()
        try arguments.apply(to: &draft)
        draft.invocation.operation = request.operation
        if let peer {
            if node == nil { draft.host = peer.host }
            draft.port = peer.port ?? draft.port
        }
        draft.takeFiles(of: request.typed)
        if isComplete {
            try draft.resolve(typed: request.options, rootUIDFromEnvironment: rootUIDFromEnvironment)
        }
        return (draft, arguments)
    }

    private func shownConfiguration(
        _ request: Request, _ peer: InvocationDraft.PeerChoice?
    ) throws(UsageError) -> String {
        let (draft, arguments) = try draft(request, peer, isComplete: false)
        return ConfigurationListing.text(
            request.configuration, arguments, operation: request.operation, draft: draft, peer: peer,
            rootUIDFromEnvironment: rootUIDFromEnvironment)
    }

    // MARK: The command line alone

    private static func last(_ name: String, of scanned: ArgumentScanner.Scanned) -> OptionArgument? {
        scanned.options.last { $0.definition.name == name }
    }

    /// Version wins over help; either is shown whatever else is wrong with the values given.
    private static func requestForText(
        _ scanned: ArgumentScanner.Scanned
    ) throws(UsageError) -> ParsedCommandLine? {
        if last("version", of: scanned) != nil { return .version }
        if let help = last("help", of: scanned) {
            let isLong = help.text == HelpTopic.all.rawValue || scanned.positionals == [HelpTopic.all.rawValue]
            return .help(isLong ? .all : .short)
        }
        guard let generate = last("generate", of: scanned) else { return nil }
        return .generate(try generate.choice(GeneratedDocument.self))
    }

    private static func checkApplicability(
        _ options: [OptionArgument], to operation: Operation
    ) throws(UsageError) {
        for argument in options where !argument.definition.operations.contains(operation) {
            let definition = argument.definition
            throw UsageError(
                .optionNotApplicable, option: definition.option, value: operation.option,
                problem: "\(definition.option) has no use with \(operation.option)",
                accepted: "\(definition.option) with \(definition.operationOptions.joined(separator: ", "))")
        }
    }
}
