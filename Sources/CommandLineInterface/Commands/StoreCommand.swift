import DICOM
import DICOMNode
import DICOMProtocol

/// `--store`: C-STORE of files and directories.
final class StoreCommand: Sendable {
    private let run: CommandRun
    private let storing: StoringOptions
    private let watch = Stopwatch()

    init(_ run: CommandRun) {
        self.run = run
        storing = run.invocation.storing
    }

    func perform() {
        var failedOut: FailedList?
        let journal: Journal?
        let completed: CompletedInstances?
        do throws(FileProblem) {
            if let path = storing.failedOutPath { failedOut = try FailedList(FilePath(path)) }
            // What was done is read before this run begins a part of its own.
            completed = try storing.resumes ? completedInstances() : nil
            journal = try storing.journalPath.map { path throws(FileProblem) in
                try Journal(FilePath(path), operation: run.invocation.operation.rawValue, peer: run.peerName)
            }
        } catch {
            return run.fail(.localFiles, Message(error))
        }
        var commitment: CommitmentExchange?
        if storing.verification == .commit {
            // A port that is taken is found out before a night's worth of files is sent.
            guard let exchange = CommitmentExchange(run) else { return }
            commitment = exchange
        }
        defer { commitment?.finish() }
        let totals = run.environment.progress.map { _ in
            FileTotals(
                run.invocation.inputs.filter { $0 != "-" }.map { FilePath($0) }, recursive: run.invocation.isRecursive)
        }
        let account = StoreAccount(run, journal: journal, totals: totals)
        // The search ends when nothing is sent any more, also where it waits for names.
        let search: Cancellation
        do throws(SystemError) {
            if let cancellation = run.cancellation {
                search = try cancellation.makeChild()
            } else {
                search = try Cancellation()
            }
        } catch {
            return run.fail(.localFiles, Message("cannot start", error.description))
        }
        var source = StoreSource(run, account, completed, cancellation: search)
        send(&source, account, endOfSearch: { search.raise(to: .graceful) })
        totals?.stop()
        // After the second wish to stop nobody waits for a walk through the rest.
        if (run.cancellation?.level ?? .none) < .abort { source.leaveRest() }
        account.settleSending()
        if storing.verification != nil, run.exitCode != .interrupted {
            StoreVerification(run, account, commitment).perform()
        }
        account.syncJournal()
        account.summarize(seconds: watch.seconds)
        do throws(FileProblem) {
            try failedOut?.write(account.failedPaths)
        } catch {
            run.fail(.localFiles, Message(error))
        }
    }

    private func completedInstances() throws(FileProblem) -> CompletedInstances {
        let path = FilePath(storing.journalPath ?? "")
        let completed = try CompletedInstances(
            reading: path, operation: run.invocation.operation.rawValue, peer: run.peerName)
        if completed.damagedLines > 0 {
            run.diagnostics.note(Message("journal \(path)", "\(completed.damagedLines) damaged lines passed over"))
        }
        run.diagnostics.verbose("journal \(path): \(completed.count) instances are stored already")
        return completed
    }

    private var options: StorageSCU.Options {
        var options = StorageSCU.Options()
        options.priority = run.invocation.priority
        options.operationsWindow = storing.operationsWindow
        options.rewrites = !storing.neverRewrites
        options.retry = RetryPolicy(retries: storing.retries, delay: storing.retryDelay)
        return options
    }

    private func parameters(
        _ contexts: [PresentationContextProposal], _ window: AsynchronousOperationsWindow?
    ) -> AssociationParameters {
        var parameters = run.parameters(contexts)
        parameters.asynchronousOperationsWindow = window
        return parameters
    }

    private func tellPause(_ seconds: Double, _ instances: Int, _ cause: AssociationError?) {
        let why = cause.map { run.message($0).line }
        let digits = seconds < 10 ? 1 : 0
        let what = cause == nil ? "trying \(Quantity.count(instances, "file")) again" : "trying again"
        run.diagnostics.note(Message("\(what) in \(Decimal.text(seconds, digits: digits)) s", why))
    }

    /// Told once: many associations that end at once end for one reason.
    private func tellFewer(_ left: Int, _ cause: AssociationError, isFirst: Bool) {
        let why = run.message(cause).line
        guard isFirst else {
            return run.diagnostics.verbose("going on with \(Quantity.count(left, "association")): \(why)")
        }
        run.diagnostics.note(
            Message("going on with fewer associations", "one of \(storing.jobs) has ended: \(why)"))
    }

    private func send(
        _ source: inout StoreSource, _ account: StoreAccount, endOfSearch: @escaping @Sendable () -> Void
    ) {
        let wasTold = Locked(false)
        let reports = ParallelStorage.Reports(
            result: { account.take($0) }, shouldStop: { account.isStopped },
            pause: { [self] in tellPause($0, $1, $2) },
            fewer: { [self] left, cause in
                let isFirst = wasTold.withLock { told in
                    defer { told = true }
                    return !told
                }
                tellFewer(left, cause, isFirst: isFirst)
            }, ended: endOfSearch)
        let storage: ParallelStorage
        do throws(SystemError) {
            storage = try ParallelStorage(
                jobs: storing.jobs, options: options, cancellation: run.cancellation, reports: reports,
                open: { [self] contexts, window, cancellation throws(AssociationError) in
                    try run.associate(parameters(contexts, window), cancellation: cancellation)
                })
        } catch {
            return run.fail(.localFiles, Message("cannot start", error.description))
        }
        var refused: [InstanceFile] = []
        while !account.isStopped, let batch = source.next() {
            guard storage.store(batch) else {
                refused = batch
                break
            }
        }
        let (failure, unfinished) = storage.finish()
        var ending = failure
        if let level = run.cancellation?.level, level > .none { ending = ending ?? .interrupted(level) }
        if let ending { run.fail(ending) }
        account.leave(
            unfinished + refused.map { PendingInstance($0) }, ending.map { StoreResult.Outcome.notSent($0) } ?? .stopped
        )
    }
}

extension StoreAccount {
    /// What was not sent, or not sent again, when the work ended.
    func leave(_ unfinished: [PendingInstance], _ outcome: StoreResult.Outcome) {
        for pending in unfinished { take(pending.result(endedBy: outcome)) }
    }
}
