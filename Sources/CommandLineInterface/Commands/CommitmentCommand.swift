import DICOM
import DICOMNode
import DICOMProtocol

/// `--stgcmt`: asks the peer to commit to what the files hold, and waits for its reports.
final class CommitmentCommand {
    private let run: CommandRun
    private let report: @Sendable (CommitmentLedger.Receipt) -> Void

    init(_ run: CommandRun) {
        self.run = run
        let diagnostics = run.diagnostics
        report = { receipt in
            switch receipt {
            case .recorded: diagnostics.verbose("a storage commitment report has arrived")
            case .repeated: diagnostics.note(Message("a storage commitment report was repeated"))
            case .unknown(let uid):
                diagnostics.note(
                    Message(
                        "a storage commitment report came for a transaction that is not ours",
                        uid?.string ?? "without a UID"))
            }
        }
    }

    func perform() {
        let references = references()
        guard !references.isEmpty else {
            return run.fail(.localFiles, Message("nothing to ask for", "no DICOM instance among the files given"))
        }
        do throws(SystemError) {
            let ledger = try CommitmentLedger()
            var server: AssociationServer?
            if let port = run.invocation.receiverPort {
                guard
                    let started = Receiver.start(
                        run, port: port,
                        services: [VerificationSCP(), CommitmentReportSCU(ledger: ledger, report: report)])
                else { return }
                server = started
            }
            request(references, ledger, listens: server != nil)
            server?.stop()
            settle(ledger)
        } catch {
            run.fail(.localFiles, Message("cannot start", error.description))
        }
    }

    private func references() -> [SOPInstanceReference] {
        var batches = InstanceBatches(run.invocation.inputs.map { FilePath($0) }, recursive: run.invocation.isRecursive)
        var references: [SOPInstanceReference] = []
        let note: (InstanceBatches.Note) -> Void = { [run] note in InputNotes.report(note, run) }
        var batch = batches.next(note: note)
        while !batch.isEmpty {
            references += batch.map {
                SOPInstanceReference(sopClassUID: $0.sopClassUID, sopInstanceUID: $0.sopInstanceUID)
            }
            batch = batches.next(note: note)
        }
        return references
    }

    private func request(_ references: [SOPInstanceReference], _ ledger: CommitmentLedger, listens: Bool) {
        run.withAssociation(for: StorageCommitmentSCU.needs) { association throws(AssociationError) in
            let service = try StorageCommitmentSCU(on: association, ledger: ledger, report: report)
            for group in StorageCommitmentRequest.groups(references) {
                let request = StorageCommitmentRequest(transactionUID: run.newUID(), references: group)
                let answer = try service.request(request)
                guard answer.status?.kind == .failure else {
                    run.diagnostics.verbose(
                        "\(run.peerName): transaction \(request.transactionUID) with \(group.count) instances accepted")
                    continue
                }
                run.fail(
                    .commitmentFailed,
                    StatusMessage.refusal(
                        of: "storage commitment request", by: run.peerName, answer, .storageCommitment))
            }
            guard run.invocation.resultWait > 0 else { return }
            _ = try service.wait(until: .after(seconds: run.invocation.resultWait), listens: listens)
        }
    }

    private func settle(_ ledger: CommitmentLedger) {
        var committed = 0
        var failed = 0
        var waiting = 0
        for (request, outcome) in ledger.outcomes {
            guard let outcome else {
                waiting += request.references.count
                continue
            }
            committed += outcome.committed.count
            failed += outcome.failed.count + outcome.classMismatches.count + outcome.unanswered.count
            for failure in outcome.failed {
                fail(failure.reference, failure.reason?.meaning ?? "without a reason", failure.reason?.description)
            }
            for reference in outcome.classMismatches { fail(reference, "committed under another SOP class", nil) }
            for reference in outcome.unanswered { fail(reference, "not mentioned in the server's report", nil) }
        }
        if waiting > 0, run.invocation.resultWait > 0 {
            let message = Message(
                "\(run.peerName): no report on \(waiting) instances within \(Decimal.text(run.invocation.resultWait, digits: 0)) s",
                hint: .commitmentResultMissing(
                    calling: run.invocation.callingAETitle.string, port: run.invocation.receiverPort))
            // What ended the association has been told; there is nothing to wait for then.
            if run.exitCode == .success || run.exitCode == .commitmentFailed { run.fail(.timeLimit, message) }
        }
        run.diagnostics.note(
            Message(
                "\(run.peerName): \(committed) committed, \(failed) failed"
                    + (waiting > 0 ? ", \(waiting) not reported on" : "")))
    }

    private func fail(_ reference: SOPInstanceReference, _ why: String, _ code: String?) {
        run.fail(.commitmentFailed, Message("not committed: \(reference.sopInstanceUID)", why, code: code))
    }
}
