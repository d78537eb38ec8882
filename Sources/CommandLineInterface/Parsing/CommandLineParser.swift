import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
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
        var takesKeys = false
        do throws(UsageError) {
            guard !arguments.isEmpty else { return .empty }
            let line = try ArgumentScanner.scan(arguments).readingFirstWord()
            if let text = try requestForText(line) { return text }
            try line.checkFirstWord()
            let operation = try line.operation()
            takesKeys = operation.takesKeys
            try Self.checkApplicability(line, to: operation)
            let positionals = try Positionals(line, operation)
            let configuration = try configurationFile.load(try line.last(.config)?.string())
            if line.last(.showConfig) != nil {
                let peer = positionals.peers.first
                let (draft, merged) = try merge(line.options, positionals, operation, peer, configuration)
                return .text(
                    ConfigurationListing.text(
                        configuration, merged, draft: draft, peer: peer, rootUIDFromEnvironment: rootUIDFromEnvironment)
                )
            }
            let peers = try positionals.peers + (line.last(.nodes) == nil ? [] : configuration.nodesAsPeers())
            var drafts: [PeerDraft] = []
            for index in 0..<max(1, peers.count) {
                let peer = index < peers.count ? peers[index] : nil
                var (draft, merged) = try merge(line.options, positionals, operation, peer, configuration)
                if operation == .doctor {
                    if peer == nil, draft.host == nil, draft.doctor.services.isEmpty,
                        draft.doctor.demandedClasses.isEmpty,
                        draft.doctor.checks.isSubset(of: DoctorCheck.ofThisMachine)
                    {
                        draft.doctor.machine = try Self.machine(line.options, configuration)
                    } else if let check = draft.doctor.checks.first(where: {
                        !(DoctorCheck.ofPeer + DoctorCheck.ofWebPeer).contains($0)
                    }) {
                        throw UsageError(
                            .conflictingOptions, option: .only, value: check.rawValue,
                            problem: "\(OptionName.only) \(check.rawValue) is about this machine",
                            accepted: "\(OptionName.doctor) without a HOST, and checks of this machine alone")
                    }
                }
                if operation == .doctor || operation == .probe, let host = draft.host {
                    try draft.doctor.checkOnly(of: host)
                }
                drafts.append(PeerDraft(draft: draft, merged: merged))
            }
            if operation.takesTwoPeers, drafts.count == 2 {
                let sides = drafts.map(\.draft.ownSide)
                (drafts[0].draft.otherSide, drafts[1].draft.otherSide) = (sides[1], sides[0])
            }
            var invocations: [Invocation] = []
            for index in drafts.indices {
                var invocation = try drafts[index].draft.makeInvocation(
                    given: drafts[index].merged.entries.map(\.argument), typed: line.options,
                    rootUIDFromEnvironment: rootUIDFromEnvironment)
                if case .retrieve(let options) = invocation.request, options.verifiesDestination,
                    let node = drafts[index].draft.destinationNode
                {
                    invocation.destination = try connection(toNode: node, line.options, configuration)
                }
                invocations.append(invocation)
            }
            if operation.takesTwoPeers, invocations.count == 2 {
                try Self.refuseOneArchive(invocations[0], invocations[1])
            }
            if operation == .copy, invocations.count == 2 {
                // One run, which has connections of both.
                invocations[0].destination = invocations[1].connection
                // The port is for one of them.
                if case .copy(let options) = invocations[0].request, options.usesPortForRetrieval {
                    invocations[0].destination?.receiverPort = nil
                } else {
                    invocations[0].connection.receiverPort = nil
                }
                return .perform(invocations[0])
            }
            if invocations.count > 1, invocations[0].monitoring.form == .nagios {
                throw UsageError(
                    .conflictingOptions, option: .format, value: ResultFormat.nagios.rawValue,
                    problem: "a monitoring plugin is about one peer, but \(invocations.count) are given",
                    accepted: "one HOST, or \(OptionName.format) \(ResultFormat.prometheus.rawValue) for several")
            }
            return invocations.count == 1 ? .perform(invocations[0]) : .performEach(invocations)
        } catch {
            guard error.hint == nil else { throw error }
            if let hint = ForeignOption.hint(for: error, in: arguments) { throw error.with(remedy: hint) }
            guard takesKeys, error.code == .unexpectedArgument, let value = error.value else { throw error }
            throw error.with(remedy: QueryKeyParser.remedy(forValue: value))
        }
    }

    /// What is asked for at one peer, and of which arguments.
    private struct PeerDraft {
        var draft: OptionDraft
        let merged: MergedArguments
    }

    /// Merges command line and configuration, the command line first, and reads each value once.
    private func merge(
        _ typed: [OptionArgument], _ positionals: Positionals?, _ operation: Operation, _ peer: PeerChoice?,
        _ configuration: Configuration
    ) throws(UsageError) -> (OptionDraft, MergedArguments) {
        var node: Configuration.Node?
        if let name = peer?.host.node {
            node = try configuration.node(named: name, option: peer?.option ?? PeerChoice.positional)
        }
        var claimed: [OptionName] = []
        if peer?.host.aeTitle != nil { claimed.append(.call) }
        if peer != nil, node == nil { claimed += peer?.port == nil ? [.hostname] : [.hostname, .port] }
        if rootUIDFromEnvironment?.isEmpty == false { claimed.append(.rootUID) }
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
        // A URL says itself whether there is TLS.
        if (peer?.host.web ?? draft.host?.web) == nil {
            try merged.checkTLS(path: configuration.path)
            // Of a host that is no node the configuration knows nothing.
            if let node, let option = merged.defaultWithoutTLS {
                draft.connection.plainNode = ConnectionOptions.PlainNode(name: node.name, setting: option)
            }
        }
        if let folder = peer?.folder {
            draft.folder = folder
            draft.host = nil
        } else if let peer {
            if node == nil { draft.host = peer.host }
            draft.port = peer.port ?? draft.port
            draft.connection.isHostNamedAsNode = configuration.nodes.contains { $0.name == peer.host.host }
        }
        if let title = draft.moveDestination {
            draft.retrieve.isDestinationNamedAsNode = configuration.isNode(title)
        }
        if let name = draft.destinationNode {
            draft.moveDestination = try configuration.aeTitle(ofNode: name, option: .to)
        }
        if let classes = positionals?.classes, !classes.isEmpty { draft.doctor.classes = classes }
        // Files given without an option replace those of the option.
        if let files = positionals?.files { draft.input.paths = files.map { FilePath(argument: $0) } }
        return (draft, merged)
    }

    /// The connection to the node that the instances of a retrieval go to. What the command line says of the server does not hold for
    /// it.
    private func connection(
        toNode name: String, _ typed: [OptionArgument], _ configuration: Configuration
    ) throws(UsageError) -> ConnectionOptions {
        let peer = PeerChoice(host: HostArgument(host: "", node: name), option: OptionName.to.description)
        let ours = typed.filter { OptionName.ofOurSide.contains($0.definition.name) }
        var (draft, _) = try merge(ours, nil, .find, peer, configuration)
        return try draft.makeConnection()
    }

    /// What `--doctor` without a peer looks at.
    private static func machine(
        _ typed: [OptionArgument], _ configuration: Configuration
    ) throws(UsageError) -> DoctorOptions.Machine {
        let settings =
            configuration.defaults + configuration.operationDefaults.flatMap(\.settings)
            + configuration.nodes.flatMap(\.settings)
        let arguments =
            typed
            + settings.flatMap { setting in
                setting.texts.map { OptionArgument(definition: setting.definition, text: $0) }
            }
        var files: [FilePath] = []
        for argument in arguments where [.tlsCert, .tlsCA].contains(argument.definition.name) {
            let path = try argument.path()
            if !files.contains(path) { files.append(path) }
        }
        return DoctorOptions.Machine(
            configurationPath: configuration.path, nodes: configuration.nodes.map(\.name), certificateFiles: files)
    }

    // MARK: The command line alone

    /// Version wins over help, and help over the keys; each is shown whatever else is wrong with the values given.
    private func requestForText(_ line: ArgumentScanner.Scanned) throws(UsageError) -> ParsedCommandLine? {
        if line.last(.version) != nil { return .version }
        try line.checkHelpTopic()
        if let topic = line.helpTopic { return .help(topic) }
        if let generate = line.last(.generate) {
            let document = try generate.choice(GeneratedDocument.self)
            guard document == .nodes else { return .generate(document) }
            let configuration = try configurationFile.load(try line.last(.config)?.string())
            return .text(configuration.nodes.map { "@\($0.name)\n" }.joined())
        }
        if line.last(.listChecks) != nil, line.last(.doctor) != nil { return .text(DoctorListing.text) }
        guard line.last(.queryhelp) != nil else { return nil }
        if line.last(.worklist) != nil { return .queryHelp(.modalityWorklist, .study) }
        var draft = OptionDraft(.find)
        for argument in line.options { try argument.definition.apply(&draft, argument) }
        try draft.checkExclusions(line.options)
        let (model, level) = try draft.query.scope.resolved(key: draft.query.keys.queryLevel)
        return .queryHelp(model, level)
    }

    private static func checkApplicability(
        _ line: ArgumentScanner.Scanned, to operation: Operation
    ) throws(UsageError) {
        let instead = line.namesOperation ? "" : ", which is done where no operation is named"
        for argument in line.options where !argument.definition.operations.contains(operation) {
            let definition = argument.definition
            let meant = line.positionals.dropFirst().compactMap { line.slip($0) }.first
            throw UsageError(
                .optionNotApplicable, option: definition.name, value: "\(operation.option)",
                problem: "\(definition.option) does not apply to \(operation.option)\(instead)",
                accepted: "\(definition.option) with \(definition.operationOptions.joined(separator: ", "))",
                remedy: meant.map { "the operation comes first: dcmscu \($0) HOST PORT" }
                    ?? remedy(for: definition.name, operation))
        }
    }

    /// An archive is like itself, and holds what it holds: a slip in the configuration would pass for a proof.
    private static func refuseOneArchive(_ first: Invocation, _ second: Invocation) throws(UsageError) {
        guard first.isPeer(of: second) else { return }
        let name = first.connection.peerName
        throw UsageError(
            .conflictingOptions, option: "HOST", value: name,
            problem: "both peers of \(first.operation.option) are \(name)", accepted: "two that differ",
            remedy: first.connection.peer.host.isEmpty
                ? nil : "if the configuration has two nodes for them, is the address of one a slip?")
    }

    /// What does for one operation what the option does for another.
    private static func remedy(for option: OptionName, _ operation: Operation) -> String? {
        if option == .patient, operation == .compare {
            return "\(OptionName.compare) compares \(OptionName.study), \(OptionName.series) or \(OptionName.image)"
        }
        guard option == .skipExisting, [.get, .move].contains(operation) else { return nil }
        return
            "with \(OptionName.journal) FILE, \(OptionName.resume) does not fetch again what an earlier run has received; "
            + "\(OptionName.ifExists) skip leaves files as they are"
    }
}

