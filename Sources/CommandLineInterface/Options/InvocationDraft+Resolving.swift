import DICOM
import DICOMNode
import DICOMProtocol

// What the options mean together: operation, peer and files, model and level, receiver.
extension InvocationDraft {
    mutating func chooseOperation() throws(UsageError) {
        let operation = operations.first ?? .echo
        if let other = operations.first(where: { $0 != operation }) {
            throw UsageError(
                .severalOperations, option: other.option, value: operation.option,
                problem: "\(operation.option) and \(other.option) cannot be done at once",
                accepted: "one of " + Operation.allCases.map(\.option).joined(separator: ", "))
        }
        invocation.operation = operation
    }

    // MARK: Endpoint and files

    /// `HOST`, `HOST PORT` and `HOST PORT FILE...` win over `-H` and `-p`; with both of these, positionals are files.
    ///
    /// Gives the peers: none where no host was named at all, several only for an echo.
    mutating func takePositionals(_ positionals: [String]) throws(UsageError) -> [PeerChoice] {
        var rest = positionals[...]
        guard invocation.operation.callsPeer else {
            guard let first = rest.first else { return [] }
            throw UsageError(
                .unexpectedArgument, option: first, value: first,
                problem: "\(invocation.operation.option) takes no \(first): it calls nobody",
                accepted: "options alone")
        }
        var peers: [PeerChoice] = []
        if host?.isComplete != true, host == nil || port == nil, let first = rest.popFirst() {
            let given = try PeerArgument.parse(first, option: "HOST")
            var givenPort: UInt16?
            if !given.isComplete, let second = rest.popFirst() { givenPort = try Self.port(second) }
            peers = [PeerChoice(host: given, port: givenPort, option: "HOST")]
        } else if let host {
            peers = [PeerChoice(host: host, port: nil, option: "--hostname")]
        }
        if invocation.operation == .echo {
            while let word = rest.first, let more = try Self.furtherPeer(word, rest.dropFirst().first) {
                peers.append(more)
                rest = rest.dropFirst(more.port == nil ? 1 : 2)
            }
        }
        if let first = rest.first {
            guard invocation.operation.takesFiles else {
                throw UsageError(
                    .unexpectedArgument, option: first, value: first,
                    problem: "\(invocation.operation.option) takes no files, and \(first) follows HOST and PORT",
                    accepted: "HOST PORT FILE... with --store or --stgcmt")
            }
            invocation.inputs = Array(rest)
            hasPositionalFiles = true
        }
        return peers
    }

    /// Another peer to be asked for an echo: it must look like one, so that a file or a slip is not looked up as a name.
    private static func furtherPeer(_ word: String, _ next: String?) throws(UsageError) -> PeerChoice? {
        let number = next.flatMap { UInt16($0) }
        let looksLikeOne = word.contains(":") || word.contains("@") || number != nil
        guard looksLikeOne else { return nil }
        let host = try PeerArgument.parse(word, option: "HOST")
        return PeerChoice(host: host, port: host.isComplete ? nil : number, option: "HOST")
    }

