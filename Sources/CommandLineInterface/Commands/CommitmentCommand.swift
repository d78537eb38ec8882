import DICOM
import DICOMNode
import DICOMProtocol

/// `--stgcmt`: asks the peer to commit to instances, and waits for its reports; with `--listen` only waits.
final class CommitmentCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        if run.invocation.commitment.isListening { listen() } else { ask() }
    }

    private func ask() {
        guard let candidates = CommitmentSources(run).candidates() else { return }
        guard !candidates.isEmpty else {
            return run.fail(.localFiles, Message("nothing to ask for", "no instance among what was given"))
        }
        let journal: Journal?
        do throws(FileProblem) {
            journal = try run.invocation.storing.journalPath.map { path throws(FileProblem) in
                try Journal(FilePath(path), operation: run.invocation.operation.rawValue, peer: run.peerName)
            }
        } catch {
            return run.fail(.localFiles, Message(error))
        }
        guard let exchange = CommitmentExchange(run) else { return }
        exchange.ask(candidates.transactions(run.invocation.commitment))
        exchange.finish()
        let verdicts = exchange.verdicts
        let results = CommitmentResults(run)
        var told: Set<UID> = []
        for candidate in candidates where told.insert(candidate.reference.sopInstanceUID).inserted {
            let verdict = verdicts[candidate.reference.sopInstanceUID] ?? .pending(transactionUID: nil)
            results.write(candidate, verdict)
            record(candidate, verdict, in: journal)
        }
        results.summarize(loss: exchange.loss, missing: exchange.missingHint)
    }

    private func record(_ candidate: CommitmentCandidate, _ verdict: CommitmentVerdict, in journal: Journal?) {
        do throws(FileProblem) {
            try journal?.append(candidate.journalEntry(verdict))
        } catch {
            if run.exitCode != .localFiles { run.fail(.localFiles, Message(error)) }
        }
    }

    private func listen() {
        guard let exchange = CommitmentExchange(run) else { return }
        if exchange.transactions.isEmpty {
            run.diagnostics.note(
                Message(
                    "\(run.invocation.commitment.transactionFile ?? "")", "no transaction is open; nothing to wait for")
            )
        }
        exchange.listen()
        exchange.finish()
        let results = CommitmentResults(run)
        for transaction in exchange.transactions {
            for (reference, verdict) in transaction.verdicts {
                results.write(CommitmentCandidate(reference), verdict)
            }
        }
        results.summarize(loss: exchange.loss, missing: exchange.missingHint)
    }
}
