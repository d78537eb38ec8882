import DICOM
import DICOMNode
import DICOMProtocol

/// Reports a run of retrievals: the outcome of each, what is missing for another run, the summary, the exit code.
struct RetrievalReport: Sendable {
    private let context: RetrievalContext
    private var network: Network { context.network }
    private var run: RunOutcome { context.outcome }

    init(_ context: RetrievalContext) { self.context = context }

    /// Reports one target that is done. Several threads may call it.
    func report(_ outcome: TargetOutcome) {
        // Of a target with many rows the words are the same for all of them.
        let summary = outcome.summary
        for row in outcome.target.rows {
            let result = outcome.result(for: row).outcome
            let name = row.name(run.diagnostics.redaction).map { "\($0): " } ?? ""
            let message = Message("line \(row.line): \(result.words)", name + summary)
            // A row that asks for what the server does not have is an error by its values, also where only errors are shown, as in a
            // mail of cron; its target alone says little to a person.
            run.diagnostics.report(result == .notFound && !name.isEmpty ? .error : .note, message)
        }
        if outcome.target.rows.isEmpty { run.diagnostics.verbose(summary) }
    }

    func finish(_ outcomes: [TargetOutcome], plan: RetrievalPlan, seconds: Double) {
        let notBegun = finishTargets(outcomes, plan: plan)
        setExitCode(outcomes, notBegun: notBegun)
        let words = summarize(outcomes, plan, notBegun: notBegun, seconds: seconds)
        writeRows(RetrievalRows(plan, outcomes, notBegun: plan.targets.dropFirst(outcomes.count)), summary: words)
    }

    /// Reports what was not begun, and writes what is missing; returns the number of targets that were not begun.
    func finishTargets(_ outcomes: [TargetOutcome], plan: RetrievalPlan) -> Int {
        plan.reportUnmatchedLines(to: run)
        context.environment.progress?.clear()
        let notBegun = plan.targets.dropFirst(outcomes.count)
        for row in notBegun.flatMap(\.rows) {
            run.diagnostics.note(Message("line \(row.line): not begun"))
        }
        writeMissing(outcomes, notBegun: notBegun)
        return notBegun.count
    }

    /// Counts the rows of a list, and writes their outcomes to the file that is asked for.
    ///
    /// - Parameter summary: of the run; empty where it has ended before anything was asked for.
    func writeRows(_ rows: RetrievalRows, summary: String = "") {
        if rows.isList, !rows.rows.isEmpty { run.diagnostics.note(Message(rows.summary)) }
        do throws(FileProblem) {
            guard let report = context.rowReport else { return }
            if report.form == .html {
                try report.write(RetrievalPage(context, rows, summary: summary, began: report.began))
            } else {
                try report.write(rows)
            }
        } catch {
            run.fail(.localFiles, Message(error))
        }
    }

    func setExitCode(_ outcomes: [TargetOutcome], notBegun: Int) {
        if network.cancellation.isRaised {
            let stored = context.reception.map { $0.total.written + $0.total.skipped }
            let text = stored.map { "\(Quantity.count($0, "instance")) \($0 == 1 ? "is" : "are") on disk, whole" }
            return run.fail(
                .interrupted,
                Message(
                    "interrupted", text,
                    hint: context.reception == nil
                        ? nil : Hint.goOn(storing: false, hasJournal: context.options.journalPath != nil)))
        }
        // A full disk is told where it was met; here it is the exit code.
        if context.reception?.diskIsFullOrReadOnly == true { return run.record(.localFiles) }
        if (context.reception?.total.unexpected ?? 0) > 0 { run.record(.incomplete) }
        let failed = outcomes.filter { $0.code != .success }
        guard !failed.isEmpty || notBegun > 0 else { return }
        let worst = ExitCode.worst(of: failed.map(\.code))
        let isPartlyDone = failed.count < outcomes.count || failed.contains { $0.isPartlyReceived }
        run.record(worst.ofWhole(isPartlyDone: isPartlyDone))
        reportNotBegun(notBegun, of: outcomes.count + notBegun, isExplained: !failed.isEmpty)
        if notBegun > 0, network.isOverdue {
            run.fail(
                .timeLimit,
                Message(
                    "the time limit of the run has passed",
                    "\(notBegun) of \(outcomes.count + notBegun) requests not made",
                    // A request that was under way has its own line, with the remedy.
                    hint: failed.contains { $0.code == .timeLimit } ? nil : .runTooShort))
        } else if notBegun > 0, let reached = network.reasonForEnd {
            run.fail(
                .timeLimit,
                Message(
                    reached, "\(notBegun) of \(outcomes.count + notBegun) requests not made",
                    hint: .goOn(storing: false, hasJournal: context.options.journalPath != nil)))
        }
        if let first = failed.first, let error = first.error { run.recordError(error, first.cause) }
    }

