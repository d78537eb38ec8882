package import DICOM
package import DICOMNode
package import DICOMProtocol
package import PracticeArchive

/// The values of all options, as they are read one after the other; ``InvocationDraft`` makes the options of one
/// operation of them.
///
/// An option that was not given has its default here.
package struct OptionValues: Sendable, Equatable {
    package var operation: Operation
    package var peer: Endpoint
    package var callingAETitle: AETitle
    package var calledAETitle: AETitle

    /// Whether messages and logs may show patient data.
    package var logsPatientData = false

    // MARK: How often is asked

    package var echoCount = 1
    /// Between the end of an echo and the next one, in seconds.
    package var echoInterval: Double = 1

    // MARK: What is sent

    /// Files and directories for store and storage commitment, as they were typed, in order.
    package var inputs: [String] = []
    /// Whether directories are walked to their ends; otherwise one level of each is listed.
    package var isRecursive = false
    package var priority: Priority = .medium
    package var commitment = CommitmentOptions()
    package var storing = StoringOptions()

    // MARK: What is asked

    package var informationModel: InformationModel = .studyRoot
    package var level: QueryLevel = .study
    package var keys: [QueryKey] = []
    /// The arguments of `--return`: keywords, tags or names of sets.
    package var returnKeys: [ReturnKey] = []
    /// The defined term that `--charset` chose for the query; nil takes the locale's.
    package var characterSet: String?
    /// Where queries are read from, `-` for the standard input.
    package var queryPath: String?
    /// Whether level and model were chosen, so that a query from a file has to fit them.
    package var isLevelGiven = false
    package var isModelGiven = false
    /// Whether a key that the standard does not define at the level is an error.
    package var isStrict = false
    /// What is asked for by SOP class extended negotiation.
    package var negotiation: QueryNegotiation = []
    /// The defined terms for answers that do not say theirs.
    package var assumedCharacterSet: String?
    /// Where the constructed query is kept before anything is sent.
    package var storeQueryPath: String?
    package var format: ResultFormat = .text
    /// Whether a person chose the format; otherwise a terminal gets a table.
    package var isFormatGiven = false
    /// The columns of a table, in order; empty for those that were asked for.
    package var columns: [QueryKey] = []
    /// The number of answers after which a query is cancelled.
    package var limit: Int?

    // MARK: What is received

    package var outputDirectory = "."
    /// The port of the receiver for sub-operations and commitment results.
    package var receiverPort: UInt16?
    /// The local address that the receiver listens on; nil is every address.
    package var bindAddress: String?
    /// The destination of a move; nil is this program's own receiver.
    package var moveDestination: AETitle?
    /// How a received instance's path is made from its attributes, below the output directory.
    package var naming: InstanceNaming = .standard
    package var existingFile: InstanceWriter.Existing = .rename
    /// How long announced sub-operations may still arrive after the final response, in seconds.
    package var grace: Double = 10

    package var retrieval = RetrievalOptions()

    // MARK: The practice archive

    /// The folder that is served.
    package var archiveDirectory = "."
    /// Where titles are that the archive sends to and reports to.
    package var destinations: [AETitle: Endpoint] = [:]
    /// Files and folders with the items of the archive's worklist.
    package var worklistItems: [String] = []
    package var faults: [Fault] = []
    /// Where the images of the self-test stay; nil keeps none.
    package var imagesDirectory: String?

    // MARK: The network

    /// Limit for name look-up and connect together, in seconds; nil waits as long as the system does.
    package var connectTimeout: Double? = 15
    /// Limit for a peer's silence while an answer is due, in seconds; nil has no limit.
    package var inactivityTimeout: Double? = 120
    /// The limit for the whole run, in seconds.
    package var totalTimeout: Double?
    /// The largest PDU that we announce to receive, in bytes (PS3.8 D.1).
    package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength

    // MARK: Security

    /// Nil: plain TCP.
    package var tls: TLSOptions?
    package var userIdentity: UserIdentityOption?
    /// Whether a server that does not confirm our identity is put up with.
    package var acceptsUnconfirmedIdentity = false

    // MARK: The run

    /// The root of generated UIDs, from `--root-uid` or the environment; nil makes them below 2.25.
    package var uidRoot: UID?
    package var logFile: String?
    package var verbosity: Diagnostics.Level = .note
    package var failOn: FailurePolicy = .failure

    package init(operation: Operation, peer: Endpoint, callingAETitle: AETitle, calledAETitle: AETitle) {
        self.operation = operation
        self.peer = peer
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
    }

    /// Whether a C-MOVE's instances come to this process, which then must listen.
    package var receivesMovedInstances: Bool {
        guard operation == .move else { return operation == .get && retrieval.fallsBackToMove }
        return moveDestination == nil || moveDestination == callingAETitle
    }

    /// The AE title that a C-MOVE request names as its destination.
    package var effectiveMoveDestination: AETitle { moveDestination ?? callingAETitle }
}

