import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Records the outcome of each file that was to be stored: counts, messages, events, the journal and the list of
/// failures.
///
/// Several threads report to it.
final class StoreSummary: Sendable {
    struct Counts {
        var stored = 0
        var warned = 0
        var failed = 0
        /// Failed, and never sent: reported once, not for each of them.
        var notSent = 0
        /// Failed although the server has accepted them: it does not list, or not commit to, them.
        var unconfirmed = 0
        /// Stored in an earlier run, or already present at the server.
        var skipped = 0
        /// Files in a directory that are not instances.
        var notInstances = 0
        /// Bytes of data sets that were stored.
        var bytes: UInt64 = 0
        /// Bytes of all files that have an outcome, for the progress line.
        var finishedBytes: UInt64 = 0

        /// Counts an instance as failed that was counted as done, because the peer does not confirm it.
        mutating func retract(_ instance: StoredInstance) {
            failed += 1
            unconfirmed += 1
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
        var counts = Counts()
        /// The reason why the last file that was sent has no response; nil once a later one has.
        var unanswered: AssociationError?
        /// The reason why the first file was not sent.
        var notSentReason: AssociationError?
        var failedPaths: [FilePath] = []
        var toVerify: [StoredInstance] = []
        var isStopped = false
        /// Sent with padding bytes in other values than the last.
        var padded = FilesAlike()
        var rewrittenWithLoss = FilesAlike()
        var longUIDs = FilesAlike()
        /// The study of the last file that has an outcome.
        var lastStudy: UID?
        var load: AssociationLoad?
    }

    /// Files of which the same is to be said: how many, and the first of them.
    private struct FilesAlike {
        private(set) var count = 0
        private(set) var first: FilePath = ""

        mutating func add(_ path: FilePath) {
            if count == 0 { first = path }
            count += 1
        }

        /// As a message names them.
        var name: String { count == 1 ? first.displayed : Quantity.count(count, "file") }
        var shownEach: String? { count == 1 ? nil : "\(OptionName.verbose) shows each" }
    }

    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let journal: Journal?
    private let state = Locked(State())
    private let totals: FileTotals?
    private let failures: StoreFailures

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
        failures = StoreFailures(outcome, listPath: options.failedOutPath)
    }

    var counts: Counts { state.withLock { $0.counts } }
    var failedPaths: [FilePath] { state.withLock { $0.failedPaths } }
    /// True if nothing more is to be sent: a strict run has failed, or the journal cannot be written.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// What the server has turned out to gain from; nil if that was not found out.
    var load: AssociationLoad? {
        get { state.withLock { $0.load } }
        set { state.withLock { $0.load = newValue } }
    }

    /// Returns the instances to verify, and forgets them.
    func drainStored() -> [StoredInstance] {
        state.withLock { state in
            defer { state.toVerify = [] }
            return state.toVerify
        }
    }

    // MARK: Before sending

    func record(_ note: InstanceBatches.Note) {
        switch note {
        case .passedOver: break
        case .notAnInstance: state.withLock { $0.counts.notInstances += 1 }
        case .problem(let problem):
            fail(problem.path)
            var record = StoreRecord(path: problem.path, outcome: .failed)
            record.error = Message(problem).why
            record.cause = FailureCause(problem)
            write(record)
            return failures.record(.notRead, .incomplete, cause: problem.causeOfSeveral, Message(problem))
        }
        outcome.report(note)
    }

    /// Records a file that need not be sent.
    ///
    /// - Parameters:
    ///   - isInJournal: True if the journal has it already.
    ///   - doubt: The reason why the peer's instance may differ from the file.
    func recordSkipped(_ file: InstanceFile, why: String, isInJournal: Bool, doubt: String? = nil) {
        state.withLock { state in
            state.counts.skipped += 1
            state.counts.finishedBytes += file.size
            if options.verification != nil {
                state.toVerify.append(StoredInstance(file, as: .skipped, doubt: doubt))
            }
        }
        outcome.diagnostics.verbose("\(file.path.displayed): \(why)")
        let record = StoreRecord(file, outcome: .skipped)
        if let events = outcome.events { events.write(record.event) }
        if !isInJournal { writeJournal(record.entry) }
        showProgress()
    }

    /// Records a path that was never read, because the run ended before.
    func recordUnread(_ path: FilePath) {
        markUnsent(path)
        var record = StoreRecord(path: path, outcome: .pending)
        record.error = "not sent: the run ended before"
        record.cause = .notBegun
        write(record)
    }

