import DICOM
import DICOMNode
import DICOMProtocol

/// `--move` and `--get`: finds what is meant, retrieves it, and proves that it is complete.
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
        let model = options.query.informationModel
        let sopClass = options.method == .move ? model.moveSOPClass : model.getSOPClass
        do throws(FileProblem) {
            // The port is open, and the folder is known to be writable, before the server is asked for anything.
            if options.isDryRun {
                guard let plan = RetrievalPlan(options, network, outcome, environment, sopClass: sopClass) else {
                    return
                }
                return RetrievalPreview(options, network, outcome, environment).show(plan)
            }
            guard let session = try RetrievalSession(options, network, outcome, environment) else { return }
            defer { session.server?.stop() }
            guard let plan = RetrievalPlan(options, network, outcome, environment, sopClass: sopClass) else { return }
            let outcomes = retrieve(plan.targets, session)
            session.server?.stop()
            do throws(FileProblem) {
                try session.reception?.sync()
            } catch {
                // What came, and what is missing, is told all the same.
                outcome.fail(.localFiles, Message(error))
            }
            RetrievalReport(session).settle(outcomes, plan, seconds: watch.seconds)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    /// Outcomes in the order of the targets; of those that were not begun there is none.
    private func retrieve(_ targets: [RetrievalTarget], _ session: RetrievalSession) -> [TargetOutcome] {
        let outcomes = Locked<[Int: TargetOutcome]>([:])
        let report = RetrievalReport(session)
        let next = Locked(0)
        @Sendable func work() {
            while !session.isOver {
                let index = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard index < targets.count else { return }
                let outcome = TargetRetrieval(session, targets[index]).perform()
                report.tell(outcome)
                outcomes.withLock { $0[index] = outcome }
            }
        }
        let jobs = min(options.jobs, targets.count)
        if jobs > 1 {
            do throws(SystemError) {
                try WorkerThreads(count: jobs, name: "retrieve") { _ in work() }.join()
            } catch {
                work()
            }
        } else {
            work()
        }
        return outcomes.withLock { outcomes in targets.indices.compactMap { outcomes[$0] } }
    }
}
