import DICOMNode
import System

/// Works on the targets of a plan, as many at once as there are jobs.
struct RetrievalWork: Sendable {
    private let context: RetrievalContext
    private let report: @Sendable (TargetOutcome) -> Void

    /// The next target for a job.
    private enum Turn {
        case target(Int)
        case later(Deadline)
        /// There is none, or none may begin any more.
        case none
    }

    /// - Parameter report: called with each outcome, on the threads of the jobs.
    init(_ context: RetrievalContext, report: @escaping @Sendable (TargetOutcome) -> Void) {
        self.context = context
        self.report = report
    }

    /// Returns the outcomes in the order of the targets, without those that were not begun.
    ///
    /// - Parameters:
    ///   - session: what a job asks the node by that the instances go to; nil if nobody asks it.
    ///   - perform: retrieves one target.
    func perform(
        _ targets: [RetrievalTarget], session: @escaping @Sendable () -> ExistingInstances?,
        _ perform: @escaping @Sendable (RetrievalTarget, StudyLists, ExistingInstances?) -> TargetOutcome
    ) -> [TargetOutcome] {
        let outcomes = Locked<[Int: TargetOutcome]>([:])
        let lists = StudyLists(
            targets, context.associations, context.network, context.options.query.informationModel,
            jobs: { [context] in context.jobs.limit })
        let (context, report, network, pace) = (context, report, context.network, context.network.pace)
        let jobs = context.jobs
        let next = Locked(0)
        let underWay = Locked<[Int]>([])
        @Sendable func turn() -> Turn {
            next.withLock { next in
                guard next < targets.count else { return .none }
                switch pace?.begin(targets[next].shardKey) ?? .now {
                case .later(let time): return .later(time)
                case .never: return .none
                case .now:
                    defer { next += 1 }
                    jobs.beginTarget()
                    return .target(next)
                }
            }
        }
        let standing = { @Sendable in
            context.standing(
                done: outcomes.withLock { $0.count }, targets,
                underWay: underWay.withLock { $0 }.map { targets[$0].name })
        }
        context.outcome.status.provide(standing)
        pace?.estimate { standing().work }
        @Sendable func work() {
            let session = session()
            defer { session?.finish() }
            while !context.shouldStop, network.endTimeReached == nil {
                if jobs.stepAside() {
                    session?.finish()
                    context.associations.releaseIdle(beyond: jobs.limit)
                    guard jobs.begin(network.cancellation) else { return }
                }
                switch turn() {
                case .none: return jobs.end()
                case .target(let index):
                    underWay.withLock { $0.append(index) }
                    let outcome = perform(targets[index], lists, session)
                    // What is there from an earlier run has cost the server a list.
                    if outcome.attempts == 0, outcome.code == .success { pace?.giveBack(targets[index].shardKey) }
                    report(outcome)
                    outcomes.withLock { $0[index] = outcome }
                    underWay.withLock { $0.removeAll { $0 == index } }
                case .later(let time):
                    // Others may use its association meanwhile.
                    jobs.beginPause()
                    if (time.secondsLeft ?? 0) > RetrievalAssociations.longestIdlePause {
                        session?.finish()
                        context.associations.releaseIdle(beyond: jobs.inUse)
                    }
                    _ = pace?.wait(until: time, network.cancellation)
                    jobs.endPause()
                    guard jobs.begin(network.cancellation) else { return }
                }
            }
            jobs.end()
        }
        jobs.expect(targets.count)
        let count = min(jobs.choice.maximum, targets.count)
        @Sendable func job() {
            guard jobs.begin(network.cancellation) else { return }
            work()
            // A server may serve those that go on more slowly while other associations rest.
            context.associations.releaseIdle(beyond: jobs.inUse)
        }
        if count > 1 {
            do throws(SystemError) {
                try WorkerThreads(count: count, name: "retrieve") { _ in job() }.join()
            } catch {
                job()
            }
        } else {
            job()
        }
        return outcomes.withLock { outcomes in targets.indices.compactMap { outcomes[$0] } }
    }
}
