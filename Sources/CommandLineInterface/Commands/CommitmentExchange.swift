import DICOM
import DICOMNode
import DICOMProtocol

/// Asks a server to commit to instances and takes its reports, whichever way they come: what `--stgcmt` and
/// `--store --verify commit` have in common.
///
/// From ``init(_:)`` to ``finish()`` the port is open: a report may come before the response to its request.
final class CommitmentExchange {
    let options: CommitmentOptions
    let network: Network
    let outcome: RunOutcome
    let ledger: CommitmentLedger
    let calls = CommitmentCalls()
    private let reportFiles: CommitmentReportFiles?
    let report: @Sendable (CommitmentReport) -> Void
    private(set) var server: AssociationServer?
    /// What the server refused, or what never left, by instance.
    var settled: [UID: CommitmentVerdict] = [:]
    /// How our own association ended before its time, if it did.
    var loss: AssociationError?
    /// The request that has left and is not answered.
    var inFlight: StorageCommitmentRequest?
    /// Transactions that the server has accepted.
    var accepted: Set<UID> = []
    /// What is left of the time for reports, once all is asked for.
    var patience: CommitmentPatience?
    /// Whether nothing more was waited for because somebody wants to stop, or the work with the server failed.
    var isBroken = false

    /// Nil: it cannot begin; reported.
    init?(_ options: CommitmentOptions, _ network: Network, _ outcome: RunOutcome) {
        self.options = options
        self.network = network
        self.outcome = outcome
        do throws(FileProblem) {
            let file = try options.transactionFile.map { path throws(FileProblem) in
                try CommitmentTransactionFile(FilePath(path), creates: !options.isListening)
            }
            let title = options.isListening ? "" : network.connection.calledAETitle.string
            let reportFiles = try options.reportDirectory.map { path throws(FileProblem) in
                try CommitmentReportFiles(path, source: title)
            }
            self.reportFiles = reportFiles
            ledger = try Self.ledger(file, options)
            let narrator = CommitmentNarrator(diagnostics: outcome.diagnostics)
            report = { report in
                narrator.narrate(report)
                reportFiles?.keep(report)
            }
        } catch {
            outcome.fail(.localFiles, Message(error))
            return nil
        }
        guard startServer() else { return nil }
    }

    private static func ledger(
        _ file: CommitmentTransactionFile?, _ options: CommitmentOptions
    ) throws(FileProblem) -> CommitmentLedger {
        do throws(SystemError) {
            return try CommitmentLedger(file: file, awaitsEarlier: options.isListening)
        } catch {
            throw FileProblem("pipe", .notWritable, error.description)
        }
    }

    private func startServer() -> Bool {
        guard let port = network.connection.receiverPort else { return true }
        let calls = calls
        // The server calls us by the title under which it was asked.
        let titles = options.isListening ? ledger.awaited.map(\.peer.callingAETitle) : []
        server = Receiver.start(
            network, outcome, port: port,
            services: [VerificationSCP(), CommitmentReportSCU(ledger: ledger, report: report)],
            titles: titles.compactMap { AETitle($0) }, watch: { calls.watch($0) })
        return server != nil
    }

    /// The transactions that are waited for.
    var transactions: [CommitmentTransaction] { ledger.awaited }

    /// What is known of each instance that was asked for; the last transaction that names it counts.
    var verdicts: [UID: CommitmentVerdict] {
        var verdicts: [UID: CommitmentVerdict] = [:]
        for transaction in ledger.awaited {
            for (reference, verdict) in transaction.verdicts {
                // What was reported stays, when the same was asked again and is not answered.
                if case .pending = verdict, verdicts[reference.sopInstanceUID] != nil { continue }
                verdicts[reference.sopInstanceUID] = verdict
            }
        }
        return verdicts.merging(settled) { _, settled in settled }
    }

    /// Ends the port, after those who are still talking have finished, and closes what was reported on in the file.
    func finish() {
        if server != nil, !isInterrupted { calls.awaitEnds() }
        server?.stop()
        do throws(FileProblem) {
            try ledger.close()
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
        for problem in reportFiles?.finish() ?? [] { outcome.fail(.localFiles, Message(problem)) }
    }

    var isInterrupted: Bool { network.cancellation.isRaised }
}