/// What `--store` alone can be told: how to send, what to try again, what to keep an account of.
package struct StoringOptions: Sendable, Equatable {
    /// Associations that send at once.
    package var jobs = 1
    /// C-STOREs that may be unanswered at a time on one association, if the peer grants it.
    package var operationsWindow: UInt16 = 1
    /// How often what failed for a reason that may pass is tried again.
    package var retries = 0
    /// The first pause before another attempt, in seconds; each further one is twice as long.
    package var retryDelay = 2.0
    package var journalPath: String?
    /// Whether what the journal says is stored is left out.
    package var resumes = false
    /// Where the names of what was not stored are written.
    package var failedOutPath: String?
    package var neverRewrites = false
    package var isStrict = false
    /// Whether the peer is asked for what it has already, and that is left out.
    package var skipsExisting = false
    package var verification: StoreVerificationMethod?

    package init() {}
}

/// What the options of move and get ask for beyond what other operations know.
package struct RetrievalOptions: Sendable, Equatable {
    package var syncing: OutputFolder.Syncing = .end
    /// The titles that may call our receiver; empty lets everybody in who knows our title.
    package var acceptedCallers: [AETitle] = []
    /// Transfer syntaxes to receive in where the server can convert, the best first.
    package var preferredSyntaxes: [UID] = []
    /// Whether a C-GET that the server does not offer becomes a C-MOVE.
    package var fallsBackToMove = false
    /// Shows what would be retrieved.
    package var isDryRun = false
    /// Where a list of what to retrieve is read; `-` is the standard input.
    package var listPath: String?
    /// Whether what came is compared with what the server lists.
    package var isChecked = true
    /// How many studies or series are retrieved at once.
    package var jobs = 1
    package var shard: Shard?
    /// Where it is recorded what is on disk.
    package var journalPath: String?
    /// Whether what the journal says is on disk is left out.
    package var resumes = false

    package init() {}
}

extension InvocationDraft {
    /// The options of the operation alone, once everything is resolved.
    func makeInvocation() -> Invocation {
        Invocation(
            operation: invocation.operation, request: request, connection: connection, messages: messages,
            uidRoot: invocation.uidRoot)
    }

    private var connection: ConnectionOptions {
        var options = ConnectionOptions(
            peer: invocation.peer, callingAETitle: invocation.callingAETitle,
            calledAETitle: invocation.calledAETitle)
        options.receiverPort = invocation.receiverPort
        options.bindAddress = invocation.bindAddress
        options.queryNegotiation = invocation.negotiation
        options.connectTimeout = invocation.connectTimeout
        options.inactivityTimeout = invocation.inactivityTimeout
        options.totalTimeout = invocation.totalTimeout
        options.maximumPDULength = invocation.maximumPDULength
        options.tls = invocation.tls
        options.userIdentity = invocation.userIdentity
        options.acceptsUnconfirmedIdentity = invocation.acceptsUnconfirmedIdentity
        return options
    }

    private var messages: MessageOptions {
        var options = MessageOptions()
        options.logFile = invocation.logFile
        options.verbosity = invocation.verbosity
        options.logsPatientData = invocation.logsPatientData
        options.writesEvents = invocation.format == .jsonl && !invocation.operation.isQuery
        return options
    }

