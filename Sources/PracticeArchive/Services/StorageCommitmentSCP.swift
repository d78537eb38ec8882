import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Performs storage commitment, PS3.4 annex J: instances that the index holds in the requested SOP class are committed.
///
/// The report is sent on a new association if the requestor's AE title is a known destination, otherwise on the same
/// one, directly after the response.
struct StorageCommitmentSCP: ServiceClass {
    private let archive: ArchiveService
    private let outgoing: OutgoingWork

    init(_ archive: ArchiveService, outgoing: OutgoingWork) {
        self.archive = archive
        self.outgoing = outgoing
    }

    func supports(_ abstractSyntax: UID) -> Bool { abstractSyntax == StorageCommitmentRequest.sopClass }

    func grant(_ selection: RoleSelection) -> RoleSelection? {
        RoleSelection(sopClass: selection.sopClass, scu: selection.scu, scp: false)
    }

    func session(on association: Association) -> any ServiceSession { Session(association, archive, outgoing) }

    private final class Session: ServiceSession {
        private let association: Association
        private let archive: ArchiveService
        private let outgoing: OutgoingWork
        /// Requests received while waiting for the response to a report.
        private var pendingRequests: [DIMSEMessage] = []
        /// Nobody sends more before answering a report; without a limit they would fill memory.
        private static let maximumPendingRequests = 64

        init(_ association: Association, _ archive: ArchiveService, _ outgoing: OutgoingWork) {
            self.association = association
            self.archive = archive
            self.outgoing = outgoing
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            pendingRequests.append(message)
            while !pendingRequests.isEmpty { try answerOne(pendingRequests.removeFirst(), context) }
        }

        private func answerOne(
            _ message: DIMSEMessage, _ context: NegotiatedContexts.Accepted
        ) throws(AssociationError) {
            guard !message.isBeyondMemory, !outgoing.isBusy else { return try refuse(message) }
            guard message.command.commandField == .nActionRQ else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            guard message.command.actionTypeID == StorageCommitmentRequest.actionTypeID else {
                return try association.refuse(message, status: .noSuchActionType)
            }
            // PS3.4 J.3.5: every request acts on the one well-known instance.
            guard message.command.requestedSOPInstanceUID == StorageCommitmentRequest.sopInstance else {
                archive.report(association, "storage commitment: not of the well-known SOP instance", isTrouble: true)
                return try association.refuse(message, status: .noSuchObjectInstance)
            }
            guard let request = request(message, context), !request.references.isEmpty else {
                archive.report(
                    association, "storage commitment: request without a transaction UID or without a reference",
                    isTrouble: true)
                return try association.refuse(message, status: .invalidArgumentValue)
            }
            let result = result(of: request)
            try association.send(.actionResponse(to: message.command, status: .success), contextID: context.id)
            archive.report(
                association,
                "storage commitment: \(result.committed.count) committed, \(result.failed.count) failed",
                isTrouble: !result.failed.isEmpty)
            try report(result, context, message.memory)
        }

        private func request(
            _ message: DIMSEMessage, _ context: NegotiatedContexts.Accepted
        ) -> StorageCommitmentRequest? {
            guard let bytes = message.dataSet else { return nil }
            do throws(DataSetError) {
                return StorageCommitmentRequest(
                    reading: try DataSetDecoder(context.transferSyntax).decode(bytes[...]))
            } catch {
                return nil
            }
        }

        private func result(of request: StorageCommitmentRequest) -> StorageCommitmentResult {
            let contents = archive.index.contents
            var committed: [StorageCommitmentResult.Committed] = []
            var failed: [StorageCommitmentResult.Failed] = []
            for reference in request.references {
                let held = contents.instances[reference.sopInstanceUID]
                var reason = archive.faults.nextCommitment()
                if held == nil {
                    reason = .noSuchObjectInstance
                } else if held?.file.sopClassUID != reference.sopClassUID {
                    reason = .classInstanceConflict
                }
                if let reason {
                    failed.append(StorageCommitmentResult.Failed(reference: reference, reason: reason))
                } else {
                    committed.append(StorageCommitmentResult.Committed(reference: reference))
                }
            }
            return StorageCommitmentResult(
                transactionUID: request.transactionUID, committed: committed, failed: failed)
        }