    /// Whatever has ended a run, one that has not begun everything has failed.
    private func reportNotBegun(_ notBegun: Int, of count: Int, isExplained: Bool) {
        guard notBegun > 0, !network.isOverdue, network.reasonForEnd == nil else { return }
        let options = context.options
        if context.destinationIsUnknown, !isExplained {
            let title = options.moveDestination.string
            var message = Message(
                "\(network.peerName): the server does not know the move destination \(title)",
                "\(notBegun) of \(count) requests not made", code: DIMSEStatus.moveDestinationUnknown.description,
                hint: options.isDestinationNamedAsNode
                    ? Hint.nameOfNode(title) : .moveDestinationUnknown(aeTitle: title, host: nil, port: nil))
            message.cause = .destinationUnknown
            run.fail(.failureStatus, message)
        } else if run.exitCode == .success {
            run.fail(.incomplete, Message(network.peerName, "\(notBegun) of \(count) requests not made"))
        } else {
            run.record(.incomplete)
        }
    }

    /// Sets the members of the summary, and says it in a sentence, which is returned.
    private func summarize(
        _ outcomes: [TargetOutcome], _ plan: RetrievalPlan, notBegun: Int, seconds: Double
    ) -> String {
        let summary = Summary(outcomes)
        run.summary.set(.serverCompleted, summary.sent)
        run.summary.set(.serverFailed, summary.failed)
        run.summary.set(.expected, summary.listed)
        run.summary.set(.studies, summary.studies)
        run.summary.set(.confirmed, summary.confirmed)
        if let status = outcomes.last?.lastStatus { run.summary.set(.status, status.description) }
        if outcomes.isEmpty, notBegun == 0 {
            let message = Message(
                network.peerName, "nothing matches; nothing was retrieved",
                hint: plan.isList || plan.hasLeftOut
                    ? nil
                    : .noMatch(
                        context.options.query.likelyMistakes(ungranted: network.ungranted, isRetrieval: true)))
            if context.options.query.failsIfNone, run.exitCode == .success {
                run.fail(.incomplete, message)
            } else {
                run.diagnostics.note(message)
            }
            return message.line
        }
        let total = context.reception?.total
        if let total {
            run.summary.set(.done, total.written - total.warned)
            if total.warned + total.unexpected > 0 { run.summary.set(.warnings, total.warned + total.unexpected) }
            run.summary.set(.skipped, total.skipped + summary.presentBefore)
            run.summary.set(.failures, total.failed)
            run.summary.set(.bytes, Int(clamping: total.bytes))
            if total.warned > 0, context.options.failOn == .warning {
                let received = Quantity.count(total.warned, "instance")
                run.fail(.incomplete, Message(network.peerName, "\(received) received with a warning"))
            }
        }
        var subject = "\(network.peerName): \(network.serviceName)"
        if total == nil { subject += " to \(context.options.moveDestination)" }
        let count = outcomes.count + notBegun
        if count > 1 { subject += ", \(outcomes.count(where: \.isBegun)) of \(count) requests" }
        var text = summary.text(
            total: total, folder: context.options.outputDirectory.displayed, seconds: seconds)
        if let load = context.jobs.found {
            run.summary.set(.associations, load.associations)
            text += ", \(load.words(jobs: .automatic, window: .fixed(1)))"
        }
        if let confirmed = summary.confirmed, let there = context.destination?.network {
            text += ", \(confirmed) listed by \(there.peerName)"
        }
        // A run that was interrupted, or had no time left, has said how to go on.
        let isUnfinished = notBegun == 0 && total != nil && !network.cancellation.isRaised && summary.wasCutShort
        run.diagnostics.note(
            Message(
                "\(subject): \(text)", nil,
                hint: isUnfinished ? .goOn(storing: false, hasJournal: context.options.journalPath != nil) : nil))
        return text
    }

