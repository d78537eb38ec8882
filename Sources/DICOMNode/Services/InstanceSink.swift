package import DICOM
package import DICOMProtocol

/// The way in which received instances are stored, by C-STORE on an association of the peer's own or as sub-operations
/// of a C-GET: the folder, the names, and the function that is told of each.
package struct InstanceReceiver: Sendable {
    fileprivate let folder: OutputFolder
    fileprivate let naming: InstanceNaming
    fileprivate let existing: InstanceWriter.Existing
    fileprivate let hashing: Bool
    fileprivate let report: @Sendable (ReceivedInstance) -> Void

    /// - Parameters:
    ///   - hashing: True to report the digest of each file.
    ///   - report: called for each instance when its fate is known and before the peer is answered, on the thread of
    ///     its association.
    package init(
        folder: OutputFolder, naming: InstanceNaming, existing: InstanceWriter.Existing, hashing: Bool = false,
        report: @escaping @Sendable (ReceivedInstance) -> Void
    ) {
        self.hashing = hashing
        self.folder = folder
        self.naming = naming
        self.existing = existing
        self.report = report
    }
}

/// An instance that a peer sent, and its outcome.
package struct ReceivedInstance: Sendable {
    package let sopClassUID: UID
    /// As the command says; not necessarily a valid UID.
    package let sopInstanceUID: UID
    package let transferSyntax: TransferSyntax
    /// The C-MOVE-RQ that the peer says this belongs to (PS3.7 9.3.1.1); not every peer says so.
    package let moveOriginatorMessageID: UInt16?
    /// The bytes of its data set that arrived.
    package let length: UInt64
    /// The response to the peer.
    package let status: DIMSEStatus
    package let outcome: Outcome

    package enum Outcome: Sendable {
        case stored(InstanceWriter.Outcome)
        case failed(FileProblem)
        /// The association ended in the middle of the instance; nothing of it is left.
        case cutOff
    }
}

/// Takes the C-STORE requests of one association, one after the other: a command, the bytes of its data set, the end;
/// then the peer gets the status. The one way of an instance from the socket to its file: of our receiver, within a
/// C-GET, and in the practice archive.
final class InstanceSink: ServiceSession {
    private let receiver: InstanceReceiver
    private let association: Association
    /// The instance on its way; nil between two.
    private var incoming: Incoming?
    private(set) var expectsInstances = false

    /// An instance and its file. It does not hold the association, whose reader holds it.
    private final class Incoming: DataSetSink {
        let sopClassUID: UID
        let sopInstanceUID: UID
        let transferSyntax: TransferSyntax
        let moveOriginatorMessageID: UInt16?
        let writer: InstanceWriter
        /// The bytes of the data set that arrived.
        private(set) var length: UInt64 = 0
        /// The first problem; the bytes that follow are dropped.
        private(set) var problem: FileProblem?

        init(
            _ command: CommandSet, in context: NegotiatedContexts.Accepted, from sender: AETitle,
            for receiver: InstanceReceiver
        ) {
            sopClassUID = command.affectedSOPClassUID ?? context.abstractSyntax
            sopInstanceUID = command.affectedSOPInstanceUID ?? UID("")
            transferSyntax = context.transferSyntax
            moveOriginatorMessageID = command.moveOriginatorMessageID
            // An AE title has characters of the default repertoire only (PS3.5 6.2); a peer's may have others.
            let meta = FileMetaInformation(
                mediaStorageSOPClassUID: sopClassUID, mediaStorageSOPInstanceUID: sopInstanceUID,
                transferSyntax: transferSyntax, sourceApplicationEntityTitle: sender.description)
            writer = InstanceWriter(
                in: receiver.folder, naming: receiver.naming, metaInformation: meta, hashing: receiver.hashing)
        }

        /// Takes the next bytes of the data set.
        func write(_ bytes: UnsafeRawBufferPointer) {
            length += UInt64(bytes.count)
            guard problem == nil else { return }
            do throws(FileProblem) {
                try writer.write(bytes)
            } catch {
                problem = error
                writer.discard()
            }
        }
    }

    init(_ receiver: InstanceReceiver, on association: Association) {
        self.receiver = receiver
        self.association = association
    }

    /// Begins an instance: its command has arrived, its data set comes next.
    func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
        guard command.commandField == .cStoreRQ else { return .discard }
        // On an association that we requested, the sender is the called AE.
        let sender = association.isRequestor ? association.request.calledAETitle : association.request.callingAETitle
        let begun = Incoming(command, in: context, from: sender, for: receiver)
        incoming = begun
        return .sink(begun)
    }

    /// Ends an instance, whose data set is complete: the file gets its name, then the peer is told the status.
    ///
    /// - Throws: The error that ended the association.
    func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
        let command = message.command
        guard command.commandField == .cStoreRQ else {
            return try association.refuse(message, status: .unrecognizedOperation)
        }
        guard let incoming else {
            // A C-STORE without a data set stores nothing.
            return try association.send(
                .storeResponse(to: command, status: .cannotUnderstand), contextID: context.id)
        }
        self.incoming = nil
        var status = DIMSEStatus.success
        do throws(FileProblem) {
            if let problem = incoming.problem { throw problem }
            // A file that holds only File Meta Information would look like a received image.
            guard incoming.length > 0 else {
                throw FileProblem(receiver.folder.path, .empty, "its data set has no bytes")
            }
            report(incoming, status, .stored(try incoming.writer.finish(existing: receiver.existing)))
        } catch {
            incoming.writer.discard()
            // PS3.4 B.2.3: out of resources is what tells the peer that trying again later makes sense.
            status = error.code == .outOfSpace || error.code == .notWritable ? .outOfResources : .cannotUnderstand
            report(incoming, status, .failed(error))
        }
        // The peer can go on now; closing the file can follow the response.
        defer { incoming.writer.close() }
        expectsInstances = true
        try association.send(.storeResponse(to: command, status: status), contextID: context.id)
    }

    /// Drops an instance that the association has ended in the middle of.
    func end() {
        guard let incoming else { return }
        self.incoming = nil
        incoming.writer.discard()
        report(incoming, .processingFailure, .cutOff)
    }

    private func report(_ incoming: Incoming, _ status: DIMSEStatus, _ outcome: ReceivedInstance.Outcome) {
        receiver.report(
            ReceivedInstance(
                sopClassUID: incoming.sopClassUID, sopInstanceUID: incoming.sopInstanceUID,
                transferSyntax: incoming.transferSyntax, moveOriginatorMessageID: incoming.moveOriginatorMessageID,
                length: incoming.length, status: status, outcome: outcome))
    }
}
