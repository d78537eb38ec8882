import DICOMNode
import DICOMProtocol
import System

/// Turns a command line and the configuration into a typed request, by the option table, the way GNU getopt_long reads
/// one.
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

    /// Reads a command line.
    ///
    /// - Parameter arguments: without the program's name.
    /// - Throws: the first mistake, with the option or argument named.
    package func parse(_ arguments: [String]) throws(UsageError) -> ParsedCommandLine {
        guard !arguments.isEmpty else { return .empty }
        let line = try ArgumentScanner.scan(arguments)
        if let text = try requestForText(line) { return text }
        let operation = try line.operation()
        try Self.checkApplicability(line.options, to: operation)
        let positionals = try Positionals(line, operation)
        let configuration = try configurationFile.load(try line.last(.config)?.string())
        if line.last(.showConfig) != nil {
            let peer = positionals.peers.first
            let (draft, merged) = try merge(line.options, positionals.files, operation, peer, configuration)
            return .showConfiguration(
                ConfigurationListing.text(
                    configuration, merged, draft: draft, peer: peer, rootUIDFromEnvironment: rootUIDFromEnvironment))
        }
        var invocations: [Invocation] = []
        for peer in positionals.peers.isEmpty ? [nil] : positionals.peers.map(Optional.some) {
            var (draft, merged) = try merge(line.options, positionals.files, operation, peer, configuration)
            invocations.append(
                try draft.makeInvocation(
                    given: merged.entries.map(\.argument), typed: line.options,
                    rootUIDFromEnvironment: rootUIDFromEnvironment))
        }
        return invocations.count == 1 ? .perform(invocations[0]) : .performEach(invocations)
    }

    /// Merges command line and configuration, the command line first, and reads each value once.
    ///
    /// - Parameter files: those given without an option; nil where none were.
    private func merge(
        _ typed: [OptionArgument], _ files: [String]?, _ operation: Operation, _ peer: PeerChoice?,
        _ configuration: Configuration
    ) throws(UsageError) -> (OptionDraft, MergedArguments) {
        var node: Configuration.Node?
        if let name = peer?.host.node {
            node = try configuration.node(named: name, option: peer?.option ?? PeerChoice.positional)
        }
        var claimed: Set<OptionName> = []
        if peer?.host.aeTitle != nil { claimed.insert(.call) }
        if peer != nil, node == nil { claimed.formUnion(peer?.port == nil ? [.hostname] : [.hostname, .port]) }
        if rootUIDFromEnvironment?.isEmpty == false { claimed.insert(.rootUID) }
        let merged = MergedArguments(
            typed.filter { node == nil || $0.definition.name != .hostname },
            configuration.layers(for: operation, node: node), for: operation, claimed: claimed)
        var draft = OptionDraft(operation)
        for entry in merged.entries {
            do throws(UsageError) {
                try entry.argument.definition.apply(&draft, entry.argument)
            } catch {
                guard case .configuration(_, let line) = entry.source else { throw error }
                throw error.at(line: line, of: configuration.path)
            }
        }
        try merged.checkTLS(path: configuration.path)
        if let peer {
            if node == nil { draft.host = peer.host }
            draft.port = peer.port ?? draft.port
        }
        // Files given without an option replace those of the option.
        if let files { draft.input.paths = files.map { FilePath(argument: $0) } }
        return (draft, merged)
    }

    // MARK: The command line alone

    /// Version wins over help, and help over the keys; each is shown whatever else is wrong with the values given.
    private func requestForText(_ line: ArgumentScanner.Scanned) throws(UsageError) -> ParsedCommandLine? {
        if line.last(.version) != nil { return .version }
        if let topic = line.helpTopic { return .help(topic) }
        if let generate = line.last(.generate) {
            let document = try generate.choice(GeneratedDocument.self)
            guard document == .nodes else { return .generate(document) }
            let configuration = try configurationFile.load(try line.last(.config)?.string())
            return .showConfiguration(configuration.nodes.map { "@\($0.name)\n" }.joined())
        }
        guard line.last(.queryhelp) != nil else { return nil }
        if line.last(.worklist) != nil { return .queryHelp(.modalityWorklist, .study) }
        var draft = OptionDraft(.find)
        for argument in line.options { try argument.definition.apply(&draft, argument) }
        try draft.checkExclusions(line.options)
        let (model, level) = try draft.modelAndLevel()
        return .queryHelp(model, level)
    }

    private static func checkApplicability(
        _ options: [OptionArgument], to operation: Operation
    ) throws(UsageError) {
        for argument in options where !argument.definition.operations.contains(operation) {
            let definition = argument.definition
            throw UsageError(
                .optionNotApplicable, option: definition.name, value: "\(operation.option)",
                problem: "\(definition.option) has no use with \(operation.option)",
                accepted: "\(definition.option) with \(definition.operationOptions.joined(separator: ", "))")
        }
    }
}

