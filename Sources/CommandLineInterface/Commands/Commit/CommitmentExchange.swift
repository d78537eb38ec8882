import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// Requests storage commitment and receives the reports, on whichever association they come; for `--stgcmt` and
/// `--store --verify commit`.
///
/// From ``init(_:)`` to ``finish()`` the port is open: a report may come before the response to its request.
final class CommitmentExchange {
    private let options: CommitmentOptions
    private let network: Network
    private let outcome: RunOutcome
    private let ledger: CommitmentLedger
    private let listener = ReportListener()
    private let reportFiles: CommitmentReportFiles?
    /// The file for what the server has committed to; known to be writable before anything is requested.
    let committedList: PathListFile?
    private let report: @Sendable (CommitmentReport) -> Void
    private var server: AssociationServer?
    /// The verdicts on instances that the server refused, or that were never requested.
    private var withoutReport: [UID: CommitmentVerdict] = [:]
    /// The error that ended our own association early; otherwise nil.
    private(set) var loss: AssociationError?
    /// The request that was sent and is not answered.
    private var outstanding: StorageCommitmentRequest?
    /// Over HTTP: the transactions at which the server works.
    private var working: [Working] = []
    /// Transactions that the server has accepted.
    private var accepted: Set<UID> = []
    /// The time limit for reports, which starts when all requests are sent.
    private var patience: CommitmentPatience?
    /// True if the exchange ended early, by cancellation or because the server or the transaction file failed.
    private(set) var isBroken = false

    /// Returns nil if it cannot begin, which is reported.
    init?(_ options: CommitmentOptions, _ network: Network, _ outcome: RunOutcome) {
        self.options = options
        self.network = network
        self.outcome = outcome
        do throws(FileProblem) {
            let file = try options.transactionFile.map { path throws(FileProblem) in
                try CommitmentTransactionFile(
                    path, creates: !options.isListening, cancellation: network.cancellation)
            }
            let title = options.isListening ? "" : network.connection.calledAETitle.string
            let reportFiles = try options.reportDirectory.map { path throws(FileProblem) in
                try CommitmentReportFiles(path, source: title)
            }
            self.reportFiles = reportFiles
            committedList = try options.committedListPath.map { path throws(FileProblem) in try PathListFile(path) }
            if let file, file.damagedLines > 0 {
                outcome.diagnostics.warning(
                    Message(
                        "\(file.path.displayed)",
                        "\(Quantity.count(file.damagedLines, "damaged line")) skipped: a report on their transactions is not known"
                    ))
            }
            ledger = try Self.ledger(
                file, options, .init(callers: network.connection.acceptedCallers, checksAddress: options.checksAddress))
            let narrator = CommitmentNarrator(outcome: outcome)
            report = { report in
                narrator.narrate(report)
                reportFiles?.write(report)
            }
        } catch {
            outcome.fail(error.code.exitCode, Message(error))
            return nil
        }
        guard startServer() else { return nil }
        if server == nil, !options.isListening, network.connection.web == nil {
            network.report(
                .reportOnAssociation, .note,
                Message(
                    "without \(OptionName.portSCP) a report can only come on the association of the request",
                    "most servers report on a new one"))
        }
    }

    private static func ledger(
        _ file: CommitmentTransactionFile?, _ options: CommitmentOptions, _ trust: CommitmentLedger.Trust
    ) throws(FileProblem) -> CommitmentLedger {
        do throws(SystemError) {
            return try CommitmentLedger(file: file, awaitsEarlier: options.isListening, trust: trust)
        } catch {
            throw FileProblem("pipe", .notWritable, error.description)
        }
    }

    private func startServer() -> Bool {
        guard let port = network.connection.receiverPort else { return true }
        let listener = listener
        // The server calls us by the AE title that made the request.
        let peers = options.isListening ? ledger.awaited.map(\.peer) : []
        let titles = peers.map(\.callingAETitle)
        // The servers that were asked need not be named.
        let asked =
            options.isListening ? peers.compactMap { AETitle($0.calledAETitle) } : [network.connection.calledAETitle]
        let callers = network.connection.acceptedCallers
        server = Receiver.start(
            network, outcome, port: port,
            services: [VerificationSCP(), CommitmentReportSCU(ledger: ledger, report: report)],
            titles: titles.compactMap { AETitle($0) }, from: callers.isEmpty ? [] : callers + asked,
            watch: { listener.record($0) })
        return server != nil
    }

    /// The transactions that are waited for.
    var transactions: [CommitmentTransaction] { ledger.awaited }

