import DICOM
import DICOMNode
import DICOMProtocol

/// `--store`: C-STORE of files and directories.
final class StoreCommand {
    private let run: CommandRun
    private var stored = 0
    private var warned = 0
    private var failed = 0
    private var passedOver = 0
    private var bytes: UInt64 = 0
    private let watch = Stopwatch()
    /// What kept files from being sent at all is told once, not for each of them.
    private var notSent: (count: Int, first: AssociationError)?

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let invocation = run.invocation
        var options = StorageSCU.Options()
        options.priority = invocation.priority
        let sender = StorageSCU(
            options: options, cancellation: run.cancellation,
            open: { [run] contexts, window throws(AssociationError) in
                var parameters = run.parameters(contexts)
                parameters.asynchronousOperationsWindow = window
                return try run.associate(parameters)
            },
            report: { [unowned self] in self.report($0) })
        var batches = InstanceBatches(invocation.inputs.map { FilePath($0) }, recursive: invocation.isRecursive)
        do throws(AssociationError) {
            var batch = batches.next(note: note)
            while !batch.isEmpty {
                try sender.store(batch)
                batch = batches.next(note: note)
            }
            try sender.finish()
        } catch {
            run.fail(error)
        }
        summarize()
    }

    private func note(_ note: InstanceBatches.Note) {
        switch note {
        case .passedOver: break
        case .notAnInstance: passedOver += 1
        case .problem: failed += 1
        }
        InputNotes.report(note, run)
    }

    private func report(_ result: StoreResult) {
        let path = "\(result.file.path)"
        switch result.outcome {
        case .answered(let answer, let rewritten): report(answer, path, rewritten, of: result.file)
        case .unreadable(let problem): fail(problem)
        case .noContext(let refusal):
            failed += 1
            run.fail(.noPresentationContext, Self.message(for: refusal, of: result.file))
        case .unanswered(let error):
            failed += 1
            run.fail(
                .incomplete,
                Message(
                    path,
                    "sent, but not answered: \(AssociationFailure(error, invocation: run.invocation).message.line)"))
        case .notSent(let error):
            failed += 1
            notSent = ((notSent?.count ?? 0) + 1, notSent?.first ?? error)
            run.note(.incomplete)
            run.diagnostics.verbose("\(path): not sent")
        }
    }

    private func report(_ answer: CommandSet, _ path: String, _ rewritten: TransferSyntax?, of file: InstanceFile) {
        let status = answer.status ?? .processingFailure
        let reason = StatusMessage.reason(answer, .storage)
        switch status.kind {
        case .success:
            stored += 1
            bytes += file.dataSetLength
            let how = rewritten.map { ", rewritten in \(UIDRegistry.name(of: $0.uid) ?? $0.uid.string)" } ?? ""
            run.diagnostics.verbose("\(path): stored\(how)")
        case .warning:
            stored += 1
            warned += 1
            bytes += file.dataSetLength
            let message = Message(
                path, "stored with a warning: \(reason)", peerText: answer.errorComment, code: status.description)
            if run.invocation.failOn == .warning {
                run.fail(.failureStatus, message)
            } else {
                run.diagnostics.warning(message)
            }
        default:
            failed += 1
            run.fail(
                .failureStatus,
                Message(
                    path, "refused by the server: \(reason)", peerText: answer.errorComment, code: status.description,
                    hint: StatusMessage.hint(for: status)))
        }
    }

    private func fail(_ problem: FileProblem) {
        failed += 1
        InputNotes.report(problem, run)
    }

    private static func message(for refusal: StoreResult.Refusal, of file: InstanceFile) -> Message {
        let sopClass = UIDRegistry.name(of: file.sopClassUID) ?? file.sopClassUID.string
        let syntax = UIDRegistry.name(of: file.transferSyntax.uid) ?? file.transferSyntax.uid.string
        guard !refusal.accepted.isEmpty else {
            return Message(
                "\(file.path)", "the server does not take \(sopClass) in \(syntax): \(refusal.reason)",
                code: file.sopClassUID.string)
        }
        let accepted = refusal.accepted.map { UIDRegistry.name(of: $0.uid) ?? $0.uid.string }.joined(separator: ", ")
        return Message(
            "\(file.path)", "the server takes \(sopClass) only in \(accepted), not in \(syntax)",
            code: file.transferSyntax.uid.string)
    }

    private func summarize() {
        if let notSent {
            let reason = AssociationFailure(notSent.first, invocation: run.invocation).message.line
            run.diagnostics.error(Message("\(notSent.count) files were not sent", reason))
        }
        // Where nothing at all could be read, the files are the cause; where a part went, the rest was done.
        if stored == 0, failed > 0, run.exitCode == .incomplete { run.note(.localFiles) }
        if stored == 0, failed == 0, run.exitCode == .success {
            run.fail(.localFiles, Message("nothing to send", "no DICOM instance among the files given"))
        } else if stored > 0, run.exitCode == .failureStatus || run.exitCode == .noPresentationContext {
            run.settle(.incomplete)
        }
        let seconds = watch.seconds
        let rate = seconds > 0 ? Double(bytes) / seconds / 1e6 : 0
        run.diagnostics.note(
            Message(
                "\(run.peerName): \(stored) stored (\(warned) with warnings), \(failed) failed"
                    + (passedOver > 0 ? ", \(passedOver) passed over" : "")
                    + ", \(bytes) bytes in \(Decimal.text(seconds, digits: 2)) s (\(Decimal.text(rate, digits: 1)) MB/s)"
            ))
    }
}
