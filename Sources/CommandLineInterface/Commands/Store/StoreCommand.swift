import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// `--store`: C-STORE of files and directories, or STOW-RS over HTTP.
final class StoreCommand: Sendable {
    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let watch = Stopwatch()

    init(_ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        var failedOut: PathListFile?
        let journal: Journal?
        let completed: CompletedInstances?
        do throws(FileProblem) {
            if let path = options.failedOutPath { failedOut = try PathListFile(path) }
            // The journal is read before this run begins a part of its own.
            completed = try options.resumes ? completedInstances() : nil
            journal = try options.journalPath.map { path throws(FileProblem) in
                try Journal(path, operation: network.operation.rawValue, peer: network.peerName)
            }
        } catch {
            return outcome.fail(.localFiles, Message(error))
        }
        var commitment: CommitmentExchange?
        if options.verification == .commit {
            // A port that is taken is found out before a night's worth of files is sent.
            guard let exchange = CommitmentExchange(options.commitment, network, outcome) else { return }
            commitment = exchange
        }
        defer { commitment?.finish() }
        let totals = environment.progress.map { _ in
            FileTotals(options.input.given, recursive: options.input.isRecursive)
        }
        let summary = StoreSummary(options, network, outcome, environment, journal: journal, totals: totals)
        // The search ends when nothing is sent any more, also where it waits for names.
        let search: Cancellation
        do throws(SystemError) {
            search = try network.cancellation.makeChild()
        } catch {
            return outcome.fail(.localFiles, Message("cannot start", error.description))
        }
        var source = StoreSource(options, network, outcome, summary, completed, cancellation: search)
        send(&source, summary, endOfSearch: { search.raise(to: .graceful) })
        totals?.stop()
        if !source.recordRest(unless: network.cancellation) {
            outcome.diagnostics.warning(
                Message(
                    "interrupted before all folders were read", "more files were not sent than are counted and named"))
        }
        summary.finishSending()
        // The wait for verification is not that of the transfer.
        let seconds = watch.seconds
        if options.verification != nil, outcome.exitCode != .interrupted {
            StoreVerification(options, network, outcome, environment, summary, commitment).perform()
        }
        summary.syncJournal()
        summary.finish(seconds: seconds)
        do throws(FileProblem) {
            try failedOut?.write(summary.failedPaths)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    private func completedInstances() throws(FileProblem) -> CompletedInstances {
        let path = options.journalPath ?? ""
        let completed = try CompletedInstances(
            reading: path, operation: network.operation.rawValue, peer: network.peerName)
        if completed.damagedLines > 0 {
            outcome.diagnostics.note(
                Message(
                    "journal \(path.displayed)", "\(Quantity.count(completed.damagedLines, "damaged line")) skipped"))
        }
        outcome.diagnostics.verbose(
            "journal \(path.displayed): \(Quantity.count(completed.count, "instance")) already stored")
        return completed
    }

    private var sending: StorageSCU.Options {
        var sending = StorageSCU.Options()
        sending.priority = options.priority
        sending.operationsWindow = options.operationsWindow
        sending.rewrites = !options.neverRewrites
        sending.assumesMeta = options.assumesMeta
        sending.retry = network.retry
        return sending
    }

    private func makeStorage(_ delegate: StoreDelegate) throws(SystemError) -> ParallelStorage {
        guard let web = network.connection.web else {
            return try ParallelStorage(
                jobs: options.jobs, options: sending, cancellation: network.cancellation, delegate: delegate)
        }
        var sending = WebStorage.Options()
        sending.interface = web.interface
        sending.assumesMeta = options.assumesMeta
        sending.retry = network.retry
        return try ParallelStorage(jobs: options.jobs, cancellation: network.cancellation, delegate: delegate) {
            [network, sending] cancellation in
            WebStorage(sending, cancellation: cancellation, delegate: delegate) { () throws(AssociationError) in
                try network.webSession()
            }
        }
    }

    private func send(
        _ source: inout StoreSource, _ summary: StoreSummary, endOfSearch: @escaping @Sendable () -> Void
    ) {
        let delegate = StoreDelegate(
            network, outcome, summary, jobs: options.jobs, endOfSearch: endOfSearch)
        let storage: ParallelStorage
        do throws(SystemError) {
            storage = try makeStorage(delegate)
        } catch {
            return outcome.fail(.localFiles, Message("cannot start", error.description))
        }
        var refused: [InstanceFile] = []
        while !delegate.shouldStop, let batch = source.next() {
            guard storage.queue.push(batch) else {
                refused = batch
                break
            }
        }
        let (failure, unfinished) = storage.finish()
        var ending = failure
        if network.cancellation.isRaised { ending = ending ?? .interrupted(network.cancellation.level) }
        if let ending { outcome.fail(ending, calling: network.server) }
        summary.recordUnsent(
            unfinished + refused.map { PendingInstance($0) }, ending.map { StoreResult.Outcome.notSent($0) } ?? .stopped
        )
    }
}

/// Opens the associations of a `--store` and reports what happens on them.
private final class StoreDelegate: StorageDelegate, Sendable {
    private let network: Network
    private let outcome: RunOutcome
    private let summary: StoreSummary
    private let jobs: Int
    private let endOfSearch: @Sendable () -> Void
    private let hasLostAssociation = Locked(false)

    init(
        _ network: Network, _ outcome: RunOutcome, _ summary: StoreSummary, jobs: Int,
        endOfSearch: @escaping @Sendable () -> Void
    ) {
        self.network = network
        self.outcome = outcome
        self.summary = summary
        self.jobs = jobs
        self.endOfSearch = endOfSearch
    }

    var shouldStop: Bool { summary.isStopped || network.endTimeReached != nil }

    func open(
        _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
    ) throws(AssociationError) -> Association {
        var parameters = network.parameters(contexts)
        parameters.asynchronousOperationsWindow = window
        return try network.associate(parameters, cancellation: cancellation)
    }

    func report(_ result: StoreResult) { summary.record(result) }

    func willPause(seconds: Double, instances: Int, cause: AssociationError?) {
        network.notePause(
            seconds: seconds, cause == nil ? "trying \(Quantity.count(instances, "file")) again" : "trying again",
            because: cause)
    }

    /// Reports the first one as a note: many associations that end at once end for one reason.
    func lostAssociation(remaining: Int, cause: AssociationError) {
        let isFirst = hasLostAssociation.withLock { hasLost in
            defer { hasLost = true }
            return !hasLost
        }
        let why = network.message(cause).line
        guard isFirst else {
            return outcome.diagnostics.verbose("continuing with \(Quantity.count(remaining, "association")): \(why)")
        }
        outcome.diagnostics.note(Message("continuing with fewer associations", "one of \(jobs) has ended: \(why)"))
    }

    func willKeepStudiesTogether() {
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): the server failed with an instance of a study that several associations were sending",
                "it is sent again, and each study on one association from here on"))
    }

    func releaseUnanswered() { network.noteUnansweredRelease() }

    func sendingEnded() { endOfSearch() }
}

extension StoreSummary {
    /// Records what was not sent, or not sent again, when the work ended.
    func recordUnsent(_ unfinished: [PendingInstance], _ outcome: StoreResult.Outcome) {
        for pending in unfinished { record(pending.result(endedBy: outcome)) }
    }
}