extension ArgumentScanner.Scanned {
    func last(_ name: OptionName) -> OptionArgument? { options.last { $0.definition.name == name } }

    /// The command line with its first word read as the option of that name, where it is an operation, `help` or
    /// `version` and no option says what to do.
    ///
    /// - Throws: `UsageError` if the option takes a value and none follows, or one that it does not have.
    func readingFirstWord() throws(UsageError) -> Self {
        guard let word = positionals.first, let name = OptionName.firstWords.first(where: { $0.rawValue == word }),
            !namesOperation, let definition = OptionTable.definition(name)
        else { return self }
        var line = self
        line.positionals.removeFirst()
        var argument = OptionArgument(definition: definition, isFirstWord: true)
        switch definition.value {
        case .optionalChoice(let topics):
            guard let topic = line.positionals.first else { break }
            argument = OptionArgument(definition: definition, text: topic, isFirstWord: true)
            guard topics.contains(topic) else {
                let error = argument.error(
                    "not known",
                    suggestion: HelpTopic.page(topic) ?? EditDistance.nearest(to: topic, in: topics)
                        ?? ForeignOption.operation(topic)?.rawValue)
                throw HelpTopic.elsewhere(topic).map { error.with(remedy: $0) } ?? error
            }
            line.positionals.removeFirst()
        case let value where value.takesArgument:
            guard let text = line.positionals.first else {
                throw UsageError(
                    .missingValue, option: definition.option, problem: "\(word) needs a value",
                    accepted: value.accepted)
            }
            argument = OptionArgument(definition: definition, text: text, isFirstWord: true)
            line.positionals.removeFirst()
        default: break
        }
        line.options.insert(argument, at: 0)
        return line
    }