    /// The verdict on each instance that was requested; the last transaction that names it counts.
    var verdicts: [UID: CommitmentVerdict] {
        var verdicts: [UID: CommitmentVerdict] = [:]
        for transaction in ledger.awaited {
            for (reference, verdict) in transaction.verdicts {
                // A report stays valid if the same instance was requested again without an answer.
                if case .pending = verdict, verdicts[reference.sopInstanceUID] != nil { continue }
                verdicts[reference.sopInstanceUID] = verdict
            }
        }
        return verdicts.merging(withoutReport) { _, withoutReport in withoutReport }
    }

    /// Closes the port, after open associations have ended, and the transactions in the file that were reported on.
    func finish() {
        if server != nil, !isInterrupted { listener.waitForEnds() }
        server?.stop()
        do throws(FileProblem) {
            try ledger.close()
        } catch {
            outcome.fail(error.code.exitCode, Message(error))
        }
        for unkept in ledger.unkept {
            outcome.fail(
                .localFiles,
                Message("the report on transaction \(unkept.transactionUID) was not saved", "\(unkept.problem)"))
        }
        for problem in reportFiles?.finish() ?? [] { outcome.fail(.localFiles, Message(problem)) }
    }

    var isInterrupted: Bool { network.cancellation.isRaised }

    // MARK: Requesting

    /// Requests all of the groups, one transaction each and all outstanding at once, and waits for the reports.
    func request(_ groups: [[SOPInstanceReference]]) {
        provideStatus(of: groups.reduce(0) { $0 + $1.count })
        for reference in groups.joined() { withoutReport[reference.sopInstanceUID] = nil }
        loss = nil
        patience = nil
        outstanding = nil
        var rest = groups[...]
        var isOver = false
        var failures = 0
        while !isOver {
            // On an association whose first request is not answered, the next one would fare no better.
            var answered = 0
            do throws(AssociationError) {
                try exchange(&rest, &answered)
                isOver = true
            } catch {
                failures = answered > 0 ? 1 : failures + 1
                isOver =
                    !retries(after: error, failures, rest: &rest)
                    && !continues(after: error, rest: &rest, answered: answered)
            }
        }
        for reference in rest.joined() { withoutReport[reference.sopInstanceUID] = .pending(transactionUID: nil) }
    }

    /// Waits for reports on the requests of earlier runs.
    func listen() {
        provideStatus(of: nil)
        guard !ledger.isSettled, options.resultWait > 0 else { return }
        var patience = CommitmentPatience(seconds: options.resultWait, ledger: ledger)
        waitAtPort(&patience)
    }

    /// - Parameter count: the instances that are to be requested; nil if earlier runs have done it.
    private func provideStatus(of count: Int?) {
        outcome.status.provide { [ledger] in
            let verdicts = ledger.awaited.flatMap(\.verdicts)
            let reported = verdicts.count { if case .pending = $0.1 { false } else { true } }
            var standing = RunStatus.Standing()
            standing.counts = [
                "\(reported) of \(Quantity.count(count ?? verdicts.count, "instance")) reported",
                Quantity.count(ledger.awaited.count, "transaction"),
            ]
            return standing
        }
    }

    /// Performs the requests on one association, and waits for the reports on it or at our port.
    private func exchange(
        _ rest: inout ArraySlice<[SOPInstanceReference]>, _ answered: inout Int
    ) throws(AssociationError) {
        guard network.connection.web == nil else { return try exchangeOverHTTP(&rest, &answered) }
        let association = try network.associate(for: StorageCommitmentSCU.needs)
        do throws(AssociationError) {
            let service = try StorageCommitmentSCU(on: association, ledger: ledger, report: report)
            while let group = rest.first, !isBroken {
                rest.removeFirst()
                try request(group, service)
                answered += 1
            }
            if options.resultWait > 0 {
                var patience = CommitmentPatience(seconds: options.resultWait, ledger: ledger)
                defer { self.patience = patience }
                _ = try service.wait(&patience)
            }
        } catch {
            if error.isInterruption, outstanding != nil {
                // In the middle of an operation, which nothing cancels.
                association.abort()
            } else if error.leavesAssociationUsable {
                try network.release(association)
            }
            throw error
        }
        try network.release(association)
    }

    private func request(
        _ references: [SOPInstanceReference], _ service: StorageCommitmentSCU
    ) throws(AssociationError) {
        guard let request = begin(references, at: service.peerAddress) else { return }
        let response = try service.request(request)
        outstanding = nil
        guard let status = response.status, status.kind == .failure else {
            accepted.insert(request.transactionUID)
            return outcome.diagnostics.verbose(
                "\(network.peerName): transaction \(request.transactionUID) accepted, \(Quantity.count(references.count, "instance"))"
            )
        }
        record { () throws(FileProblem) in
            try ledger.forget(request.transactionUID, why: "refused, status \(status)")
        }
        // Not a failure yet: the instances may be sent and requested again; the verdicts set the exit code.
        outcome.diagnostics.warning(
            Message(
                refusal: response, of: "storage commitment request for \(Quantity.count(references.count, "instance"))",
                by: network.peerName, service: .storageCommitment))
        for reference in references {
            withoutReport[reference.sopInstanceUID] = .failed(
                why: "request refused: \(status.meaning(for: .storageCommitment))", code: status.description,
                transactionUID: request.transactionUID)
        }
    }

