package import DICOM
package import DICOMNode
package import DICOMProtocol
package import DICOMweb
package import System

/// The values of all options that were given, merged from command line, configuration and environment. Each is set in
/// the options of the command that uses it; values for several commands stay here until the operation's request is made
/// by ``makeInvocation(given:typed:rootUIDFromEnvironment:)``.
package struct OptionDraft: Sendable {
    package let operation: Operation
    package var connection = ConnectionOptions()
    package var messages = MessageOptions()
    package var monitoring = MonitoringOptions()
    package var uidRoot: UID?

    // MARK: The options of one command

    package var echo = EchoOptions()
    package var store = StoreOptions()
    package var find = FindOptions()
    package var retrieve = RetrieveOptions()
    package var serve = ServeOptions()
    package var selfTest = SelfTestOptions()
    package var doctor = DoctorOptions()
    package var watch = WatchOptions()
    package var compare = CompareOptions()
    package var copy = CopyOptions()

    // MARK: Of several commands

    package var input = InputFiles()
    package var query = QueryOptions()
    package var commitment = CommitmentOptions()
    package var format: ResultFormat?
    package var limit: Int?
    package var priority: Priority = .medium
    package var jobs = LoadChoice.fixed(1)
    package var journalPath: FilePath?
    package var resumes = false
    package var isStrict = false
    package var listPath: FilePath?
    package var outputDirectory: FilePath?
    package var existingFile: InstanceWriter.Existing = .rename
    package var failOn: FailurePolicy = .failure
    package var verification: StoreVerificationMethod?

    // MARK: Of which others follow

    package var host: HostArgument?
    /// The folder that takes the place of a peer.
    package var folder: FilePath?
    /// The other one of two peers; nil if there is one.
    package var otherSide: Side?
    package var port: UInt16?
    package var calledAETitle: AETitle?
    package var callingAETitle: AETitle?
    package var moveDestination: AETitle?
    /// The node of the configuration that has the AE title of the destination.
    package var destinationNode: String?
    package var verbosity: Diagnostics.Level?
    package var usesTLS = false
    package var tls = TLSOptions()
    package var userName: String?
    package var passcode: SecretReference?
    package var identities: [UserIdentityOption] = []
    package var sendsSecretsInClear = false
    package var oauthURL: WebAddress?
    package var oauthClient: String?
    package var oauthSecret: SecretReference?
    package var oauthScope: String?

    package init(_ operation: Operation) { self.operation = operation }

    /// The most talkative of several verbosities wins.
    package mutating func raise(to level: Diagnostics.Level) {
        verbosity = max(verbosity ?? level, level)
    }

    // MARK: The request

    /// Makes the request of the operation.
    ///
    /// - Parameters:
    ///   - given: all arguments that this draft was made of.
    ///   - typed: those of the command line.
    /// - Throws: the first thing that is missing or contradicts another, with the option named.
    mutating func makeInvocation(
        given: [OptionArgument], typed: [OptionArgument], rootUIDFromEnvironment: String?
    ) throws(UsageError) -> Invocation {
        if operation.callsPeer, doctor.machine == nil { try resolvePeer() }
        try check(given, typed: typed)
        let isCompatible = typed.allSatisfy(\.isCompatible)
        query.asksForMore = operation.isQuery && (query.keys.isEmpty || !isCompatible)
        // Over HTTP all is UTF-8, and a query has no such key.
        query.namesCharacterSet = connection.web == nil && (isCompatible || query.characterSet != nil)
        query.priority = priority
        query.isStrict = isStrict
        if operation == .worklist {
            query.informationModel = .modalityWorklist
        } else {
            (query.informationModel, query.level) = try query.scope.resolved(key: query.keys.queryLevel)
        }
        query.placeAttributes()
        try resolveConnection()
        messages.verbosity = verbosity ?? .note
        messages.writesEvents = format == .jsonl && !operation.isQuery
        resolveMonitoring(given)
        if uidRoot == nil { uidRoot = try Self.root(rootUIDFromEnvironment) }
        commitment.checksAddress = isStrict
        let request: Request
        switch operation {
        case .echo: request = .echo(echo)
        case .store:
            try requireFiles()
            store.input = input
            store.commitment = commitment
            store.priority = priority
            store.jobs = jobs
            store.journalPath = journalPath
            store.resumes = resumes
            store.isStrict = isStrict
            store.failOn = failOn
            store.verification = verification
            request = .store(store)
        case .find, .worklist:
            find.query = query
            find.limit = limit
            resolveFormat()
            find.outputDirectory = outputDirectory ?? find.outputDirectory
            find.existingFile = existingFile
            find.failOn = failOn
            request = .find(find)
        case .copy:
            try requireKey()
            try fillRetrieval()
            retrieve.takesStudies = true
            copy.retrieve = retrieve
            copy.store.priority = priority
            copy.store.window = .fixed(store.window.number ?? 1)
            copy.store.neverRewrites = true
            copy.store.jobs = .fixed(jobs.number ?? 1)
            copy.store.verification = verification ?? .find
            copy.store.commitment = commitment
            copy.journalPath = journalPath
            copy.resumes = resumes
            request = .copy(copy)
        case .move, .get:
            try requireKey()
            try fillRetrieval()
            retrieve.journalPath = journalPath
            retrieve.resumes = resumes
            retrieve.outputDirectory = outputDirectory ?? retrieve.outputDirectory
            try checkNaming()
            try requireReceiver()
            request = .retrieve(retrieve)
        case .storageCommitment:
            var options = StorageCommitmentOptions()
            options.input = input
            options.listPath = listPath
            options.journalPath = journalPath
            options.commitment = commitment
            options.commitment.reportDirectory = outputDirectory
            if options.commitment.isListening {
                try refuseFilesWhileListening()
            } else if listPath == nil, journalPath == nil {
                try requireFiles()
            }
            request = .commit(options)
        case .serve: request = .serve(serve)
        case .selfTest: request = .selfTest(selfTest)
        case .doctor:
            if doctor.machine != nil { connection.nameWithoutPeer = "this machine" }
            limitChecks(given)
            request = .doctor(doctor)
        case .probe:
            doctor.isProbe = true
            doctor.isDocument = format == .json
            limitChecks(given)
            request = .doctor(doctor)
        case .watch:
            guard connection.receiverPort != nil else {
                throw UsageError(
                    .missingOption, option: .portSCP, problem: "\(operation.option) needs \(OptionName.portSCP)",
                    accepted: "\(OptionName.portSCP) PORT")
            }
            watch.outputDirectory = outputDirectory
            request = .watch(watch)
        case .compare:
            guard query.level != .patient else {
                throw UsageError(
                    .conflictingOptions, option: .compare, value: query.level.rawValue,
                    problem: "patients cannot be compared",
                    accepted: "\(OptionName.study), \(OptionName.series) or \(OptionName.image)")
            }
            compare.query = query
            compare.folder = folder
            compare.columns = find.columns.map { $0.placed(in: query.informationModel, at: query.level) }
            compare.format = format ?? .text
            compare.assumedCharacterSet = find.assumedCharacterSet
            compare.forcedCharacterSet = find.forcedCharacterSet
            request = .compare(compare)
        }
        return Invocation(
            operation: operation, request: request, connection: connection, messages: messages,
            monitoring: monitoring, uidRoot: uidRoot)
    }

    // MARK: Peer and connection

    /// Makes the connection to a peer beside that of an operation.
    ///
    /// - Throws: the first thing that is missing or contradicts another, with the option named.
    mutating func makeConnection() throws(UsageError) -> ConnectionOptions {
        try resolvePeer()
        try resolveConnection()
        return connection
    }

    /// What options of the whole command line are checked by where there are two peers: each of them is of use to one at least.
    package struct Side: Sendable {
        let isOverHTTP: Bool
        let isFolder: Bool
        let usesTLS: Bool

        var hasAssociations: Bool { !isOverHTTP && !isFolder }
    }

    /// This one of two peers.
    var ownSide: Side {
        Side(
            isOverHTTP: host?.web != nil, isFolder: folder != nil,
            usesTLS: host?.web.map(\.isSecure) ?? (folder == nil && usesTLS))
    }

    private mutating func resolvePeer() throws(UsageError) {
        if let folder {
            connection.nameWithoutPeer = folder.displayed
            usesTLS = false
            return
        }
        guard let host else {
            if operation == .storageCommitment, commitment.isListening { return }
            throw UsageError(
                .missingHost, option: "HOST", problem: "no HOST given",
                accepted: "HOST PORT, or \(OptionName.hostname) and \(OptionName.port)")
        }
        if let web = host.web { return try resolve(web) }
        connection.peer = Endpoint(host: host.host, port: host.port ?? port ?? ConnectionOptions.standardPort)
        if let title = host.aeTitle, let calledAETitle, title != calledAETitle {
            throw UsageError(
                .conflictingOptions, option: .call, value: calledAETitle.string,
                problem: "\(OptionName.call) \(calledAETitle) and \(title)@ name two AE titles of the peer",
                accepted: "one of them")
        }
        if let title = host.aeTitle ?? calledAETitle { connection.calledAETitle = title }
    }

    /// A peer over HTTP has a URL in place of host, port and AE title, which says itself whether there is TLS.
    private mutating func resolve(_ web: WebAddress) throws(UsageError) {
        connection.web = web
        connection.peer = Endpoint(host: web.host, port: web.port)
        usesTLS = ([web] + connection.webOptions.bases.all + [oauthURL].compactMap(\.self)).contains(where: \.isSecure)
        if let url = oauthURL, let id = oauthClient, let secret = oauthSecret {
            connection.webOptions.client = WebClient(url: url, id: id, secret: secret, scope: oauthScope)
        }
        // What only an association negotiates is not asked for.
        identities = identities.filter { if case .jsonWebToken = $0 { true } else { false } }
        connection.receiverPort = nil
        retrieve.fallsBackToMove = false
        store.window = .fixed(1)
        if web.interface == .orthanc { retrieve.preferredSyntaxes = [] }
        commitment.transactionFile = nil
        if messages.capturePath?.isPacketCapture == true { messages.capturePath = nil }
    }

    private mutating func resolveConnection() throws(UsageError) {
        let isArchive = operation == .serve
        connection.callingAETitle =
            callingAETitle ?? (isArchive ? ServeOptions.standardAETitle : ConnectionOptions.standardCallingAETitle)
        if isArchive { connection.receiverPort = connection.receiverPort ?? ServeOptions.standardPort }
        if usesTLS { connection.tls = tls }
        if let userName {
            identities.append(passcode.map { .userNameAndPasscode(userName, $0) } ?? .userName(userName))
        }
        let web = connection.webOptions
        let hasField = connection.web != nil && web.headers.contains(where: \.isAuthorization)
        guard identities.count + (web.client == nil ? 0 : 1) + (hasField ? 1 : 0) < 2 else {
            var names: [OptionName] = [.user, .kerberos, .saml, .jwt]
            if connection.web != nil { names = [.user, .jwt, .oauthURL, .header] }
            throw UsageError(
                .conflictingOptions, option: .user, problem: "several identities given",
                accepted: "one of " + names.map(\.description).joined(separator: ", "))
        }
        connection.userIdentity = identities.first
        try checkSecrets()
    }

    /// Checks that nobody can read a secret on the network, unless that is wanted.
    private func checkSecrets() throws(UsageError) {
        guard !sendsSecretsInClear else { return }
        let web = connection.webOptions
        let addresses = connection.web.map { [$0] + web.bases.all + [web.client?.url].compactMap(\.self) }
        let isSecure = addresses?.allSatisfy(\.isSecure) ?? usesTLS
        let isHere = addresses?.allSatisfy { $0.isSecure || $0.isLoopback } ?? usesTLS
        let isSafe = isSecure || (isHere && !leavesByProxy)
        let reader = isHere ? "by the proxy" : "on the network"
        let ofRequests = connection.web == nil ? nil : web.secretOption
        guard !isSafe, let option = connection.userIdentity?.secretOption ?? ofRequests else { return }
        let remedy = connection.web == nil ? "\(OptionName.tls)" : "https"
        throw UsageError(
            .missingOption, option: .tls, value: "\(option)",
            problem: "without \(remedy) the secret of \(option) could be read \(reader)",
            accepted: "\(remedy), or \(OptionName.userInClear) where the network itself is safe")
    }

    /// True if what is meant for this machine goes through a proxy on another one first.
    private var leavesByProxy: Bool {
        guard case .given(let proxy) = connection.proxy else { return false }
        return !WebAddress.isLoopback(proxy.endpoint.host)
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

    /// Checks have short limits of their own, where none are given.
    private mutating func limitChecks(_ given: [OptionArgument]) {
        let names = given.map(\.definition.name)
        if names.contains(.wait) { doctor.wait = commitment.resultWait }
        if !names.contains(.connectTimeout) { connection.connectTimeout = DoctorOptions.checkLimit }
        if !names.contains(.timeout) { connection.inactivityTimeout = DoctorOptions.checkLimit }
    }

    /// A monitoring plugin ends before its caller loses patience, and says in one line what went wrong.
    private mutating func resolveMonitoring(_ given: [OptionArgument]) {
        monitoring.form = format?.monitoringForm
        guard monitoring.form == .nagios else { return }
        if !given.contains(where: { $0.definition.name == .totalTimeout }) {
            connection.totalTimeout = MonitoringOptions.totalLimit
        }
    }

    // MARK: Files

    private func requireFiles() throws(UsageError) {
        guard input.paths.isEmpty else { return }
        throw UsageError(
            .missingInput, option: "FILE", problem: "\(operation.option) needs files",
            accepted: "FILE... after HOST and PORT, or \(OptionName.input)")
    }

    private func refuseFilesWhileListening() throws(UsageError) {
        if let host {
            throw UsageError(
                .unexpectedArgument, option: host.host, value: host.host,
                problem: "\(OptionName.listen) takes no HOST, but \(host.host) is given",
                accepted: "no HOST and no files")
        }
        guard let input = input.paths.first?.displayed else { return }
        throw UsageError(
            .unexpectedArgument, option: input, value: input,
            problem: "\(OptionName.listen) takes no files, but \(input) is given", accepted: "no HOST and no files")
    }

    // MARK: Queries

    /// Adds a key, and negotiates what its value needs: servers match some values as what they mean only then.
    mutating func add(_ key: QueryKey) {
        query.keys.append(key)
        if key.isList { connection.queryNegotiation.insert(.multipleValues) }
        if key.isForEmptyValue { connection.queryNegotiation.insert(.emptyValues) }
    }

    /// Columns make the format a table where none was chosen, and are asked for.
    private mutating func resolveFormat() {
        let place = { [query = find.query] (key: QueryKey) in key.placed(in: query.informationModel, at: query.level) }
        find.groupKeys = find.groupKeys.map(place)
        find.columns = find.columns.map(place)
        if !find.columns.isEmpty, format?.hasColumns != false {
            format = format ?? .table
            find.query.returnKeys += find.columns.map { .attribute($0) }
        }
        if find.isWide || !find.groupKeys.isEmpty { format = format ?? .table }
        find.query.furtherAttributes = (find.query.sortKeys.map(\.attribute) + find.groupKeys).map(\.tags)
        // A worklist is read by the time of day. Nothing is asked for on this account.
        if operation == .worklist, find.query.asksForMore, find.query.sortKeys.isEmpty {
            find.query.sortKeys = [Tag.scheduledProcedureStepStartDate, .scheduledProcedureStepStartTime].map {
                SortKey(attribute: QueryKey(tag: $0, value: "", argument: "", isNamed: true))
            }
            find.query.placeAttributes()
        }
        find.isFormatGiven = format != nil
        find.format = format ?? .text
    }

    // MARK: Retrievals

    /// What retrievals have in common, wherever the instances go.
    private mutating func fillRetrieval() throws(UsageError) {
        retrieve.query = query
        retrieve.query.furtherAttributes = retrieve.query.sortKeys.map(\.attribute.tags)
        retrieve.limit = limit
        retrieve.method = operation == .move ? .move : .get
        retrieve.moveDestination = effectiveMoveDestination
        retrieve.receivesMovedInstances = receivesMovedInstances
        retrieve.verifiesDestination = try verifiesDestination
        retrieve.listPath = listPath
        retrieve.jobs = operation == .copy ? .fixed(jobs.number ?? 1) : jobs
        retrieve.existingFile = existingFile
        retrieve.failOn = failOn
    }

    /// True if a C-MOVE's instances come to this process, which then must listen.
    var receivesMovedInstances: Bool {
        guard operation == .move else { return retrieve.fallsBackToMove }
        return moveDestination == nil
            || moveDestination == callingAETitle ?? ConnectionOptions.standardCallingAETitle
    }

    /// The AE title that a C-MOVE request names as its destination.
    var effectiveMoveDestination: AETitle {
        moveDestination ?? callingAETitle ?? ConnectionOptions.standardCallingAETitle
    }

    /// True if the third party that a C-MOVE sends to is asked for what has arrived there.
    private var verifiesDestination: Bool {
        get throws(UsageError) {
            guard let verification, operation == .move else { return false }
            let option = "\(OptionName.verify) \(verification.rawValue)"
            guard verification == .find else {
                throw UsageError(
                    .conflictingOptions, option: .verify, value: verification.rawValue,
                    problem: "\(option) does not apply to \(operation.option)",
                    accepted: "\(OptionName.verify) \(StoreVerificationMethod.find.rawValue)")
            }
            guard destinationNode != nil else {
                throw UsageError(
                    .missingOption, option: .to, value: option,
                    problem: "\(option) needs \(OptionName.to) @NODE: an AE title alone says nobody where to ask",
                    accepted: "\(OptionName.to) @NODE")
            }
            return true
        }
    }

    private func requireKey() throws(UsageError) {
        guard query.queryPath == nil, listPath == nil, !query.keys.contains(where: { !$0.value.isEmpty }) else {
            return
        }
        throw UsageError(
            .missingOption, option: .key, problem: "\(operation.option) needs a key that says what to retrieve",
            accepted: "\(OptionName.key) StudyInstanceUID=1.2.3 and the like, or \(OptionName.fromList)")
    }

    private func requireReceiver() throws(UsageError) {
        guard operation == .move, receivesMovedInstances, !retrieve.isDryRun, connection.receiverPort == nil else {
            return
        }
        throw UsageError(
            .missingOption, option: .portSCP, problem: "\(operation.option) to ourselves needs \(OptionName.portSCP)",
            accepted: "\(OptionName.portSCP) PORT, or another node's AE title with \(OptionName.moveDestination)")
    }

    /// If two instances can have one name, keeping or replacing the existing file loses one of them.
    private func checkNaming() throws(UsageError) {
        guard existingFile == .skip || existingFile == .overwrite, retrieve.naming?.namesEveryInstance == false else {
            return
        }
        let option = "\(OptionName.ifExists) \(existingFile.rawValue)"
        throw UsageError(
            .conflictingOptions, option: .ifExists, value: existingFile.rawValue,
            problem: "\(option) would lose instances: by this \(OptionName.name) two of them can have one name",
            accepted: "a \(OptionName.name) with {SOPInstanceUID}, or \(OptionName.ifExists) rename or fail")
    }
}
