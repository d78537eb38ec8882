import DICOM
import DICOMNode
import DICOMProtocol
import System

/// One object of `--format jsonl` for operations other than a query: an instance, an echo, or the run as a whole.
///
/// Every object has `event` as its first member; a member that does not apply is left out, never null. UIDs and
/// statuses are strings, a status as the standard writes it (`A700H`); times are seconds, lengths bytes.
///
/// The members of each object are in ``RunEvent/Name/members``, from which the man page is made.
///
/// `outcome` is one of ``Outcome``: a script that only looks for failures needs that alone.
struct RunEvent: Sendable {
    enum Name: String, Sendable, CaseIterable {
        case echo, store, receive, copy, missing, extra, different, doubtful, equal, commitment, failed, check, call
        case request, summary
    }

    /// The outcome of one instance or echo.
    enum Outcome: String, Sendable, CaseIterable {
        /// Stored, received, committed, answered.
        case done
        /// Done, and the other side has a remark: a status of warning.
        case warning
        /// Needed nothing: already there, or done in an earlier run.
        case skipped
        case failed
        /// The run ended before its turn, or before its answer.
        case pending
    }

    /// The names of members: all that there are, so that no two operations spell one thing in two ways.
    enum Key: String, Sendable, CaseIterable {
        case event, operation, peer, destination, path, pathBytes, sopClassUID, sopInstanceUID, transferSyntaxUID,
            sentTransferSyntaxUID
        case patientID, studyInstanceUID, seriesInstanceUID, expected
        case bytes, outcome, status, meaning, comment, error, seconds, exitCode
        /// Number of echoes, associations, files, studies; the asynchronous operations window that was found out.
        case count, associations, files, studies, window
        /// Number of queries made for lists that the server cut short, and of their parts that stayed doubtful.
        case queries, doubtfulParts
        /// Number of instances that the node lists which they were sent to.
        case confirmed
        // The number of instances of each outcome.
        case done, warnings, skipped, failures, pending
        // The sub-operations as the server counted them, PS3.4 C.4.2.1.6.
        case serverCompleted, serverFailed, serverWarning, serverRemaining
        // Times of an echo's parts, and over several echoes.
        case lookupSeconds, connectSeconds, securitySeconds, associationSeconds, releaseSeconds
        case minimumSeconds, medianSeconds, percentile95Seconds, maximumSeconds
        case transactionUID, address
        case check, found, cause, fix, data
        // What a comparison finds: the numbers, what differs, and the compared attributes.
        case missing, extra, different, doubtful, equal, differences, attributes
    }

    private(set) var members: [(String, JSONValue)]

    init(_ name: Name) {
        members = [(Key.event.rawValue, .string(name.rawValue))]
    }

    /// Sets a member; nil leaves it out.
    mutating func set(_ key: Key, _ value: JSONValue?) {
        guard let value else { return }
        if let index = members.firstIndex(where: { $0.0 == key.rawValue }) {
            members[index].1 = value
        } else {
            members.append((key.rawValue, value))
        }
    }

    mutating func set(_ key: Key, _ text: String?) { set(key, text.map { JSONValue.string($0) }) }
    mutating func set(_ key: Key, _ number: Int?) { set(key, number.map { JSONValue.number($0) }) }
    mutating func set(_ key: Key, _ uid: UID?) { set(key, uid?.string) }
    /// The path itself, not its form for messages; with its bytes in Base64 where they are no UTF-8.
    mutating func set(_ path: FilePath) {
        set(.path, path.text)
        if String(validating: path.bytes, as: UTF8.self) == nil { set(.pathBytes, Base64.text(path.bytes)) }
    }

    mutating func set(_ outcome: Outcome) { set(.outcome, outcome.rawValue) }

    /// Seconds, to the microsecond.
    mutating func set(_ key: Key, seconds: Double?) {
        set(key, seconds.map { JSONValue.number(Decimal.rounded($0, digits: 6)) })
    }

