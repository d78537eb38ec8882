package import DICOM
package import DICOMProtocol
import Glibc
package import System

/// One storage commitment transaction as we know it: what was asked of whom, and what was reported on it so far.
package struct CommitmentTransaction: Sendable, Equatable {
    /// The peer that was asked, and our own AE title: both are needed to recognise the report in a later run.
    package struct Peer: Sendable, Equatable {
        package var calledAETitle: String
        package var callingAETitle: String
        package var endpoint: Endpoint
        /// The address that the name of the host led to, in numbers; nil if it is not known.
        package var address: String?

        package init(calledAETitle: String, callingAETitle: String, endpoint: Endpoint, address: String? = nil) {
            self.calledAETitle = calledAETitle
            self.callingAETitle = callingAETitle
            self.endpoint = endpoint
            self.address = address
        }

        /// The peer as messages name it: `AETITLE@host:port`, an IPv6 address in brackets.
        package var name: String { "\(calledAETitle)@\(endpoint)" }
    }

    package let request: StorageCommitmentRequest
    package let peer: Peer
    /// True if this run waits for its report; others are known so that a late or repeated report is recognised.
    package internal(set) var isAwaited: Bool
    /// True if the request was made again in another transaction, because there was no response to this one.
    package internal(set) var isSuperseded = false
    /// True if a report has come, even one without any of the requested instances.
    package private(set) var isReported = false
    /// True if the transaction file says that no report is expected any more.
    package internal(set) var isClosed = false
    /// All reports so far held against the request.
    package private(set) var outcome: StorageCommitmentOutcome
    private var committed: [StorageCommitmentResult.Committed] = []
    private var failed: [StorageCommitmentResult.Failed] = []

    package init(_ request: StorageCommitmentRequest, peer: Peer, isAwaited: Bool = true) {
        self.request = request
        self.peer = peer
        self.isAwaited = isAwaited
        outcome = StorageCommitmentOutcome(
            of: request,
            result: StorageCommitmentResult(transactionUID: request.transactionUID, committed: [], failed: []))
    }

    /// True if every reference has been reported.
    package var isAnswered: Bool { outcome.unanswered.isEmpty }

    /// Takes a report. False: all of it was known already.
    ///
    /// A server may split its result, and may repeat it; a failure once reported stays one.
    mutating func take(_ result: StorageCommitmentResult) -> Bool {
        let together = StorageCommitmentResult(
            transactionUID: request.transactionUID, committed: committed + result.committed,
            failed: failed + result.failed)
        let outcome = StorageCommitmentOutcome(of: request, result: together)
        guard !isReported || outcome != self.outcome else { return false }
        isReported = true
        self.outcome = outcome
        // Kept only with new results: endless repetitions must not fill memory.
        committed = together.committed
        failed = together.failed
        return true
    }
}

/// Transactions in the order of their requests.
struct CommitmentTransactions {
    private(set) var order: [UID] = []
    private var byUID: [UID: CommitmentTransaction] = [:]

    var all: [CommitmentTransaction] { order.compactMap { byUID[$0] } }

    subscript(uid: UID) -> CommitmentTransaction? {
        get { byUID[uid] }
        set {
            if newValue == nil { order.removeAll { $0 == uid } } else if byUID[uid] == nil { order.append(uid) }
            byUID[uid] = newValue
        }
    }

    /// Changes the transactions as a line of the file says. Returns false if it says nothing new.
    ///
    /// - Parameter isAwaited: True if a report on a transaction that was not known is waited for.
    @discardableResult
    mutating func apply(_ event: CommitmentTransactionFile.Event, isAwaited: Bool = false) -> Bool {
        switch event {
        case .requested(var transaction):
            let uid = transaction.request.transactionUID
            guard byUID[uid] == nil else { return false }
            transaction.isAwaited = isAwaited
            self[uid] = transaction
            return true
        case .reported(let uid, let result): return byUID[uid]?.take(result) ?? false
        case .closed(let uid):
            guard byUID[uid]?.isClosed == false else { return false }
            byUID[uid]?.isClosed = true
            if byUID[uid]?.isReported == false { byUID[uid]?.isAwaited = false }
            return true
        }
    }
}

