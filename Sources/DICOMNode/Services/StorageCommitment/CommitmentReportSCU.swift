package import DICOM
package import DICOMProtocol

/// Takes storage commitment reports on associations that the peer opens, PS3.4 J.3.3.
///
/// The peer that opens the association is the SCP of this class, so it proposes the role SCP for itself and is granted it.
package struct CommitmentReportSCU: ServiceClass {
    private let ledger: CommitmentLedger
    private let report: @Sendable (CommitmentLedger.Receipt) -> Void

    /// - Parameter report: told of each report, on the thread of its association.
    package init(ledger: CommitmentLedger, report: @escaping @Sendable (CommitmentLedger.Receipt) -> Void) {
        self.ledger = ledger
        self.report = report
    }

    package func supports(_ abstractSyntax: UID) -> Bool { abstractSyntax == StorageCommitmentRequest.sopClass }

    package func grant(_ selection: RoleSelection) -> RoleSelection? { selection }

    package func session(on association: Association) -> any ServiceSession {
        Session(association, ledger, report)
    }

    /// Reports of one association, which is the peer's or, kept open, our own.
    final class Session: ServiceSession {
        private let association: Association
        private let ledger: CommitmentLedger
        private let report: @Sendable (CommitmentLedger.Receipt) -> Void

        init(
            _ association: Association, _ ledger: CommitmentLedger,
            _ report: @escaping @Sendable (CommitmentLedger.Receipt) -> Void
        ) {
            self.association = association
            self.ledger = ledger
            self.report = report
        }

        func answer(_ message: Message, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let command = message.command
            guard command.command == .nEventReportRQ else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            guard let bytes = message.dataSet else {
                return try association.refuse(message, status: .missingAttribute)
            }
            let dataSet: DataSet
            do throws(DataSetError) {
                dataSet = try DataSetDecoder(context.transferSyntax).decode(bytes[...])
            } catch {
                return try association.refuse(message, status: .processingFailure)
            }
            let receipt = ledger.record(StorageCommitmentResult(reading: dataSet))
            report(receipt)
            let status: DIMSEStatus = if case .unknown = receipt { .invalidArgumentValue } else { .success }
            try association.send(.eventReportResponse(to: command, status: status), contextID: context.id)
        }
    }
}
