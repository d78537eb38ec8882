import DICOM
import DICOMNode
import DICOMProtocol
import System

/// One of the two sides of a comparison: a peer, or a folder.
protocol ComparedSide: AnyObject {
    /// The side as messages name it.
    var name: String { get }
    var outcome: RunOutcome { get }
    /// What it is asked for.
    var plan: ComparisonPlan { get }
    /// True if it has something that contradicts a key, and was left out.
    var hasLeftOut: Bool { get }

    /// Lists all studies, which ``next()`` returns then in the order of their UIDs.
    ///
    /// - Throws: ``ComparisonFailure`` if the list cannot be had whole.
    func list() throws(ComparisonFailure)

    /// The next study; nil behind the last one.
    func next() throws(ComparisonFailure) -> ComparedEntity?

    /// What is directly below an entity that the side has, in the order of the UIDs; nil if that list cannot be had whole, which is told.
    func children(of entity: ComparedEntity) throws(ComparisonFailure) -> [ComparedEntity]?

    /// Finds out what the keys of an entity are that nothing is known of.
    func verdict(of entity: ComparedEntity) throws(ComparisonFailure) -> ComparedVerdict

    /// Asks for one entity that the side has not listed, by its UIDs alone.
    func ask(for uids: [String]) throws(ComparisonFailure) -> ComparedAnswer

    /// True if attributes without a value may be left out of matches, as over HTTP.
    var leavesOutEmpty: Bool { get }

    /// True if a compared attribute, by its number, was in a match at least: where others lack it then, it has no value.
    func hasReturned(_ column: Int) -> Bool

    /// Counts the instances of an entity where the side does not tell their number; nil if they cannot be counted.
    func countInstances(of entity: ComparedEntity) throws(ComparisonFailure) -> Int?

    /// Remembers that an entity is not compared, as nothing shows that it is what the keys ask for.
    func noteUnconfirmed(_ keys: [Tag])

    /// Tells what was left out and why, and ends what is open.
    ///
    /// - Parameter isNothingCompared: True if no entity was.
    func finish(isNothingCompared: Bool)
}

/// What is known of an entity and the keys.
enum ComparedVerdict: Equatable {
    case selected
    /// It has another value than the key asks for.
    case rejected(Tag)
    case unknown([Tag])
}

/// The answer about one entity.
enum ComparedAnswer {
    case absent
    case present(ComparedEntity)
    /// It is there, and has another value than a key asks for.
    case rejected(ComparedEntity, key: Tag, value: String)
    /// The side did not answer.
    case refused(Message)
    /// It answered with a match that cannot be read, which is told.
    case unreadable
}

/// The reason why a comparison ends.
enum ComparisonFailure: Error {
    /// With the outcome of the side that it is about.
    case of(RunOutcome, ExitCode, Message)
    case association(RunOutcome, AssociationError, CalledServer)

    func report() {
        switch self {
        case .of(let outcome, let code, let message): outcome.fail(code, message)
        case .association(let outcome, let error, let server): outcome.fail(error, calling: server)
        }
    }
}

/// A list of studies of any length, in the order of their UIDs. What a side lists twice is in it once.
final class StudyList {
    private let records: SortedRecords
    private var last: [UInt8] = []
    /// The number of studies that were listed more than once.
    private(set) var repeated = 0

    init(_ records: SortedRecords) { self.records = records }

    /// - Throws: `SystemError` if the file of the list cannot be read.
    func next() throws(SystemError) -> ComparedEntity? {
        while let record = try records.next() {
            let uid = Array(record.prefix { $0 != 0 })
            guard uid != last else {
                repeated += 1
                continue
            }
            last = uid
            return ComparedEntity(record: record)
        }
        return nil
    }

    /// Where lists are kept that do not fit into memory.
    static func folders(_ environment: Environment) -> [FilePath] {
        let given = environment.variable("TMPDIR").flatMap { $0.isEmpty ? nil : FilePath(argument: $0) }
        return [given, "/var/tmp", "/tmp"].compactMap(\.self)
    }

    static func tooLong(_ name: String, _ outcome: RunOutcome) -> ComparisonFailure {
        .of(
            outcome, .incomplete,
            Message(
                "\(name): a list of more than \(RecordSorter.standardMaximumBytes >> 30) GiB",
                "it is given up, and nothing compared"))
    }

    static func failure(_ error: SystemError, _ outcome: RunOutcome) -> ComparisonFailure {
        .of(outcome, .localFiles, Message("cannot keep the list of studies in a temporary file", error.description))
    }
}