    mutating func set(_ key: Key, _ time: Duration?) {
        set(key, seconds: time.map { Double($0.components.seconds) + Double($0.components.attoseconds) / 1e18 })
    }

    func number(_ key: Key) -> Double? { members.first { $0.0 == key.rawValue }?.1.double }
    func text(_ key: Key) -> String? { members.first { $0.0 == key.rawValue }?.1.string }

    /// The counts of a run that are not zero, by the names of their members.
    var counts: [(name: String, value: Int)] {
        let keys: [Key] = [
            .count, .done, .warnings, .skipped, .failures, .pending, .expected, .bytes, .missing, .extra, .different,
            .doubtful, .equal,
        ]
        return keys.compactMap { key in
            members.first { $0.0 == key.rawValue }?.1.integer.flatMap { $0 == 0 ? nil : (key.rawValue, $0) }
        }
    }

    /// The members, with their words as they may be shown; paths and identifiers are results.
    fileprivate func members(showing words: (Key, String) -> String) -> [(String, JSONValue)] {
        members.map { member in
            guard let text = member.1.string else { return member }
            switch member.0 {
            case Key.error.rawValue: return (member.0, JSONValue.string(words(.error, text)))
            case Key.comment.rawValue: return (member.0, JSONValue.string(words(.comment, text)))
            default: return member
            }
        }
    }

    /// The status of a response, with its meaning and all that the peer says about it.
    mutating func set(_ response: CommandSet, for service: ServiceKind) {
        guard let status = response.status else { return }
        set(.status, status.description)
        set(.meaning, status.meaning(for: service))
        set(.comment, response.errorComment)
    }
}

// The schema of `--format jsonl` as data: the man page prints it, and a test holds what is written to it.
extension RunEvent.Name {
    /// The kind of an object.
    var meaning: String {
        switch self {
        case .echo: "one C-ECHO"
        case .store: "an instance that is to be sent"
        case .receive: "an instance that \(OptionName.move) or \(OptionName.get) brought"
        case .copy: "an instance that goes from one archive to another"
        case .missing:
            "what was asked for and is not here, or with \(OptionName.compare) not at the second peer, as \(OptionName.fromList) takes it"
        case .extra: "what the second peer of \(OptionName.compare) alone has"
        case .different: "what both peers have, and not alike; \(OptionName.fromList) takes it"
        case .doubtful: "what one peer has, and the other one did not answer about"
        case .equal: "what both peers have alike, with \(OptionName.show)"
        case .commitment: "an instance whose storage is to be committed"
        case .failed: "an instance that the server lists as failed"
        case .check: "a check of \(OptionName.doctor)"
        case .call: "a connection to our port, or its end, of \(OptionName.watch)"
        case .request: "a message that came to our port, of \(OptionName.watch)"
        case .summary: "the run as a whole: the last line, always"
        }
    }

    /// The members that an object may have beside `event`; those that do not apply are left out.
    var members: [RunEvent.Key] {
        switch self {
        case .echo:
            [.peer, .outcome, .status, .meaning, .comment, .error, .cause, .seconds] + RunEvent.Key.timesOfAnEcho
        case .store:
            RunEvent.Key.ofAnInstance + [
                .transferSyntaxUID, .sentTransferSyntaxUID, .bytes, .outcome, .status, .meaning, .comment, .error,
                .cause,
            ]
        case .receive: RunEvent.Key.ofAnInstance + [.transferSyntaxUID, .bytes, .outcome, .status, .error, .cause]
        case .copy:
            [
                .sopClassUID, .sopInstanceUID, .studyInstanceUID, .seriesInstanceUID, .transferSyntaxUID, .bytes,
                .outcome, .status, .meaning, .comment, .error, .cause,
            ]
        case .missing: [.patientID, .studyInstanceUID, .seriesInstanceUID, .sopInstanceUID, .expected, .attributes]
        case .extra, .different, .doubtful, .equal:
            [.studyInstanceUID, .seriesInstanceUID, .sopInstanceUID, .differences, .attributes]
        case .commitment: RunEvent.Key.ofAnInstance + [.transactionUID, .outcome, .status, .meaning, .error, .cause]
        case .failed: [.sopInstanceUID]
        case .check: [.peer, .check, .outcome, .found, .cause, .fix, .seconds, .data]
        case .call: [.peer, .found, .data]
        case .request:
            [
                .peer, .found, .sopClassUID, .sopInstanceUID, .transferSyntaxUID, .bytes, .path, .pathBytes, .status,
                .outcome,
            ]
        case .summary:
            RunEvent.Key.ofTheRun + RunEvent.Key.countsOfTheRun + RunEvent.Key.timesOfEchoes
                + RunEvent.Key.timesOfAnEcho
        }
    }
}

