import DICOM
import DICOMNode
import DICOMProtocol

/// Says how a run of retrievals ended: the outcome of each, the difference for another run, the summary, the exit code.
final class RetrievalReport: Sendable {
    private let session: RetrievalSession
    private var network: Network { session.network }
    private var outcome: RunOutcome { session.outcome }
    private var environment: Environment { session.environment }

    init(_ session: RetrievalSession) {
        self.session = session
    }

    /// One target is done.
    func tell(_ outcome: TargetOutcome) {
        for row in outcome.target.rows {
            let isComplete = outcome.isComplete(row)
            let why = isComplete ? "complete" : outcome.wasInterrupted ? "interrupted" : "incomplete"
            network.diagnostics.note(Message("line \(row.line): \(why)", outcome.summary))
        }
        if outcome.target.rows.isEmpty { network.diagnostics.verbose(outcome.summary) }
    }

    func settle(_ outcomes: [TargetOutcome], _ plan: RetrievalPlan, seconds: Double) {
        for line in plan.unmatchedLines {
            outcome.fail(.incomplete, Message("line \(line)", "the server has nothing that matches"))
        }
        environment.progress?.clear()
        let notBegun = plan.targets.count - outcomes.count
        for row in plan.targets.suffix(notBegun).flatMap(\.rows) {
            outcome.diagnostics.note(Message("line \(row.line): not begun"))
        }
        writeDifference(outcomes, notBegun: plan.targets.suffix(notBegun))
        settleCode(outcomes, notBegun: notBegun)
        summarize(outcomes, notBegun: notBegun, seconds: seconds)
    }

    private func settleCode(_ outcomes: [TargetOutcome], notBegun: Int) {
        if network.cancellation.isRaised {
            let count = session.reception.map { "\($0.total.written + $0.total.skipped) instances are on disk, whole" }
            return outcome.fail(.interrupted, Message("interrupted", count))
        }
        if session.reception?.outputFailed == true { return outcome.note(.localFiles) }
        let failed = outcomes.filter { $0.code != .success }
        guard !failed.isEmpty || notBegun > 0 else { return }
        // Where a part was done, the rest is what is wrong; where nothing was, its cause is.
        let worst = ExitCode.worst(of: failed.map(\.code))
        let isPartly = failed.count < outcomes.count || failed.contains { $0.hasSome }
        outcome.note(isPartly ? .incomplete : worst)
        if let error = failed.first?.error { outcome.remember(error) }
    }

    private func summarize(_ outcomes: [TargetOutcome], notBegun: Int, seconds: Double) {
        let told = outcomes.contains(where: \.tells) ? outcomes.reduce(0) { $0 + $1.told } : nil
        let failed = outcomes.reduce(0) { $0 + $1.failedLast }
        let expected = outcomes.contains { $0.expected == nil } ? nil : outcomes.reduce(0) { $0 + ($1.expected ?? 0) }
        outcome.summary.set(.serverCompleted, told)
        outcome.summary.set(.serverFailed, failed)
        outcome.summary.set(.expected, expected)
        if let status = outcomes.last?.lastStatus { outcome.summary.set(.status, status.description) }
        if outcomes.isEmpty, notBegun == 0 {
            outcome.diagnostics.note(Message("\(network.peerName)", "nothing matches; nothing was retrieved"))
            return
        }
        var text = "\(network.peerName): \(network.operation.serviceName)"
        if outcomes.count + notBegun > 1 { text += ", \(outcomes.count) of \(outcomes.count + notBegun) requests" }
        let isAsked = outcomes.contains { $0.rounds > 0 }
        let silence = isAsked ? "the server does not tell how many it sent" : "it was asked for nothing"
        text += ": " + (expected.map { "\($0) listed, " } ?? "")
        let before = outcomes.reduce(0) { $0 + $1.heldBefore }
        if before > 0 { text += "\(before) here from an earlier run, " }
        text += (told.map { "the server sent \($0)" } ?? silence) + ", \(failed) failed"
        if let total = session.reception?.total {
            outcome.summary.set(.done, total.written)
            outcome.summary.set(.skipped, total.skipped)
            outcome.summary.set(.failures, total.failed)
            outcome.summary.set(.bytes, Int(clamping: total.bytes))
            let rate = seconds > 0 ? Double(total.bytes) / seconds / 1e6 : 0
            text +=
                "; here: \(total.written) written, \(total.skipped) there already, \(total.failed) failed, "
                + "\(total.bytes) bytes in \(Decimal.text(seconds, digits: 2)) s (\(Decimal.text(rate, digits: 1)) MB/s)"
        }
        outcome.diagnostics.note(Message(text))
    }

    // MARK: The difference

    private func writeDifference(_ outcomes: [TargetOutcome], notBegun: ArraySlice<RetrievalTarget>) {
        let writer = MissingWriter(session.options.query.informationModel, outcome, environment)
        do throws(ByteSinkError) {
            for outcome in outcomes where outcome.code != .success {
                switch outcome.missing {
                case .nothing: break
                case .instances(let series): try writer.write(series, of: outcome.target)
                case .uids(let uids): try writer.write(uids, of: outcome.target)
                case .whole: try writer.write(outcome.target)
                }
            }
            for target in notBegun { try writer.write(target) }
        } catch {
            outcome.fail(.localFiles, Message("standard output", error.description))
        }
    }
}