    // MARK: What is missing

    /// Lines that a person reads on a terminal; more bury what was said before.
    private static let longestListOnTerminal = 10

    private static func missingCount(_ outcomes: [TargetOutcome], notBegun: ArraySlice<RetrievalTarget>) -> Int {
        outcomes.reduce(notBegun.count) { sum, outcome in
            guard outcome.code != .success else { return sum }
            let sum = outcome.absent.reduce(sum) { $0 + $1.sopInstanceUIDs.count }
            switch outcome.missing {
            case .nothing: return sum
            case .instances(let series): return series.reduce(sum) { $0 + $1.sopInstanceUIDs.count }
            case .uids(let uids): return sum + uids.count
            case .whole: return sum + 1
            }
        }
    }

    private func writeMissing(_ outcomes: [TargetOutcome], notBegun: ArraySlice<RetrievalTarget>) {
        let count = Self.missingCount(outcomes, notBegun: notBegun)
        if context.environment.terminalWidth != nil, count > Self.longestListOnTerminal, run.events == nil {
            return run.diagnostics.note(
                Message("\(Quantity.count(count, "line")) of what is missing not shown", nil, hint: .listOnTerminal))
        }
        let writer = MissingWriter(context.options.query.informationModel, run, context.environment)
        do throws(ByteSinkError) {
            for outcome in outcomes where outcome.code != .success {
                switch outcome.missing {
                case .nothing: break
                case .instances(let series): try writer.write(series, of: outcome.target)
                case .uids(let uids): try writer.write(uids, of: outcome.target)
                case .whole: try writer.write(outcome.target)
                }
                try writer.write(outcome.absent, of: outcome.target)
            }
            for target in notBegun { try writer.write(target) }
            try writer.finish()
        } catch {
            run.failOutput(error)
        }
    }
}

extension RetrievalReport {
    /// The sums over all targets.
    struct Summary {
        /// Nil if the server did not list the instances of each.
        let listed: Int?
        let presentBefore: Int
        /// Nil if the server never said how many it sent.
        let sent: Int?
        /// At the server, in the last attempt of each.
        let failed: Int
        /// True if anything had to be requested.
        let hasRequests: Bool
        /// True if each target is complete.
        let isComplete: Bool
        /// True if the server was lost, or could not be reached.
        let wasCutShort: Bool
        /// Nil unless the third party was asked.
        let confirmed: Int?
        /// The studies that the server was asked for, as far as they are known.
        let studies: Int

        init(_ outcomes: [TargetOutcome]) {
            listed = outcomes.contains { $0.listed == nil } ? nil : outcomes.reduce(0) { $0 + ($1.listed ?? 0) }
            presentBefore = outcomes.reduce(0) { $0 + $1.presentBefore }
            sent = outcomes.contains { $0.sent != nil } ? outcomes.reduce(0) { $0 + ($1.sent ?? 0) } : nil
            failed = outcomes.reduce(0) { $0 + $1.failedInLastAttempt }
            hasRequests = outcomes.contains { $0.attempts > 0 }
            isComplete = !outcomes.isEmpty && outcomes.allSatisfy { $0.code == .success }
            wasCutShort = outcomes.contains { $0.code == .unreachable || $0.code == .timeLimit }
            confirmed =
                outcomes.contains { $0.confirmed != nil } ? outcomes.reduce(0) { $0 + ($1.confirmed ?? 0) } : nil
            studies = outcomes.filter(\.isBegun).reduce(into: Set<UID>()) { $0.formUnion($1.studies) }.count
        }