    /// Makes the request of a transaction, which is recorded before it is sent. Nil: it could not be, which is reported.
    private func begin(_ references: [SOPInstanceReference], at address: String?) -> StorageCommitmentRequest? {
        let request = StorageCommitmentRequest(transactionUID: network.newUID(), references: references)
        let peer = CommitmentTransaction.Peer(
            calledAETitle: network.connection.calledAETitle.string,
            callingAETitle: network.connection.callingAETitle.string, endpoint: network.endpoint, address: address)
        guard record({ () throws(FileProblem) in try ledger.register(request, with: peer) }) else {
            for reference in references { withoutReport[reference.sopInstanceUID] = .pending(transactionUID: nil) }
            return nil
        }
        outstanding = request
        return request
    }

    // MARK: Over HTTP

    /// A transaction at which the server still works.
    private struct Working {
        let request: StorageCommitmentRequest
        /// When it is asked for again.
        var next: Deadline
        var pause = firstPause

        init(_ request: StorageCommitmentRequest, _ wanted: Double?) {
            self.request = request
            next = .after(seconds: wanted ?? Self.firstPause)
        }

        /// Without a wish of the server's the pauses become longer.
        mutating func wait(_ wanted: Double?) {
            pause = min(pause * 2, Self.longestPause)
            next = .after(seconds: wanted ?? pause)
        }

        private static let firstPause = 0.5
        private static let longestPause = 10.0
    }

    /// Makes the requests, and asks for the results of those at which the server works on.
    private func exchangeOverHTTP(
        _ rest: inout ArraySlice<[SOPInstanceReference]>, _ answered: inout Int
    ) throws(AssociationError) {
        let session = try network.webSession()
        while let group = rest.first, !isBroken {
            rest.removeFirst()
            guard let request = begin(group, at: nil) else { continue }
            do throws(AssociationError) {
                take(try session.requestCommitment(request), to: request)
            } catch .web(let error) where error.code == .notOffered {
                retractRequest(&rest)
                throw .web(error)
            } catch .web(let error) where isRefusal(error) {
                refuse(request, error)
            }
            outstanding = nil
            answered += 1
        }
        guard options.resultWait > 0 else { return }
        var end = Deadline.after(seconds: options.resultWait)
        while let index = working.indices.min(by: { working[$0].next < working[$1].next }) {
            if network.cancellation.wait(until: working[index].next.earlier(end)) {
                throw .interrupted(network.cancellation.level)
            }
            guard !end.isPast else { return }
            let waiting = working.remove(at: index)
            do throws(AssociationError) {
                let answer = try session.commitmentResult(of: waiting.request.transactionUID)
                if case .working(let wanted) = answer {
                    working.append(waiting)
                    working[working.count - 1].wait(wanted)
                } else {
                    take(answer, to: waiting.request)
                    end = .after(seconds: options.resultWait)
                }
            } catch .web(let error) where error.isTransient {
                working.append(waiting)
                working[working.count - 1].wait(error.retryAfter)
            } catch .web(let error) where [.status(404), .status(410)].contains(error.code) {
                refuse(waiting.request, error)
            }
        }
    }

    /// True if the server does not want this request, and may want others.
    private func isRefusal(_ error: WebError) -> Bool {
        guard case .status(let status) = error.code else { return false }
        return !error.isTransient && (400..<500).contains(status) && ![401, 403, 405].contains(status)
    }

    private func take(_ answer: WebSession.CommitmentAnswer, to request: StorageCommitmentRequest) {
        accepted.insert(request.transactionUID)
        switch answer {
        case .working(let wanted): working.append(Working(request, wanted))
        case .done(let result):
            let reporter = CommitmentLedger.Reporter(
                aeTitle: network.connection.calledAETitle, address: network.endpoint.host, wasCalled: true)
            let receipt = ledger.record(result, from: reporter)
            reportFiles?.write(
                CommitmentReport(
                    receipt: receipt, transactionUID: request.transactionUID, dataSet: result.dataSet,
                    reporter: reporter))
        }
    }

    private func refuse(_ request: StorageCommitmentRequest, _ error: WebError) {
        record { () throws(FileProblem) in
            try ledger.forget(request.transactionUID, why: "refused, \(error.detail)")
        }
        outcome.diagnostics.warning(network.message(.web(error)))
        for reference in request.references {
            withoutReport[reference.sopInstanceUID] = .failed(
                why: "request refused: \(error.detail)", code: nil, transactionUID: request.transactionUID)
        }
    }

