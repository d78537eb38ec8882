import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// `--verify`: makes sure that the peer holds each instance that it has accepted.
struct StoreVerification {
    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let summary: StoreSummary
    private let commitment: CommitmentExchange?

    /// The time, in seconds, in which a server should list what it has accepted.
    private static let longestWait = 7.0

    /// - Parameter commitment: open since before the first instance was sent; for verification by commitment only.
    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        _ summary: StoreSummary, _ commitment: CommitmentExchange?
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.summary = summary
        self.commitment = commitment
    }

    func perform() {
        switch options.verification {
        case .find?: verifyByFind(summary.drainStored())
        case .commit?:
            if let commitment {
                CommitVerification(options, network, outcome, environment, summary, commitment).perform(
                    summary.drainStored())
            }
        case nil: break
        }
    }

    private func verifyByFind(_ stored: [StoredInstance]) {
        let peer = ExistingInstances(network, priority: options.priority)
        let series = [InstanceListing.Series](
            stored.lazy.map { ($0.studyInstanceUID, $0.seriesInstanceUID, $0.sopInstanceUID) })
        var unlisted = series
        var why = "the server does not list it"
        do throws(ExistingInstances.Failure) {
            try peer.removeListed(from: &unlisted, within: Self.longestWait)
        } catch {
            let reason = peer.reason(error)
            why = "the query failed"
            outcome.fail(
                peer.exitCode(error).ofWhole(isPartlyDone: true),
                Message("\(network.peerName): cannot verify what was stored", reason))
        }
        peer.finish()
        let listed = Set(series.flatMap(\.sopInstanceUIDs)).subtracting(unlisted.flatMap(\.sopInstanceUIDs))
        let missing = stored.filter { !listed.contains($0.sopInstanceUID) }
        for instance in missing {
            summary.recordUnconfirmed(
                instance,
                because: instance.seriesInstanceUID == nil || instance.studyInstanceUID == nil
                    ? "the file does not say which study and series it belongs to"
                    : why)
        }
        warnOfCopies(stored)
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): \(stored.count - missing.count) of \(Quantity.count(stored.count, "instance")) confirmed by \(network.queryName)"
            )
        )
    }

    /// The server keeps one instance of a UID, and no query shows from which file it was made.
    private func warnOfCopies(_ stored: [StoredInstance]) {
        let copies = Dictionary(grouping: stored, by: \.sopInstanceUID).values.filter { $0.count > 1 }
        for files in copies.sorted(by: { $0[0].path < $1[0].path }) {
            outcome.diagnostics.warning(
                Message(
                    files[0].path.displayed,
                    "\(files.count) files have its SOP instance UID, and the server stores one",
                    code: files[0].sopInstanceUID.string))
        }
    }
}

/// `--store --verify commit`: requests commitment to exactly what was sent. Instances without it are sent and requested
/// once more.
///
/// "safe to delete" is said of a file whose instance the server has committed to keep, if the file is still the one
/// that was sent and was accepted without a warning; of nothing else. Nothing is ever deleted.
struct CommitVerification {
    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let summary: StoreSummary
    private let exchange: CommitmentExchange

    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        _ summary: StoreSummary, _ exchange: CommitmentExchange
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.summary = summary
        self.exchange = exchange
    }

    func perform(_ stored: [StoredInstance]) {
        guard !stored.isEmpty else { return }
        // The journal of what was stored is on the disk before anything about commitment.
        summary.syncJournal()
        request(stored)
        let failed = stored.filter { isFailed($0) }
        if !failed.isEmpty, !exchange.isBroken, !exchange.isInterrupted {
            let received = resend(failed)
            if !received.isEmpty { request(received) }
        }
        report(stored)
    }

    private func request(_ stored: [StoredInstance]) {
        exchange.request(stored.map(CommitmentCandidate.init).transactions(options.commitment))
    }

    private func isFailed(_ instance: StoredInstance) -> Bool {
        if case .failed? = exchange.verdicts[instance.sopInstanceUID] { true } else { false }
    }

    // MARK: Sending again

    /// Sends the instances that the server did not commit to; returns those that it has accepted.
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
        sending.assumesMeta = options.assumesMeta
        let delegate = ResendDelegate(network, outcome)
        let sender = sender(sending, delegate)
        do throws(AssociationError) {
            try sender.store(files.map { PendingInstance($0) }, waitsForRetries: true)
            try sender.finishAttempts()
            try sender.release()
        } catch {
            outcome.fail(error, calling: network.server)
        }
        return delegate.received
    }

    private func sender(_ sending: StorageSCU.Options, _ delegate: ResendDelegate) -> any InstanceSender {
        guard let web = network.connection.web else {
            return StorageSCU(options: sending, cancellation: network.cancellation, delegate: delegate)
        }
        var options = WebStorage.Options()
        options.assumesMeta = sending.assumesMeta
        options.interface = web.interface
        return WebStorage(options, cancellation: network.cancellation, delegate: delegate) {
            [network] () throws(AssociationError) in try network.webSession()
        }
    }

    /// Collects the instances that the server has accepted of those that are sent once more.
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
                outcome.diagnostics.warning(Message(result.file.path.displayed, "sent once more, and not accepted"))
            }
        }
    }

    // MARK: Results

    private func report(_ stored: [StoredInstance]) {
        let verdicts = exchange.verdicts
        let files = Dictionary(grouping: stored, by: \.sopInstanceUID)
        let results = CommitmentResults(options.commitment, network, outcome, environment, isVerification: true)
        for instance in stored {
            let verdict = verdicts[instance.sopInstanceUID] ?? .pending(transactionUID: nil)
            summary.writeJournal(instance.journalEntry(verdict))
            var doubt: String?
            if case .committed = verdict {
                doubt = Self.doubt(instance, copies: files[instance.sopInstanceUID]?.count ?? 1)
            } else {
                summary.retract(instance)
            }
            if let doubt {
                outcome.diagnostics.note(
                    Message(instance.path.displayed, "committed, but not safe to delete: \(doubt)"))
            }
            results.write(CommitmentCandidate(instance), verdict, doubt: doubt)
        }
        results.write(to: exchange.committedList)
        results.summarize(loss: exchange.loss, missing: exchange.missingHint)
    }

    /// The reasons why files may differ from the instances that the server has committed to.
    private static func doubt(_ instance: StoredInstance, copies: Int) -> String? {
        if let doubt = instance.doubt { return doubt }
        guard copies == 1 else { return "\(copies) files have its SOP instance UID, and the server stores one" }
        do throws(FileProblem) {
            return instance.isSame(as: try InstanceFile.open(instance.path).file)
                ? nil : "the file has changed since it was sent"
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

    /// The entry of the C-STORE says no more than that the server has accepted the instance; this one says whether it
    /// commits to it.
    func journalEntry(_ verdict: CommitmentVerdict) -> JournalEntry {
        var entry = CommitmentCandidate(self).journalEntry(verdict)
        entry.set(.bytes, bytes)
        entry.set(.modified, modified)
        return entry
    }
}
