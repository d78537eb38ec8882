package import DICOM
package import DICOMNode
package import DICOMProtocol
package import PracticeArchive

/// Everything that a command line asks for, parsed and checked: what the operations are given to work with.
///
/// An option that was not given has its default here; one that the operation cannot use has been refused before.
package struct Invocation: Sendable, Equatable {
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
    /// How long to wait for a storage commitment result, in seconds; 0 asks only.
    package var resultWait: Double = 60
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

    /// The title that a C-MOVE request names as its destination.
    package var effectiveMoveDestination: AETitle { moveDestination ?? callingAETitle }
}

/// What answers of a query look like on the standard output.
package enum ResultFormat: String, Sendable, CaseIterable {
    case text, table, json, jsonl, csv, tsv, dcm

    /// What an operation without matches has to print is events.
    package func isAvailable(for operation: Operation) -> Bool {
        operation.isQuery || self == .text || self == .jsonl
    }

    /// Whether it has one column for each attribute.
    package var hasColumns: Bool { self == .table || self == .csv || self == .tsv }
}

/// From what on an outcome counts as failed in the exit code.
package enum FailurePolicy: String, Sendable, CaseIterable {
    case failure, warning
}
