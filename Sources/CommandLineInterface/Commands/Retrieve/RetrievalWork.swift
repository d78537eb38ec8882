import DICOMNode
import System

/// Works on the targets of a plan, as many at once as there are jobs.
struct RetrievalWork: Sendable {
    private let context: RetrievalContext
    private let report: @Sendable (TargetOutcome) -> Void

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
        _ perform: @escaping @Sendable (RetrievalTarget, ExistingInstances?) -> TargetOutcome
    ) -> [TargetOutcome] {
        let outcomes = Locked<[Int: TargetOutcome]>([:])
        let (context, report, network) = (context, report, context.network)
        let next = Locked(0)
        @Sendable func work() {
            let session = session()
            defer { session?.finish() }
            while !context.shouldStop, network.endTimeReached == nil {
                let index = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard index < targets.count else { return }
                let outcome = perform(targets[index], session)
                report(outcome)
                outcomes.withLock { $0[index] = outcome }
            }
        }
        let jobs = min(context.options.jobs, targets.count)
        for _ in 0..<max(jobs, 1) { context.beginJob() }
        @Sendable func job() {
            work()
            context.endJob()
        }
        if jobs > 1 {
            do throws(SystemError) {
                try WorkerThreads(count: jobs, name: "retrieve") { _ in job() }.join()
            } catch {
                job()
            }
        } else {
            job()
        }
        return outcomes.withLock { outcomes in targets.indices.compactMap { outcomes[$0] } }
    }
}
