import DICOM
import Glibc
package import System

/// The record, in a file of JSON lines, of what became of each instance: what a later run needs to go on where this one ended.
///
/// Each entry is written at once, by one call that appends, so a process that is killed loses none; and a thread forces what
/// was written onto the disk, again and again while there is something, so a power cut loses no more than the entries of one
/// such step. Whoever must know that his entry will survive calls ``sync()``. Each run begins with a line that names the program,
/// the operation and the peer. Only one process at a time writes to a journal. Several threads may.
package final class Journal: Sendable {
    /// The format of the lines; a reader of another one must not guess.
    package static let version = 1
    package static let program = "dcmscu"

    private struct State {
        var written: UInt64 = 0
        var synced: UInt64 = 0
        /// The entries that somebody waits for.
        var awaited: UInt64 = 0
        var isClosing = false
        var failure: SystemError?
    }

    package let path: FilePath
    private let file: RecordFile
    private let state = ConditionLock(State())
    private let syncer: PosixThread

    /// Opens the journal, makes it where it is missing, and begins a run in it.
    ///
    /// Bytes behind the last whole line are cut off: the end of a line that a power cut has left in part.
    ///
    /// - Throws: `FileProblem` if the file cannot be written, is no journal, or another run writes to it.
    package init(_ path: FilePath, operation: String, peer: String) throws(FileProblem) {
        self.path = path
        file = try Self.open(path)
        let (number, state) = (file.descriptor.rawValue, state)
        syncer = try FileProblem.writing(path) { () throws(SystemError) in
            try PosixThread(name: "journal") { Self.keepSynced(number, state) }
        }
        var first = JournalEntry()
        first.set(.journal, Self.program)
        first.set(.version, Self.version)
        first.set(.operation, operation)
        first.set(.peer, peer)
        first.set(.time, JournalEntry.now)
        try append(first)
        try sync()
        try file.syncName()
    }

    deinit {
        state.withLock { $0.isClosing = true }
        syncer.join()
    }

    /// The beginning of each run, by which a journal is known.
    static let mark = "{\"\(JournalEntry.Key.journal.rawValue)\":\"\(program)\""

    /// Opens the file for this run alone, and cuts off what follows its last whole line.
    private static func open(_ path: FilePath) throws(FileProblem) -> RecordFile {
        let file = try RecordFile(path, .journal, appends: true)
        guard file.descriptor.lock() != .heldByAnother else {
            throw FileProblem(path, .notWritable, "another run is writing to this journal")
        }
        try FileProblem.writing(path) { () throws(SystemError) in
            try file.descriptor.truncate(to: try endOfLines(file.descriptor.rawValue))
        }
        return file
    }

    /// Records an entry. It survives the process from here on; the power cut comes with the next ``sync()``, or soon by itself.
    ///
    /// - Throws: `FileProblem` if this entry, or an earlier one, could not be written.
    package func append(_ entry: JournalEntry) throws(FileProblem) {
        let line = entry.line
        var failure: SystemError?
        state.change { state in
            failure = state.failure
            guard failure == nil else { return false }
            failure = line.withUnsafeBytes { writeAll($0) }
            state.failure = failure
            guard failure == nil else { return true }
            // The thread that syncs rests only if there was nothing left.
            defer { state.written += 1 }
            return state.written == state.synced
        }
        if let failure { throw FileProblem(writing: path, failure) }
    }

    /// Waits until all that was appended is on the disk.
    ///
    /// - Throws: `FileProblem` if an entry could not be written or forced onto the disk.
    package func sync() throws(FileProblem) {
        let wanted = state.withLock { state in
            state.awaited = state.written
            return state.written
        }
        _ = state.wait { $0.synced >= wanted || $0.failure != nil }
        if let failure = state.withLock({ $0.failure }) { throw FileProblem(writing: path, failure) }
    }

    /// Nil when all went well. A line that does not fit on the disk is taken back, so that none is there in part.
    private func writeAll(_ bytes: UnsafeRawBufferPointer) -> SystemError? {
        let number = file.descriptor.rawValue
        var written = 0
        while written < bytes.count {
            let count = write(number, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                let failure = SystemError.last("write")
                let end = lseek(number, 0, SEEK_END)
                if written > 0, end >= off_t(written) { _ = ftruncate(number, end - off_t(written)) }
                return failure
            }
        }
        return nil
    }

    /// The entries of so long a time are forced onto the disk together, in seconds, unless somebody waits for one of them.
    private static let pause = 0.1

    private static func keepSynced(_ descriptor: CInt, _ state: ConditionLock<State>) {
        while true {
            _ = state.wait { $0.written > $0.synced || $0.isClosing }
            _ = state.wait(until: .after(seconds: pause)) { state in
                state.awaited > state.synced || state.isClosing || state.failure != nil
            }
            let (written, isDone) = state.withLock { ($0.written, $0.isClosing && $0.written == $0.synced) }
            if isDone { return }
            var failure: SystemError?
            do throws(SystemError) {
                try FileDescriptor.syncData(descriptor)
            } catch {
                // A pipe or a terminal has nothing to force.
                failure = error.errno == EINVAL ? nil : error
            }
            state.withLock { state in
                state.synced = written
                state.failure = state.failure ?? failure
            }
        }
    }

    /// Returns the offset of the end of the last whole line.
    private static func endOfLines(_ descriptor: CInt) throws(SystemError) -> UInt64 {
        var status = stat()
        _ = try systemCall("stat") { fstat(descriptor, &status) }
        var end = UInt64(clamping: status.st_size)
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while end > 0 {
            let from = end - min(end, UInt64(block.count))
            let wanted = Int(end - from)
            let count = try systemCall("read") { pread(descriptor, &block, wanted, off_t(from)) }
            if let last = block[..<count].lastIndex(of: UInt8(ascii: "\n")) { return from + UInt64(last) + 1 }
            end = from
        }
        return 0
    }
}

extension FilePath {
    /// The folder that the path's last component is in.
    var parent: FilePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : FilePath(bytes: bytes[..<slash])
    }
}