    /// Files given without an option replace those of `--input`.
    mutating func takeFiles(of typed: InvocationDraft) {
        if typed.hasPositionalFiles { invocation.inputs = typed.invocation.inputs }
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

    // MARK: All together

    /// - Parameter options: those of the command line; what the configuration says besides and the operation has no use for is passed over.
    mutating func resolve(typed options: [OptionArgument], rootUIDFromEnvironment: String?) throws(UsageError) {
        if invocation.operation.callsPeer { try resolvePeer() } else { resolveArchive(options) }
        try resolveCommitment(options)
        if invocation.operation.takesFiles, invocation.inputs.isEmpty, !hasCommitmentSource {
            throw UsageError(
                .missingInput, option: "FILE", problem: "\(invocation.operation.option) needs files",
                accepted: "FILE... after HOST and PORT, or --input")
        }
        if invocation.operation == .worklist {
            invocation.informationModel = .modalityWorklist
        } else if invocation.operation.takesKeys {
            (invocation.informationModel, invocation.level) = try modelAndLevel()
            invocation.isLevelGiven = !levels.isEmpty || levelOfKeys != nil
            invocation.isModelGiven = !models.isEmpty
        }
        if invocation.operation.isRetrieval, invocation.queryPath == nil, invocation.retrieval.listPath == nil,
            !invocation.keys.contains(where: { !$0.value.isEmpty })
        {
            throw UsageError(
                .missingOption, option: "--key",
                problem: "\(invocation.operation.option) needs a key that says what to retrieve",
                accepted: "--key StudyInstanceUID=1.2.3 and the like, or --from-list")
        }
        try resolveReceiver(options)
        try resolveStoring()
        try resolveResults(options)
        try resolveSecurity(options)
        if invocation.uidRoot == nil { invocation.uidRoot = try Self.root(rootUIDFromEnvironment) }
        invocation.verbosity = verbosity ?? .note
    }

    private mutating func resolvePeer() throws(UsageError) {
        guard let host else {
            if invocation.commitment.isListening { return }
            throw UsageError(
                .missingHost, option: "HOST", problem: "no HOST given",
                accepted: "HOST PORT, or --hostname and --port")
        }
        invocation.peer = Endpoint(host: host.host, port: host.port ?? port ?? Self.standardPort)
        if let title = host.aeTitle, let calledAETitle, title != calledAETitle {
            throw UsageError(
                .conflictingOptions, option: "--call", value: calledAETitle.string,
                problem: "--call \(calledAETitle) and \(title)@ name two AE titles of the peer",
                accepted: "one of them")
        }
        if let title = host.aeTitle ?? calledAETitle { invocation.calledAETitle = title }
    }

    // MARK: Model and level

    func modelAndLevel() throws(UsageError) -> (InformationModel, QueryLevel) {
        // The lowest level given wins, but for the study, which is the default and gives way to the patient.
        let byWeight: [QueryLevel] = [.image, .series, .patient, .study]
        let level = byWeight.first { levels.contains($0) } ?? levelOfKeys ?? .study
        if let first = models.first, let other = models.first(where: { $0 != first }) {
            throw UsageError(
                .conflictingOptions, option: "--\(other.optionName)", value: "--\(first.optionName)",
                problem: "--\(first.optionName) and --\(other.optionName) exclude each other", accepted: "one of them")
        }
        guard let model = models.first else { return (level == .patient ? .patientRoot : .studyRoot, level) }
        if let level = (levels.sorted() + [level]).first(where: { !Self.allows(model, $0, chosen: level) }) {
            throw UsageError(
                .conflictingOptions, option: "--\(level.optionName)", value: "--\(model.optionName)",
                problem: "--\(level.optionName) is no level of --\(model.optionName)",
                accepted: model.levels.map { "--\($0.optionName)" }.joined(separator: ", "))
        }
        return (model, level)
    }

    /// A level that another one outweighs is let pass, but for the patient: it has no place in the Study Root model.
    private static func allows(_ model: InformationModel, _ level: QueryLevel, chosen: QueryLevel) -> Bool {
        model.levels.contains(level) || (level != chosen && level != .patient)
    }

    /// The level that a key (0008,0052) names, for those who write the level as a key.
    private var levelOfKeys: QueryLevel? {
        invocation.keys.first { $0.path.isEmpty && $0.tag == .queryRetrieveLevel }
            .flatMap { QueryLevel(rawValue: $0.value) }
    }

    // MARK: Receiver and roots

    private func resolveReceiver(_ options: [OptionArgument]) throws(UsageError) {
        try resolveList(options)
        if invocation.operation == .get, !invocation.retrieval.fallsBackToMove {
            let ofReceiver: Set<String> = ["port-scp", "bind", "grace", "accept-from"]
            if let argument = options.first(where: { ofReceiver.contains($0.definition.name) }) {
                let option = argument.definition.option
                throw UsageError(
                    .optionNotApplicable, option: option, value: "--get",
                    problem: "\(option) has no use with --get, unless with --or-move",
                    accepted: "--move, or --or-move beside --get")
            }
        }
        guard invocation.operation.isRetrieval else { return }
        try resolveNaming()
        guard !invocation.receivesMovedInstances else {
            if invocation.retrieval.isDryRun { return }
            guard invocation.receiverPort != nil else {
                guard invocation.operation == .move else {
                    throw UsageError(
                        .missingOption, option: "--port-scp", problem: "--or-move needs --port-scp",
                        accepted: "--port-scp PORT, or no --or-move")
                }
                throw UsageError(
                    .missingOption, option: "--port-scp", problem: "--move to ourselves needs --port-scp",
                    accepted: "--port-scp PORT, or another node's title with --move-destination")
            }
            return
        }
        guard invocation.operation == .move else { return }
        let ofReceiver: Set<String> = [
            "port-scp", "bind", "output", "name", "if-exists", "grace", "fsync", "accept-from", "prefer",
        ]
        if let argument = options.first(where: { ofReceiver.contains($0.definition.name) }) {
            let option = argument.definition.option
            throw UsageError(
                .conflictingOptions, option: option, value: "--move-destination",
                problem: "\(option) has no use with --move-destination \(invocation.effectiveMoveDestination): "
                    + "nothing is received here")
        }
    }

    /// Where two instances can have one name, keeping the file that is there, or replacing it, loses one of them.
    private func resolveNaming() throws(UsageError) {
        let existing = invocation.existingFile
        guard existing == .skip || existing == .overwrite, !invocation.naming.namesEveryInstance else { return }
        throw UsageError(
            .conflictingOptions, option: "--if-exists", value: existing.rawValue,
            problem:
                "--if-exists \(existing.rawValue) would lose instances: by this --name two of them can have one name",
            accepted: "a --name with {SOPInstanceUID}, or --if-exists rename or fail")
    }

    /// A list says itself what is retrieved.
    private func resolveList(_ options: [OptionArgument]) throws(UsageError) {
        guard invocation.retrieval.listPath != nil,
            let argument = options.first(where: { ["key", "query", "store-query"].contains($0.definition.name) })
        else { return }
        let option = argument.definition.option
        throw UsageError(
            .conflictingOptions, option: option, value: "--from-list",
            problem: "\(option) and --from-list exclude each other", accepted: "one of them")
    }

    private static func root(_ environment: String?) throws(UsageError) -> UID? {
        guard let environment, !environment.isEmpty else { return nil }
        let root = UID(environment)
        guard root.isValid, environment.utf8.count <= UIDGenerator.maximumRootLength else {
            throw UsageError(
                .invalidValue, option: "GDCM_ROOT_UID", value: environment,
                problem: "GDCM_ROOT_UID \(environment): not a root for UIDs",
                accepted: "a UID of at most \(UIDGenerator.maximumRootLength) characters")
        }
        return root
    }
}
