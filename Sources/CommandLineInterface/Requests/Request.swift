package import DICOM
package import DICOMNode
package import DICOMProtocol
package import PracticeArchive
package import System

/// One run of the program: its request, and the options that every operation has.
package struct Invocation: Sendable, Equatable {
    package var operation: Operation
    package var request: Request
    package var connection: ConnectionOptions
    /// The connection to the node that instances go to, where that is asked or called itself.
    package var destination: ConnectionOptions?
    package var messages: MessageOptions
    package var monitoring = MonitoringOptions()
    /// The root of generated UIDs; nil makes them below 2.25.
    package var uidRoot: UID?

    /// True if nothing is lost where the run ends in the middle without a word: one C-ECHO of which nothing is written but its line.
    var losesNothing: Bool {
        guard case .echo(let options) = request else { return false }
        return options.count == 1 && connection.web == nil && !messages.areKept && monitoring.form == nil
            && monitoring.metricsPath == nil
    }

    /// True if both have one archive, or one folder, as their peer.
    func isPeer(of other: Invocation) -> Bool {
        switch (folder, other.folder) {
        case (let one?, let another?): Self.parts(one) == Self.parts(another)
        case (nil, nil): connection.isPeer(of: other.connection)
        default: false
        }
    }

    private var folder: FilePath? { if case .compare(let options) = request { options.folder } else { nil } }

    /// The names of a path, without those that lead nowhere else.
    private static func parts(_ path: FilePath) -> [ArraySlice<UInt8>] {
        let parts = path.bytes.split(separator: UInt8(ascii: "/")).filter { Array($0) != [UInt8(ascii: ".")] }
        return path.bytes.first == UInt8(ascii: "/") ? [[]] + parts : parts
    }

    /// Hides in messages the patient data of the request, unless the user allows it to be shown.
    package var redaction: Redaction {
        let isOn = !messages.logsPatientData
        switch request {
        case .find(let options): return Redaction(isOn: isOn, knownValues: options.query.hiddenValues)
        case .retrieve(let options):
            return Redaction(
                isOn: isOn, knownValues: options.query.hiddenValues, outputDirectory: options.outputDirectory.displayed,
                shownComponents: (options.naming ?? .standard).shownComponents,
                givenPaths: [
                    options.journalPath, options.reportPath, options.listPath, options.query.queryPath,
                    options.query.storeQueryPath, messages.logFile, messages.capturePath, messages.transcriptPath,
                ].compactMap { $0?.displayed })
        case .compare(let options): return Redaction(isOn: isOn, knownValues: options.query.hiddenValues)
        case .copy(let options):
            return Redaction(
                isOn: isOn, knownValues: options.retrieve.query.hiddenValues,
                givenPaths: [
                    options.journalPath, options.retrieve.reportPath, options.retrieve.listPath,
                    options.retrieve.query.queryPath, options.retrieve.query.storeQueryPath, messages.logFile,
                    messages.capturePath, messages.transcriptPath,
                ].compactMap { $0?.displayed })
        case .echo, .store, .commit, .serve, .selfTest, .doctor, .watch: return Redaction(isOn: isOn)
        }
    }
}

/// The request of a command line: an operation with its own options, parsed and checked.
package enum Request: Sendable, Equatable {
    case echo(EchoOptions)
    case store(StoreOptions)
    /// Also for the worklist, which has an information model of its own.
    case find(FindOptions)
    case retrieve(RetrieveOptions)
    case commit(StorageCommitmentOptions)
    case serve(ServeOptions)
    case selfTest(SelfTestOptions)
    case doctor(DoctorOptions)
    case watch(WatchOptions)
    /// One of the two sides of a comparison.
    case compare(CompareOptions)
    case copy(CopyOptions)
}

