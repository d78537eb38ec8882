import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Answers C-MOVE, PS3.4 C.4.2: sends what was asked for on an association of the archive's own.
struct MoveSCP: ServiceClass {
    private let archive: ArchiveService
    private let outgoing: OutgoingWork

    init(_ archive: ArchiveService, outgoing: OutgoingWork) {
        self.archive = archive
        self.outgoing = outgoing
    }

    func supports(_ abstractSyntax: UID) -> Bool { Self.model(of: abstractSyntax) != nil }

    func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation? {
        ArchiveService.negotiable.answer(to: negotiation)
    }

    func session(on association: Association) -> any ServiceSession { Session(association, archive, outgoing) }

    private static func model(of sopClass: UID) -> InformationModel? {
        ArchiveService.models.first { $0.moveSOPClass == sopClass }
    }

    private final class Session: ServiceSession {
        private let association: Association
        private let archive: ArchiveService
        private let outgoing: OutgoingWork

        init(_ association: Association, _ archive: ArchiveService, _ outgoing: OutgoingWork) {
            self.association = association
            self.archive = archive
            self.outgoing = outgoing
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            let request = message.command
            guard request.commandField != .cCancelRQ else { return }
            guard request.commandField == .cMoveRQ, let model = MoveSCP.model(of: context.abstractSyntax) else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            let retrieval = RetrievalSession(
                archive: archive, association: association, request: request, context: context, name: "C-MOVE")
            if let status = archive.faults.nextMove() { return try retrieval.refuse(status, "as told by --inject") }
            guard let destination = request.moveDestination, archive.destinations.isKnown(destination) else {
                let title = request.moveDestination.map { "\($0)" } ?? ""
                return try retrieval.refuse(
                    .moveDestinationUnknown, "destination \(title) is not known here",
                    remedy: "--destination \(title)=HOST:PORT makes it known")
            }
            guard let instances = try retrieval.instances(message, model: model) else { return }
            let cancellation: Cancellation
            do throws(SystemError) {
                cancellation = try Cancellation()
            } catch {
                return try retrieval.refuse(.unableToPerformSuboperations, "out of resources")
            }
            let id = outgoing.begin(cancellation)
            defer { outgoing.end(id) }
            let work = MoveWork(retrieval, instances, to: destination, cancellation)
            try work.perform()
        }
    }
}

/// The sub-operations of one C-MOVE.
private final class MoveWork: StorageDelegate {
    private let retrieval: RetrievalSession
    private let instances: [StoredInstance]
    private let destination: AETitle
    private let cancellation: Cancellation
    private var tally: RetrievalTally
    /// What ended the association with whoever asked; the sub-operations end then, too.
    private var failure: AssociationError?

    init(
        _ retrieval: RetrievalSession, _ instances: [StoredInstance], to destination: AETitle,
        _ cancellation: Cancellation
    ) {
        self.retrieval = retrieval
        self.instances = instances
        self.destination = destination
        self.cancellation = cancellation
        tally = RetrievalTally(total: instances.count)
    }

    func perform() throws(AssociationError) {
        var files: [InstanceFile] = []
        for instance in instances {
            guard retrieval.archive.faults.failsNextSuboperation() else {
                files.append(instance.file)
                continue
            }
            tally.add(instance.file.sopInstanceUID, .processingFailure)
        }
        if !files.isEmpty { send(files) }
        if let failure { throw failure }
        try retrieval.finish(tally)
    }

    private func send(_ files: [InstanceFile]) {
        var options = StorageSCU.Options()
        // PS3.4 C.4.2.1.2: the sub-operations are as urgent as what asks for them.
        options.priority = retrieval.request.requestedPriority
        if let id = retrieval.request.messageID {
            options.moveOriginator = (retrieval.association.request.callingAETitle, id)
        }
        let sender = StorageSCU(options: options, cancellation: cancellation, delegate: self)
        do throws(AssociationError) {
            try sender.store(files)
            try sender.finish()
        } catch {
            // What was not sent has been reported as such; the one who asked is told by the counts.
            if !tally.isCancelled, failure == nil {
                retrieval.archive.tell(
                    retrieval.association, "C-MOVE to \(destination): \(ArchiveEvent.text(error))", isTrouble: true)
            }
        }
    }

    func open(
        _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
    ) throws(AssociationError) -> Association {
        let opened = try retrieval.archive.destinations.associate(
            with: destination, as: retrieval.archive.title, contexts: contexts, cancellation: cancellation)
        guard let opened else { throw .unsendable("destination \(destination) is not known") }
        return opened
    }

    /// One sub-operation is over: says so to the one who asked, and looks whether it wants more.
    func report(_ result: StoreResult) {
        // What a cancel has left unsent remains; it has not failed.
        if case .notSent = result.outcome, tally.isCancelled { return }
        tally.add(result.file.sopInstanceUID, result.status)
        guard failure == nil, !tally.isCancelled else { return }
        do throws(AssociationError) {
            try retrieval.sendPending(tally)
            if try retrieval.association.isCancelled(retrieval.request) {
                tally.cancel()
                cancellation.raise(to: .graceful)
            }
        } catch {
            failure = error
            cancellation.raise(to: .abort)
        }
    }
}