    /// Writes to the transaction file. Returns false if that failed, which ends the requests: none must be made that is
    /// not recorded.
    @discardableResult
    private func record(_ body: () throws(FileProblem) -> Void) -> Bool {
        do throws(FileProblem) {
            try body()
            return true
        } catch {
            isBroken = true
            outcome.fail(error.code.exitCode, Message(error))
            return false
        }
    }

    // MARK: When the association ends before its time

    /// Prepares to make the requests that were not answered once more, after a pause. Returns false if that is not to be done.
    private func retries(
        after error: AssociationError, _ failures: Int, rest: inout ArraySlice<[SOPInstanceReference]>
    ) -> Bool {
        guard !isBroken, !rest.isEmpty || outstanding != nil, network.mayRetry(after: error, failures: failures) else {
            return false
        }
        retractRequest(&rest)
        guard !isBroken else { return false }
        do throws(AssociationError) {
            try network.pause(after: failures, because: error)
            return true
        } catch {
            isBroken = true
            outcome.fail(error, calling: network.server)
            return false
        }
    }

    /// Acts on an error of our association. Returns whether the rest is to be requested on a new association.
    private func continues(
        after error: AssociationError, rest: inout ArraySlice<[SOPInstanceReference]>, answered: Int
    ) -> Bool {
        let isEnd: Bool
        switch error {
        case .releasedByPeer, .connectionLost, .abortedByPeer: isEnd = true
        default: isEnd = false
        }
        guard isEnd, !isBroken else {
            isBroken = true
            outcome.fail(error, calling: network.server)
            return false
        }
        if answered > 0, !isAbort(error), !rest.isEmpty || outstanding != nil {
            retractRequest(&rest)
            outcome.diagnostics.note(
                Message("the server ended the association; requesting the rest on another", network.message(error).line)
            )
            return !isBroken
        }
        guard !ledger.isSettled || !rest.isEmpty else { return false }
        loss = error
        // A request without a response is a failure of the association; a report that is missing is a matter of time.
        let isUnanswered = outstanding != nil || !rest.isEmpty
        guard server != nil, options.resultWait > 0, mayReport(after: error) else {
            if isUnanswered || !isRelease(error) { outcome.fail(error, calling: network.server) }
            return false
        }
        outcome.diagnostics.note(
            Message("the server ended the association; still listening for its report", network.message(error).line))
        loss = nil
        var patience = patience ?? CommitmentPatience(seconds: options.resultWait, ledger: ledger)
        waitAtPort(&patience)
        if isUnanswered, !ledger.isSettled || !rest.isEmpty { outcome.fail(error, calling: network.server) }
        return false
    }

    /// A request that was under way when the association ended may not have arrived: it is made again, as a new
    /// transaction.
    private func retractRequest(_ rest: inout ArraySlice<[SOPInstanceReference]>) {
        guard let request = outstanding else { return }
        outstanding = nil
        record { () throws(FileProblem) in try ledger.supersede(request.transactionUID) }
        rest = [request.references] + rest
    }

    /// A server that aborts a request has not accepted it, but may report on others; one that was cut off may report on
    /// all.
    private func mayReport(after error: AssociationError) -> Bool {
        guard isAbort(error) else { return true }
        return ledger.awaited.contains { accepted.contains($0.request.transactionUID) && !$0.isAnswered }
    }

    private func isAbort(_ error: AssociationError) -> Bool { if case .abortedByPeer = error { true } else { false } }
    private func isRelease(_ error: AssociationError) -> Bool {
        if case .releasedByPeer = error { true } else { false }
    }

    private func waitAtPort(_ patience: inout CommitmentPatience) {
        do throws(AssociationError) {
            _ = try ledger.wait(
                &patience, cancellation: network.cancellation, notice: network.reportNotice)
        } catch {
            isBroken = true
            outcome.fail(error, calling: network.server)
        }
    }

    // MARK: Remedies

    /// The most likely reason for reports that are missing.
    var missingHint: Hint.Commitment {
        let calling = network.connection.callingAETitle
        if network.connection.web != nil { return .working }
        if let distrust = ledger.distrust { return .notBelieved(distrust) }
        if let foreign = ledger.foreign.first { return .otherTransaction(foreign?.string) }
        guard let port = network.connection.receiverPort else {
            return loss == nil
                ? .noReceiver(calling: calling.string) : .releasedWithoutReceiver(calling: calling.string)
        }
        let ours = ledger.awaited.lazy.compactMap { AETitle($0.peer.callingAETitle) }.first ?? calling
        return listener.hint(calling: ours, port: port) ?? .slow
    }
}

extension FileProblem.Code {
    fileprivate var exitCode: ExitCode { self == .interrupted ? .interrupted : .localFiles }
}
