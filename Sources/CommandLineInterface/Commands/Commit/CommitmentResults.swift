import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Prints the verdict on each instance on the standard output, one a line, and the sums as messages.
///
///     committed      1.2.840.113619.2.5  a.dcm
///     not committed  1.2.840.113619.2.6  b.dcm  no such object instance (0112H)
///     no answer      1.2.840.113619.2.7  c.dcm
///     not requested  1.2.840.113619.2.8  d.dcm
///
/// After files were sent, `safe to delete  a.dcm` stands for those that are committed.
final class CommitmentResults {
    private let options: CommitmentOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private(set) var committed = 0
    private(set) var failed = 0
    private(set) var pending = 0
    /// Of these, the ones that no request was made for.
    private var unrequested = 0
    private var reasons: [(text: String, count: Int)] = []
    private var outputFailure: ByteSinkError?
    private var deletable: [FilePath] = []
    /// The lines of what was not requested: left out if nothing was, for a cause that was told.
    private var unrequestedLines: [String] = []

    /// True if files were sent, so that the result shows which of them may be deleted.
    private let isVerification: Bool

    init(
        _ options: CommitmentOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        isVerification: Bool = false
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.isVerification = isVerification
    }

    /// - Parameter doubt: why the file may not be what the server has committed to, for a verification.
    func write(_ candidate: CommitmentCandidate, _ verdict: CommitmentVerdict, doubt: String? = nil) {
        count(verdict)
        if case .committed = verdict, doubt == nil, let path = candidate.path { deletable.append(path) }
        if let events = outcome.events {
            events.write(event(candidate, verdict, doubt))
        } else if isVerification, case .committed = verdict {
            if doubt == nil, let path = candidate.path { print("safe to delete  \(path.displayed)") }
        } else if case .pending(transactionUID: nil) = verdict {
            unrequestedLines.append(line(candidate, verdict))
        } else {
            print(line(candidate, verdict))
        }
    }

    /// Writes the list of the files that may be deleted, if there is to be one.
    func write(to list: borrowing PathListFile?) {
        do throws(FileProblem) {
            try list?.write(deletable)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    /// Reports the sum, and what it means for the exit code.
    ///
    /// - Parameters:
    ///   - loss: how our association ended before its time, if that ended the wait, too.
    ///   - hint: the remedy where reports are missing.
    func summarize(loss: AssociationError? = nil, missing hint: @autoclosure () -> Hint.Commitment) {
        let total = committed + failed + pending
        if unrequested < total { unrequestedLines.forEach(print) }
        if let outputFailure { outcome.failOutput(outputFailure) }
        for reason in reasons {
            outcome.fail(
                .commitmentFailed,
                Message("not committed: \(reason.count) of \(Quantity.count(total, "instance"))", reason.text))
        }
        if pending > 0, options.resultWait > 0 { reportMissing(loss, hint()) }
        if pending > unrequested { noteOpenTransactions() }
        if !isVerification {
            outcome.summary.set(.done, committed)
            outcome.summary.set(.failures, failed)
            outcome.summary.set(.pending, pending)
        }
        guard total > 0 else { return }
        var parts = ["\(committed) committed"]
        if failed > 0 { parts.append("\(failed) not committed") }
        if pending > unrequested { parts.append("\(pending - unrequested) without a report") }
        if unrequested > 0 { parts.append("\(unrequested) not requested") }
        outcome.diagnostics.note(Message("\(network.peerName): \(parts.joined(separator: ", "))"))
    }

    private func reportMissing(_ loss: AssociationError?, _ hint: Hint.Commitment) {
        let seconds = Decimal.text(options.resultWait, digits: options.resultWait < 1 ? 1 : 0)
        let why = loss == nil ? "waited for \(seconds) s" : "the server has ended the association"
        let message = Message(
            network.endpoint.host.isEmpty
                ? "no report from any server on \(Quantity.count(pending, "instance"))"
                : "\(network.peerName): no report on \(Quantity.count(pending, "instance"))", why,
            hint: .commitment(hint))
        switch outcome.exitCode {
        case .success, .commitmentFailed, .incomplete: outcome.fail(.timeLimit, message)
        case .unreachable where loss != nil: outcome.diagnostics.error(message)
        // The cause that prevented the request was reported, with its own remedy.
        default: break
        }
    }

    private func noteOpenTransactions() {
        guard let file = options.transactionFile else { return }
        let port = network.connection.receiverPort.map { "\($0)" } ?? "PORT"
        outcome.diagnostics.note(
            Message(
                "open transactions are saved in \(file.displayed)",
                "dcmscu \(OptionName.stgcmt) \(OptionName.listen) \(OptionName.transaction) \(file.displayed) \(OptionName.portSCP) \(port) waits for their reports"
            ))
    }

    private func count(_ verdict: CommitmentVerdict) {
        switch verdict {
        case .committed: committed += 1
        case .pending(let transaction):
            pending += 1
            if transaction == nil { unrequested += 1 }
        case .failed(let why, let code, _):
            failed += 1
            let text = why + (code.map { " (\($0))" } ?? "")
            if let index = reasons.firstIndex(where: { $0.text == text }) {
                reasons[index].count += 1
            } else {
                reasons.append((text, 1))
            }
        }
    }

    private func line(_ candidate: CommitmentCandidate, _ verdict: CommitmentVerdict) -> String {
        let end = "\(candidate.reference.sopInstanceUID)" + (candidate.path.map { "  \($0.displayed)" } ?? "")
        switch verdict {
        case .committed: return "committed      \(end)"
        case .failed(let why, let code, _): return "not committed  \(end)  \(why)" + (code.map { " (\($0))" } ?? "")
        case .pending(transactionUID: nil): return "not requested  \(end)"
        case .pending: return "no answer      \(end)"
        }
    }

    private func print(_ line: String) {
        guard outputFailure == nil else { return }
        do throws(ByteSinkError) {
            try environment.standardOutput.write(DisplayText.line(line) + "\n")
        } catch {
            outputFailure = error
        }
    }

    private func event(
        _ candidate: CommitmentCandidate, _ verdict: CommitmentVerdict, _ doubt: String?
    ) -> RunEvent {
        var event = RunEvent(.commitment)
        if let path = candidate.path { event.set(path) }
        event.set(.sopClassUID, candidate.reference.sopClassUID)
        event.set(.sopInstanceUID, candidate.reference.sopInstanceUID)
        event.set(.transactionUID, verdict.transactionUID)
        switch verdict {
        case .committed:
            event.set(doubt == nil ? .done : .warning)
            event.set(.error, doubt)
        case .pending:
            event.set(.pending)
            event.set(.cause, FailureCause.noResponse.rawValue)
        case .failed(let why, let code, _):
            event.set(.failed)
            event.set(.status, code)
            event.set(.meaning, why)
            event.set(.cause, FailureCause.notCommitted.rawValue)
        }
        return event
    }
}
