import DICOM
import DICOMNode
import DICOMProtocol

extension CommitmentExchange {
    /// Asks for all of the groups, one transaction each and all outstanding at once, and waits for the reports.
    func ask(_ groups: [[SOPInstanceReference]]) {
        for reference in groups.joined() { settled[reference.sopInstanceUID] = nil }
        loss = nil
        patience = nil
        var rest = groups[...]
        var isOver = false
        while !isOver {
            // On an association whose first request is not answered, the next one would fare no better.
            var answered = 0
            do throws(AssociationError) {
                try exchange(&rest, &answered)
                isOver = true
            } catch {
                isOver = !goesOn(after: error, rest: rest, answered: answered)
            }
        }
        for reference in rest.joined() { settled[reference.sopInstanceUID] = .pending(transactionUID: nil) }
    }

    /// Waits for reports on what earlier runs asked for.
    func listen() {
        guard !ledger.isSettled, run.invocation.resultWait > 0 else { return }
        var patience = CommitmentPatience(seconds: run.invocation.resultWait, ledger: ledger)
        waitAtPort(&patience)
    }

    /// One association's worth: the requests, and the wait for their reports on it or at our port.
    private func exchange(
        _ rest: inout ArraySlice<[SOPInstanceReference]>, _ answered: inout Int
    ) throws(AssociationError) {
        let association = try run.associate(for: StorageCommitmentSCU.needs)
        do throws(AssociationError) {
            let service = try StorageCommitmentSCU(on: association, ledger: ledger, report: report)
            while let group = rest.first, !isBroken {
                rest.removeFirst()
                try request(group, service)
                answered += 1
            }
            if run.invocation.resultWait > 0 {
                var patience = CommitmentPatience(seconds: run.invocation.resultWait, ledger: ledger)
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
        let request = StorageCommitmentRequest(transactionUID: run.newUID(), references: references)
        let partner = CommitmentTransaction.Partner(
            calledAETitle: run.invocation.calledAETitle.string, callingAETitle: run.invocation.callingAETitle.string,
            host: run.invocation.peer.host, port: run.invocation.peer.port)
        let isKept = keep { () throws(FileProblem) in try ledger.register(request, with: partner) }
        guard isKept else {
            for reference in references { settled[reference.sopInstanceUID] = .pending(transactionUID: nil) }
            return
        }
        let answer = try service.request(request)
        guard let status = answer.status, status.kind == .failure else {
            return run.diagnostics.verbose(
                "\(run.peerName): transaction \(request.transactionUID) accepted, \(references.count) instances")
        }
        keep { () throws(FileProblem) in
            try ledger.forget(request.transactionUID, why: "refused, status \(status)")
        }
        // No failure yet: what was refused may be sent and asked again; who prints the verdicts fails.
        run.diagnostics.warning(
            StatusMessage.refusal(
                of: "storage commitment request for \(references.count) instances", by: run.peerName, answer,
                .storageCommitment))
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
            run.fail(.localFiles, InputNotes.message(error))
            return false
        }
    }

    // MARK: When the association ends before its time

    /// Decides what an error of our association means for the work. True: the rest is asked for on a new association.
    private func goesOn(
        after error: AssociationError, rest: ArraySlice<[SOPInstanceReference]>, answered: Int
    ) -> Bool {
        let isEnd: Bool
        switch error {
        case .releasedByPeer, .connectionLost, .abortedByPeer: isEnd = true
        default: isEnd = false
        }
        guard isEnd, !isBroken else {
            isBroken = true
            run.fail(error)
            return false
        }
        if !rest.isEmpty, answered > 0, !isAbort(error) {
            run.diagnostics.note(
                Message("the server ended the association, asking for the rest on another", failure(error).message.line)
            )
            return true
        }
        guard !ledger.isSettled || !rest.isEmpty else { return false }
        loss = error
        // A server that aborts a request has not taken it; one that answered some, or was cut off, may still report.
        guard server != nil, run.invocation.resultWait > 0, answered > 0 || !isAbort(error) else {
            if !isRelease(error) || answered == 0 { run.fail(error) }
            return false
        }
        run.diagnostics.note(
            Message("the server ended the association; still listening for its report", failure(error).message.line))
        loss = nil
        var patience = patience ?? CommitmentPatience(seconds: run.invocation.resultWait, ledger: ledger)
        waitAtPort(&patience)
        // What was not even answered is a failure of the connection; what was is a matter of time.
        if answered == 0, !ledger.isSettled { run.fail(error) }
        return false
    }

    private func isAbort(_ error: AssociationError) -> Bool { if case .abortedByPeer = error { true } else { false } }
    private func isRelease(_ error: AssociationError) -> Bool {
        if case .releasedByPeer = error { true } else { false }
    }

    private func failure(_ error: AssociationError) -> AssociationFailure {
        AssociationFailure(error, invocation: run.invocation)
    }

    private func waitAtPort(_ patience: inout CommitmentPatience) {
        do throws(AssociationError) {
            _ = try ledger.wait(&patience, cancellation: run.cancellation)
        } catch {
            isBroken = true
            run.fail(error)
        }
    }

    // MARK: Why nothing came

    /// The most likely reason for reports that are missing.
    var missingHint: CommitmentHint {
        let calling = run.invocation.callingAETitle
        if let foreign = ledger.foreign.first { return .otherTransaction(foreign?.string) }
        guard let port = run.invocation.receiverPort else {
            return loss == nil
                ? .noReceiver(calling: calling.string) : .releasedWithoutReceiver(calling: calling.string)
        }
        let ours = ledger.awaited.lazy.compactMap { AETitle($0.partner.callingAETitle) }.first ?? calling
        return calls.hint(calling: ours, port: port) ?? .slow
    }
}
