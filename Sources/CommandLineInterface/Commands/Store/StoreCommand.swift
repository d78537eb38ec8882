import DICOM
import DICOMNode
import DICOMProtocol
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
        // The end is told to a person who watches, or who is not there during the hours.
        let totals =
            environment.progress != nil || network.connection.hours != nil
            ? FileTotals(options.input.given, recursive: options.input.isRecursive) : nil
        let summary = StoreSummary(options, network, outcome, environment, journal: journal, totals: totals)
        // The search ends when nothing is sent any more, also where it waits for names.
        let search: Cancellation
        do throws(SystemError) {
            search = try network.cancellation.makeChild()
        } catch {
            return outcome.fail(.localFiles, Message("cannot start", error.description))
        }
        provideStatus(summary)
        network.pace?.waitForHours(network.cancellation)
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

    private func provideStatus(_ summary: StoreSummary) {
        outcome.status.provide { [summary] in summary.standing }
        network.pace?.estimate { [summary] in summary.standing.work }
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

    private func send(
        _ source: inout StoreSource, _ summary: StoreSummary, endOfSearch: @escaping @Sendable () -> Void
    ) {
        let network = network
        let delegate = SendingDelegate(
            network, outcome, jobs: options.jobs,
            isStopped: { summary.isStopped || network.endTimeReached != nil }, record: { summary.record($0) },
            onEnd: endOfSearch)
        let storage: ParallelStorage
        do throws(SystemError) {
            storage = try delegate.makeStorage(options)
        } catch {
            return outcome.fail(.localFiles, Message("cannot start", error.description))
        }
        var refused: [InstanceFile] = []
        while !delegate.shouldStop, let batch = source.next() {
            // The wait for room may be one for the hours.
            if storage.queue.isFull, network.pace?.waiting != nil { source.rest() }
            guard storage.queue.push(batch) else {
                refused = batch
                break
            }
        }
        let (failure, unfinished) = storage.finish()
        summary.load = storage.load
        var ending = failure
        if network.cancellation.isRaised { ending = ending ?? .interrupted(network.cancellation.level) }
        if let ending { outcome.fail(ending, calling: network.server) }
        summary.recordUnsent(
            unfinished + refused.map { PendingInstance($0) }, ending.map { StoreResult.Outcome.notSent($0) } ?? .stopped
        )
    }
}

extension StoreSummary {
    /// Records what was not sent, or not sent again, when the work ended.
    func recordUnsent(_ unfinished: [PendingInstance], _ outcome: StoreResult.Outcome) {
        for pending in unfinished { record(pending.result(endedBy: outcome)) }
    }
}