extension RunEvent.Key {
    fileprivate static let ofAnInstance: [RunEvent.Key] = [.path, .pathBytes, .sopClassUID, .sopInstanceUID]
    fileprivate static let timesOfAnEcho: [RunEvent.Key] = [
        .lookupSeconds, .connectSeconds, .securitySeconds, .associationSeconds, .releaseSeconds,
    ]
    fileprivate static let ofTheRun: [RunEvent.Key] = [
        .operation, .peer, .destination, .exitCode, .seconds, .status, .meaning, .error, .cause, .transactionUID,
        .address,
    ]
    fileprivate static let countsOfTheRun: [RunEvent.Key] = [
        .count, .associations, .window, .files, .studies, .queries, .doubtfulParts, .done, .warnings, .skipped,
        .failures, .pending, .bytes, .expected, .missing, .extra, .different, .doubtful, .equal,
        .serverCompleted,
        .serverFailed, .serverWarning, .serverRemaining, .confirmed,
    ]
    fileprivate static let timesOfEchoes: [RunEvent.Key] = [
        .minimumSeconds, .medianSeconds, .percentile95Seconds, .maximumSeconds,
    ]
}

extension RunEvent.Outcome {
    /// In words, for the man page.
    var meaning: String {
        switch self {
        case .done: "stored, received, committed, answered"
        case .warning: "done, with a warning"
        case .skipped: "nothing to do: it is already present"
        case .failed: "not done"
        case .pending: "the run ended before its turn, or before its answer"
        }
    }
}

/// Writes the objects of `--format jsonl`, each as one line and at once, for operations other than a query.
///
/// The schema is that of ``RunEvent``. Several threads may write. The first failure of the output is kept for the end
/// of the run and ends the writing, not the work.
final class EventWriter: Sendable {
    private let output: any ByteSink
    private let state = Locked<ByteSinkError?>(nil)

    private let escapesNonASCII: Bool
    private let words: @Sendable (RunEvent.Key, String) -> String

    /// - Parameters:
    ///   - escapesNonASCII: for an output that has another encoding than UTF-8.
    ///   - words: How the words about a failure are shown: as messages show them.
    init(
        output: any ByteSink, escapesNonASCII: Bool = false,
        words: @escaping @Sendable (RunEvent.Key, String) -> String = { _, text in text }
    ) {
        self.output = output
        self.escapesNonASCII = escapesNonASCII
        self.words = words
    }

    func write(_ event: RunEvent) {
        var line = JSONValue.object(event.members(showing: words)).serialized()
        if escapesNonASCII { DICOMJSON.escapeNonASCII(in: &line, from: 0) }
        line.append(UInt8(ascii: "\n"))
        state.withLock { [line] failure in
            guard failure == nil else { return }
            do throws(ByteSinkError) { try output.write(line) } catch { failure = error }
        }
    }

    /// The reason why lines are missing.
    var failure: ByteSinkError? { state.withLock { $0 } }
}
