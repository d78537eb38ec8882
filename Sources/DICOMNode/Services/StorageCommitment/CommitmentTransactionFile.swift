import DICOM
import DICOMProtocol
import Glibc
package import System

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
        guard CommitmentTransactionLines.isBeginning(bytes[whole...]) else {
            throw FileProblem(path, .malformed, "not a file of storage commitment transactions")
        }
        transactions = try CommitmentTransactionLines.read(Array(bytes[..<whole]), path: path)
        try cut(to: whole, of: bytes.count)
    }

    /// Removes an incomplete last line that a killed run has left, so that the next entry gets a line of its own.
    private func cut(to length: Int, of total: Int) throws(FileProblem) {
        guard length < total else { return }
        try FileProblem.writing(path) { () throws(SystemError) in try descriptor.truncate(to: UInt64(length)) }
    }

    func add(_ transaction: CommitmentTransaction) throws(FileProblem) {
        try append(CommitmentTransactionLines.requested(transaction, time: Self.now))
    }

    func add(_ result: StorageCommitmentResult, to transactionUID: UID) throws(FileProblem) {
        try append(CommitmentTransactionLines.reported(result, transactionUID, time: Self.now))
    }

    func close(_ transactionUID: UID, why: String) throws(FileProblem) {
        try append(CommitmentTransactionLines.closed(transactionUID, why: why, time: Self.now))
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
