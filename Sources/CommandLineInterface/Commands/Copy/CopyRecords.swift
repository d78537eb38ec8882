import DICOM
import DICOMNode
import DICOMProtocol
import System

/// An instance on its way to the new archive, by all that events and the journal say of it.
struct CopiedInstance: Sendable {
    let sopInstanceUID: UID
    let sopClassUID: UID?
    let studyInstanceUID: UID?
    let seriesInstanceUID: UID?
    let transferSyntaxUID: UID?
    let bytes: UInt64?
    /// The response of the new archive; nil before.
    var response: CommandSet?

    /// One of which only the listing is known.
    init(_ instance: UID, in series: InstanceListing.Series) {
        sopInstanceUID = instance
        studyInstanceUID = series.studyInstanceUID
        seriesInstanceUID = series.seriesInstanceUID
        // Of a series of several classes the listing does not tell which one an instance has.
        let classes = series.transferSyntaxes.keys
        sopClassUID = series.tellsClasses && classes.count == 1 ? classes.first : nil
        (transferSyntaxUID, bytes) = (nil, nil)
    }

    /// - Parameters:
    ///   - file: as it was received; nil where it cannot be read any more.
    ///   - series: the series that it was listed in; nil for what its data set says.
    init(_ received: ReceivedInstance, _ file: InstanceFile?, in series: InstanceListing.Series?) {
        let identity = received.origin.identity
        sopInstanceUID = received.sopInstanceUID
        sopClassUID = file?.sopClassUID ?? received.sopClassUID
        studyInstanceUID = series?.studyInstanceUID ?? identity.studyInstanceUID ?? file?.studyInstanceUID
        seriesInstanceUID = series?.seriesInstanceUID ?? identity.seriesInstanceUID ?? file?.seriesInstanceUID
        transferSyntaxUID = file?.transferSyntax.uid ?? received.transferSyntax.uid
        bytes = file?.dataSetLength ?? received.length
    }

    /// True if a hierarchical query can name it (PS3.4 C.4.1.2.1).
    var canBeAskedFor: Bool { studyInstanceUID != nil && seriesInstanceUID != nil }

    var isWarning: Bool { response?.status?.kind == .warning }

    /// As messages name it: its file is gone by then.
    var name: String { "instance \(DisplayText.line(sopInstanceUID.string))" }

    func event(_ outcome: RunEvent.Outcome) -> RunEvent {
        var event = RunEvent(.copy)
        event.set(.sopClassUID, sopClassUID)
        event.set(.sopInstanceUID, sopInstanceUID)
        event.set(.studyInstanceUID, studyInstanceUID)
        event.set(.seriesInstanceUID, seriesInstanceUID)
        event.set(.transferSyntaxUID, transferSyntaxUID)
        event.set(.bytes, bytes.map { Int(clamping: $0) })
        event.set(outcome)
        if let response { event.set(response, for: .storage) }
        return event
    }

    func entry(_ outcome: JournalOutcome) -> JournalEntry {
        var entry = JournalEntry()
        entry.set(.time, JournalEntry.now)
        entry.set(.sopClassUID, sopClassUID)
        entry.set(.sopInstanceUID, sopInstanceUID)
        entry.set(.studyInstanceUID, studyInstanceUID)
        entry.set(.seriesInstanceUID, seriesInstanceUID)
        entry.set(.transferSyntaxUID, transferSyntaxUID)
        if let bytes { entry.set(.bytes, bytes) }
        entry.set(outcome)
        entry.set(.status, response?.status?.description)
        return entry
    }
}

/// What became of the instances of a copy: counts, events, messages, the journal. Several threads report to it.
final class CopyRecords: Sendable {
    struct Counts: Sendable {
        /// Accepted by the new archive.
        var sent = 0
        var warned = 0
        /// Accepted, and found there.
        var confirmed = 0
        /// There before.
        var existing = 0
        /// Confirmed in an earlier run, by the journal.
        var inJournal = 0
        var failed = 0
        /// Received and not sent, as the run ended before.
        var notSent = 0
        /// Of data sets that the new archive has accepted.
        var bytes: UInt64 = 0
    }