    private func markUnsent(_ path: FilePath) {
        state.withLock { state in
            state.counts.failed += 1
            state.counts.notSent += 1
            if options.failedOutPath != nil { state.failedPaths.append(path) }
        }
        outcome.record(.incomplete)
    }

    // MARK: Sending

    /// Warns of an instance whose UID is longer than a UID may be, before it is sent: servers abort at it.
    func warn(ofUIDsIn files: [InstanceFile]) {
        for file in files {
            guard let excess = file.sopInstanceUID.excess else { continue }
            let count = state.withLock { state in
                state.longUIDs.add(file.path)
                return state.longUIDs.count
            }
            let message = Message(file.path.displayed, "\(excess): the server may abort")
            if count <= Self.warningsOfLongUIDs {
                outcome.diagnostics.warning(message)
            } else {
                outcome.diagnostics.verbose(message.line)
            }
        }
    }

    private static let warningsOfLongUIDs = 3

    func record(_ result: StoreResult) {
        var record = StoreRecord(result.file, outcome: .failed)
        record.attempts = result.attempts
        switch result.outcome {
        case .answered(let answer, let changes):
            record.response = outcome.diagnostics.redaction.hidingPatientData(
                in: answer, about: [InstanceFile.attributes(of: result.file.path)])
            record.sentTransferSyntax = changes.transferSyntax
            state.withLock { $0.unanswered = nil }
            if result.isStored, let response = record.response {
                self.record(response, changes, of: result.file, in: &record)
            }
        case .unanswered(let error): state.withLock { $0.unanswered = error }
        case .notSent(let error):
            record.outcome = .pending
            record.error = network.message(error).line
            record.cause = FailureCause(error)
            markUnsent(result, because: error)
        case .stopped:
            record.outcome = .pending
            record.error = "not sent: \(reasonForStop)"
            record.cause = .notBegun
            markUnsent(result, because: nil)
        case .unreadable, .noContext, .refused: break
        }
        if let failure = StoreFailure(result, record.response, network, outcome) {
            record.error = failure.words
            record.cause = failure.cause
            fail(result.file.path)
            failures.record(failure)
        }
        write(record)
        state.withLock { state in
            state.counts.finishedBytes += result.file.size
            state.lastStudy = result.file.studyInstanceUID
        }
        showProgress()
    }

    /// - Parameter changes: the differences between the file and what was sent of it.
    private func record(
        _ response: CommandSet, _ changes: InstanceFile.Changes, of file: InstanceFile, in record: inout StoreRecord
    ) {
        let status = response.status ?? .success
        // PS3.7 9.1.1.1: a response may name the instance; one that names another is no success of this one.
        let other = response.affectedSOPInstanceUID.flatMap { uid in
            uid == file.sopInstanceUID || uid.string.isEmpty ? nil : uid
        }
        let isAnswerDoubtful = status.kind == .warning || other != nil
        let isWarning = isAnswerDoubtful || changes.lostRepresentations > 0
        // In words where there is something to say, which is seldom.
        let why = isWarning ? Self.doubt(isAnswerDoubtful ? response : nil, naming: other, changes) : ""
        record.outcome = isWarning ? .warning : .done
        state.withLock { state in
            state.counts.stored += 1
            state.counts.bytes += file.dataSetLength
            if isWarning { state.counts.warned += 1 }
            if changes.padsBeforeLast { state.padded.add(file.path) }
            if options.verification != nil {
                let doubt = isAnswerDoubtful ? "the server has stored it with a warning: \(why)" : why
                state.toVerify.append(
                    isWarning
                        ? StoredInstance(file, as: .warned, doubt: doubt) : StoredInstance(file))
            }
        }
        guard isWarning else {
            let kind = UIDRegistry.displayName(of: file.sopClassUID)
            let syntax = UIDRegistry.displayName(of: file.transferSyntax.uid)
            return outcome.diagnostics.verbose("\(file.path.displayed): \(kind) in \(syntax): stored\(changes.words)")
        }
        if !isAnswerDoubtful, options.failOn != .warning {
            state.withLock { $0.rewrittenWithLoss.add(file.path) }
            return outcome.diagnostics.verbose("\(file.path.displayed): stored with a warning: \(why)")
        }
        let message = Message(
            file.path.displayed, "stored with a warning: \(why)", peerText: response.errorComment,
            code: status.kind == .warning ? status.description : nil)
        if options.failOn == .warning {
            outcome.fail(.incomplete, message)
            if options.isStrict { stop() }
        } else {
            outcome.diagnostics.warning(message)
        }
    }

