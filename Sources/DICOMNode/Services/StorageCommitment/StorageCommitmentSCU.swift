package import DICOM
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

    /// The server's address in numbers.
    package var peerAddress: String { association.peerAddress }

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

/// A report as it came, with what it meant to us.
package struct CommitmentReport: Sendable {
    package let receipt: CommitmentLedger.Receipt
    package let transactionUID: UID?
    package let dataSet: DataSet
    package let reporter: CommitmentLedger.Reporter
    /// The address of the reporter, where it is not the one of the server that was asked.
    package let differingAddress: CommitmentLedger.Distrust?

    package init(
        receipt: CommitmentLedger.Receipt, transactionUID: UID?, dataSet: DataSet, reporter: CommitmentLedger.Reporter,
        differingAddress: CommitmentLedger.Distrust? = nil
    ) {
        self.receipt = receipt
        self.transactionUID = transactionUID
        self.dataSet = dataSet
        self.reporter = reporter
        self.differingAddress = differingAddress
    }
}

/// Takes storage commitment reports on associations that the peer opens, PS3.4 J.3.3.
///
/// The peer that opens the association is the SCP of this class, so it proposes the role SCP for itself and is granted
/// it.
package struct CommitmentReportSCU: ServiceClass {
    private let ledger: CommitmentLedger
    private let report: @Sendable (CommitmentReport) -> Void

    /// - Parameter report: told of each report, on the thread of its association.
    package init(ledger: CommitmentLedger, report: @escaping @Sendable (CommitmentReport) -> Void) {
        self.ledger = ledger
        self.report = report
    }

    package func supports(_ abstractSyntax: UID) -> Bool { abstractSyntax == StorageCommitmentRequest.sopClass }

    package func grant(_ selection: RoleSelection) -> RoleSelection? { selection }

    package func session(on association: Association) -> any ServiceSession {
        Session(association, ledger, report)
    }

    /// The reports of one association, which the peer opened or which is our own that stays open for them.
    final class Session: ServiceSession {
        private let association: Association
        private let ledger: CommitmentLedger
        private let report: @Sendable (CommitmentReport) -> Void

        init(
            _ association: Association, _ ledger: CommitmentLedger,
            _ report: @escaping @Sendable (CommitmentReport) -> Void
        ) {
            self.association = association
            self.ledger = ledger
            self.report = report
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let command = message.command
            guard command.commandField == .nEventReportRQ else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            guard StorageCommitmentResult.isEventType(command.eventTypeID) else {
                return try refuse(message, .noSuchEventType, .eventType(command.eventTypeID ?? 0))
            }
            guard let bytes = message.dataSet else {
                return try refuse(message, .invalidArgumentValue, .noDataSet)
            }
            let dataSet: DataSet
            do throws(DataSetError) {
                dataSet = try DataSetDecoder(context.transferSyntax).decode(bytes[...])
            } catch {
                return try refuse(message, .processingFailure, .unreadable(error))
            }
            let result = StorageCommitmentResult(reading: dataSet)
            let reporter = CommitmentLedger.Reporter(of: association)
            let receipt = ledger.record(result, from: reporter)
            // A woken thread may end this association, so the response is sent first.
            defer { ledger.announce() }
            report(
                CommitmentReport(
                    receipt: receipt, transactionUID: result.transactionUID, dataSet: dataSet,
                    reporter: reporter,
                    differingAddress: result.transactionUID.flatMap {
                        ledger.differingAddress(of: reporter, on: $0)
                    }))
            try association.send(
                .eventReportResponse(to: command, status: Self.status(for: receipt)), contextID: context.id)
        }

        /// Refuses a report that is not understood, and tells of it.
        private func refuse(
            _ message: DIMSEMessage, _ status: DIMSEStatus, _ reason: CommitmentLedger.Refusal
        ) throws(AssociationError) {
            report(
                CommitmentReport(
                    receipt: .refused(reason), transactionUID: nil, dataSet: DataSet(),
                    reporter: CommitmentLedger.Reporter(of: association), differingAddress: nil))
            try association.refuse(message, status: status)
        }

        /// PS3.7 10.1.1.1.8. A repeated report is a success: the server has missed our first answer, and repeats until
        /// it gets one. A transaction that is not ours is an argument without meaning here: success would make the
        /// server forget its report. A caller that is not believed learns no more than that.
        private static func status(for receipt: CommitmentLedger.Receipt) -> DIMSEStatus {
            switch receipt {
            case .recorded, .repeated: .success
            case .unknown, .notBelieved: .invalidArgumentValue
            case .notKept, .refused: .processingFailure
            }
        }
    }
}
