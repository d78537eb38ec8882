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

    /// - Parameter association: Stays open during the wait for reports, as some peers send them on it.
    /// - Throws: `noPresentationContext` if the peer did not accept the Storage Commitment Push Model.
    package init(
        on association: Association, ledger: CommitmentLedger,
        report: @escaping @Sendable (CommitmentReport) -> Void
    ) throws(AssociationError) {
        self.association = association
        self.ledger = ledger
        context = try association.context(for: StorageCommitmentRequest.sopClass)
        reports = CommitmentReportSCU.Session(association, ledger, report)
    }

    /// Sends one N-ACTION and returns its response. Reports that arrive before it are recorded.
    ///
    /// The request must be in the ledger already.
    ///
    /// - Throws: The error that ended the association before the response.
    package func request(_ request: StorageCommitmentRequest) throws(AssociationError) -> CommandSet {
        let command = StorageCommitmentRequest.command(messageID: association.nextMessageID())
        try association.send(
            command, contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(request.dataSet))
        while true {
            let message = try association.receive()
            guard message.command.isResponse else {
                try reports.answer(message, in: context)
                continue
            }
            try association.checkResponse(message.command, to: command)
            return message.command
        }
    }

    /// Waits until all transactions are settled, by reports on this association or on others; returns false if time is
    /// up.
    ///
    /// - Throws: The error or release that ended the association; reports may still come on others.
    package func wait(_ patience: inout CommitmentPatience) throws(AssociationError) -> Bool {
        while !ledger.isSettled {
            let deadline = patience.deadline(for: ledger)
            guard !deadline.isPast else { return false }
            guard
                try association.waitForMessage(
                    until: deadline.earlier(ledger.nextPatience), wakeUp: ledger.descriptor)
            else { continue }
            try reports.answer(try association.receive(), in: context)
        }
        return true
    }
}
