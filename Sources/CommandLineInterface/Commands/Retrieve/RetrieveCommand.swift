import DICOMNode
import System

/// `--move` and `--get`: finds the entities that match, retrieves them, and proves that they are complete.
final class RetrieveCommand {
    private let options: RetrieveOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    /// The third party that instances go to, if it is to be asked for them.
    private let destination: Network?
    private let watch = Stopwatch()

    init(
        _ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        destination: Network? = nil
    ) {
        self.destination = destination
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        if options.isDryRun {
            return RetrievalPreview(options, network, outcome, environment).show()
        }
        do throws(FileProblem) {
            // The port is open, and the folder is known to be writable, before the server is asked for anything.
            guard
                let context = try RetrievalContext(options, network, outcome, environment, destination: destination)
            else { return }
            defer {
                context.associations.releaseIdle()
                context.server?.stop()
            }
            network.pace?.waitForHours(network.cancellation)
            guard let plan = RetrievalPlan(options, network, context.associations, outcome, environment) else { return }
            guard !plan.isAbandoned else {
                return RetrievalReport(context).writeRows(RetrievalRows(plan, [], notBegun: []))
            }
            let report = RetrievalReport(context)
            var outcomes = RetrievalWork(context) { if !$0.isUnconfirmed { report.report($0) } }.perform(
                plan.targets, session: { context.destination?.session() },
                { TargetRetrieval($0, context: context, lists: $1, destination: $2).perform() })
            context.waitForRelease()
            context.server?.stop()
            for index in outcomes.indices { outcomes[index].finish() }
            for index in context.destination?.settle(&outcomes).settled ?? [] { report.report(outcomes[index]) }
            do throws(FileProblem) {
                try context.reception?.sync()
            } catch {
                // The report of what was received, and what is missing, follows all the same.
                outcome.fail(.localFiles, Message(error))
            }
            report.finish(outcomes, plan: plan, seconds: watch.seconds)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }
}