    /// True if an option, or the first word, says what to do.
    var namesOperation: Bool { options.contains { OptionName.firstWords.contains($0.definition.name) } }

    /// Refuses a first word that can only be meant as an operation, and is none: what follows it is a peer, or the word is one of
    /// another program.
    ///
    /// - Throws: `UsageError` for such a word.
    func checkFirstWord() throws(UsageError) {
        guard !namesOperation, let word = positionals.first, let next = positionals.dropFirst().first,
            word.allSatisfy({ $0.isLetter || $0 == "-" }), Int(next) == nil
        else { return }
        let isPeer =
            next.hasPrefix("@") || (next.contains(":") && !next.contains("/"))
            || positionals.dropFirst(2).first.flatMap { UInt16($0) } != nil
        let meant = slip(word)
        guard isPeer || meant != nil else { return }
        throw UsageError(
            .unknownOperation, option: word, value: word, problem: "no such operation: \(word)",
            accepted: Operation.allCases.map(\.option.rawValue).joined(separator: ", "), suggestion: meant)
    }

    /// The operation that a first word can have meant, with a slip in it; nil if an option names the operation.
    func slip(_ word: String) -> String? {
        guard !namesOperation else { return nil }
        return EditDistance.nearest(to: word, in: OptionName.firstWords.map(\.rawValue))
            ?? ForeignOption.operation(word)?.rawValue
    }