extension ArgumentScanner.Scanned {
    func last(_ name: OptionName) -> OptionArgument? { options.last { $0.definition.name == name } }

    /// The help that is asked for: `--help`, `--help=TOPIC`, `--help TOPIC`, `--OPERATION --help`, `help` or
    /// `help TOPIC`; otherwise nil.
    var helpTopic: HelpTopic? {
        guard let help = last(.help) else {
            guard options.isEmpty, positionals.first == OptionName.help.rawValue else { return nil }
            if positionals.count == 1 { return .short }
            return positionals.count == 2 ? HelpTopic(positionals[1]) : nil
        }
        if let topic = HelpTopic(help.text) { return topic }
        if positionals.count == 1, let topic = HelpTopic(positionals[0]) { return topic }
        return options.lazy.compactMap { HelpTopic($0.definition.name.rawValue) }.first ?? .short
    }

    /// The one operation that is asked for; an echo where none is.
    func operation() throws(UsageError) -> Operation {
        let asked = options.compactMap { argument in
            Operation.allCases.first { $0.option == argument.definition.name }
        }
        let operation = asked.first ?? .echo
        guard let other = asked.first(where: { $0 != operation }) else { return operation }
        throw UsageError(
            .severalOperations, option: other.option, value: "\(operation.option)",
            problem: "\(operation.option) and \(other.option) cannot be done at once",
            accepted: "one of " + Operation.allCases.map(\.option.description).joined(separator: ", "))
    }
}

/// A peer as it was chosen on the command line.
struct PeerChoice: Sendable, Equatable {
    /// The name of a peer, given without an option, in messages.
    static let positional = "HOST"

    var host: HostArgument
    var port: UInt16?
    /// The name of the argument in messages: `HOST`, `--hostname`.
    var option: String
}

/// The arguments without an option: the peers, then the files.
///
/// `HOST`, `HOST PORT` and `HOST PORT FILE...` win over `-H` and `-p`; with both of these, positionals are files.
struct Positionals {
    /// None where no host was named at all, several only for an echo.
    private(set) var peers: [PeerChoice] = []
    /// Nil where no file was given.
    private(set) var files: [String]?

    init(_ line: ArgumentScanner.Scanned, _ operation: Operation) throws(UsageError) {
        var rest = line.positionals[...]
        guard operation.callsPeer else {
            guard let first = rest.first else { return }
            throw UsageError(
                .unexpectedArgument, option: first, value: first,
                problem: "\(operation.option) takes no arguments, and \(first) is given", accepted: "options alone")
        }
        var host: HostArgument?
        if let typed = line.last(.hostname) {
            host = try PeerArgument.parse(typed.text, option: typed.definition.option)
        }
        if host?.isComplete != true, host == nil || line.last(.port) == nil, let first = rest.popFirst() {
            let given = try PeerArgument.parse(first, option: PeerChoice.positional)
            var port: UInt16?
            if !given.isComplete, let second = rest.popFirst() { port = try Self.port(second) }
            peers = [PeerChoice(host: given, port: port, option: PeerChoice.positional)]
        } else if let host {
            peers = [PeerChoice(host: host, port: nil, option: "\(OptionName.hostname)")]
        }
        if operation == .echo {
            while let word = rest.first, let more = try Self.furtherPeer(word, rest.dropFirst().first) {
                peers.append(more)
                rest = rest.dropFirst(more.port == nil ? 1 : 2)
            }
        }
        guard let first = rest.first else { return }
        guard operation.takesFiles else {
            throw UsageError(
                .unexpectedArgument, option: first, value: first,
                problem: "\(operation.option) takes no files, and \(first) follows HOST and PORT",
                accepted: "HOST PORT FILE... with \(OptionName.store) or \(OptionName.stgcmt)")
        }
        files = Array(rest)
    }

    /// Another peer to be asked for an echo: it must look like one, so that a file or a slip is not looked up as a
    /// name.
    private static func furtherPeer(_ word: String, _ next: String?) throws(UsageError) -> PeerChoice? {
        let number = next.flatMap { UInt16($0) }
        guard word.contains(":") || word.contains("@") || number != nil else { return nil }
        let host = try PeerArgument.parse(word, option: PeerChoice.positional)
        return PeerChoice(host: host, port: host.isComplete ? nil : number, option: PeerChoice.positional)
    }

    private static func port(_ text: String) throws(UsageError) -> UInt16 {
        guard let number = Int(text) else {
            throw UsageError(
                .invalidValue, option: "PORT", value: text, problem: "PORT \(text): not a number",
                accepted: "a number from 1 to 65535, after HOST")
        }
        guard let port = UInt16(exactly: number), port > 0 else {
            throw UsageError(
                .outOfRange, option: "PORT", value: text, problem: "PORT \(text): out of range",
                accepted: "a number from 1 to 65535")
        }
        return port
    }
}