/// Keeps storage commitment transactions across runs, so that a report that comes later still finds its request.
///
/// JSON lines, only ever appended and forced onto the disk, so that neither a crash nor a full disk loses what was
/// there:
///
///     {"event":"requested","transactionUID":...,"time":...,"called":...,"calling":...,"host":...,"port":...,"address":...,
///      "references":[{"sopClassUID":...,"sopInstanceUID":...},...]}
///     {"event":"reported","transactionUID":...,"time":...,"committed":[reference,...],"failed":[reference and "reason",...]}
///     {"event":"closed","transactionUID":...,"time":...,"why":...}
///
/// A transaction is requested before its N-ACTION leaves, and closed once nothing more is expected. Several processes may
/// use the file: each locks it for the time of a line, and reads what the others have added. A line is there whole or not
/// at all; one that is damaged all the same costs itself. Other events and members are left to versions to come.
package final class CommitmentTransactionFile: Sendable {
    /// A line of the file.
    package enum Event: Sendable, Equatable {
        case requested(CommitmentTransaction)
        case reported(UID, StorageCommitmentResult)
        case closed(UID)
    }

    package let path: FilePath
    /// The transactions in the file when it was opened, in the order of the requests.
    package let transactions: [CommitmentTransaction]
    /// The lines that could not be read when it was opened.
    package let damagedLines: Int
    private let file: RecordFile
    private let lockSeconds: Double
    private let cancellation: Cancellation
    private let state: Locked<State>

    private struct State {
        /// The end of what was read or written.
        var end: UInt64 = 0
        /// What others have added, and nobody has asked for yet.
        var news: [Event] = []
    }

    /// Above any file that a site can fill in years, and below what would hold up the start.
    private static let maximumSize = 256 << 20

    /// Opens the file and reads its transactions. An incomplete last line, left by a killed run, is removed.
    ///
    /// - Parameters:
    ///   - creates: True to make a missing file.
    ///   - lockSeconds: The time to wait for another process that writes a line.
    ///   - cancellation: Ends that wait, now and later.
    /// - Throws: `FileProblem` if the file cannot be opened, read, locked or shortened, or is not a transaction file;
    ///   `.interrupted` if it was locked when the cancellation was raised.
    package init(
        _ path: FilePath, creates: Bool, lockSeconds: Double = 10, cancellation: Cancellation
    ) throws(FileProblem) {
        self.path = path
        self.lockSeconds = lockSeconds
        self.cancellation = cancellation
        file = try RecordFile(path, .transactions, creates: creates, appends: true)
        let content = try Self.open(file.descriptor, path, lockSeconds, cancellation)
        var transactions = CommitmentTransactions()
        for event in content.events { transactions.apply(event) }
        self.transactions = transactions.all
        damagedLines = content.damagedLines
        state = Locked(State(end: content.end))
    }

    /// Reads the file, and removes an incomplete last line.
    private static func open(
        _ descriptor: borrowing FileDescriptor, _ path: FilePath, _ lockSeconds: Double, _ cancellation: Cancellation
    ) throws(FileProblem) -> Content {
        try lock(descriptor, path, lockSeconds, cancellation)
        defer { descriptor.unlock() }
        let content = try read(descriptor, from: 0, path)
        guard content.isOurs else {
            throw RecordFile.refusal(path, .transactions)
        }
        guard content.end < content.size else { return content }
        do throws(SystemError) { try descriptor.truncate(to: content.end) } catch {
            throw FileProblem(writing: path, error)
        }
        return content
    }

    func add(_ transaction: CommitmentTransaction) throws(FileProblem) {
        try append(Self.requested(transaction, time: Self.now))
    }

    func add(_ result: StorageCommitmentResult, to transactionUID: UID) throws(FileProblem) {
        try append(Self.reported(result, transactionUID, time: Self.now))
    }

    func close(_ transactionUID: UID, why: String) throws(FileProblem) {
        try append(Self.closed(transactionUID, why: why, time: Self.now))
    }

    /// What other processes have added since the last call.
    ///
    /// - Throws: `FileProblem` if the file cannot be locked or read.
    func takeNews() throws(FileProblem) -> [Event] {
        try state.withLock { (state) throws(FileProblem) in
            try Self.lock(file.descriptor, path, lockSeconds, cancellation)
            defer { file.descriptor.unlock() }
            _ = try catchUp(&state)
            defer { state.news = [] }
            return state.news
        }
    }

    /// Appends a line whole, or not at all.
    private func append(_ line: [UInt8]) throws(FileProblem) {
        try state.withLock { (state) throws(FileProblem) in
            try Self.lock(file.descriptor, path, lockSeconds, cancellation)
            defer { file.descriptor.unlock() }
            let size = try catchUp(&state)
            // A process that died in the middle of its line has left no line of its own to us.
            let bytes = size > state.end ? [UInt8(ascii: "\n")] + line : line
            do throws(FileProblem) {
                try FileProblem.writing(path) { () throws(SystemError) in
                    try file.descriptor.writeAll(bytes)
                    try file.descriptor.syncData()
                }
                if size == 0 { try file.syncName() }
            } catch {
                _ = try? file.descriptor.truncate(to: size)
                throw error
            }
            state.end = size + UInt64(bytes.count)
        }
    }

    /// Reads the lines that others have added, and returns the size of the file.
    private func catchUp(_ state: inout State) throws(FileProblem) -> UInt64 {
        let content = try Self.read(file.descriptor, from: state.end, path)
        state.news += content.events
        state.end = content.end
        return content.size
    }

    /// A file system without locks is used without them.
    private static func lock(
        _ descriptor: borrowing FileDescriptor, _ path: FilePath, _ seconds: Double, _ cancellation: Cancellation
    ) throws(FileProblem) {
        let lock = descriptor.lock(until: .after(seconds: seconds), cancellation: cancellation)
        guard lock == .heldByAnother else { return }
        throw FileProblem(
            path, cancellation.isRaised ? .interrupted : .notWritable, "another process keeps it locked")
    }

    /// The wall clock in UTC, `2026-11-21T03:30:00Z`: for people, no decision hangs on it.
    private static var now: String {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            let count = strftime(buffer.baseAddress, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
            return buffer[..<count].map { UInt8(bitPattern: $0) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

// MARK: Its lines

extension CommitmentTransactionFile {

    private static func requested(_ transaction: CommitmentTransaction, time: String) -> [UInt8] {
        let peer = transaction.peer
        var members: [(String, JSONValue)] = [
            ("called", .string(peer.calledAETitle)), ("calling", .string(peer.callingAETitle)),
            ("host", .string(peer.endpoint.host)), ("port", .number(peer.endpoint.port)),
        ]
        if let address = peer.address { members.append(("address", .string(address))) }
        members.append(("references", .array(transaction.request.references.map { .object(Self.members($0)) })))
        return line("requested", transaction.request.transactionUID, time, members)
    }

    private static func reported(_ result: StorageCommitmentResult, _ transactionUID: UID, time: String) -> [UInt8] {
        let failed = result.failed.map { failure -> JSONValue in
            let reason = failure.reason.map { [("reason", JSONValue.number($0.rawValue))] } ?? []
            return .object(members(failure.reference) + reason)
        }
        return line(
            "reported", transactionUID, time,
            [
                ("committed", .array(result.committed.map { .object(members($0.reference)) })),
                ("failed", .array(failed)),
            ])
    }

    private static func closed(_ transactionUID: UID, why: String, time: String) -> [UInt8] {
        line("closed", transactionUID, time, [("why", .string(why))])
    }

    private static func line(
        _ event: String, _ transactionUID: UID, _ time: String, _ members: [(String, JSONValue)]
    ) -> [UInt8] {
        let head: [(String, JSONValue)] = [
            ("event", .string(event)), ("transactionUID", .string(transactionUID.string)), ("time", .string(time)),
        ]
        var bytes = JSONValue.object(head + members).serialized()
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static func members(_ reference: SOPInstanceReference) -> [(String, JSONValue)] {
        [
            ("sopClassUID", .string(reference.sopClassUID.string)),
            ("sopInstanceUID", .string(reference.sopInstanceUID.string)),
        ]
    }

    /// The whole lines behind an offset.
    private struct Content {
        var events: [Event] = []
        var damagedLines = 0
        /// The end of the last whole line, and of the file.
        var end: UInt64
        var size: UInt64
        /// False for a file of another kind, which must not be changed.
        var isOurs = true
    }

    private static func read(
        _ descriptor: borrowing FileDescriptor, from offset: UInt64, _ path: FilePath
    ) throws(FileProblem) -> Content {
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try descriptor.readAll(from: offset, limit: maximumSize)
        } catch {
            throw FileProblem(reading: path, error)
        }
        let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let start = Array(#"{"event":"requested","transactionUID":""#.utf8)
        var content = Content(end: offset + UInt64(whole), size: offset + UInt64(bytes.count))
        var knownLines = 0
        for line in bytes[..<whole].split(separator: UInt8(ascii: "\n")) where line.contains(where: isText) {
            switch parse(line) {
            case .damaged:
                content.damagedLines += 1
                if line.starts(with: start) { knownLines += 1 }
            case .unknown: break
            case .event(let event):
                knownLines += 1
                content.events.append(event)
            }
        }
        // Of a first line that was cut off there is the beginning, or zeros.
        let first = bytes.drop { !isText($0) }.prefix(start.count)
        content.isOurs =
            knownLines > 0 || (whole == 0 && first.elementsEqual(start.prefix(first.count))) || first.isEmpty
        return content
    }

    private static func isText(_ byte: UInt8) -> Bool { byte != 0 && byte != 0x20 && byte != 0x0A && byte != 0x0D }

    private enum Line {
        case event(Event)
        /// An event of a version to come.
        case unknown
        case damaged
    }

    private static func parse(_ line: ArraySlice<UInt8>) -> Line {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue.parse(Array(line)) } catch { return .damaged }
        guard let uid = value["transactionUID"]?.string.map({ UID($0) }), let event = value["event"]?.string else {
            return .damaged
        }
        switch event {
        case "requested": return transaction(uid, value).map { .event(.requested($0)) } ?? .damaged
        case "reported": return .event(.reported(uid, result(uid, value)))
        case "closed": return .event(.closed(uid))
        default: return .unknown
        }
    }

    private static func transaction(_ uid: UID, _ value: JSONValue) -> CommitmentTransaction? {
        let references = (value["references"]?.array ?? []).compactMap(reference)
        guard !references.isEmpty else { return nil }
        let peer = CommitmentTransaction.Peer(
            calledAETitle: value["called"]?.string ?? "", callingAETitle: value["calling"]?.string ?? "",
            endpoint: Endpoint(
                host: value["host"]?.string ?? "", port: UInt16(clamping: value["port"]?.integer ?? 0)),
            address: value["address"]?.string)
        return CommitmentTransaction(
            StorageCommitmentRequest(transactionUID: uid, references: references), peer: peer, isAwaited: false)
    }

    private static func result(_ uid: UID, _ value: JSONValue) -> StorageCommitmentResult {
        StorageCommitmentResult(
            transactionUID: uid,
            committed: (value["committed"]?.array ?? []).compactMap(reference).map {
                StorageCommitmentResult.Committed(reference: $0)
            },
            failed: (value["failed"]?.array ?? []).compactMap { item in
                reference(item).map {
                    StorageCommitmentResult.Failed(
                        reference: $0,
                        reason: item["reason"]?.integer.flatMap { UInt16(exactly: $0) }
                            .map(StorageCommitmentFailureReason.init(rawValue:)))
                }
            })
    }

    private static func reference(_ item: JSONValue) -> SOPInstanceReference? {
        item["sopInstanceUID"]?.string.map {
            SOPInstanceReference(
                sopClassUID: UID(item["sopClassUID"]?.string ?? ""), sopInstanceUID: UID($0))
        }
    }
}
