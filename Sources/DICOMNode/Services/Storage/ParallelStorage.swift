import DICOMProtocol
package import System

/// One or several associations that store at once, each on a thread of its own and with a ``StorageSCU`` of its own,
/// while the caller's thread finds what comes next.
///
/// A server that takes fewer associations than were asked for, or lets one wait, is no failure as long as one of them
/// gets through: the others end, what they had goes to those that are left, and the last one alone decides by the rules
/// of retrying.
package final class ParallelStorage: Sendable {
    private struct State {
        var alive: Int
        /// The error that ended the last of the workers.
        var failure: AssociationError?
        var unfinished: [PendingInstance] = []
        /// The associations that are being opened with nothing at hand, to be given up when nothing is left to send on
        /// them.
        var opening: [Int: Cancellation] = [:]
    }

    /// Files found and not sent yet, for each association: enough to keep all busy while a disk is slow.
    private static let waitingPerJob = 500
    /// The time, in seconds, for which an association stays open without files to send: a server may take it as dead.
    private static let longestIdleTime = 10.0

    private let jobs: Int
    private let makeSender: @Sendable (Cancellation, StorageSupply) -> any InstanceSender
    private let cancellation: Cancellation
    private let delegate: any StorageDelegate & Sendable
    private let pace: (any StudyPace)?
    /// The files that are to be sent.
    package let queue: StudyQueue
    private let state: Locked<State>
    private let threads: Locked<WorkerThreads?>

    /// Stores by C-STORE.
    ///
    /// - Parameter pace: decides when a further study may begin; nil lets all begin at once.
    /// - Throws: if not even one thread can be started.
    package convenience init(
        jobs: Int, options: StorageSCU.Options, cancellation: Cancellation, delegate: any StorageDelegate & Sendable,
        pace: (any StudyPace)? = nil
    ) throws(SystemError) {
        let demand = StorageDemand()
        try self.init(jobs: jobs, cancellation: cancellation, delegate: delegate, demand: demand, pace: pace) {
            StorageSCU(options: options, cancellation: $0, demand: demand, delegate: delegate, supply: $1)
        }
    }

    /// Stores in another way.
    ///
    /// - Parameters:
    ///   - pace: decides when a further study may begin; nil lets all begin at once.
    ///   - makeSender: makes the sender of a worker, on its thread.
    /// - Throws: if not even one thread can be started.
    package convenience init(
        jobs: Int, cancellation: Cancellation, delegate: any StorageDelegate & Sendable, pace: (any StudyPace)? = nil,
        makeSender: @escaping @Sendable (Cancellation) -> any InstanceSender
    ) throws(SystemError) {
        try self.init(jobs: jobs, cancellation: cancellation, delegate: delegate, demand: StorageDemand(), pace: pace) {
            cancellation, _ in makeSender(cancellation)
        }
    }

    private init(
        jobs: Int, cancellation: Cancellation, delegate: any StorageDelegate & Sendable, demand: StorageDemand,
        pace: (any StudyPace)?,
        makeSender: @escaping @Sendable (Cancellation, StorageSupply) -> any InstanceSender
    ) throws(SystemError) {
        self.jobs = jobs
        self.makeSender = makeSender
        self.cancellation = cancellation
        self.delegate = delegate
        self.pace = pace
        queue = StudyQueue(capacity: jobs * Self.waitingPerJob, workers: jobs, demand: demand, pace: pace)
        state = Locked(State(alive: jobs))
        threads = Locked(nil)
        let started = try WorkerThreads(count: jobs, name: "store") { [self] in work($0) }
        let missing = jobs - started.count
        state.withLock { $0.alive -= missing }
        threads.withLock { $0 = started }
    }

    /// Waits until all was sent and every association was released.
    ///
    /// - Returns: The error that ended the work early, and the files that were not sent.
    package func finish() -> (failure: AssociationError?, unfinished: [PendingInstance]) {
        queue.close()
        threads.withLock { $0 }?.join()
        let left = queue.abandon()
        return state.withLock { ($0.failure, $0.unfinished + left) }
    }

    // MARK: One worker

    private func work(_ worker: Int) {
        let own: Cancellation
        do throws(SystemError) { own = try cancellation.makeChild() } catch { own = cancellation }
        let sender = makeSender(own, supply(of: worker))
        do throws(AssociationError) {
            repeat {
                while !delegate.shouldStop {
                    let idleEnd = Deadline.after(seconds: Self.longestIdleTime)
                    let supply = queue.waitForWork(worker, until: sender.nextAttempt.earlier(idleEnd))
                    if case .end = supply { break }
                    if case .nothingYet = supply {
                        try rest(sender)
                        continue
                    }
                    let turn = queue.turn(of: worker)
                    if turn == .never { break }
                    if case .later(let time) = turn {
                        try waitForTurn(sender, worker, until: time, own)
                        continue
                    }
                    // Opened before a batch is taken, so that no file waits for an association that is slow to open. A
                    // single association is opened for the batch that it has taken.
                    if jobs > 1 { try prepare(sender, worker, own) }
                    try sender.store(queue.take(worker), waitsForRetries: false)
                }
                queue.letGo(worker)
                try sender.finishAttempts()
            } while !end(worker, leaving: sender)
            try sender.release()
        } catch {
            // A graceful cancellation leaves the association whole.
            if error.isInterruption { do throws(AssociationError) { try sender.release() } catch {} }
            fail(worker, error, leaving: sender.takeUnfinished())
        }
        cancelOpening()
    }

    /// Makes the attempts that are due, where no new files come for a while; without any, the server need not hold an association.
    private func rest(_ sender: any InstanceSender) throws(AssociationError) {
        guard sender.isIdle else { return try sender.store([], waitsForRetries: false) }
        // Errors of an association that is not needed now are not failures.
        do throws(AssociationError) { try sender.release() } catch {}
    }

    /// Waits a moment of the time until another study may begin; what is to be tried again meanwhile is.
    private func waitForTurn(
        _ sender: any InstanceSender, _ worker: Int, until time: Deadline, _ cancellation: Cancellation
    ) throws(AssociationError) {
        try sender.store([], waitsForRetries: false)
        if time.secondsLeft ?? .infinity > Self.longestIdleTime {
            queue.letGo(worker)
            try sender.finishAttempts()
            // Errors of an association that is not needed now are not failures.
            do throws(AssociationError) { try sender.release() } catch {}
        }
        if pace?.wait(until: time, cancellation) == true { throw .interrupted(cancellation.level) }
    }

    private func supply(of worker: Int) -> StorageSupply {
        StorageSupply(
            hasSuccessors: { [state] in state.withLock { $0.alive } > 1 },
            more: { [queue] in queue.take(worker, unanswered: $0) },
            takesBack: { [queue, delegate] pending in
                guard let isFirst = queue.takeBack(pending) else { return false }
                if isFirst { delegate.willKeepStudiesTogether() }
                return true
            })
    }

    private func prepare(_ sender: any InstanceSender, _ worker: Int, _ cancellation: Cancellation)
        throws(AssociationError)
    {
        guard sender.isIdle else { return }
        state.withLock { $0.opening[worker] = cancellation }
        defer { state.withLock { $0.opening[worker] = nil } }
        cancelOpening()
        try sender.prepare()
    }

    /// Ends the associations that are being opened when there is nothing left to send.
    private func cancelOpening() {
        guard queue.isFinished else { return }
        for cancellation in state.withLock({ Array($0.opening.values) }) { cancellation.raise(to: .abort) }
    }

    /// Ends a worker; returns false if another one has failed meanwhile and left something to do.
    private func end(_ worker: Int, leaving sender: any InstanceSender) -> Bool {
        state.withLock { state in
            let isLeft = !queue.isFinished
            guard !isLeft || delegate.shouldStop || queue.turn(of: worker) == .never else { return false }
            state.alive -= 1
            state.unfinished += sender.takeUnfinished()
            // What nobody begins any more is left by the last of them.
            if delegate.shouldStop || (isLeft && state.alive == 0) {
                state.unfinished += queue.abandon()
                delegate.sendingEnded()
            }
            return true
        }
    }

    private func fail(_ worker: Int, _ error: AssociationError, leaving unfinished: [PendingInstance]) {
        let isWanted = cancellation.isRaised
        // Woken because all is sent.
        let isSuperfluous = error.isInterruption && !isWanted
        let left = state.withLock { state in
            state.alive -= 1
            if state.alive == 0 || isWanted {
                if !isSuperfluous { state.failure = state.failure ?? error }
                state.unfinished += unfinished + queue.abandon()
            } else {
                queue.putBack(unfinished, from: worker)
            }
            return state.alive
        }
        if left == 0 { delegate.sendingEnded() }
        if left > 0, !isWanted, !isSuperfluous { delegate.lostAssociation(remaining: left, cause: error) }
    }
}
