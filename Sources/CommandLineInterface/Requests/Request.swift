package import DICOM
package import DICOMNode
package import DICOMProtocol
package import PracticeArchive

/// One run of the program: what is asked for, and what every operation is given besides.
package struct Invocation: Sendable, Equatable {
    package var operation: Operation
    package var request: Request
    package var connection: ConnectionOptions
    package var messages: MessageOptions
    /// The root of generated UIDs; nil makes them below 2.25.
    package var uidRoot: UID?
}

/// What a command line asks for: an operation with its own options, parsed and checked.
package enum Request: Sendable, Equatable {
    case echo(EchoOptions)
    case store(StoreOptions)
    /// Also for the worklist, which has an information model of its own.
    case find(FindOptions)
    case retrieve(RetrieveOptions)
    case commit(StorageCommitmentOptions)
    case serve(ServeOptions)
    case selfTest(SelfTestOptions)
}

/// What is told to people, and where.
package struct MessageOptions: Sendable, Equatable {
    package var logFile: String?
    package var verbosity: Diagnostics.Level = .note
    /// Whether messages and logs may show patient data.
    package var logsPatientData = false
    /// Whether results are printed as objects of JSON, one a line. A query has formats of its own.
    package var writesEvents = false

    package init() {}
}

/// The lowest severity that makes an instance or a query count as failed in the exit code.
package enum FailurePolicy: String, Sendable, CaseIterable {
    case failure, warning
}

// MARK: - Echo

package struct EchoOptions: Sendable, Equatable {
    package var count = 1
    /// The time between the end of an echo and the next one, in seconds.
    package var interval: Double = 1

    package init() {}
}

// MARK: - Store

/// Files and directories as they were typed, in order.
package struct InputFiles: Sendable, Equatable {
    package var paths: [String] = []
    /// Whether directories are walked to their ends; otherwise one level of each is listed.
    package var isRecursive = false

    package init() {}
}

package struct StoreOptions: Sendable, Equatable {
    package var input = InputFiles()
    package var priority: Priority = .medium
    /// Associations that send at once.
    package var jobs = 1
    /// C-STOREs that may be unanswered at a time on one association, if the peer grants it.
    package var operationsWindow: UInt16 = 1
    /// How often what failed for a reason that may pass is tried again.
    package var retries = 0
    /// The first pause before another attempt, in seconds; each further one is twice as long.
    package var retryDelay = 2.0
    /// Where the outcome of each instance is recorded.
    package var journalPath: String?
    /// Whether what the journal says is stored is left out.
    package var resumes = false
    /// Where the names of what was not stored are written.
    package var failedOutPath: String?
    package var neverRewrites = false
    /// Whether the first instance that is not stored ends the run.
    package var isStrict = false
    /// Whether the peer is asked for what it has already, and that is left out.
    package var skipsExisting = false
    package var verification: StoreVerificationMethod?
    /// For verification by storage commitment.
    package var commitment = CommitmentOptions()
    package var failOn: FailurePolicy = .failure

    package init() {}
}

/// How it is made sure, after sending, that the peer holds what was sent.
package enum StoreVerificationMethod: String, Sendable, CaseIterable {
    /// C-FIND for each instance.
    case find
    /// Storage commitment for each instance.
    case commit
}

// MARK: - Storage commitment

package struct StorageCommitmentOptions: Sendable, Equatable {
    package var input = InputFiles()
    /// A list of what to ask for; `-` is the standard input.
    package var listPath: String?
    /// A journal that names what to ask for, and records the verdicts.
    package var journalPath: String?
    package var commitment = CommitmentOptions()

    package init() {}
}

/// How commitment is asked for, also after storing.
package struct CommitmentOptions: Sendable, Equatable {
    /// What goes into one transaction together.
    package enum Grouping: String, Sendable, CaseIterable {
        case study, series
    }

    /// The time to wait for a report, in seconds; 0 asks only.
    package var resultWait: Double = 60
    package var maximumReferences = StorageCommitmentRequest.maximumReferenceCount
    /// Nil fills transactions whatever the references belong to.
    package var grouping: Grouping?
    /// Where transactions are kept that were not answered in time.
    package var transactionFile: String?
    /// Whether nothing is asked, and the reports of earlier runs are waited for.
    package var isListening = false
    /// Where reports are kept as DICOM files; nil keeps none.
    package var reportDirectory: String?

    package init() {}
}

