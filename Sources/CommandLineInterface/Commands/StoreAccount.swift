import DICOM
import DICOMNode
import DICOMProtocol

/// The account of what became of each file that was to be stored: counts, messages, events, the journal and the list of failures.
///
/// Several threads report to it.
final class StoreAccount: Sendable {
    struct Counts {
        var stored = 0
        var warned = 0
        var failed = 0
        /// Failed, and never sent: told once, not for each of them.
        var notSent = 0
        /// Stored in an earlier run, or there already.
        var skipped = 0
        /// No instance, found in a directory.
        var passedOver = 0
        /// Bytes of data sets that were stored.
        var bytes: UInt64 = 0
        /// Of all files that are settled, as the progress counts them.
        var settledBytes: UInt64 = 0

        /// What was counted as done and is not, because the peer does not confirm it: each file counts once.
        mutating func takeBack(_ instance: StoredInstance) {
            failed += 1
            switch instance.count {
            case .stored: stored -= 1
            case .warned:
                stored -= 1
                warned -= 1
            case .skipped: skipped -= 1
            }
        }
    }

    private struct State {
        /// Why the first file that was sent has no answer.
        var unanswered: AssociationError?
        var counts = Counts()
        var notSentReason: AssociationError?
        var failedPaths: [FilePath] = []
        var toVerify: [StoredInstance] = []
        var isStopped = false
    }

    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let journal: Journal?
    private let state = Locked(State())
    private let totals: FileTotals?

    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        journal: Journal?, totals: FileTotals?
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.journal = journal
        self.totals = totals
    }

    var counts: Counts { state.withLock { $0.counts } }
    var failedPaths: [FilePath] { state.withLock { $0.failedPaths } }
    /// Whether nothing more is to be sent: a strict run has failed, or the journal cannot be written.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Gives what was stored, to be asked for, and forgets it.
    func takeStored() -> [StoredInstance] {
        state.withLock { state in
            defer { state.toVerify = [] }
            return state.toVerify
        }
    }

    // MARK: What was found

    func take(_ note: InstanceBatches.Note) {
        switch note {
        case .passedOver: break
        case .notAnInstance: state.withLock { $0.counts.passedOver += 1 }
        case .problem(let problem):
            fail(problem.path)
            var record = StoreRecord(path: problem.path, outcome: .failed)
            record.error = Message(problem).why
            keep(record)
        }
        outcome.report(note)
    }

    /// A file that needs not be sent.
    ///
    /// - Parameter doubt: why the peer may hold something else under its UID.
    func skip(_ file: InstanceFile, _ why: String, isRecorded: Bool, doubt: String? = nil) {
        state.withLock { state in
            state.counts.skipped += 1
            state.counts.settledBytes += file.size
            if options.verification != nil {
                state.toVerify.append(StoredInstance(file, as: .skipped, doubt: doubt))
            }
        }
        outcome.diagnostics.verbose("\(file.path): \(why)")
        let record = StoreRecord(file, outcome: .skipped)
        if let events = outcome.events { events.write(record.event) }
        if !isRecorded { writeJournal(record) }
        showProgress()
    }

    /// A path that was never looked at, because the run ended before.
    func leaveUnseen(_ path: FilePath) {
        leave(path)
        var record = StoreRecord(path: path, outcome: .pending)
        record.error = "not sent: the run ended before"
        keep(record)
    }

    private func leave(_ path: FilePath) {
        state.withLock { state in
            state.counts.failed += 1
            state.counts.notSent += 1
            if options.failedOutPath != nil { state.failedPaths.append(path) }
        }
        outcome.note(.incomplete)
    }

    // MARK: What was sent

    func take(_ result: StoreResult) {
        var record = StoreRecord(result.file, outcome: .failed)
        record.attempts = result.attempts
        switch result.outcome {
        case .answered(let answer, let rewritten): take(answer, rewritten, of: result.file, &record)
        case .unreadable(let problem):
            record.error = Message(problem).why
            fail(problem.path)
            outcome.report(problem)
        case .noContext(let refusal):
            let message = StoreMessages.message(for: refusal, of: result.file)
            record.error = message.why
            fail(result.file.path)
            outcome.fail(.noPresentationContext, message)
        case .unanswered(let error):
            let why = "sent, but not answered: \(network.message(error).line)"
            record.error = why
            fail(result.file.path)
            state.withLock { $0.unanswered = $0.unanswered ?? error }
            outcome.fail(.incomplete, Message("\(result.file.path)", why))
        case .notSent(let error):
            record.outcome = .pending
            record.error = network.message(error).line
            leave(result, because: error)
        case .stopped:
            record.outcome = .pending
            record.error = "not sent: the run stopped at a failure before it"
            leave(result, because: nil)
        }
        keep(record)
        state.withLock { $0.counts.settledBytes += result.file.size }
        showProgress()
    }

    private func take(
        _ answer: CommandSet, _ rewritten: TransferSyntax?, of file: InstanceFile, _ record: inout StoreRecord
    ) {
        let status = answer.status ?? .processingFailure
        record.answer = answer
        record.sentTransferSyntax = rewritten
        guard status.kind == .success || status.kind == .warning else {
            fail(file.path)
            return outcome.fail(
                .failureStatus,
                Message(
                    "\(file.path)", "refused by the server: \(answer.reason(for: .storage))",
                    peerText: answer.errorComment, code: status.description, hint: Hint(for: status)))
        }
        record.outcome = status.kind == .success ? .done : .warning
        state.withLock { state in
            state.counts.stored += 1
            state.counts.bytes += file.dataSetLength
            if status.kind == .warning { state.counts.warned += 1 }
            if options.verification != nil {
                let doubt = "the server has stored it with a warning: \(answer.reason(for: .storage))"
                state.toVerify.append(
                    status.kind == .warning
                        ? StoredInstance(file, as: .warned, doubt: doubt) : StoredInstance(file))
            }
        }
        guard status.kind == .warning else {
            return outcome.diagnostics.verbose(
                "\(file.path): stored"
                    + (rewritten.map { ", rewritten in \(UIDRegistry.displayName(of: $0.uid))" } ?? ""))
        }
        let message = Message(
            "\(file.path)", "stored with a warning: \(answer.reason(for: .storage))",
            peerText: answer.errorComment, code: status.description)
        if options.failOn == .warning {
            outcome.fail(.incomplete, message)
            if options.isStrict { stop() }
        } else {
            outcome.diagnostics.warning(message)
        }
    }

    /// An instance that was taken by the server and is not confirmed.
    func unconfirmed(_ instance: StoredInstance, _ why: String) {
        uncommitted(instance)
        var record = StoreRecord(instance, outcome: .failed)
        record.error = why
        keep(record)
        outcome.fail(.incomplete, Message("\(instance.path)", why, code: instance.sopInstanceUID.string))
    }

    /// An instance that was taken by the server, and whose commitment failed: told and recorded by the caller.
    func uncommitted(_ instance: StoredInstance) {
        state.withLock { state in
            state.counts.takeBack(instance)
            if options.failedOutPath != nil { state.failedPaths.append(instance.path) }
        }
    }

    // MARK: Counting

    private func fail(_ path: FilePath) {
        state.withLock { state in
            state.counts.failed += 1
            if options.failedOutPath != nil { state.failedPaths.append(path) }
            if options.isStrict { state.isStopped = true }
        }
    }

    private func leave(_ result: StoreResult, because error: AssociationError?) {
        state.withLock { state in
            state.notSentReason = state.notSentReason ?? error
        }
        leave(result.file.path)
        outcome.diagnostics.verbose("\(result.file.path): not sent")
    }

    private func stop() { state.withLock { $0.isStopped = true } }

    private func keep(_ record: StoreRecord) {
        if let events = outcome.events { events.write(record.event) }
        writeJournal(record)
    }

    private func writeJournal(_ record: StoreRecord) { write(record.entry) }

    /// Adds to the journal, if there is one.
    func write(_ entry: JournalEntry) {
        guard let journal else { return }
        do throws(FileProblem) {
            try journal.append(entry)
        } catch {
            let isFirst = state.withLock { state in
                defer { state.isStopped = true }
                return !state.isStopped
            }
            if isFirst { outcome.fail(.localFiles, Message("journal \(error.path)", error.detail)) }
        }
    }

    /// Forces the journal onto the disk: what is reported as done from here on is recorded.
    func syncJournal() {
        do throws(FileProblem) {
            try journal?.sync()
        } catch {
            outcome.fail(.localFiles, Message("journal \(error.path)", error.detail))
        }
    }

    private func showProgress() {
        guard let line = environment.progress else { return }
        let counts = counts
        line.update(
            {
                var progress = ProgressLine.Progress()
                progress.instances = counts.stored + counts.failed - counts.notSent + counts.skipped
                progress.failures = counts.failed - counts.notSent
                progress.bytes = counts.settledBytes
                (progress.total, progress.totalBytes) = totals?.known ?? (nil, nil)
                return progress
            }())
    }

    // MARK: The end

    /// Sets the exit code to what the sending comes to. What is asked of the peer afterwards has causes of its own.
    func settleSending() {
        let counts = counts
        // Where nothing at all could be read, the files are the cause; where a part went, the rest was done.
        let isDone = counts.stored + counts.skipped > 0
        if !isDone, counts.failed > 0, outcome.exitCode == .incomplete, counts.notSent == 0 {
            outcome.note(state.withLock(\.unanswered).map { ExitCode(for: $0) } ?? .localFiles)
        }
        if !isDone, counts.failed == 0, outcome.exitCode == .success {
            outcome.fail(.localFiles, Message("nothing to send", "no DICOM instance among the files given"))
        } else if isDone, outcome.exitCode == .failureStatus || outcome.exitCode == .noPresentationContext {
            outcome.settle(.incomplete)
        }
    }

    func summarize(seconds: Double) {
        environment.progress?.clear()
        let (counts, reason) = state.withLock { ($0.counts, $0.notSentReason) }
        if counts.notSent > 0 {
            // What ended the run has been told.
            let why = reason == nil ? "stopped at a failure" : nil
            outcome.diagnostics.error(Message("\(Quantity.count(counts.notSent, "file")) not sent", why))
        }
        var summary = outcome.summary
        summary.set(.done, counts.stored - counts.warned)
        summary.set(.warnings, counts.warned)
        summary.set(.skipped, counts.skipped)
        summary.set(.failures, counts.failed - counts.notSent)
        summary.set(.pending, counts.notSent)
        summary.set(.bytes, Int(clamping: counts.bytes))
        outcome.summary = summary
        outcome.diagnostics.note(Message(StoreMessages.summary(counts, peer: network.peerName, seconds: seconds)))
    }
}
