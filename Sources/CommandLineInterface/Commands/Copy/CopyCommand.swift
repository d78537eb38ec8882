import DICOMNode
import DICOMProtocol
import System

/// `--copy`: from one archive to another, where the old one cannot send to the new one itself. Instances are retrieved into a buffer on
/// disk, sent from there as they are, and looked for at the new archive.
final class CopyCommand {
    private let options: CopyOptions
    private let network: Network
    private let destination: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let watch = Stopwatch()

    /// - Parameters:
    ///   - network: of the old archive.
    ///   - destination: of the new one.
    init(
        _ options: CopyOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        destination: Network
    ) {
        self.options = options
        self.network = network
        self.destination = destination
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        if options.retrieve.isDryRun {
            return RetrievalPreview(options.retrieve, network, outcome, environment).show()
        }
        do throws(FileProblem) {
            let records = try CopyRecords(options, destination, outcome)
            let folder = try PrivateFolder(in: environment.temporaryPlace, named: "dcmscu-copy")
            defer { folder.remove() }
            let buffer = InstanceBuffer(folder, limit: options.bufferSize, cancellation: network.cancellation)
            try copy(CopyLine(buffer, destination, outcome, records), records)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    private func copy(_ line: CopyLine, _ records: CopyRecords) throws(FileProblem) {
        var retrieve = options.retrieve
        retrieve.outputDirectory = line.buffer.folder.path
        retrieve.syncing = .none
        guard
            let context = try RetrievalContext(
                retrieve, network, outcome, environment, destination: destination, buffer: line.buffer,
                isStopped: { line.hasEnded })
        else { return }
        defer {
            context.associations.releaseIdle()
            context.server?.stop()
        }
        network.pace?.waitForHours(network.cancellation)
        let isReached = reachDestination(context)
        guard let plan = RetrievalPlan(retrieve, network, context.associations, outcome, environment) else { return }
        let report = RetrievalReport(context)
        guard !plan.isAbandoned else { return report.writeRows(RetrievalRows(plan, [], notBegun: [])) }
        guard isReached else {
            // All that was to be copied is left for another run.
            return CopyReport(context, records, destination, options).finish(
                [], plan: plan, report, seconds: watch.seconds)
        }
        do throws(SystemError) {
            try line.start(options.store, studies: plan.targets.count)
        } catch {
            return outcome.fail(.localFiles, Message("cannot start", error.description))
        }
        let (destination, outcome) = (destination, outcome)
        let commitment =
            options.store.verification == .commit
            ? CopyCommitment(options.store.commitment, destination, outcome) : nil
        var outcomes = RetrievalWork(context) { if $0.isSettled { report.report($0) } }.perform(
            plan.targets, session: { context.destination?.session() },
            { target, lists, session in
                let copy = StudyCopy(line, records, destination, outcome, commitment)
                var done = TargetRetrieval(
                    target, context: context, lists: lists, forwarder: copy, held: { copy.held($0, session) }
                ).perform()
                // At an interrupt some may still come.
                if copy.waitForEnd(), !done.wasInterrupted {
                    copy.conclude(&done, context.destination, session)
                } else {
                    done.unsettled = copy
                }
                return done
            })
        context.waitForRelease()
        context.server?.stop()
        let failure = line.finish()
        for index in outcomes.indices { outcomes[index].finish() }
        if let failure, !failure.isInterruption { outcome.fail(failure, calling: destination.server) }
        conclude(&outcomes, context, report)
        settle(&outcomes, context, records, report)
        records.finish()
        CopyReport(context, records, destination, options).finish(
            outcomes, plan: plan, report, seconds: watch.seconds)
        if let failure, !failure.isInterruption {
            // It explains all that is missing.
            let message = Message(failure, calling: destination.server)
            outcome.recordError(message.line(outcome.diagnostics.redaction), message.cause)
        }
    }

    /// Finds out whether the new archive is there before the old one is asked for any instance; false if it is not, which is reported.
    private func reachDestination(_ context: RetrievalContext) -> Bool {
        guard let session = context.destination?.session() else { return true }
        defer { session.finish() }
        do throws(AssociationError) {
            try session.reach()
            return true
        } catch {
            if !error.isInterruption { outcome.fail(error, calling: destination.server) }
            return false
        }
    }

    /// Concludes what was left when nothing was sent any more.
    private func conclude(_ outcomes: inout [TargetOutcome], _ context: RetrievalContext, _ report: RetrievalReport) {
        let session = context.destination?.session()
        for index in outcomes.indices {
            guard let copy = outcomes[index].unsettled as? StudyCopy else { continue }
            outcomes[index].unsettled = nil
            copy.conclude(&outcomes[index], context.destination, session)
            if outcomes[index].isSettled { report.report(outcomes[index]) }
        }
        session?.finish()
    }

    /// Asks again for what the new archive did not list when it was sent.
    private func settle(
        _ outcomes: inout [TargetOutcome], _ context: RetrievalContext, _ records: CopyRecords,
        _ report: RetrievalReport
    ) {
        let isInterrupted = network.cancellation.isRaised
        guard !isInterrupted, let check = context.destination else {
            for index in outcomes.indices where outcomes[index].isUnconfirmed {
                outcomes[index].interrupt()
                report.report(outcomes[index])
            }
            return records.settleLate(unlisted: nil, isInterrupted: isInterrupted)
        }
        let (settled, unlisted, unknown) = check.settle(&outcomes)
        for index in settled { report.report(outcomes[index]) }
        records.settleLate(
            unlisted: unlisted, isInterrupted: network.cancellation.isRaised,
            why: unknown ?? "the new archive does not list it")
    }
}
