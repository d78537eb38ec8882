import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import System

/// `--stgcmt`: requests storage commitment and waits for the reports; with `--listen` only waits.
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
        if options.commitment.isListening { listen() } else { request() }
    }

    private func request() {
        guard let candidates = CommitmentSources(options, network, outcome).candidates() else { return }
        guard !candidates.isEmpty else {
            return outcome.fail(.localFiles, Message("nothing to request", "no instance among the inputs"))
        }
        let journal: Journal?
        do throws(FileProblem) {
            journal = try options.journalPath.map { path throws(FileProblem) in
                try Journal(path, operation: network.operation.rawValue, peer: network.peerName)
            }
        } catch {
            return outcome.fail(.localFiles, Message(error))
        }
        guard let exchange = CommitmentExchange(options.commitment, network, outcome) else { return }
        exchange.request(candidates.transactions(options.commitment))
        exchange.finish()
        let verdicts = exchange.verdicts
        let results = CommitmentResults(options.commitment, network, outcome, environment)
        var reported: Set<UID> = []
        for candidate in candidates where reported.insert(candidate.reference.sopInstanceUID).inserted {
            let verdict = verdicts[candidate.reference.sopInstanceUID] ?? .pending(transactionUID: nil)
            results.write(candidate, verdict)
            record(candidate, verdict, in: journal)
        }
        results.write(to: exchange.committedList)
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
                    options.commitment.transactionFile?.displayed ?? "", "no transaction is open; nothing to wait for")
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

/// Reads the instances of a storage commitment request from files, a list, a journal; together, if several are given.
struct CommitmentSources {
    private let options: StorageCommitmentOptions
    private let network: Network
    private let outcome: RunOutcome

    init(_ options: StorageCommitmentOptions, _ network: Network, _ outcome: RunOutcome) {
        self.options = options
        self.network = network
        self.outcome = outcome
    }

    /// Returns nil if one of them cannot be read, or the run is to end, which is reported.
    func candidates() -> [CommitmentCandidate]? {
        var candidates: [CommitmentCandidate] = []
        if let path = options.listPath {
            guard let listed = fromList(path) else { return nil }
            candidates += listed
        }
        if let path = options.journalPath {
            guard let recorded = fromJournal(path) else { return nil }
            candidates += recorded
        }
        guard !options.input.paths.isEmpty else { return candidates }
        candidates += fromFiles()
        guard !network.cancellation.isRaised else {
            outcome.fail(.interrupted, Message("interrupted while the files were read", "nothing was requested"))
            return nil
        }
        return candidates
    }

    private func fromFiles() -> [CommitmentCandidate] {
        var batches = InstanceBatches(
            options.input.given, recursive: options.input.isRecursive,
            list: options.input.readsNames ? STDIN_FILENO : nil, cancellation: network.cancellation)
        var candidates: [CommitmentCandidate] = []
        let note: (InstanceBatches.Note) -> Void = { [outcome] note in outcome.report(note) }
        var batch = batches.next(note: note)
        while !batch.isEmpty {
            candidates += batch.map { CommitmentCandidate($0) }
            batch = batches.next(note: note)
        }
        return candidates
    }

    // MARK: A list

    /// The list is all that is known of the instances, so every line needs the SOP class too: `--find` prints both.
    private func fromList(_ path: FilePath) -> [CommitmentCandidate]? {
        let rows: [RetrievalListReader.Row]
        do throws(RetrievalListReader.Failure) {
            rows = try RetrievalListReader.read(path, bareUIDsAt: .image).rows
        } catch {
            switch error {
            case .unreadable(let problem):
                outcome.fail(.localFiles, Message("the list \(path.displayed) cannot be read", problem))
            case .malformed(let line, let why): outcome.fail(.usage, Message("\(path.displayed), line \(line)", why))
            }
            return nil
        }
        var candidates: [CommitmentCandidate] = []
        for row in rows {
            func uid(_ tag: Tag) -> UID? {
                row.keys.first { $0.path.isEmpty && $0.tag == tag }.map { UID($0.value) }.flatMap {
                    $0.isValid ? $0 : nil
                }
            }
            guard let instance = uid(.sopInstanceUID), let sopClass = uid(.sopClassUID) else {
                outcome.fail(
                    .usage,
                    Message(
                        "\(path.displayed), line \(row.line)",
                        "storage commitment needs SOPClassUID and SOPInstanceUID of each instance"))
                return nil
            }
            candidates.append(
                CommitmentCandidate(
                    SOPInstanceReference(sopClassUID: sopClass, sopInstanceUID: instance),
                    study: uid(.studyInstanceUID), series: uid(.seriesInstanceUID)))
        }
        return candidates
    }

    // MARK: A journal

    /// Reads the instances accepted by any server: the one that commits often has another AE title than the one that
    /// stores.
    private func fromJournal(_ path: FilePath) -> [CommitmentCandidate]? {
        var order: [UID] = []
        var candidates: [UID: CommitmentCandidate] = [:]
        do throws(FileProblem) {
            var reader = try JournalReader(path)
            var isStore = false
            while let entry = try reader.next() {
                if let program = entry[.journal] {
                    guard program.string == Journal.program, entry[.version]?.integer == Journal.version else {
                        throw FileProblem(path, .malformed, "a journal of another kind")
                    }
                    isStore = entry[.operation]?.string == Operation.store.rawValue
                }
                guard isStore, entry.outcome?.isReceived == true,
                    let instance = entry[.sopInstanceUID]?.string, let sopClass = entry[.sopClassUID]?.string
                else { continue }
                let uid = UID(instance)
                if candidates[uid] == nil { order.append(uid) }
                candidates[uid] = CommitmentCandidate(
                    SOPInstanceReference(sopClassUID: UID(sopClass), sopInstanceUID: uid), path: entry.path,
                    study: entry[.studyInstanceUID]?.string.map { UID($0) },
                    series: entry[.seriesInstanceUID]?.string.map { UID($0) })
            }
            if reader.damagedLines > 0 {
                outcome.diagnostics.note(
                    Message(
                        "journal \(path.displayed)", "\(Quantity.count(reader.damagedLines, "damaged line")) skipped"))
            }
        } catch {
            outcome.fail(.localFiles, Message(error))
            return nil
        }
        return order.compactMap { candidates[$0] }
    }
}
