import DICOM
import DICOMNode
import System

/// The journal of a retrieval: one line for each instance that is on disk, and checks of the lines of earlier runs.
///
/// After a run that ended normally, its files were synced to disk: an instance counts as present if a file with its
/// length and modification time is at its path. After a run that was cut off, and for a file that was modified since,
/// the content must be the recorded one.
final class RetrievalJournal: Sendable {
    private struct Held: Sendable {
        let path: FilePath
        let bytes: UInt64
        /// The last change of the file when it was written.
        let modified: Int64?
        /// Of the file as it was written; nil where the file was there before.
        let digest: String?
        /// The last line of its run says that everything was forced onto the disk.
        var isSynced = false
    }

    private let journal: Journal
    private let held: Locked<[UID: Held]>
    private let folder: FolderMembership
    private let output: OutputFolder
    private let diagnostics: Diagnostics
    private let cancellation: Cancellation
    private let failure = Locked<FileProblem?>(nil)

    /// Nil without `--journal`.
    ///
    /// - Parameter output: the folder of this run, which forces what is held onto the disk as its own.
    init?(_ options: RetrieveOptions, _ network: Network, output: OutputFolder) throws(FileProblem) {
        guard let path = options.journalPath else { return nil }
        self.output = output
        diagnostics = network.diagnostics
        cancellation = network.cancellation
        folder = FolderMembership(options.outputDirectory)
        let isResumed = options.resumes
        held = Locked(isResumed ? try Self.read(path, diagnostics) : [:])
        journal = try Journal(
            path, operation: network.operation.rawValue, peer: network.peerName)
    }

    private static func read(_ path: FilePath, _ diagnostics: Diagnostics) throws(FileProblem) -> [UID: Held] {
        var held: [UID: Held] = [:]
        var sinceStart: [UID] = []
        var reader: JournalReader
        do throws(FileProblem) {
            reader = try JournalReader(path)
        } catch {
            guard error.code == .notFound else { throw error }
            diagnostics.note(Message(path.displayed, "there is no journal yet; everything is retrieved"))
            return [:]
        }
        while let entry = try reader.next() {
            if entry[.journal] != nil { sinceStart = [] }
            if entry.outcome == .synced {
                for uid in sinceStart { held[uid]?.isSynced = true }
            }
            guard entry.outcome == .done,
                let uid = entry[.sopInstanceUID]?.string.map({ UID($0) }), let path = entry.path,
                let bytes = entry[.bytes]?.integer.flatMap({ UInt64(exactly: $0) })
            else { continue }
            let modified = entry[.modified]?.integer.map { Int64($0) }
            held[uid] = Held(path: path, bytes: bytes, modified: modified, digest: entry[.sha256]?.string)
            sinceStart.append(uid)
        }
        if reader.damagedLines > 0 {
            diagnostics.note(Message(path.displayed, "\(Quantity.count(reader.damagedLines, "damaged line")) skipped"))
        }
        return held
    }

    /// Returns true if an instance of an earlier run is still there, complete, and will be on the disk with those of this
    /// run.
    func holds(_ uid: UID) -> Bool {
        guard let known = held.withLock({ $0[uid] }) else { return false }
        guard folder.holds(known.path) else {
            diagnostics.verbose("\(known.path.displayed): not in the folder of this run; retrieved again")
            return false
        }
        let isUntouched = known.isSynced && known.modified != nil
        // What was there before that run has no digest: its length alone says little after a power cut.
        let isWhole =
            isUntouched && WrittenFile.modified(known.path) == known.modified
            ? WrittenFile.hasLength(known.bytes, at: known.path)
            : known.digest != nil
                && WrittenFile.hasContent(
                    known.bytes, known.digest, at: known.path, unless: cancellation)
        guard isWhole else {
            guard !cancellation.isRaised else { return false }
            diagnostics.verbose("\(known.path.displayed): not what the journal says; retrieved again")
            return false
        }
        guard !known.isSynced else { return true }
        do throws(FileProblem) {
            try output.hold(known.path)
            return true
        } catch {
            diagnostics.warning(Message(error))
            return false
        }
    }

    /// Records an instance that has its final name, before the server is told that it is stored.
    func record(_ instance: ReceivedInstance) {
        guard case .stored(let outcome) = instance.outcome else { return }
        var entry = JournalEntry()
        entry.set(.time, JournalEntry.now)
        entry.set(.done)
        entry.set(.sopInstanceUID, instance.sopInstanceUID)
        entry.set(.sopClassUID, instance.sopClassUID)
        entry.set(.transferSyntaxUID, instance.transferSyntax.uid)
        // A file that was there before has the same data set, but not necessarily the same File Meta Information.
        let isOurs = outcome.kind != .skipped
        entry.set(.bytes, isOurs ? outcome.size : WrittenFile.length(of: outcome.path) ?? 0)
        if let modified = WrittenFile.modified(outcome.path) { entry.set(.modified, modified) }
        if isOurs { entry.set(.sha256, outcome.digest) }
        entry.set(path: outcome.path)
        append(entry)
    }

    /// Everything recorded so far was forced onto the disk.
    func recordSync() {
        var entry = JournalEntry()
        entry.set(.time, JournalEntry.now)
        entry.set(.synced)
        append(entry)
    }

    private func append(_ entry: JournalEntry) {
        do throws(FileProblem) {
            try journal.append(entry)
            // The server is told afterwards that the instance is stored.
            if output.syncing == .each { try journal.sync() }
        } catch {
            let isFirst = failure.withLock { failure in
                defer { failure = failure ?? error }
                return failure == nil
            }
            if isFirst { diagnostics.error(Message(error)) }
        }
    }

    /// Waits until the journal is on the disk; throws the error that prevented lines from being written.
    func finish() throws(FileProblem) {
        if let failure = failure.withLock({ $0 }) { throw failure }
        try journal.sync()
    }
}