    /// The reason why an instance need not be copied.
    enum SkipReason {
        /// An earlier run has confirmed it.
        case inJournal
        /// The new archive lists it.
        case listed
        /// The new archive has committed to keep it.
        case committed
    }

    private struct State {
        var counts = Counts()
        /// Accepted, and not listed when the new archive was asked first.
        var late: [CopiedInstance] = []
        var isStopped = false
        var existingAreUnknown = false
    }

    private let outcome: RunOutcome
    private let destination: Network
    private let failures: StoreFailures
    private let journal: Journal?
    private let earlier: CopiedInstances?
    private let state = Locked(State())

    /// - Throws: the problem of the journal.
    init(_ options: CopyOptions, _ destination: Network, _ outcome: RunOutcome) throws(FileProblem) {
        self.outcome = outcome
        self.destination = destination
        failures = StoreFailures(outcome, listPath: nil)
        guard let path = options.journalPath else {
            (journal, earlier) = (nil, nil)
            return
        }
        let (operation, peer) = (Operation.copy.rawValue, destination.peerName)
        // The journal is read before this run begins a part of its own.
        let earlier =
            try options.resumes
            ? CopiedInstances(
                reading: path, operation: operation, peer: peer, onlyCommitted: options.store.verification == .commit)
            : nil
        if let earlier {
            if earlier.damagedLines > 0 {
                outcome.diagnostics.note(
                    Message(
                        "journal \(path.displayed)", "\(Quantity.count(earlier.damagedLines, "damaged line")) skipped"))
            }
            outcome.diagnostics.verbose(
                "journal \(path.displayed): \(Quantity.count(earlier.count, "instance")) confirmed at \(peer)")
        }
        self.earlier = earlier
        journal = try Journal(path, operation: operation, peer: peer)
    }

    var counts: Counts { state.withLock { $0.counts } }
    /// True once the journal cannot be written: nothing more is copied then.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// True if an earlier run has confirmed the instance.
    func wasConfirmed(_ instance: CopiedInstance) -> Bool {
        guard let earlier, let study = instance.studyInstanceUID, let series = instance.seriesInstanceUID else {
            return false
        }
        return earlier.contains(instance.sopInstanceUID, study: study, series: series)
    }

    /// Records an instance that need not be copied.
    func recordSkipped(_ instance: CopiedInstance, _ reason: SkipReason) {
        state.withLock { state in
            if reason == .inJournal { state.counts.inJournal += 1 } else { state.counts.existing += 1 }
        }
        outcome.events?.write(instance.event(.skipped))
        switch reason {
        case .inJournal: break
        case .listed: write(instance.entry(.skipped))
        case .committed: write(instance.entry(.committed))
        }
    }

    /// Says, once, that everything is copied because nobody knows what is there.
    func recordUnknownExisting(_ why: String) {
        let isFirst = state.withLock { state in
            defer { state.existingAreUnknown = true }
            return !state.existingAreUnknown
        }
        guard isFirst else { return }
        outcome.diagnostics.warning(
            Message("cannot query the instances of \(destination.peerName); all are copied", why))
    }

    /// Records the answer of the new archive about an instance that it has accepted.
    func recordSent(_ instance: CopiedInstance) {
        state.withLock { state in
            state.counts.sent += 1
            state.counts.bytes += instance.bytes ?? 0
            if instance.isWarning { state.counts.warned += 1 }
        }
        guard instance.isWarning, let response = instance.response else { return }
        outcome.report(
            Message(
                instance.name, "stored with a warning: \(response.reason(for: .storage))",
                peerText: response.errorComment, code: response.status?.description),
            kind: "instances stored with a warning", .warning)
    }