/// The options for messages and results: their level, format and destination.
package struct MessageOptions: Sendable, Equatable {
    package var logFile: FilePath?
    package var logFormat: LogFormat = .text
    /// True if the lines on the standard error have a time.
    package var hasTimes = false
    package var verbosity: Diagnostics.Level = .note
    /// True if messages and logs may show patient data.
    package var logsPatientData = false
    /// True if results are printed as JSON objects, one a line. A query has formats of its own.
    package var writesEvents = false
    /// True if nothing is printed about what is well.
    package var isQuiet = false
    /// The file for the packets of the run.
    package var capturePath: FilePath?
    /// The file for the text of the associations.
    package var transcriptPath: FilePath?
    /// The bytes that a capture keeps of pixel data and other long binary values.
    package var capturedBytes = CaptureRules.standardKeptBytes
    /// True if something of the run goes to a file, or is for a program.
    var areKept: Bool { logFile != nil || writesEvents || capturePath != nil || transcriptPath != nil }

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

// MARK: - Doctor

package struct DoctorOptions: Sendable, Equatable {
    /// What options and configuration say of this machine.
    package struct Machine: Sendable, Equatable {
        var configurationPath: String?
        var nodes: [String]
        var certificateFiles: [FilePath]
    }

    /// True for `--probe`, which asks for nothing but services and storage.
    package var isProbe = false
    /// True if one JSON document holds what was found of all peers.
    package var isDocument = false
    /// The checks that are asked for; empty for all.
    package var checks: Set<DoctorCheck> = []
    /// The services that must be offered.
    package var services: [DoctorService] = []
    /// The storage SOP classes that must be accepted.
    package var demandedClasses: [UID] = []
    package var classes = StorageClassName.usual.map(\.uid)
    /// Not nil if no peer is given.
    package var machine: Machine?
    /// The file of the report, which is HTML.
    package var reportPath: FilePath?
    /// The time to wait for the server to call back, in seconds.
    package var wait = standardWait

    package static let standardWait = 5.0
    /// The limit of a connection, and of a response, in seconds.
    package static let checkLimit = 3.0

    package init() {}
}

// MARK: - Watch

package struct WatchOptions: Sendable, Equatable {
    /// The directory for what callers send; nil keeps nothing.
    package var outputDirectory: FilePath?

    package init() {}
}

// MARK: - Store

/// Files and directories as they were typed, in order.
package struct InputFiles: Sendable, Equatable {
    package var paths: [FilePath] = []
    /// True if directories are read recursively; otherwise only the files directly in them are taken.
    package var isRecursive = false

    package init() {}

    /// Those that are files and directories themselves, and not names to be read.
    var given: [FilePath] { paths.filter { $0 != Self.standardInput } }
    /// True if further names are read from the standard input.
    var readsNames: Bool { paths.contains(Self.standardInput) }

    private static let standardInput: FilePath = "-"
}

package struct StoreOptions: Sendable, Equatable {
    package var input = InputFiles()
    package var priority: Priority = .medium
    /// The number of associations that send at once.
    package var jobs = LoadChoice.fixed(1)
    /// The number of C-STOREs that may await a response at a time on one association, if the peer accepts it.
    package var window = LoadChoice.fixed(1)
    /// The journal that records the outcome of each instance.
    package var journalPath: FilePath?
    /// True to skip instances that the journal records as stored.
    package var resumes = false
    /// The file for the paths of the files that were not stored.
    package var failedOutPath: FilePath?
    package var neverRewrites = false
    /// True if UIDs that a data set lacks may be those of its file meta information.
    package var assumesMeta = false
    /// True if the first instance that is not stored ends the run.
    package var isStrict = false
    /// True to query the peer for the instances that it has already, and to skip those.
    package var skipsExisting = false
    package var verification: StoreVerificationMethod?
    /// For verification by storage commitment.
    package var commitment = CommitmentOptions()
    package var failOn: FailurePolicy = .failure

    package init() {}
}

/// The check, after sending, that the peer has the instances.
package enum StoreVerificationMethod: String, Sendable, CaseIterable {
    /// C-FIND for each instance.
    case find
    /// Storage commitment for each instance.
    case commit
}

// MARK: - Storage commitment

package struct StorageCommitmentOptions: Sendable, Equatable {
    package var input = InputFiles()
    /// A list of the instances to request; `-` is the standard input.
    package var listPath: FilePath?
    /// A journal that names the instances to request, and records the results.
    package var journalPath: FilePath?
    package var commitment = CommitmentOptions()

    package init() {}
}

/// The options of commitment requests, also after storing.
package struct CommitmentOptions: Sendable, Equatable {
    /// The grouping of references into transactions.
    package enum Grouping: String, Sendable, CaseIterable {
        case study, series
    }

    /// The time to wait for a report, in seconds; 0 sends the request only.
    package var resultWait: Double = 60
    package var maximumReferences = StorageCommitmentRequest.maximumReferenceCount
    /// Nil fills transactions without regard to studies or series.
    package var grouping: Grouping?
    /// The file for transactions without a report in time.
    package var transactionFile: FilePath?
    /// True to send no request, and to wait for the reports of earlier runs.
    package var isListening = false
    /// The file for the paths of the files that the server has committed to keep.
    package var committedListPath: FilePath?
    /// The directory in which reports are saved as DICOM files; nil saves none.
    package var reportDirectory: FilePath?
    /// True if reports count only from the address of the server.
    package var checksAddress = false

    package init() {}
}

// MARK: - Find and worklist

package struct FindOptions: Sendable, Equatable {
    package var query = QueryOptions()
    /// The defined terms for responses without Specific Character Set.
    package var assumedCharacterSet: String?
    /// The defined terms for all responses, whatever they name.
    package var forcedCharacterSet: String?
    package var format: ResultFormat = .text
    /// True if the format was given; otherwise a terminal gets a table.
    package var isFormatGiven = false
    /// The columns of a table, in order; empty for the requested keys.
    package var columns: [QueryKey] = []
    /// True if a table shows all columns, and every value whole.
    package var isWide = false
    package var color: ColorChoice = .auto
    /// The attributes by whose values matches are counted; empty: each match is shown.
    package var groupKeys: [QueryKey] = []
    /// The number of matches that are shown; without an order, the query is cancelled then.
    package var limit: Int?
    /// The directory for the matches, if the format writes files.
    package var outputDirectory: FilePath = "."
    package var existingFile: InstanceWriter.Existing = .rename
    package var failOn: FailurePolicy = .failure

    package init() {}

    /// The paths of the attributes that were named to be returned, each once: by keys without a value, `--return`, `--columns` and
    /// `--group-by`.
    var namedAttributes: [[Tag]] {
        let returned = query.returnKeys.compactMap { if case .attribute(let key) = $0 { key } else { nil } }
        return (query.keys.filter(\.value.isEmpty) + returned + columns + groupKeys).map(\.tags)
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}

/// Whether results are coloured; auto: on a terminal.
package enum ColorChoice: String, Sendable, CaseIterable {
    case auto, always, never
}

/// The forms in which matches are printed on the standard output.
package enum ResultFormat: String, Sendable, CaseIterable {
    case text, table, json, jsonl, csv, tsv, dcm, count, nagios, prometheus

    /// An operation without matches has only events to print.
    package func isAvailable(for operation: Operation) -> Bool {
        switch self {
        case .text, .jsonl: true
        case .json: operation.isQuery || operation == .probe
        case .csv: operation.isQuery || operation == .compare
        case .table, .tsv, .dcm, .count: operation.isQuery
        case .nagios: operation.callsPeer && OperationSet.monitored.contains(operation)
        case .prometheus: operation == .echo
        }
    }

    /// The names of those that are.
    package static func accepted(for operation: Operation) -> String {
        allCases.filter { $0.isAvailable(for: operation) }.map(\.rawValue).joined(separator: ", ")
    }

    /// The form in which a monitor reads the outcome of the run, in place of its results; nil for results.
    package var monitoringForm: MonitoringOptions.Form? {
        switch self {
        case .nagios: .nagios
        case .prometheus: .prometheus
        case .text, .table, .json, .jsonl, .csv, .tsv, .dcm, .count: nil
        }
    }

    /// True if it has one column for each attribute.
    package var hasColumns: Bool { self == .table || self == .csv || self == .tsv }
}

// MARK: - Compare

/// What a comparison finds of a study, a series or an instance. The raw values are words of the command line and of results.
package enum Difference: String, Sendable, CaseIterable {
    case missing, extra, different, doubtful, equal

    /// The first character of its line.
    package var mark: String {
        switch self {
        case .missing: "-"
        case .extra: "+"
        case .different: "*"
        case .doubtful: "?"
        case .equal: "="
        }
    }
}

/// The options of one side of a comparison; all but the folder are those of the other one, too.
package struct CompareOptions: Sendable, Equatable {
    package var query = QueryOptions()
    /// The folder that takes the place of a peer.
    package var folder: FilePath?
    /// The attributes that are compared beside the number of instances.
    package var columns: [QueryKey] = []
    package var format: ResultFormat = .text
    /// What is printed.
    package var shown: [Difference] = [.missing, .extra, .different, .doubtful]
    package var assumedCharacterSet: String?
    package var forcedCharacterSet: String?

    package init() {}
}

// MARK: - Move and get

package struct RetrieveOptions: Sendable, Equatable {
    package enum Method: Sendable {
        case move, get
    }

    package var method: Method = .get
    package var query = QueryOptions()
    /// The list of targets to retrieve; `-` is the standard input.
    package var listPath: FilePath?
    /// Names of the list's columns beside keywords.
    package var listColumns: [ListColumn] = []
    /// The file for the outcome of each row of the list, or of each target.
    package var reportPath: FilePath?
    package var shard: Shard?
    /// True if patients are retrieved study by study, and each study alone.
    package var takesStudies = false
    /// True to show the targets without retrieving them.
    package var isDryRun = false
    /// The number of studies or series that are retrieved at once.
    package var jobs = LoadChoice.fixed(1)
    /// The number of patients, studies, series or instances that are retrieved, the first ones of the order.
    package var limit: Int?
    /// The AE title that a C-MOVE request names as its destination.
    package var moveDestination = ConnectionOptions.standardCallingAETitle
    /// True if a node of the configuration with another AE title has the name that was given as the AE title of the destination.
    package var isDestinationNamedAsNode = false
    /// True if the destination of a C-MOVE is asked for what has arrived there.
    package var verifiesDestination = false
    /// True if a C-MOVE's instances come to this process, which then must listen.
    package var receivesMovedInstances = false
    /// True if a C-GET that the server does not offer becomes a C-MOVE.
    package var fallsBackToMove = false
    /// The transfer syntaxes to receive if the server can convert, in order of preference.
    package var preferredSyntaxes: [UID] = []
    package var outputDirectory: FilePath = "."
    /// The pattern for the path of a received instance below the output directory, by its attributes; nil: the standard one.
    package var naming: InstanceNaming?
    package var existingFile: InstanceWriter.Existing = .rename
    package var syncing: OutputFolder.Syncing = .end
    /// The mode of received files; nil to follow the umask.
    package var fileMode: UInt32?
    /// The time that instances may still take to arrive after the final response, in seconds.
    package var grace: Double = 10
    /// True to compare the received instances with those that the server lists.
    package var isChecked = true
    /// True to keep data sets that are cut off or malformed, beside the others.
    package var keepsBroken = false
    /// The journal that records the instances on disk.
    package var journalPath: FilePath?
    /// True to skip instances that the journal records as on disk.
    package var resumes = false
    package var failOn: FailurePolicy = .failure

    package init() {}

    /// True if the instances go to a third party.
    package var isForThirdParty: Bool { method == .move && !receivesMovedInstances }
}

/// The form of a report of rows, by the ending of its name.
package enum RetrievalReportForm: Sendable {
    case csv, jsonLines
    /// The whole run on a page for people.
    case html

    init?(_ path: FilePath) {
        let name = path.lowercasedName
        if name.hasSuffix(".csv") {
            self = .csv
        } else if name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") {
            self = .jsonLines
        } else if path.isPage {
            self = .html
        } else {
            return nil
        }
    }

    static let accepted = "a name that ends in .csv, .jsonl, .ndjson or .html"

    /// The first bytes of every report of the form.
    var start: String {
        switch self {
        case .csv: "line,outcome,"
        case .jsonLines: "{\"line\":"
        case .html: HTMLPage.start("retrieval")
        }
    }
}

/// A name for a column of a list, and the attribute that the column has.
package struct ListColumn: Sendable, Equatable {
    package let name: String
    package let key: QueryKey
}

// MARK: - Copy

package struct CopyOptions: Sendable, Equatable {
    /// The retrieval from the old archive.
    package var retrieve = RetrieveOptions()
    /// The sending to the new one.
    package var store = StoreOptions()
    /// Bytes of instances that are on disk at a time.
    package var bufferSize: UInt64 = 1 << 30
    /// The journal that records the instances that the new archive has.
    package var journalPath: FilePath?
    /// True to skip instances that the journal records as there.
    package var resumes = false

    package init() {}

    /// True if our port is for instances of the old archive, and not for reports of the new one.
    package var usesPortForRetrieval: Bool { retrieve.fallsBackToMove || store.verification != .commit }
}

// MARK: - Practice archive and self-test

package struct ServeOptions: Sendable, Equatable {
    /// The registered port of DICOM, which needs no privileges, PS3.8 9.1.1.
    package static let standardPort: UInt16 = 11_112
    /// The address that it listens at: this machine alone may connect.
    package static let standardBindAddress = "127.0.0.1"
    package static let standardAETitle = AETitle(wire: "PRACTICE".utf8)

    package var directory: FilePath = "."
    /// The addresses of the AE titles that the archive sends to and reports to.
    package var destinations: [AETitle: Endpoint] = [:]
    /// Files and folders with the items of the archive's worklist.
    package var worklistItems: [FilePath] = []
    /// The port at which the archive speaks HTTP, 0 for one that the system chooses; nil if it does not.
    package var httpPort: UInt16?
    package var faults: [Fault] = []

    package init() {}
}

package struct SelfTestOptions: Sendable, Equatable {
    /// The directory in which the generated images are saved; nil saves none.
    package var imagesDirectory: FilePath?

    package init() {}
}

/// One of several shares of all studies, so that machines can divide a work without speaking to each other.
///
/// The share of a study is a hash of its UID that is the same on every machine and in every version of this program.
package struct Shard: Sendable, Equatable {
    /// From 1 to ``count``.
    package let number: Int
    package let count: Int

    /// Reads `3/8`. Nil: not of that form, or not from 1/1 to N/N.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]), count > 0,
            (1...count).contains(number)
        else { return nil }
        self.number = number
        self.count = count
    }

    package func contains(_ studyInstanceUID: UID) -> Bool {
        Int(Self.hash(studyInstanceUID) % UInt64(count)) == number - 1
    }

    /// FNV-1a, then mixed (the finalizer of SplitMix64): UIDs of one scanner differ in their last digits only.
    private static func hash(_ uid: UID) -> UInt64 {
        var hash = FNV1a.hash(uid.string.utf8)
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return hash ^ hash >> 31
    }
}

// MARK: - Names of files

extension FilePath {
    fileprivate var lowercasedName: String { String(decoding: lastComponent.bytes, as: UTF8.self).lowercased() }

    /// True for the name of a file of HAR.
    var isHTTPArchive: Bool { lowercasedName.hasSuffix(".har") }

    /// True for the name of a file of packets.
    var isPacketCapture: Bool { lowercasedName.hasSuffix(".pcapng") || lowercasedName.hasSuffix(".pcap") }

    /// True for the name of a page of HTML.
    var isPage: Bool { lowercasedName.hasSuffix(".html") || lowercasedName.hasSuffix(".htm") }
}
