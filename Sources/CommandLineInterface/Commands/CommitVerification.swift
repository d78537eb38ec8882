import DICOM
import DICOMNode
import DICOMProtocol

/// `--store --verify commit`: has the server commit to exactly what was sent. What it does not commit to is sent once more, and
/// asked for again.
///
/// "safe to delete" is said of a file whose instance the server has committed to keep, if the file is still the one that was
/// sent and was taken without a warning; of nothing else. Nothing is ever deleted.
struct CommitVerification {
    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let account: StoreAccount
    private let exchange: CommitmentExchange

    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        _ account: StoreAccount, _ exchange: CommitmentExchange
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.account = account
        self.exchange = exchange
    }

    func perform(_ stored: [StoredInstance]) {
        guard !stored.isEmpty else { return }
        // Received is on the disk before anything is said of committed.
        account.syncJournal()
        ask(stored)
        let failed = stored.filter { isFailed($0) }
        if !failed.isEmpty, !exchange.isBroken, !exchange.isInterrupted {
            let received = resend(failed)
            if !received.isEmpty { ask(received) }
        }
        report(stored)
    }

    private func ask(_ stored: [StoredInstance]) {
        exchange.ask(stored.map(CommitmentCandidate.init).transactions(options.commitment))
    }

    private func isFailed(_ instance: StoredInstance) -> Bool {
        if case .failed? = exchange.verdicts[instance.sopInstanceUID] { true } else { false }
    }

    // MARK: Sending again

    /// Sends what the server did not commit to; gives what it has taken.
    private func resend(_ instances: [StoredInstance]) -> [StoredInstance] {
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): \(Quantity.count(instances.count, "file")) not committed", "sending once more"))
        var files: [InstanceFile] = []
        for instance in instances {
            do throws(FileProblem) {
                let file = try InstanceFile.open(instance.path).file
                guard instance.isSame(as: file) else { throw FileProblem(instance.path, .changed) }
                files.append(file)
            } catch {
                outcome.diagnostics.warning(Message(error))
            }
        }
        var sending = StorageSCU.Options()
        sending.priority = options.priority
        sending.rewrites = !options.neverRewrites
        let delegate = ResendDelegate(network, outcome)
        let sender = StorageSCU(options: sending, cancellation: network.cancellation, delegate: delegate)
        do throws(AssociationError) {
            try sender.store(files)
            try sender.finish()
        } catch {
            outcome.fail(error, calling: network.server)
        }
        return delegate.received
    }

    /// Collects the instances that the server has taken of those that are sent once more.
    private final class ResendDelegate: StorageDelegate {
        private let network: Network
        private let outcome: RunOutcome
        private(set) var received: [StoredInstance] = []

        init(_ network: Network, _ outcome: RunOutcome) {
            self.network = network
            self.outcome = outcome
        }

        func open(
            _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
        ) throws(AssociationError) -> Association {
            var parameters = network.parameters(contexts)
            parameters.asynchronousOperationsWindow = window
            return try network.associate(parameters, cancellation: cancellation)
        }

        func report(_ result: StoreResult) {
            if result.isStored {
                received.append(StoredInstance(result.file))
            } else {
                outcome.diagnostics.warning(Message("\(result.file.path)", "sent once more, and not taken"))
            }
        }
    }

    // MARK: What came of it

    private func report(_ stored: [StoredInstance]) {
        let verdicts = exchange.verdicts
        let files = Dictionary(grouping: stored, by: \.sopInstanceUID)
        let results = CommitmentResults(options.commitment, network, outcome, environment, isVerification: true)
        for instance in stored {
            let verdict = verdicts[instance.sopInstanceUID] ?? .pending(transactionUID: nil)
            account.write(instance.journalEntry(verdict))
            var doubt: String?
            if case .committed = verdict {
                doubt = Self.doubt(instance, copies: files[instance.sopInstanceUID]?.count ?? 1)
            } else {
                account.uncommitted(instance)
            }
            if let doubt {
                outcome.diagnostics.note(Message("\(instance.path)", "committed, but not safe to delete: \(doubt)"))
            }
            results.write(CommitmentCandidate(instance), verdict, doubt: doubt)
        }
        results.summarize(loss: exchange.loss, missing: exchange.missingHint)
    }

    /// Why a file may hold something else than what the server has committed to keep.
    private static func doubt(_ instance: StoredInstance, copies: Int) -> String? {
        if let doubt = instance.doubt { return doubt }
        guard copies == 1 else { return "\(copies) files have its SOP instance UID, and the server keeps one" }
        do throws(FileProblem) {
            return instance.isSame(as: try InstanceFile.open(instance.path).file)
                ? nil : "it has changed since it was sent"
        } catch {
            return error.code.rawValue
        }
    }
}

extension CommitmentCandidate {
    init(_ stored: StoredInstance) {
        self.init(
            SOPInstanceReference(sopClassUID: stored.sopClassUID, sopInstanceUID: stored.sopInstanceUID),
            path: stored.path, study: stored.studyInstanceUID, series: stored.seriesInstanceUID)
    }
}

extension StoredInstance {
    func isSame(as file: InstanceFile) -> Bool {
        file.size == bytes && file.modified == modified && file.sopInstanceUID == sopInstanceUID
    }

    /// Tells committed from received: the entry of the C-STORE says no more than that the server has taken it.
    func journalEntry(_ verdict: CommitmentVerdict) -> JournalEntry {
        var entry = CommitmentCandidate(self).journalEntry(verdict)
        entry.set(.bytes, bytes)
        entry.set(.modified, modified)
        return entry
    }
}

extension CommitmentCandidate {
    func journalEntry(_ verdict: CommitmentVerdict) -> JournalEntry {
        var entry = JournalEntry()
        entry.set(.time, JournalEntry.now)
        if let path { entry.set(path: path) }
        entry.set(.sopClassUID, reference.sopClassUID)
        entry.set(.sopInstanceUID, reference.sopInstanceUID)
        entry.set(.transactionUID, verdict.transactionUID)
        switch verdict {
        case .committed: entry.set(.outcome, JournalOutcome.committed)
        case .pending: entry.set(.outcome, JournalOutcome.unanswered)
        case .failed(let why, let code, _):
            entry.set(.outcome, JournalOutcome.uncommitted)
            entry.set(.status, code)
            entry.set(.error, why)
        }
        return entry
    }
}
