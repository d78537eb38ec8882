import DICOM
import DICOMNode
import DICOMProtocol

/// `--move` and `--get`: finds what is meant, retrieves it, and proves that it is complete.
final class RetrieveCommand {
    private let run: CommandRun
    private let watch = Stopwatch()

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let invocation = run.invocation
        let model = invocation.informationModel
        let sopClass = invocation.operation == .move ? model.moveSOPClass : model.getSOPClass
        do throws(FileProblem) {
            // The port is open, and the folder is known to be writable, before the server is asked for anything.
            if invocation.retrieval.isDryRun {
                guard let plan = RetrievalPlan(run, sopClass: sopClass) else { return }
                return RetrievalPreview(run).show(plan)
            }
            guard let session = try RetrievalSession(run) else { return }
            defer { session.server?.stop() }
            guard let plan = RetrievalPlan(run, sopClass: sopClass) else { return }
            let outcomes = retrieve(plan.targets, session)
            session.server?.stop()
            do throws(FileProblem) {
                try session.reception?.sync()
            } catch {
                // What came, and what is missing, is told all the same.
                run.fail(.localFiles, Message(error))
            }
            RetrievalReport(run, session).settle(outcomes, plan, seconds: watch.seconds)
        } catch {
            run.fail(.localFiles, Message(error))
        }
    }

    /// Outcomes in the order of the targets; of those that were not begun there is none.
    private func retrieve(_ targets: [RetrievalTarget], _ session: RetrievalSession) -> [TargetOutcome] {
        let outcomes = Locked<[Int: TargetOutcome]>([:])
        let report = RetrievalReport(run, session)
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
        let jobs = min(run.invocation.retrieval.jobs, targets.count)
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