        // MARK: The report

        private func report(
            _ result: StorageCommitmentResult, _ context: NegotiatedContexts.Accepted, _ memory: ReservedMemory?
        ) throws(AssociationError) {
            let title = association.request.callingAETitle
            let isKnown = archive.destinations.isKnown(title)
            switch archive.faults.commitmentReport ?? (isKnown ? .newAssociation : .sameAssociation) {
            case .never:
                archive.report(association, "storage commitment: no report (injected)", isTrouble: true)
            case .sameAssociation: try reportHere(result, context)
            case .newAssociation:
                guard isKnown else {
                    return archive.report(
                        association,
                        "storage commitment: no report, the AE title is not a known destination",
                        isTrouble: true)
                }
                reportAnew(result, to: title, memory)
            }
        }

        private func reportHere(
            _ result: StorageCommitmentResult, _ context: NegotiatedContexts.Accepted
        ) throws(AssociationError) {
            try CommitmentReportSender.send(result, on: association, in: context)
            while true {
                let message = try association.receive()
                if message.command.isResponse { return }
                if message.isBeyondMemory || pendingRequests.count >= Self.maximumPendingRequests {
                    try refuse(message)
                } else {
                    pendingRequests.append(message)
                }
            }
        }

        private func refuse(_ message: DIMSEMessage) throws(AssociationError) {
            archive.report(association, ServerEvents.beyondMemory(message.command), isTrouble: true)
            try association.refuse(message, status: message.command.outOfResources)
        }

        /// - Parameter memory: of the request, whose references the report has.
        private func reportAnew(_ result: StorageCommitmentResult, to title: AETitle, _ memory: ReservedMemory?) {
            do throws(SystemError) {
                // The peer knows us by the AE title that it called.
                let ours = association.request.calledAETitle
                try outgoing.run("commitment") { [archive] cancellation in
                    CommitmentReportSender.deliver(result, to: title, as: ours, archive, cancellation)
                    withExtendedLifetime(memory) {}
                }
            } catch {
                archive.report(association, "storage commitment: \(error.description)", isTrouble: true)
            }
        }
    }
}

/// Sends a result as N-EVENT-REPORT, PS3.4 J.3.3.
private enum CommitmentReportSender {
    static func send(
        _ result: StorageCommitmentResult, on association: Association, in context: NegotiatedContexts.Accepted
    ) throws(AssociationError) {
        let command = CommandSet.eventReportRequest(
            messageID: association.nextMessageID(), sopClass: StorageCommitmentRequest.sopClass,
            sopInstance: StorageCommitmentRequest.sopInstance, eventTypeID: result.eventTypeID)
        try association.send(
            command, contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(result.dataSet))
    }

    /// Sends the result on a new association, in which the archive is requestor and SCP.
    static func deliver(
        _ result: StorageCommitmentResult, to title: AETitle, as ours: AETitle, _ archive: ArchiveService,
        _ cancellation: Cancellation
    ) {
        let sopClass = StorageCommitmentRequest.sopClass
        do throws(AssociationError) {
            let contexts = PresentationContextPlan(needs: StorageCommitmentSCU.needs).associations.first ?? []
            let opened = try archive.destinations.associate(
                with: title, as: ours, contexts: contexts,
                roles: [RoleSelection(sopClass: sopClass, scu: false, scp: true)], cancellation: cancellation)
            guard let association = opened else { return }
            if association.contexts.roles(for: sopClass).scp == false {
                // Not conforming, but many such peers accept reports all the same.
                archive.report(
                    association,
                    "storage commitment: the peer grants no role SCP (PS3.7 D.3.3.4), reported nevertheless",
                    isTrouble: true)
            }
            try send(result, on: association, in: try association.context(for: sopClass))
            let answer = try association.receive()
            archive.report(
                association,
                "storage commitment: report answered with \(answer.command.status?.description ?? "no status")",
                isTrouble: answer.command.status?.kind != .success)
            try association.release()
        } catch {
            archive.report(
                ArchiveEvent(
                    peer: "\(title)", "storage commitment: report not delivered, \(ArchiveEvent.text(error))",
                    isTrouble: true))
        }
    }
}
