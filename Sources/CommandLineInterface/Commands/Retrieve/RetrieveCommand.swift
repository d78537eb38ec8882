import DICOMNode
import System

/// `--move` and `--get`: finds the entities that match, retrieves them, and proves that they are complete.
final class RetrieveCommand {
    private let options: RetrieveOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let watch = Stopwatch()

    init(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        if options.isDryRun {
            guard let plan = RetrievalPlan(options, network, outcome, environment), !plan.isAbandoned else { return }
            return RetrievalPreview(options, network, outcome, environment).show(plan)
        }
        do throws(FileProblem) {
            // The port is open, and the folder is known to be writable, before the server is asked for anything.
            guard let context = try RetrievalContext(options, network, outcome, environment) else { return }
            defer { context.server?.stop() }
            guard let plan = RetrievalPlan(options, network, outcome, environment) else { return }
            guard !plan.isAbandoned else {
                return RetrievalReport(context).writeRows(RetrievalRows(plan, [], notBegun: []))
            }
            var outcomes = retrieve(plan.targets, context)
            context.waitForRelease()
            context.server?.stop()
            for index in outcomes.indices { outcomes[index].finish() }
            do throws(FileProblem) {
                try context.reception?.sync()
            } catch {
                // The report of what was received, and what is missing, follows all the same.
                outcome.fail(.localFiles, Message(error))
            }
            RetrievalReport(context).finish(outcomes, plan: plan, seconds: watch.seconds)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    /// Returns the outcomes in the order of the targets, without those that were not begun.
    private func retrieve(_ targets: [RetrievalTarget], _ context: RetrievalContext) -> [TargetOutcome] {
        let outcomes = Locked<[Int: TargetOutcome]>([:])
        let report = RetrievalReport(context)
        let network = network
        let next = Locked(0)
        @Sendable func work() {
            while !context.shouldStop, network.endTimeReached == nil {
                let index = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard index < targets.count else { return }
                let outcome = TargetRetrieval(targets[index], context: context).perform()
                report.report(outcome)
                outcomes.withLock { $0[index] = outcome }
            }
        }
        let jobs = min(options.jobs, targets.count)
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