        /// As `8 listed, 8 sent by the server, 8 received, 51.3 kB in 0.06 s (0.9 MB/s)`; counts of zero that say
        /// nothing are left out.
        ///
        /// - Parameters:
        ///   - total: the instances that were received; nil where they went to a third party.
        ///   - folder: where they are.
        func text(total: Reception.Total?, folder: String, seconds: Double) -> String {
            var parts: [String] = []
            if studies > 1 { parts.append(Quantity.count(studies, "study")) }
            if let listed { parts.append("\(listed) listed") }
            if presentBefore > 0 { parts.append("\(presentBefore) present from an earlier run") }
            guard hasRequests else {
                return (parts + [isComplete ? "nothing had to be requested" : "nothing was requested"])
                    .joined(separator: ", ")
            }
            parts.append(sent.map { "\($0) sent by the server" } ?? "the server does not say how many it sent")
            // An instance that was not stored here is one that the server could not deliver, as it counts.
            let failedThere = failed - (total?.failed ?? 0)
            if failedThere > 0 { parts.append("\(failedThere) failed at the server") }
            guard let total else { return parts.joined(separator: ", ") }
            parts.append("\(total.written + total.skipped) received")
            if total.skipped > 0 { parts.append("\(total.skipped) of them already present") }
            if total.warned > 0 { parts.append("\(total.warned) of them with a warning") }
            if total.failed > 0 { parts.append("\(total.failed) not stored") }
            if total.unexpected > 0 { parts.append("\(total.unexpected) that nobody asked for") }
            if total.bytes > 0 { parts.append(Quantity.transfer(total.bytes, seconds: seconds)) }
            if total.written + total.skipped > 0 { parts.append("in \(folder == "." ? "this folder" : folder)") }
            return parts.joined(separator: ", ")
        }
    }
}

/// Writes what is missing to the standard output, in a form that `--from-list` takes: CSV, or with `--format jsonl`
/// events.
final class MissingWriter {
    private let outcome: RunOutcome
    private let environment: Environment
    private let columns: [Tag]
    private var hasHeader = false
    /// Lines that are not written yet: a call of the system for each of a hundred thousand would be slow.
    private var lines: [UInt8] = []
    private static let longestCollected = 64 << 10

    init(_ model: InformationModel, _ outcome: RunOutcome, _ environment: Environment) {
        self.outcome = outcome
        self.environment = environment
        columns = model.levels.map(InformationModel.uniqueKey(of:))
    }

    func write(_ series: [InstanceListing.Series], of target: RetrievalTarget) throws(ByteSinkError) {
        for one in series {
            for uid in one.sopInstanceUIDs {
                try write([
                    .patientID: target.identifier.string(.patientID) ?? "",
                    .studyInstanceUID: one.studyInstanceUID.string, .seriesInstanceUID: one.seriesInstanceUID.string,
                    .sopInstanceUID: uid.string,
                ])
            }
        }
    }

    func write(_ uids: [UID], of target: RetrievalTarget) throws(ByteSinkError) {
        try write(uids.map(\.string), as: .sopInstanceUID, of: target)
    }

    func write(_ target: RetrievalTarget) throws(ByteSinkError) {
        let key = InformationModel.uniqueKey(of: target.level)
        try write(target.identifier.strings(key), as: key, of: target)
    }

    /// Writes what is still collected.
    func finish() throws(ByteSinkError) {
        guard !lines.isEmpty else { return }
        try environment.standardOutput.write(lines)
        lines = []
    }

    private func write(_ uids: [String], as key: Tag, of target: RetrievalTarget) throws(ByteSinkError) {
        var values = values(of: target)
        for uid in uids {
            values[key] = uid
            try write(values)
        }
    }

    private func values(of target: RetrievalTarget) -> [Tag: String] {
        columns.reduce(into: [:]) { $0[$1] = target.identifier.string($1) }
    }

    private func write(_ values: [Tag: String]) throws(ByteSinkError) {
        if let events = outcome.events {
            var event = RunEvent(.missing)
            event.set(.patientID, values[.patientID].flatMap { $0.isEmpty ? nil : $0 })
            event.set(.studyInstanceUID, values[.studyInstanceUID])
            event.set(.seriesInstanceUID, values[.seriesInstanceUID])
            event.set(.sopInstanceUID, values[.sopInstanceUID])
            return events.write(event)
        }
        if !hasHeader { CSVText.append(columns.map(DataDictionary.keyword), to: &lines) }
        hasHeader = true
        CSVText.append(columns.map { values[$0] ?? "" }, to: &lines)
        if lines.count >= Self.longestCollected { try finish() }
    }
}