    private var request: Request {
        switch invocation.operation {
        case .echo:
            var options = EchoOptions()
            options.count = invocation.echoCount
            options.interval = invocation.echoInterval
            return .echo(options)
        case .store: return .store(store)
        case .find, .worklist: return .find(find)
        case .move: return .retrieve(retrieve(.move))
        case .get: return .retrieve(retrieve(.get))
        case .storageCommitment:
            var options = StorageCommitmentOptions()
            options.input = input
            options.listPath = invocation.retrieval.listPath
            options.journalPath = invocation.storing.journalPath
            options.commitment = invocation.commitment
            return .commit(options)
        case .serve:
            var options = ServeOptions()
            options.directory = invocation.archiveDirectory
            options.destinations = invocation.destinations
            options.worklistItems = invocation.worklistItems
            options.faults = invocation.faults
            return .serve(options)
        case .selfTest:
            var options = SelfTestOptions()
            options.imagesDirectory = invocation.imagesDirectory
            return .selfTest(options)
        }
    }

    private var input: InputFiles {
        var input = InputFiles()
        input.paths = invocation.inputs
        input.isRecursive = invocation.isRecursive
        return input
    }

    private var store: StoreOptions {
        var options = StoreOptions()
        options.input = input
        options.priority = invocation.priority
        options.jobs = invocation.storing.jobs
        options.operationsWindow = invocation.storing.operationsWindow
        options.retries = invocation.storing.retries
        options.retryDelay = invocation.storing.retryDelay
        options.journalPath = invocation.storing.journalPath
        options.resumes = invocation.storing.resumes
        options.failedOutPath = invocation.storing.failedOutPath
        options.neverRewrites = invocation.storing.neverRewrites
        options.isStrict = invocation.storing.isStrict
        options.skipsExisting = invocation.storing.skipsExisting
        options.verification = invocation.storing.verification
        options.commitment = invocation.commitment
        options.failOn = invocation.failOn
        return options
    }

    private var query: QueryOptions {
        var options = QueryOptions()
        options.informationModel = invocation.informationModel
        options.level = invocation.level
        options.isLevelGiven = invocation.isLevelGiven
        options.isModelGiven = invocation.isModelGiven
        options.keys = invocation.keys
        options.returnKeys = invocation.returnKeys
        options.characterSet = invocation.characterSet
        options.queryPath = invocation.queryPath
        options.storeQueryPath = invocation.storeQueryPath
        options.isStrict = invocation.isStrict
        options.priority = invocation.priority
        return options
    }

    private var find: FindOptions {
        var options = FindOptions()
        options.query = query
        options.assumedCharacterSet = invocation.assumedCharacterSet
        options.format = invocation.format
        options.isFormatGiven = invocation.isFormatGiven
        options.columns = invocation.columns
        options.limit = invocation.limit
        options.outputDirectory = invocation.outputDirectory
        options.existingFile = invocation.existingFile
        options.failOn = invocation.failOn
        return options
    }

    private func retrieve(_ method: RetrieveOptions.Method) -> RetrieveOptions {
        var options = RetrieveOptions(
            method: method, moveDestination: invocation.effectiveMoveDestination,
            receivesMovedInstances: invocation.receivesMovedInstances)
        options.query = query
        options.listPath = invocation.retrieval.listPath
        options.shard = invocation.retrieval.shard
        options.isDryRun = invocation.retrieval.isDryRun
        options.jobs = invocation.retrieval.jobs
        options.fallsBackToMove = invocation.retrieval.fallsBackToMove
        options.acceptedCallers = invocation.retrieval.acceptedCallers
        options.preferredSyntaxes = invocation.retrieval.preferredSyntaxes
        options.outputDirectory = invocation.outputDirectory
        options.naming = invocation.naming
        options.existingFile = invocation.existingFile
        options.syncing = invocation.retrieval.syncing
        options.grace = invocation.grace
        options.isChecked = invocation.retrieval.isChecked
        options.journalPath = invocation.retrieval.journalPath
        options.resumes = invocation.retrieval.resumes
        options.failOn = invocation.failOn
        return options
    }
}