// MARK: - Find and worklist

package struct FindOptions: Sendable, Equatable {
    package var query = QueryOptions()
    /// The defined terms for responses that do not say theirs.
    package var assumedCharacterSet: String?
    package var format: ResultFormat = .text
    /// Whether a person chose the format; otherwise a terminal gets a table.
    package var isFormatGiven = false
    /// The columns of a table, in order; empty for those that were asked for.
    package var columns: [QueryKey] = []
    /// The number of matches after which a query is cancelled.
    package var limit: Int?
    /// Where files go, if the format is one.
    package var outputDirectory = "."
    package var existingFile: InstanceWriter.Existing = .rename
    package var failOn: FailurePolicy = .failure

    package init() {}
}

/// The forms in which matches are printed on the standard output.
package enum ResultFormat: String, Sendable, CaseIterable {
    case text, table, json, jsonl, csv, tsv, dcm

    /// An operation without matches has only events to print.
    package func isAvailable(for operation: Operation) -> Bool {
        operation.isQuery || self == .text || self == .jsonl
    }

    /// Whether it has one column for each attribute.
    package var hasColumns: Bool { self == .table || self == .csv || self == .tsv }
}

// MARK: - Move and get

package struct RetrieveOptions: Sendable, Equatable {
    package enum Method: Sendable {
        case move, get
    }

    package var method: Method = .get
    package var query = QueryOptions()
    /// Where a list of what to retrieve is read; `-` is the standard input.
    package var listPath: String?
    package var shard: Shard?
    /// Shows what would be retrieved, and retrieves nothing.
    package var isDryRun = false
    /// How many studies or series are retrieved at once.
    package var jobs = 1
    /// The AE title that a C-MOVE request names as its destination.
    package var moveDestination = ConnectionOptions.standardCallingAETitle
    /// Whether a C-MOVE's instances come to this process, which then must listen.
    package var receivesMovedInstances = false
    /// Whether a C-GET that the server does not offer becomes a C-MOVE.
    package var fallsBackToMove = false
    /// The AE titles that may call our receiver; empty: every one that calls us by our AE title.
    package var acceptedCallers: [AETitle] = []
    /// Transfer syntaxes to receive in where the server can convert, the best first.
    package var preferredSyntaxes: [UID] = []
    package var outputDirectory = "."
    /// How a received instance's path is made from its attributes, below the output directory.
    package var naming: InstanceNaming = .standard
    package var existingFile: InstanceWriter.Existing = .rename
    package var syncing: OutputFolder.Syncing = .end
    /// How long announced sub-operations may still arrive after the final response, in seconds.
    package var grace: Double = 10
    /// Whether what was received is compared with what the server lists.
    package var isChecked = true
    /// Where it is recorded what is on disk.
    package var journalPath: String?
    /// Whether what the journal says is on disk is left out.
    package var resumes = false
    package var failOn: FailurePolicy = .failure

    package init() {}

    /// Whether the instances go to a third party.
    package var isForThirdParty: Bool { method == .move && !receivesMovedInstances }
}

// MARK: - Practice archive and self-test

package struct ServeOptions: Sendable, Equatable {
    /// The port that is usual for DICOM without privileges, PS3.8 9.1.1.
    package static let standardPort: UInt16 = 11_112
    package static let standardAETitle = AETitle(wire: "PRACTICE".utf8)

    package var directory = "."
    /// Where AE titles are that the archive sends to and reports to.
    package var destinations: [AETitle: Endpoint] = [:]
    /// Files and folders with the items of the archive's worklist.
    package var worklistItems: [String] = []
    package var faults: [Fault] = []

    package init() {}
}

package struct SelfTestOptions: Sendable, Equatable {
    /// Where the generated images are kept; nil keeps none.
    package var imagesDirectory: String?

    package init() {}
}
