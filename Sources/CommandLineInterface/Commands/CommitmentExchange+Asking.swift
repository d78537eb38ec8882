import DICOM
import DICOMNode
import DICOMProtocol

extension CommitmentExchange {
    /// Asks for all of the groups, one transaction each and all outstanding at once, and waits for the reports.
    func ask(_ groups: [[SOPInstanceReference]]) {
        for reference in groups.joined() { settled[reference.sopInstanceUID] = nil }
        loss = nil
        patience = nil
        inFlight = nil
        var rest = groups[...]
        var isOver = false
        while !isOver {
            // On an association whose first request is not answered, the next one would fare no better.
            var answered = 0
            do throws(AssociationError) {
                try exchange(&rest, &answered)
                isOver = true
            } catch {
                isOver = !goesOn(after: error, rest: &rest, answered: answered)
            }
        }
        for reference in rest.joined() { settled[reference.sopInstanceUID] = .pending(transactionUID: nil) }
    }

    /// Waits for reports on what earlier runs asked for.
    func listen() {
        guard !ledger.isSettled, options.resultWait > 0 else { return }
        var patience = CommitmentPatience(seconds: options.resultWait, ledger: ledger)
        waitAtPort(&patience)
    }

    /// One association's worth: the requests, and the wait for their reports on it or at our port.
    private func exchange(
        _ rest: inout ArraySlice<[SOPInstanceReference]>, _ answered: inout Int
    ) throws(AssociationError) {
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
            if error.leavesAssociationUsable { try association.release() }
            throw error
        }
        try association.release()
    }

    private func request(
        _ references: [SOPInstanceReference], _ service: StorageCommitmentSCU
    ) throws(AssociationError) {
        let request = StorageCommitmentRequest(transactionUID: network.newUID(), references: references)
        let peer = CommitmentTransaction.Peer(
            calledAETitle: network.connection.calledAETitle.string,
            callingAETitle: network.connection.callingAETitle.string, endpoint: network.endpoint)
        let isKept = keep { () throws(FileProblem) in try ledger.register(request, with: peer) }
        guard isKept else {
            for reference in references { settled[reference.sopInstanceUID] = .pending(transactionUID: nil) }
            return
        }
        inFlight = request
        let answer = try service.request(request)
        inFlight = nil
        guard let status = answer.status, status.kind == .failure else {
            accepted.insert(request.transactionUID)
            return outcome.diagnostics.verbose(
                "\(network.peerName): transaction \(request.transactionUID) accepted, \(Quantity.count(references.count, "instance"))"
            )
        }
        keep { () throws(FileProblem) in
            try ledger.forget(request.transactionUID, why: "refused, status \(status)")
        }
        // No failure yet: what was refused may be sent and asked again; who prints the verdicts fails.
        outcome.diagnostics.warning(
            Message(
                refusal: answer, of: "storage commitment request for \(Quantity.count(references.count, "instance"))",
                by: network.peerName, service: .storageCommitment))
        for reference in references {
            settled[reference.sopInstanceUID] = .failed(
                why: "request refused: \(status.meaning(for: .storageCommitment))", code: status.description,
                transactionUID: request.transactionUID)
        }
    }

    /// Writes to the transaction file; a failure ends the asking: what is not kept must not be asked for.
    @discardableResult
    private func keep(_ body: () throws(FileProblem) -> Void) -> Bool {
        do throws(FileProblem) {
            try body()
            return true
        } catch {
            isBroken = true
            outcome.fail(.localFiles, Message(error))
            return false
        }
    }

    // MARK: When the association ends before its time

    /// Decides what an error of our association means for the work. True: the rest is asked for on a new association.
    private func goesOn(
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
        if answered > 0, !isAbort(error), !rest.isEmpty || inFlight != nil {
            takeBackRequest(&rest)
            outcome.diagnostics.note(
                Message("the server ended the association, asking for the rest on another", network.message(error).line)
            )
            return !isBroken
        }
        guard !ledger.isSettled || !rest.isEmpty else { return false }
        loss = error
        // What was not even answered is a failure of the association; what was is a matter of time.
        let isUnanswered = inFlight != nil || !rest.isEmpty
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

    /// A request that was under way when the association ended may not have arrived: it is made again, as a new transaction.
    private func takeBackRequest(_ rest: inout ArraySlice<[SOPInstanceReference]>) {
        guard let request = inFlight else { return }
        inFlight = nil
        keep { () throws(FileProblem) in try ledger.supersede(request.transactionUID) }
        rest = [request.references] + rest
    }

    /// A server that aborts a request has not taken it, but may report on others; one that was cut off may report on all.
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
            _ = try ledger.wait(&patience, cancellation: network.cancellation)
        } catch {
            isBroken = true
            outcome.fail(error, calling: network.server)
        }
    }

    // MARK: Why nothing came

    /// The most likely reason for reports that are missing.
    var missingHint: Hint.Commitment {
        let calling = network.connection.callingAETitle
        if let foreign = ledger.foreign.first { return .otherTransaction(foreign?.string) }
        guard let port = network.connection.receiverPort else {
            return loss == nil
                ? .noReceiver(calling: calling.string) : .releasedWithoutReceiver(calling: calling.string)
        }
        let ours = ledger.awaited.lazy.compactMap { AETitle($0.peer.callingAETitle) }.first ?? calling
        return calls.hint(calling: ours, port: port) ?? .slow
    }
}