    func recordFailure(_ instance: CopiedInstance, _ failure: StoreFailure) {
        state.withLock { $0.counts.failed += 1 }
        var event = instance.event(.failed)
        event.set(.error, failure.words)
        event.set(.cause, failure.cause?.rawValue)
        outcome.events?.write(event)
        var entry = instance.entry(.failed)
        entry.set(.error, failure.words)
        write(entry)
        failures.record(failure)
    }

    /// Records an instance that was received and cannot be sent as what was listed.
    func recordRefused(_ instance: CopiedInstance, _ exitCode: ExitCode, _ message: Message) {
        state.withLock { $0.counts.failed += 1 }
        var event = instance.event(.failed)
        event.set(.error, message.why)
        event.set(.cause, FailureCause(exitCode)?.rawValue)
        outcome.events?.write(event)
        var entry = instance.entry(.failed)
        entry.set(.error, message.why)
        write(entry)
        failures.record(.notSent, exitCode, message)
    }

    /// Records an instance that was received, and not sent.
    func recordUnsent(_ instance: CopiedInstance) {
        state.withLock { $0.counts.notSent += 1 }
        var event = instance.event(.pending)
        event.set(.cause, FailureCause.notBegun.rawValue)
        outcome.events?.write(event)
    }

    /// Records an instance that the new archive has, as it says when it is asked.
    ///
    /// - Parameter isCommitted: true if it has committed to keep it.
    func recordConfirmed(_ instance: CopiedInstance, isCommitted: Bool = false) {
        state.withLock { $0.counts.confirmed += 1 }
        outcome.events?.write(instance.event(instance.isWarning ? .warning : .done))
        write(instance.entry(isCommitted ? .committed : .confirmed))
    }

    /// Records an instance that the new archive has taken, and does not confirm.
    func recordUnconfirmed(_ instance: CopiedInstance, why: String, code: String? = nil, _ outcome: JournalOutcome) {
        state.withLock { $0.counts.failed += 1 }
        let words = "\(StoreFailures.Fate.notConfirmed.rawValue): \(why)"
        var event = instance.event(.failed)
        event.set(.error, words)
        event.set(.cause, FailureCause.notConfirmed.rawValue)
        self.outcome.events?.write(event)
        var entry = instance.entry(outcome)
        entry.set(.error, words)
        write(entry)
    }

    /// Keeps instances that the new archive does not list yet.
    func recordLate(_ instances: [CopiedInstance]) { state.withLock { $0.late += instances } }

    /// Records those of them as confirmed that are listed by now, and the others as failed.
    ///
    /// - Parameters:
    ///   - unlisted: those that are not listed; nil if nobody has asked.
    ///   - isInterrupted: true if a later run asks for what is not listed.
    ///   - why: the reason why it is not confirmed.
    func settleLate(unlisted: Set<UID>?, isInterrupted: Bool, why: String = "") {
        let late = state.withLock { state in
            defer { state.late = [] }
            return state.late
        }
        for instance in late {
            guard unlisted?.contains(instance.sopInstanceUID) != false else {
                recordConfirmed(instance)
                continue
            }
            if isInterrupted {
                outcome.events?.write(instance.event(.pending))
                continue
            }
            recordUnconfirmed(instance, why: why, .failed)
        }
    }

    /// Reports the failures in blocks, and forces the journal onto the disk.
    func finish() {
        failures.report()
        do throws(FileProblem) {
            try journal?.sync()
        } catch {
            outcome.fail(.localFiles, Message("journal \(error.path.displayed)", error.detail))
        }
    }

    private func write(_ entry: JournalEntry) {
        guard let journal else { return }
        do throws(FileProblem) {
            try journal.append(entry)
        } catch {
            let isFirst = state.withLock { state in
                defer { state.isStopped = true }
                return !state.isStopped
            }
            if isFirst { outcome.fail(.localFiles, Message("journal \(error.path.displayed)", error.detail)) }
        }
    }
}
