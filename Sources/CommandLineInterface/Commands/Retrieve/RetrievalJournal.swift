import DICOM
import DICOMNode
import System

/// The journal of a retrieval: one line for each instance that is on disk, and checks of the lines of earlier runs.
///
/// After a run that ended normally, its files were synced to disk: an instance counts as present if a file with its
/// length and modification time is at its path. After a run that was cut off, and for a file that was modified since,
/// the content must be the recorded one.
final class RetrievalJournal: Sendable {
    private let journal: Journal
    /// The files of earlier runs; nil if this run does not go on with any.
    private let earlier: RetrievedFiles?
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
        earlier = isResumed ? try Self.read(path, diagnostics) : nil
        journal = try Journal(
            path, operation: network.operation.rawValue, peer: network.peerName)
    }

    private static func read(_ path: FilePath, _ diagnostics: Diagnostics) throws(FileProblem) -> RetrievedFiles? {
        let files: RetrievedFiles
        do throws(FileProblem) {
            files = try RetrievedFiles(reading: path)
        } catch {
            guard error.code == .notFound else { throw error }
            diagnostics.note(Message(path.displayed, "there is no journal yet; everything is retrieved"))
            return nil
        }
        if files.damagedLines > 0 {
            diagnostics.note(Message(path.displayed, "\(Quantity.count(files.damagedLines, "damaged line")) skipped"))
        }
        return files
    }

    /// Returns true if an instance of an earlier run is still there, complete, and will be on the disk with those of this
    /// run.
    func holds(_ uid: UID) -> Bool {
        guard let known = earlier?.file(of: uid) else { return false }
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

    /// Records an instance that has its final name: before the server is told that it is stored, if each is forced onto the disk;
    /// otherwise once its digest is made, which the next instance does not wait for.
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
        let (beginning, path) = (entry, outcome.path)
        let digest = (isOurs ? outcome.digest : nil) ?? PendingDigest(made: nil)
        let appendWhole: @Sendable (String?) -> Void = { [self] text in
            var entry = beginning
            entry.set(.sha256, text)
            entry.set(path: path)
            append(entry)
        }
        if output.syncing == .each { appendWhole(digest.text) } else { digest.tell(appendWhole) }
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
