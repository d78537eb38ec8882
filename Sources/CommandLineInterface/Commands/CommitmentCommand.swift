import DICOM
import DICOMNode
import DICOMProtocol

/// `--stgcmt`: asks the peer to commit to instances, and waits for its reports; with `--listen` only waits.
final class CommitmentCommand {
    private let options: StorageCommitmentOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: StorageCommitmentOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        if options.commitment.isListening { listen() } else { ask() }
    }

    private func ask() {
        guard let candidates = CommitmentSources(options, network, outcome).candidates() else { return }
        guard !candidates.isEmpty else {
            return outcome.fail(.localFiles, Message("nothing to ask for", "no instance among what was given"))
        }
        let journal: Journal?
        do throws(FileProblem) {
            journal = try options.journalPath.map { path throws(FileProblem) in
                try Journal(FilePath(path), operation: network.operation.rawValue, peer: network.peerName)
            }
        } catch {
            return outcome.fail(.localFiles, Message(error))
        }
        guard let exchange = CommitmentExchange(options.commitment, network, outcome) else { return }
        exchange.ask(candidates.transactions(options.commitment))
        exchange.finish()
        let verdicts = exchange.verdicts
        let results = CommitmentResults(options.commitment, network, outcome, environment)
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
            if outcome.exitCode != .localFiles { outcome.fail(.localFiles, Message(error)) }
        }
    }

    private func listen() {
        guard let exchange = CommitmentExchange(options.commitment, network, outcome) else { return }
        if exchange.transactions.isEmpty {
            outcome.diagnostics.note(
                Message(
                    "\(options.commitment.transactionFile ?? "")", "no transaction is open; nothing to wait for")
            )
        }
        exchange.listen()
        exchange.finish()
        let results = CommitmentResults(options.commitment, network, outcome, environment)
        for transaction in exchange.transactions {
            for (reference, verdict) in transaction.verdicts {
                results.write(CommitmentCandidate(reference), verdict)
            }
        }
        results.summarize(loss: exchange.loss, missing: exchange.missingHint)
    }
}