    /// The remedy for a first word that is an operation, and was read as a host because an option names the operation, too; nil if
    /// it is none.
    func secondOperation(_ word: String) -> String? {
        guard OptionName.firstWords.contains(where: { $0.rawValue == word }),
            let option = options.first(where: { OptionName.firstWords.contains($0.definition.name) })
        else { return nil }
        return
            "\(option.definition.option) names the operation, so that \(word) is read as a host: leave one of them out"
    }

    /// Refuses `--help WORD` of a word that is nearly a topic, or a page of the manual: the general help would hide that.
    ///
    /// - Throws: `UsageError` for such a word.
    func checkHelpTopic() throws(UsageError) {
        guard let help = last(.help), help.text.isEmpty, options.count == 1, positionals.count == 1,
            let word = positionals.first, HelpTopic(word) == nil
        else { return }
        let argument = OptionArgument(definition: help.definition, text: word, isFirstWord: true)
        if let page = HelpTopic.page(word) { throw argument.error("a page of the manual", suggestion: page) }
        if let place = HelpTopic.elsewhere(word) { throw argument.error("not known").with(remedy: place) }
        if let topic = EditDistance.nearest(to: word, in: HelpTopic.names) {
            throw argument.error("not known", suggestion: topic)
        }
    }

    /// The help that is asked for: `--help`, `--help=TOPIC`, `--help TOPIC` or `--OPERATION --help`; otherwise nil.
    var helpTopic: HelpTopic? {
        guard let help = last(.help) else { return nil }
        if let topic = HelpTopic(help.text) { return topic }
        if let topic = positionals.first.flatMap({ HelpTopic($0) }) { return topic }
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
final class PeerChoice: Sendable {
    /// The name of a peer, given without an option, in messages.
    static let positional = "HOST"

    let host: HostArgument
    let port: UInt16?
    /// The name of the argument in messages: `HOST`, `--hostname`.
    let option: String
    /// The folder of this machine that takes the place of a peer; nil for a peer.
    let folder: FilePath?

    init(host: HostArgument, port: UInt16? = nil, option: String) {
        self.host = host
        self.port = port
        self.option = option
        folder = nil
    }

    init(folder: FilePath) {
        host = HostArgument(host: "")
        port = nil
        option = Self.positional
        self.folder = folder
    }
}

extension Configuration {
    /// All nodes, as if they were typed.
    ///
    /// - Throws: `UsageError` if there is none.
    func nodesAsPeers() throws(UsageError) -> [PeerChoice] {
        guard !nodes.isEmpty else {
            throw UsageError(
                .unknownNode, option: .nodes,
                problem: "\(OptionName.nodes): " + (path.map { "no nodes in \($0)" } ?? "no configuration file"))
        }
        return nodes.map {
            PeerChoice(host: HostArgument(host: "", node: $0.name), option: OptionName.nodes.description)
        }
    }
}

/// The arguments without an option: the peers, then the files.
///
/// `HOST`, `HOST PORT` and `HOST PORT FILE...` win over `-H` and `-p`; with both of these, positionals are files.
struct Positionals {
    /// None where no host was named at all, several only for an echo, a query or an operation that takes two.
    private(set) var peers: [PeerChoice] = []
    /// Nil where no file was given.
    private(set) var files: [String]?
    /// The storage SOP classes that a probe is limited to.
    private(set) var classes: [UID] = []

    init(_ line: ArgumentScanner.Scanned, _ operation: Operation) throws(UsageError) {
        var rest = line.positionals[...]
        if operation == .probe {
            classes = rest.compactMap(Self.sopClass)
            rest = rest.filter { Self.sopClass($0) == nil }[...]
        }
        guard operation.callsPeer else {
            guard let first = rest.first else { return }
            // An option in the place of the folder leaves its value over.
            _ = try line.last(.serve)?.servedFolder()
            throw UsageError(
                .unexpectedArgument, option: first, value: first,
                problem: "\(operation.option) takes no arguments, and \(first) is given", accepted: "options alone")
        }
        var host: HostArgument?
        if let typed = line.last(.hostname) {
            host = try PeerArgument.parse(typed.text, option: typed.definition.option)
        }
        if operation.takesTwoPeers {
            peers = try Self.twoPeers(&rest, host, operation)
        } else if host?.isComplete != true, host == nil || line.last(.port) == nil, let first = rest.popFirst() {
            let given = try PeerArgument.parse(first, option: PeerChoice.positional)
            var port: UInt16?
            if !given.isComplete, let second = rest.popFirst() {
                port = try Self.port(second, meant: line.slip(first), remedy: line.secondOperation(first))
            }
            peers = [PeerChoice(host: given, port: port, option: PeerChoice.positional)]
        } else if let host {
            peers = [PeerChoice(host: host, port: nil, option: "\(OptionName.hostname)")]
        }
        if operation == .echo || operation == .doctor || operation == .probe || operation.isQuery {
            while let word = rest.first, let more = try Self.furtherPeer(word, rest.dropFirst().first) {
                peers.append(more)
                rest = rest.dropFirst(more.port == nil ? 1 : 2)
            }
        }
        guard let first = rest.first else { return }
        if let web = peers.first?.host.web, UInt16(first) != nil {
            throw UsageError(
                .unexpectedArgument, option: "PORT", value: first,
                problem: "PORT \(first): a URL has its port, and HOST is \(web)", accepted: "http://HOST:PORT/PATH")
        }
        guard operation.takesFiles else {
            let follows = operation.takesTwoPeers ? "both peers" : "HOST and PORT"
            if operation.takesTwoPeers, !first.contains("="), PeerArgument.isMeant(first) {
                throw UsageError(
                    .unexpectedArgument, option: first, value: first,
                    problem: "\(operation.option) takes two peers, and \(first) is a third one", accepted: "two peers")
            }
            let meant =
                operation.takesKeys && first.contains("=")
                ? QueryKeyParser.remedy(forValue: first)
                : line.slip(first).map { "the operation comes first: dcmscu \($0) HOST PORT" }
            throw UsageError(
                .unexpectedArgument, option: first, value: first,
                problem: "\(operation.option) takes no files, and \(first) follows \(follows)",
                accepted: "HOST PORT FILE... with \(OptionName.store) or \(OptionName.stgcmt)", remedy: meant)
        }
        files = Array(rest)
    }

    /// The two sides of an operation that has two. One alone stands beside that of `-H`.
    private static func twoPeers(
        _ rest: inout ArraySlice<String>, _ host: HostArgument?, _ operation: Operation
    ) throws(UsageError) -> [PeerChoice] {
        var sides: [PeerChoice] = []
        while sides.count < 2, let word = rest.popFirst() {
            sides.append(try side(word, &rest, isSecond: !sides.isEmpty || host != nil, operation))
        }
        if sides.count == 1, let host {
            sides.insert(PeerChoice(host: host, option: "\(OptionName.hostname)"), at: 0)
        }
        guard sides.count == 2 else {
            let accepted = "two of " + PeerArgument.accepted
            throw UsageError(
                .missingHost, option: "HOST",
                problem: "\(operation.option) needs two peers, and \(sides.isEmpty ? "none" : "one") is given",
                accepted: operation.takesFolderAsPeer ? accepted + ", or a folder in the place of one" : accepted)
        }
        return sides
    }

    /// A peer, or a folder where that may be one: a word with a slash that is no URL, or a second one that looks like no peer.
    private static func side(
        _ word: String, _ rest: inout ArraySlice<String>, isSecond: Bool, _ operation: Operation
    ) throws(UsageError) -> PeerChoice {
        let number = rest.first.flatMap { UInt16($0) }.flatMap { $0 > 0 ? $0 : nil }
        let isURL = WebAddress.isMeant(word)
        let isPath = !isURL && (word.contains("/") || word == "." || word == "..")
        let looksLikePeer = PeerArgument.isMeant(word) || number != nil
        if operation.takesFolderAsPeer, !word.isEmpty, isPath || (isSecond && !looksLikePeer) {
            return PeerChoice(folder: FilePath(argument: word))
        }
        let host = try PeerArgument.parse(word, option: PeerChoice.positional)
        guard !host.isComplete, let number else { return PeerChoice(host: host, option: PeerChoice.positional) }
        rest = rest.dropFirst()
        return PeerChoice(host: host, port: number, option: PeerChoice.positional)
    }

    /// The SOP class of a word that cannot be a host or a port: a short name, or a UID, which is longer than an address.
    private static func sopClass(_ word: String) -> UID? {
        let isNumber = word.allSatisfy { $0.isNumber || $0 == "." }
        return isNumber && word.count(where: { $0 == "." }) < 4 ? nil : StorageClassName.uid(word)
    }

    /// Another peer to be asked for an echo: it must look like one, so that a file or a slip is not looked up as a
    /// name.
    private static func furtherPeer(_ word: String, _ next: String?) throws(UsageError) -> PeerChoice? {
        let number = next.flatMap { UInt16($0) }
        guard word.contains(":") || word.contains("@") || number != nil else { return nil }
        let host = try PeerArgument.parse(word, option: PeerChoice.positional)
        return PeerChoice(host: host, port: host.isComplete ? nil : number, option: PeerChoice.positional)
    }

    /// - Parameter meant: what the word before can have meant, if that is no host.
    private static func port(_ text: String, meant: String?, remedy: String?) throws(UsageError) -> UInt16 {
        guard let number = Int(text) else {
            throw UsageError(
                .invalidValue, option: "PORT", value: text, problem: "PORT \(text): not a number",
                accepted: "a number from 1 to 65535, after HOST", suggestion: meant, remedy: remedy)
        }
        guard let port = UInt16(exactly: number), port > 0 else {
            throw UsageError(
                .outOfRange, option: "PORT", value: text, problem: "PORT \(text): out of range",
                accepted: "a number from 1 to 65535")
        }
        return port
    }
}
