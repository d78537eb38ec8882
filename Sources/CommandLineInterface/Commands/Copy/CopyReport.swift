import DICOM
import DICOMNode
import DICOMProtocol

/// Reports a copy: what is missing, the summary, the exit code.
struct CopyReport {
    private let context: RetrievalContext
    private let records: CopyRecords
    private let destination: Network
    private let options: CopyOptions
    private var network: Network { context.network }
    private var run: RunOutcome { context.outcome }

    init(_ context: RetrievalContext, _ records: CopyRecords, _ destination: Network, _ options: CopyOptions) {
        self.context = context
        self.records = records
        self.destination = destination
        self.options = options
    }

    func finish(_ outcomes: [TargetOutcome], plan: RetrievalPlan, _ report: RetrievalReport, seconds: Double) {
        let notBegun = report.finishTargets(outcomes, plan: plan)
        let counts = records.counts
        if network.cancellation.isRaised {
            run.fail(
                .interrupted,
                Message(
                    "interrupted",
                    "\(Quantity.count(counts.confirmed, "instance")) confirmed at \(destination.peerName)",
                    hint: goOn))
        } else {
            report.setExitCode(outcomes, notBegun: notBegun)
        }
        let isPartlyDone = counts.confirmed + counts.existing + counts.inJournal > 0
        run.replaceExitCode(with: run.exitCode.ofWhole(isPartlyDone: isPartlyDone))
        let words = summarize(outcomes, plan, counts, notBegun: notBegun, seconds: seconds)
        report.writeRows(
            RetrievalRows(plan, outcomes, notBegun: plan.targets.dropFirst(outcomes.count)), summary: words)
    }

    private var goOn: Hint { .goOnCopying(hasJournal: options.journalPath != nil) }

    /// Sets the members of the summary, and says it in a sentence, which is returned.
    private func summarize(
        _ outcomes: [TargetOutcome], _ plan: RetrievalPlan, _ counts: CopyRecords.Counts, notBegun: Int, seconds: Double
    ) -> String {
        let summary = RetrievalReport.Summary(outcomes)
        run.summary.set(.destination, destination.peerName)
        run.summary.set(.serverCompleted, summary.sent)
        run.summary.set(.serverFailed, summary.failed)
        run.summary.set(.expected, summary.listed)
        run.summary.set(.studies, summary.studies)
        run.summary.set(.confirmed, counts.confirmed)
        run.summary.set(.done, counts.confirmed)
        if counts.warned > 0 { run.summary.set(.warnings, counts.warned) }
        run.summary.set(.skipped, counts.existing + counts.inJournal)
        run.summary.set(.failures, counts.failed)
        run.summary.set(.pending, counts.notSent)
        run.summary.set(.bytes, Int(clamping: counts.bytes))
        if outcomes.isEmpty, notBegun == 0 {
            let message = Message(network.peerName, "nothing matches; nothing was copied")
            if context.options.query.failsIfNone, run.exitCode == .success {
                run.fail(.incomplete, message)
            } else {
                run.diagnostics.note(message)
            }
            return message.line
        }
        if counts.warned > 0, context.options.failOn == .warning {
            run.fail(
                .incomplete,
                Message(destination.peerName, "\(Quantity.count(counts.warned, "instance")) stored with a warning"))
        }
        if outcomes.isEmpty {
            let message = Message(
                "\(network.peerName): nothing was copied to \(destination.peerName)",
                "\(Quantity.count(notBegun, "request")) not made")
            run.diagnostics.note(message)
            return message.line
        }
        var subject = "\(network.peerName): copy to \(destination.peerName)"
        let count = outcomes.count + notBegun
        if count > 1 { subject += ", \(outcomes.count(where: \.isBegun)) of \(count) requests" }
        let isUnfinished = notBegun == 0 && !network.cancellation.isRaised && run.exitCode != .success
        let text = Self.text(
            summary, context.reception?.total, counts,
            confirmed: options.store.verification == .commit ? "committed" : "confirmed", seconds: seconds)
        run.diagnostics.note(Message("\(subject): \(text)", nil, hint: isUnfinished ? goOn : nil))
        return text
    }

    /// As `13 listed, 2 there before, 11 received, 11 sent, 11 confirmed, 5.2 MB in 0.4 s (13.0 MB/s)`; counts of zero that say nothing
    /// are left out.
    private static func text(
        _ summary: RetrievalReport.Summary, _ received: Reception.Total?, _ counts: CopyRecords.Counts,
        confirmed: String, seconds: Double
    ) -> String {
        var parts: [String] = []
        if summary.studies > 1 { parts.append(Quantity.count(summary.studies, "study")) }
        if let listed = summary.listed { parts.append("\(listed) listed") }
        if counts.inJournal > 0 { parts.append("\(counts.inJournal) confirmed in an earlier run") }
        if counts.existing > 0 { parts.append("\(counts.existing) there before") }
        if let received, received.written + received.skipped > 0 || summary.hasRequests {
            parts.append("\(received.written + received.skipped) received")
            if received.failed > 0 { parts.append("\(received.failed) not received whole") }
            if received.unexpected > 0 { parts.append("\(received.unexpected) that nobody asked for") }
            parts.append("\(counts.sent) sent")
        }
        if counts.warned > 0 { parts.append("\(counts.warned) of them with a warning") }
        if counts.sent > 0 { parts.append("\(counts.confirmed) \(confirmed)") }
        if counts.failed > 0 { parts.append("\(counts.failed) failed") }
        if counts.notSent > 0 { parts.append("\(counts.notSent) not sent") }
        if counts.bytes > 0 { parts.append(Quantity.transfer(counts.bytes, seconds: seconds)) }
        return parts.joined(separator: ", ")
    }
}
