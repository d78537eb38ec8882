import DICOM
package import DICOMProtocol

/// Asks a peer to commit to instances, and waits for its reports: Storage Commitment Push Model, PS3.4 annex J.
package final class StorageCommitmentSCU {
    package static let needs = [
        PresentationContextPlan.Need(StorageCommitmentRequest.sopClass, FindSCU.transferSyntaxes)
    ]

    private let association: Association
    private let ledger: CommitmentLedger
    private let context: NegotiatedContexts.Accepted
    private let reports: CommitmentReportSCU.Session

    /// - Parameter association: kept open while reports are waited for: some peers send them on it.
    package init(
        on association: Association, ledger: CommitmentLedger,
        report: @escaping @Sendable (CommitmentLedger.Receipt) -> Void
    ) throws(AssociationError) {
        self.association = association
        self.ledger = ledger
        context = try association.context(for: StorageCommitmentRequest.sopClass)
        reports = CommitmentReportSCU.Session(association, ledger, report)
    }

    /// One N-ACTION; the response. Reports that arrive meanwhile are taken.
    package func request(_ request: StorageCommitmentRequest) throws(AssociationError) -> CommandSet {
        ledger.register(request)
        let command = StorageCommitmentRequest.command(messageID: association.nextMessageID())
        try association.send(
            command, contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(request.dataSet))
        while true {
            let message = try association.receive()
            guard message.command.isResponse else {
                try reports.answer(message, in: context)
                continue
            }
            try association.checkAnswer(message.command, to: command)
            if message.command.status?.kind == .failure { ledger.forget(request.transactionUID) }
            return message.command
        }
    }

    /// Waits until all transactions are settled. False: the deadline passed first.
    ///
    /// The peer may release the association meanwhile; the wait goes on for reports on others if `listens`.
    package func wait(until deadline: Deadline, listens: Bool) throws(AssociationError) -> Bool {
        var isOpen = true
        while !ledger.isSettled {
            let until = deadline.earlier(ledger.nextPatience)
            guard !deadline.isPast else { return false }
            guard isOpen else {
                guard listens else { return false }
                try association.waitForWakeUp(ledger.descriptor, until: until)
                continue
            }
            do throws(AssociationError) {
                guard try association.waitForMessage(until: until, wakeUp: ledger.descriptor) else { continue }
                try reports.answer(try association.receive(), in: context)
            } catch {
                switch error {
                case .releasedByPeer, .abortedByPeer, .connectionLost: isOpen = false
                default: throw error
                }
            }
        }
        return true
    }
}
