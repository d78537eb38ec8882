import DICOMProtocol
package import System

/// One or several associations that store at once, each on a thread of its own and with a ``StorageSCU`` of its own,
/// while the caller's thread finds what comes next.
///
/// A server that takes fewer associations than were asked for, or lets one wait, is no failure as long as one of them
/// gets through: the others end, what they had goes to those that are left, and the last one alone decides by the rules
/// of retrying.
///
/// Where the number of associations is found out (``LoadControl``), so many of the threads have one as may be, the others wait for
/// their turn.
package final class ParallelStorage: Sendable {
    private struct State {
        /// The workers that have work, or look for it.
        var alive: Int
        /// Those of them that end their work, because fewer may be.
        var ending = 0
        /// What may be in use; nil if that is fixed.
        var control: LoadControl?
        /// True once none begins any more.
        var isOver = false
        /// The error that ended the last of the workers.
        var failure: AssociationError?
        var unfinished: [PendingInstance] = []
        /// The associations that are being opened with nothing at hand, to be given up when nothing is left to send on
        /// them.
        var opening: [Int: Cancellation] = [:]

        /// The workers that others can rely on.
        var lasting: Int { alive - ending }
        /// True if more workers are at work than may be.
        var isCrowded: Bool { control.map { lasting > $0.load.associations } ?? false }
    }

    /// Files found and not sent yet, for each association: enough to keep all busy while a disk is slow.
    private static let waitingPerJob = 500
    /// The time, in seconds, for which an association stays open without files to send: a server may take it as dead.
    private static let longestIdleTime = 10.0

    private let jobs: LoadChoice
    private let makeSender: @Sendable (Cancellation, StorageSupply) -> any InstanceSender
    private let cancellation: Cancellation
    private let delegate: any StorageDelegate & Sendable
    private let pace: (any StudyPace)?
    /// The files that are to be sent.
    package let queue: StudyQueue
    private let state: ConditionLock<State>
    private let watch = Stopwatch()
    private let threads: Locked<WorkerThreads?>

    /// Stores by C-STORE.
    ///
    /// - Parameters:
    ///   - jobs: the number of associations.
    ///   - window: the number of instances that may be unanswered on each, in place of that of the options.
    ///   - pace: decides when a further study may begin; nil lets all begin at once.
    /// - Throws: if not even one thread can be started.
    package convenience init(
        jobs: LoadChoice, window: LoadChoice, options: StorageSCU.Options, cancellation: Cancellation,
        delegate: any StorageDelegate & Sendable, pace: (any StudyPace)? = nil
    ) throws(SystemError) {
        let demand = StorageDemand()
        var options = options
        options.operationsWindow = UInt16(clamping: window.maximum)
        try self.init(
            jobs: jobs, window: window, cancellation: cancellation, delegate: delegate, demand: demand, pace: pace
        ) { [options] in
            StorageSCU(options: options, cancellation: $0, demand: demand, delegate: delegate, supply: $1)
        }
    }

    /// Stores in another way.
    ///
    /// - Parameters:
    ///   - answeredTogether: the number of instances that one answer is about, at most.
    ///   - pace: decides when a further study may begin; nil lets all begin at once.
    ///   - makeSender: makes the sender of a worker, on its thread.
    /// - Throws: if not even one thread can be started.
    package convenience init(
        jobs: LoadChoice, answeredTogether: Int, cancellation: Cancellation,
        delegate: any StorageDelegate & Sendable, pace: (any StudyPace)? = nil,
        makeSender: @escaping @Sendable (Cancellation, LoadMeter) -> any InstanceSender
    ) throws(SystemError) {
        try self.init(
            jobs: jobs, window: .fixed(answeredTogether), cancellation: cancellation, delegate: delegate,
            demand: StorageDemand(), pace: pace
        ) { cancellation, supply in makeSender(cancellation, supply.meter) }
    }

    private init(
        jobs: LoadChoice, window: LoadChoice, cancellation: Cancellation, delegate: any StorageDelegate & Sendable,
        demand: StorageDemand, pace: (any StudyPace)?,
        makeSender: @escaping @Sendable (Cancellation, StorageSupply) -> any InstanceSender
    ) throws(SystemError) {
        self.jobs = jobs
        self.makeSender = makeSender
        self.cancellation = cancellation
        self.delegate = delegate
        self.pace = pace
        let count = jobs.maximum
        queue = StudyQueue(capacity: count * Self.waitingPerJob, workers: count, demand: demand, pace: pace)
        let isFixed = jobs != .automatic && window != .automatic
        state = ConditionLock(
            State(
                alive: jobs.number ?? 0, control: isFixed ? nil : LoadControl(associations: jobs, window: window)))
        threads = Locked(nil)
        let started = try WorkerThreads(count: count, name: "store") { [self] worker in
            guard jobs == .automatic else { return work(worker) }
            while begin() { work(worker) }
        }
        let missing = count - started.count
        if jobs != .automatic { state.withLock { $0.alive -= missing } }
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

    /// What the server has turned out to gain from; nil if both numbers were given.
    package var load: AssociationLoad? { state.withLock { $0.control?.chosen } }

    // MARK: Their number

    /// Waits until one more worker may begin; returns false if none is needed any more.
    private func begin() -> Bool {
        state.withLock(when: { $0.isOver || $0.alive < $0.control?.load.associations ?? 0 }) { state in
            guard !state.isOver else { return false }
            state.alive += 1
            return true
        }
    }

    /// Ends the association of a worker if there are more than may be; returns false if the worker is to go on.
    private func stepAside(_ sender: any InstanceSender, _ worker: Int) throws(AssociationError) -> Bool {
        guard jobs == .automatic else { return false }
        let isTooMany = state.withLock { state in
            if state.isCrowded { state.ending += 1 } else { return false }
            return true
        }
        guard isTooMany else { return false }
        queue.letGo(worker)
        do throws(AssociationError) {
            try sender.finishAttempts()
        } catch {
            state.withLock { $0.ending -= 1 }
            throw error
        }
        // Errors of an association that is not needed now are not failures.
        do throws(AssociationError) { try sender.release() } catch {}
        return state.withLock { state in
            state.ending -= 1
            // The others have failed meanwhile, and left it their work.
            guard state.alive > 1 else { return false }
            state.alive -= 1
            return true
        }
    }

    private var meter: LoadMeter {
        var meter = LoadMeter()
        guard state.withLock({ $0.control != nil }) else { return meter }
        meter.window = { [state] in
            var window: Int?
            state.change { state in
                window = state.control?.load.window
                return false
            }
            return window
        }
        meter.opened = { [self] window in adjust { $0.opened(window: window) } }
        meter.answered = { [self] bytes in adjust { [watch] in $0.answered(bytes: bytes, at: watch.seconds) } }
        meter.failed = { [self] in adjust { [watch] in $0.failed(at: watch.seconds) } }
        return meter
    }

    /// Tells the control of an event, and wakes those that wait where it makes a difference.
    private func adjust(_ event: (inout LoadControl) -> Void) {
        var changed: AssociationLoad?
        state.change { state in
            changed = state.control.adjust(event)
            return changed != nil
        }
        if let changed { delegate.loadChanged(to: changed) }
    }

    // MARK: One worker

    private func work(_ worker: Int) {
        let own: Cancellation
        do throws(SystemError) { own = try cancellation.makeChild() } catch { own = cancellation }
        let sender = makeSender(own, supply(of: worker))
        do throws(AssociationError) {
            repeat {
                while !delegate.shouldStop {
                    if try stepAside(sender, worker) { return cancelOpening() }
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
                    if jobs != .fixed(1) { try prepare(sender, worker, own) }
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
            hasSuccessors: { [state] in state.withLock { $0.lasting } > 1 },
            more: { [queue, state, jobs] in
                if jobs == .automatic, state.withLock({ $0.isCrowded }) { return [] }
                return queue.take(worker, unanswered: $0)
            },
            takesBack: { [queue, delegate] pending in
                guard let isFirst = queue.takeBack(pending) else { return false }
                if isFirst { delegate.willKeepStudiesTogether() }
                return true
            },
            meter: meter)
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
            state.isOver = state.isOver || !isLeft || delegate.shouldStop || state.alive == 0
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
                state.isOver = true
            } else {
                queue.putBack(unfinished, from: worker)
                let remaining = state.lasting
                if !isSuperfluous { state.control?.refused(remaining: remaining, at: watch.seconds) }
            }
            return state.alive
        }
        if left == 0 { delegate.sendingEnded() }
        if left > 0, !isWanted, !isSuperfluous { delegate.lostAssociation(remaining: left, cause: error) }
    }
}