    /// - Parameters:
    ///   - response: the one that says what is doubtful; nil if only the changes are.
    ///   - other: the instance that the response names in the place of ours.
    private static func doubt(_ response: CommandSet?, naming other: UID?, _ changes: InstanceFile.Changes) -> String {
        if let other { return "the response names the instance \(other)" }
        return response?.reason(for: .storage) ?? changes.loss
    }

    /// Records and reports an instance that the server has accepted and does not confirm.
    func recordUnconfirmed(_ instance: StoredInstance, because reason: String) {
        retract(instance)
        let why = "\(StoreFailures.Fate.notConfirmed.rawValue): \(reason)"
        var record = StoreRecord(instance, outcome: .failed)
        record.error = why
        record.cause = .notConfirmed
        write(record)
        var message = Message(instance.path.displayed, why, code: instance.sopInstanceUID.string)
        message.cause = .notConfirmed
        failures.record(.notConfirmed, .incomplete, cause: reason, message)
    }

    /// Counts an instance as failed that the server has accepted and does not confirm; the caller reports and records
    /// it.
    func retract(_ instance: StoredInstance) {
        state.withLock { state in
            state.counts.retract(instance)
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

    private func markUnsent(_ result: StoreResult, because error: AssociationError?) {
        state.withLock { state in
            state.notSentReason = state.notSentReason ?? error
        }
        markUnsent(result.file.path)
        outcome.diagnostics.verbose("\(result.file.path.displayed): not sent")
    }

    private var reasonForStop: String {
        (isStopped ? nil : network.reasonForEnd) ?? "stopped at a failure"
    }

    private func stop() { state.withLock { $0.isStopped = true } }

    private func write(_ record: StoreRecord) {
        if let events = outcome.events { events.write(record.event) }
        writeJournal(record.entry)
    }

    /// Adds to the journal, if there is one.
    func writeJournal(_ entry: @autoclosure () -> JournalEntry) {
        guard let journal else { return }
        do throws(FileProblem) {
            try journal.append(entry())
        } catch {
            let isFirst = state.withLock { state in
                defer { state.isStopped = true }
                return !state.isStopped
            }
            if isFirst { outcome.fail(.localFiles, Message("journal \(error.path.displayed)", error.detail)) }
        }
    }

    /// Forces the journal onto the disk: what is reported as done from here on is recorded.
    func syncJournal() {
        do throws(FileProblem) {
            try journal?.sync()
        } catch {
            outcome.fail(.localFiles, Message("journal \(error.path.displayed)", error.detail))
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
                progress.bytes = counts.bytes
                progress.finishedBytes = counts.finishedBytes
                (progress.total, progress.totalBytes) = totals?.known ?? (nil, nil)
                return progress
            }())
    }

    /// Where the sending stands.
    var standing: RunStatus.Standing {
        let (counts, study) = state.withLock { ($0.counts, $0.lastStudy) }
        var standing = RunStatus.Standing()
        let known = totals?.known
        let done = counts.stored + counts.failed - counts.notSent + counts.skipped
        if let known { standing.counts.append("\(done) of \(Quantity.count(known.0, "file")) done") }
        standing.counts.append("\(counts.stored) stored")
        let failures = counts.failed - counts.notSent
        for (count, word) in [(counts.skipped, "skipped"), (failures, "failed")] where count > 0 {
            standing.counts.append("\(count) \(word)")
        }
        standing.bytes = counts.bytes
        standing.latest = study.map { "study \($0)" }
        if let known { standing.work = RunStatus.Work(done: Double(counts.finishedBytes), whole: Double(known.1)) }
        return standing
    }

    // MARK: The end

    /// Says how what was sent differs from the files.
    private func reportChanges() {
        let (padded, lossy) = state.withLock { ($0.padded, $0.rewrittenWithLoss) }
        if padded.count > 0 {
            outcome.diagnostics.note(
                Message(
                    padded.name, "values of odd length were sent with a padding byte (PS3.5 7.1.1)",
                    code: padded.shownEach))
        }
        guard lossy.count > 0 else { return }
        outcome.diagnostics.warning(
            Message(
                lossy.name,
                "stored with a warning: rewritten in \(TransferSyntax.implicitVRLittleEndian), in which the value "
                    + "representations of private elements are lost", code: lossy.shownEach))
    }

    /// Sets the exit code to that of the sending. Verification afterwards has causes of its own.
    func finishSending() {
        environment.progress?.clear()
        failures.report()
        reportChanges()
        // A connection that was lost, and after which nothing was done any more, has ended the run.
        if let unanswered = state.withLock(\.unanswered) { outcome.record(ExitCode(for: unanswered)) }
        let counts = counts
        // If no file could be read, the files are the cause; otherwise the run was done in part.
        let isDone = counts.stored + counts.skipped > 0
        if !isDone, counts.failed > 0, outcome.exitCode == .incomplete, counts.notSent == 0 {
            outcome.record(.localFiles)
        }
        if !isDone, counts.failed == 0, outcome.exitCode == .success {
            outcome.fail(.localFiles, Message("nothing to send", "no DICOM instance among the files given"))
        } else {
            outcome.replaceExitCode(with: outcome.exitCode.ofWhole(isPartlyDone: isDone))
        }
    }

    /// How a run is gone on with that was interrupted, or lost its server.
    private func wayOn(after stored: Int) -> Hint? {
        let isLost = [.unreachable, .timeLimit, .association].contains(outcome.exitCode) && stored > 0
        guard outcome.exitCode == .interrupted || network.reasonForEnd != nil || isLost else { return nil }
        return .goOn(storing: true, hasJournal: options.journalPath != nil)
    }

    func finish(seconds: Double) {
        environment.progress?.clear()
        failures.report()
        let (counts, reason) = state.withLock { ($0.counts, $0.notSentReason) }
        if counts.notSent > 0 {
            // The cause that ended the run was reported.
            let why = reason == nil ? reasonForStop : nil
            if reason == nil, !isStopped { outcome.record(.timeLimit) }
            outcome.diagnostics.error(
                Message(
                    "\(Quantity.count(counts.notSent, "file")) not sent", why,
                    code: options.failedOutPath.map { "files in \($0.displayed)" }, hint: wayOn(after: counts.stored)))
        }
        var summary = outcome.summary
        summary.set(.done, counts.stored - counts.warned)
        summary.set(.warnings, counts.warned)
        summary.set(.skipped, counts.skipped)
        summary.set(.failures, counts.failed - counts.notSent)
        summary.set(.pending, counts.notSent)
        summary.set(.bytes, Int(clamping: counts.bytes))
        if options.jobs == .automatic { summary.set(.associations, load?.associations) }
        if options.window == .automatic { summary.set(.window, load?.window) }
        outcome.summary = summary
        var text = counts.text(
            seconds: seconds, confirmed: options.verification == .commit ? "committed" : "confirmed")
        if let load { text += ", \(load.words(jobs: options.jobs, window: options.window))" }
        outcome.diagnostics.note(Message("\(network.peerName): \(text)"))
    }
}

extension StoreSummary.Counts {
    /// As `12 stored (1 warning), 2 failed, 51.3 kB in 0.06 s (0.9 MB/s)`; counts of zero are left out, but for what
    /// was stored.
    ///
    /// - Parameter confirmed: what the verification makes sure of, such as `confirmed`.
    func text(seconds: Double, confirmed: String = "confirmed") -> String {
        var parts = ["\(stored) stored" + (warned == 0 ? "" : " (\(Quantity.count(warned, "warning")))")]
        if unconfirmed > 0 { parts.append("\(unconfirmed) accepted, but not \(confirmed)") }
        let others = failed - notSent - unconfirmed
        if others > 0 { parts.append("\(others) failed") }
        if notSent > 0 { parts.append("\(notSent) not sent") }
        if skipped > 0 { parts.append("\(skipped) skipped") }
        if notInstances > 0 { parts.append("\(Quantity.count(notInstances, "other file")) ignored") }
        if bytes > 0 { parts.append(Quantity.transfer(bytes, seconds: seconds)) }
        return parts.joined(separator: ", ")
    }
}

extension InstanceFile.Changes {
    /// The differences as they follow the word "stored".
    fileprivate var words: String {
        var words = ""
        if let transferSyntax { words += ", rewritten in \(UIDRegistry.displayName(of: transferSyntax.uid))" }
        if paddedValues > 0 { words += ", \(Quantity.count(paddedValues, "value")) of odd length padded" }
        return words
    }

    fileprivate var loss: String {
        "rewritten in \(TransferSyntax.implicitVRLittleEndian), in which the value representations of "
            + "\(Quantity.count(lostRepresentations, "private element")) are lost"
    }
}

extension UID {
    /// PS3.5 9.1.
    private static let maximumLength = 64

    /// What is wrong with a SOP Instance UID that is longer than a UID may be; nil if it is not.
    var excess: String? {
        let count = string.utf8.count
        guard count > Self.maximumLength else { return nil }
        let limit = Self.maximumLength
        return "its SOP Instance UID has \(count) characters, of which \(limit) are allowed (PS3.5 9.1)"
    }
}
