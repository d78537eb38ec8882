import DICOM
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

        package init(calledAETitle: String, callingAETitle: String, endpoint: Endpoint) {
            self.calledAETitle = calledAETitle
            self.callingAETitle = callingAETitle
            self.endpoint = endpoint
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

/// Keeps storage commitment transactions across runs, so that a report that comes later still finds its request.
///
/// JSON lines, only ever appended and forced onto the disk, so that neither a crash nor a full disk loses what was
/// there:
///
///     {"event":"requested","transactionUID":...,"time":...,"called":...,"calling":...,"host":...,"port":...,
///      "references":[{"sopClassUID":...,"sopInstanceUID":...},...]}
///     {"event":"reported","transactionUID":...,"time":...,"committed":[reference,...],"failed":[reference and "reason",...]}
///     {"event":"closed","transactionUID":...,"time":...,"why":...}
///
/// A transaction is requested before its N-ACTION leaves, and closed once nothing more is expected. A last line that
/// was cut off is taken away; other events and members are left to versions to come.
package final class CommitmentTransactionFile: Sendable {
    package let path: FilePath
    /// The transactions in the file when it was opened, in the order of the requests.
    package let transactions: [CommitmentTransaction]
    private let descriptor: FileDescriptor
    private let lines: Locked<Void>

    /// Above any file that a site can fill in years, and below what would hold up the start.
    private static let maximumSize = 256 << 20

    /// Opens the file and reads its transactions. An incomplete last line, left by a killed run, is removed.
    ///
    /// - Parameter creates: True to make a missing file.
    /// - Throws: `FileProblem` if the file cannot be opened, read or shortened, or is not a transaction file.
    package init(_ path: FilePath, creates: Bool) throws(FileProblem) {
        self.path = path
        lines = Locked(())
        do throws(SystemError) {
            let options: FileDescriptor.OpenOptions = creates ? [.appending, .creating] : [.appending]
            descriptor = try FileDescriptor.open(path, for: .readingAndWriting, options, permissions: 0o644)
        } catch {
            throw error.isNotFound && !creates ? FileProblem(reading: path, error) : FileProblem(writing: path, error)
        }
        let state = try FileState(of: descriptor, path: path)
        guard state.isRegular else { throw FileProblem(path, .notAFile) }
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try descriptor.readAll(limit: Self.maximumSize)
        } catch {
            throw FileProblem(reading: path, error)
        }
        let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        guard Self.isBeginning(bytes[whole...]) else {
            throw FileProblem(path, .malformed, "not a file of storage commitment transactions")
        }
        transactions = try Self.read(Array(bytes[..<whole]), path: path)
        try cut(to: whole, of: bytes.count)
    }

    /// Removes an incomplete last line that a killed run has left, so that the next entry gets a line of its own.
    private func cut(to length: Int, of total: Int) throws(FileProblem) {
        guard length < total else { return }
        try FileProblem.writing(path) { () throws(SystemError) in try descriptor.truncate(to: UInt64(length)) }
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

    private func append(_ bytes: [UInt8]) throws(FileProblem) {
        try FileProblem.writing(path) { () throws(SystemError) in
            try lines.withLock { (_) throws(SystemError) in
                try descriptor.writeAll(bytes)
                try descriptor.syncData()
            }
        }
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
        line(
            "requested", transaction.request.transactionUID, time,
            [
                ("called", .string(transaction.peer.calledAETitle)),
                ("calling", .string(transaction.peer.callingAETitle)),
                ("host", .string(transaction.peer.endpoint.host)),
                ("port", .number(transaction.peer.endpoint.port)),
                ("references", .array(transaction.request.references.map { .object(members($0)) })),
            ])
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

    /// Returns true if an incomplete line may be one of ours: a file of another kind must not be changed.
    private static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = Array(#"{"event":"#.utf8)
        return bytes.prefix(start.count).elementsEqual(start.prefix(bytes.count))
    }

    /// All transactions of the file, those that are closed too, in the order of their requests.
    private static func read(_ bytes: [UInt8], path: FilePath) throws(FileProblem) -> [CommitmentTransaction] {
        var order: [UID] = []
        var transactions: [UID: CommitmentTransaction] = [:]
        var number = 0
        var rest = bytes[...]
        while !rest.isEmpty {
            number += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let text = Array(rest[..<(end ?? rest.endIndex)])
            rest = end.map { rest[($0 + 1)...] } ?? []
            guard text.contains(where: { $0 != 0x20 && $0 != 0x0D }) else { continue }
            let value: JSONValue
            do throws(JSONError) {
                value = try JSONValue.parse(text)
            } catch {
                throw FileProblem(path, .malformed, "line \(number): \(error.detail)")
            }
            guard let uid = value["transactionUID"]?.string.map({ UID($0) }), let event = value["event"]?.string else {
                throw FileProblem(path, .malformed, "line \(number) is not a storage commitment transaction")
            }
            switch event {
            case "requested":
                guard let transaction = transaction(uid, value) else {
                    throw FileProblem(path, .malformed, "line \(number) names no references")
                }
                if transactions.updateValue(transaction, forKey: uid) == nil { order.append(uid) }
            case "reported": _ = transactions[uid]?.take(result(uid, value))
            case "closed": transactions[uid]?.isClosed = true
            default: break
            }
        }
        return order.compactMap { transactions[$0] }
    }

    private static func transaction(_ uid: UID, _ value: JSONValue) -> CommitmentTransaction? {
        let references = (value["references"]?.array ?? []).compactMap(reference)
        guard !references.isEmpty else { return nil }
        let peer = CommitmentTransaction.Peer(
            calledAETitle: value["called"]?.string ?? "", callingAETitle: value["calling"]?.string ?? "",
            endpoint: Endpoint(
                host: value["host"]?.string ?? "", port: UInt16(clamping: value["port"]?.integer ?? 0)))
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
