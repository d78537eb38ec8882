import DICOM
import DICOMNode
import DICOMProtocol

/// Compares what the peer says it sent with what is on disk, and says how a retrieval ended.
struct RetrievalReport {
    private let run: CommandRun
    private let operation: String
    private let service: ServiceKind

    init(_ run: CommandRun, operation: String, service: ServiceKind) {
        self.run = run
        self.operation = operation
        self.service = service
    }

    static func text(_ counts: SuboperationCounts) -> String {
        func part(_ count: Int?, _ name: String) -> String? { count.map { "\($0) \(name)" } }
        let parts = [
            part(counts.completed, "completed"), part(counts.remaining, "remaining"), part(counts.failed, "failed"),
            part(counts.warning, "with warnings"),
        ].compactMap { $0 }
        return parts.isEmpty ? "no counts" : parts.joined(separator: ", ")
    }

    func settle(_ outcome: RetrievalOutcome, held: Reception.Tally?, port: UInt16?) {
        defer { summarize(outcome, held) }
        if outcome.wasInterrupted {
            return run.fail(
                .interrupted, Message("interrupted", held.map { "\($0.held) instances are on disk, whole" }))
        }
        guard let result = outcome.decisive, let final = result.final, let status = final.command.status else { return }
        switch status.kind {
        case .success, .warning:
            if outcome.failed > 0 || status == .suboperationsCompleteWithFailures {
                run.fail(
                    .incomplete,
                    Message(
                        "\(run.peerName): \(outcome.failed) sub-operations failed", status.meaning(for: service),
                        code: status.description))
                listFailed(result)
            }
        default:
            // Some servers answer an unknown destination with a general failure instead of A801H.
            let isDestination =
                service == .move && outcome.told == 0 && (status == .moveDestinationUnknown || outcome.failed == 0)
            let hint: Hint? =
                isDestination
                ? .moveDestinationUnknown(title: run.invocation.effectiveMoveDestination.string, port: port) : nil
            run.fail(
                .failureStatus,
                StatusMessage.refusal(of: operation, by: run.peerName, final.command, service, hint: hint))
            if outcome.failed > 0 { listFailed(result) }
        }
        guard let held else { return }
        let told = outcome.told
        if held.held < told {
            run.fail(
                .incomplete,
                Message(
                    "\(run.peerName): the server says that it sent \(told) instances, but \(held.held) are here",
                    hint: held.held == 0 && port != nil
                        ? .noIncomingAssociation(title: run.invocation.callingAETitle.string, port: port ?? 0) : nil))
        } else if held.failed > 0 {
            run.note(.incomplete)
        }
    }

    /// The UIDs that the peer lists as failed (0008,0058).
    private func listFailed(_ result: ExchangeResult) {
        guard let bytes = result.final?.dataSet else { return }
        do throws(DataSetError) {
            let identifier = try DataSetDecoder(result.transferSyntax).decode(bytes[...])
            for uid in identifier.uids(.failedSOPInstanceUIDList) { run.diagnostics.error(Message("failed: \(uid)")) }
        } catch {
            run.diagnostics.verbose("\(run.peerName): the list of failed instances cannot be read: \(error)")
        }
    }

    private func summarize(_ outcome: RetrievalOutcome, _ held: Reception.Tally?) {
        var text = "\(run.peerName): \(operation): the server sent \(outcome.told), \(outcome.failed) failed"
        if let held {
            text +=
                "; here: \(held.stored) written, \(held.skipped) there already, \(held.failed) failed, \(held.bytes) bytes"
        }
        run.diagnostics.note(Message(text))
    }
}
