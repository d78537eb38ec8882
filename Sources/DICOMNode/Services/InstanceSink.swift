package import DICOM
package import DICOMProtocol
package import System

/// The way in which received instances are stored, by C-STORE on an association of the peer's own or as sub-operations
/// of a C-GET: the folder, the names, and the function that is told of each.
package struct InstanceReceiver: Sendable {
    fileprivate let folder: OutputFolder
    fileprivate let naming: InstanceNaming
    fileprivate let existing: InstanceWriter.Existing
    fileprivate let digests: FileDigests?
    fileprivate let report: @Sendable (ReceivedInstance) -> Void

    /// True to keep data sets that are cut off or make no sense, under names that end in `.broken`.
    package var keepsBroken = false
    /// The room that instances have on disk; nil: as much as there is. What gets none is cut off.
    package var budget: DiskBudget?
    /// True to refuse data sets without a SOP Class or SOP Instance UID, as an archive does that could never find them.
    package var requiresUIDs = false
    /// Asked once of each instance, before its file is made, where it belongs; one that belongs nowhere is put aside. Nil:
    /// everything that comes is wanted.
    package var placing: (@Sendable (ReceivedInstance.Origin) -> any InstancePlace)?

    /// - Parameters:
    ///   - digests: make the digest of each file, which is reported then.
    ///   - report: called for each instance when its fate is known and before the peer is answered, on the thread of
    ///     its association.
    package init(
        folder: OutputFolder, naming: InstanceNaming, existing: InstanceWriter.Existing, digests: FileDigests? = nil,
        report: @escaping @Sendable (ReceivedInstance) -> Void
    ) {
        self.digests = digests
        self.folder = folder
        self.naming = naming
        self.existing = existing
        self.report = report
    }
}

/// The part of a run's work that an instance belongs to.
package protocol InstancePlace: Sendable {
    /// False for one that nobody asked for.
    var isWanted: Bool { get }
    /// True if the same work has brought the instance before: it is kept once, however a name that is taken is treated otherwise.
    func isRepetition(_ sopInstanceUID: UID) -> Bool
}

/// An instance that a peer sent, and its outcome.
package struct ReceivedInstance: Sendable {
    package let sopClassUID: UID
    /// As the command says; not necessarily a valid UID.
    package let sopInstanceUID: UID
    /// The encoding of its data set, which is not always the one that was agreed on.
    package let transferSyntax: TransferSyntax
    /// The C-MOVE-RQ that the peer says this belongs to (PS3.7 9.3.1.1); not every peer says so.
    package let moveOriginatorMessageID: UInt16?
    /// The bytes of its data set that arrived.
    package let length: UInt64
    /// The response to the peer.
    package let status: DIMSEStatus
    package let outcome: Outcome
    /// The differences between what was announced and what came.
    package var remarks: [Remark] = []
    /// The file in which an instance is kept that has failed; nil if nothing is left of it.
    package var kept: FilePath?
    /// Where it belongs; nil if that was never asked, as its file was never begun.
    package var place: (any InstancePlace)?

    /// The signs by which an instance is known to belong to a request.
    package struct Origin: Sendable {
        package let sopInstanceUID: UID
        package let moveOriginatorMessageID: UInt16?
        package let identity: InstanceIdentity

        package init(sopInstanceUID: UID, moveOriginatorMessageID: UInt16?, identity: InstanceIdentity) {
            self.sopInstanceUID = sopInstanceUID
            self.moveOriginatorMessageID = moveOriginatorMessageID
            self.identity = identity
        }
    }

    /// Without the identity where the instance was not stored.
    package var origin: Origin {
        let identity = if case .stored(let stored) = outcome { stored.identity } else { InstanceIdentity() }
        return Origin(
            sopInstanceUID: sopInstanceUID, moveOriginatorMessageID: moveOriginatorMessageID, identity: identity)
    }

    package enum Outcome: Sendable {
        case stored(InstanceWriter.Outcome)
        case failed(FileProblem)
        /// The association ended in the middle of the instance; nothing of it is left.
        case cutOff
    }

    package enum Remark: Sendable, Equatable, CustomStringConvertible {
        /// The data set is in another transfer syntax than the agreed one.
        case otherSyntax(TransferSyntax, agreed: TransferSyntax)
        /// A whole file of PS3.10 came in the place of its data set.
        case wholeFile
        /// A UID of the data set is not the one of the request, which names the file; nil if the data set has none.
        case otherInstanceUID(UID?)
        case otherClassUID(UID?)

        package var description: String {
            switch self {
            case .otherSyntax(let syntax, let agreed):
                "the data set is in \(syntax), although \(agreed) was agreed on; it is stored as what it is"
            case .wholeFile: "the peer sent a whole file in the place of a data set; its data set is stored"
            case .otherInstanceUID(nil): "the data set has no SOP Instance UID; the request names the file"
            case .otherInstanceUID(let uid?):
                "the data set has the SOP Instance UID \(uid), the request another one, which names the file"
            case .otherClassUID(nil): "the data set has no SOP Class UID"
            case .otherClassUID(let uid?): "the data set has the SOP Class UID \(uid), the request another one"
            }
        }
    }
}

/// Takes the C-STORE requests of one association, one after the other: a command, the bytes of its data set, the end;
/// then the peer gets the status. The one way of an instance from the socket to its file: of our receiver, within a
/// C-GET, and in the practice archive.
final class InstanceSink: ServiceSession {
    private let receiver: InstanceReceiver
    private let association: Association
    /// The instance on its way; nil between two.
    private var incoming: IncomingInstance?
    private(set) var expectsInstances = false
    /// The AE title of the peer. An AE title has characters of the default repertoire only (PS3.5 6.2); a peer's may have others.
    private let sender: String

    init(_ receiver: InstanceReceiver, on association: Association) {
        self.receiver = receiver
        self.association = association
        // On an association that we requested, the sender is the called AE.
        let title = association.isRequestor ? association.request.calledAETitle : association.request.callingAETitle
        sender = title.description
    }

    /// Begins an instance: its command has arrived, its data set comes next.
    func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
        guard command.commandField == .cStoreRQ else { return .discard }
        let begun = IncomingInstance(
            sopClassUID: command.affectedSOPClassUID ?? context.abstractSyntax,
            sopInstanceUID: command.affectedSOPInstanceUID ?? UID(""), transferSyntax: context.transferSyntax,
            sender: sender, moveOriginatorMessageID: command.moveOriginatorMessageID, for: receiver)
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
        let status = incoming.finish()
        // The peer can go on now; closing the file can follow the response.
        defer { incoming.close() }
        expectsInstances = true
        try association.send(.storeResponse(to: command, status: status), contextID: context.id)
    }

    /// Drops an instance that the association has ended in the middle of.
    func end() {
        incoming?.cutOff()
        incoming = nil
    }
}

/// One instance on its way from the socket to its file: of an association, whose reader holds it, or of an answer over HTTP.
package final class IncomingInstance: DataSetSink {
    private let receiver: InstanceReceiver
    private let agreed: TransferSyntax
    private let sopClassUID: UID
    private let sopInstanceUID: UID
    private let moveOriginatorMessageID: UInt16?
    private let asked: AskedPlace
    /// Its part of the room on disk.
    private let share: DiskShare?
    private var hasNoRoom = false
    private let writer: InstanceWriter

    /// Where the instance belongs, once that was asked.
    private final class AskedPlace {
        var place: (any InstancePlace)?
    }

    /// - Parameters:
    ///   - transferSyntax: the one that was agreed on or announced; what the data set shows counts.
    ///   - sender: the AE title of the sender, if it has one.
    ///   - moveOriginatorMessageID: of the C-MOVE-RQ that it belongs to, if the sender says so.
    package init(
        sopClassUID: UID, sopInstanceUID: UID, transferSyntax: TransferSyntax, sender: String?,
        moveOriginatorMessageID: UInt16?, for receiver: InstanceReceiver
    ) {
        self.receiver = receiver
        share = receiver.budget.map { DiskShare(of: $0) }
        self.moveOriginatorMessageID = moveOriginatorMessageID
        agreed = transferSyntax
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClassUID, mediaStorageSOPInstanceUID: sopInstanceUID,
            transferSyntax: agreed, sourceApplicationEntityTitle: sender)
        let asked = AskedPlace()
        self.asked = asked
        let (uid, originator) = (sopInstanceUID, moveOriginatorMessageID)
        let isWanted = receiver.placing.map { placing in
            { (identity: InstanceIdentity) -> Bool in
                let place = placing(
                    ReceivedInstance.Origin(
                        sopInstanceUID: uid, moveOriginatorMessageID: originator, identity: identity))
                asked.place = place
                return place.isWanted
            }
        }
        writer = InstanceWriter(
            in: receiver.folder, naming: receiver.naming, metaInformation: meta, digests: receiver.digests,
            checking: receiver.keepsBroken ? .keeping : .refusing, isWanted: isWanted)
    }

    /// Takes the next bytes of the data set; waits until there is room for them. If they cannot be written, ``InstanceWriter/finish(existing:requiresUIDs:)``
    /// says so when all have come.
    package func write(_ bytes: UnsafeRawBufferPointer) { write(bytes, mayBePutOff: false) }

    package func take(_ bytes: UnsafeRawBufferPointer) { write(bytes, mayBePutOff: true) }

    package func flush() {
        do throws(FileProblem) { try writer.flush() } catch {}
    }

    private func write(_ bytes: UnsafeRawBufferPointer, mayBePutOff: Bool) {
        guard !hasNoRoom else { return }
        guard share?.grow(by: bytes.count) != false else {
            hasNoRoom = true
            return writer.discard()
        }
        do throws(FileProblem) { try writer.write(bytes, mayBePutOff: mayBePutOff) } catch {}
    }

    /// Gives the file its name and reports it, or reports why there is none. Returns the status for the sender.
    package func finish() -> DIMSEStatus {
        guard !hasNoRoom else {
            share?.giveUp()
            report(.outOfResources, .cutOff)
            return .outOfResources
        }
        do throws(FileProblem) {
            let outcome = try writer.finish(existing: existing, requiresUIDs: receiver.requiresUIDs)
            if outcome.kind == .skipped { share?.giveUp() } else { share?.finish(size: outcome.size) }
            report(.success, .stored(outcome))
            return .success
        } catch {
            // PS3.4 B.2.3: out of resources is what tells the peer that trying again later makes sense.
            let status: DIMSEStatus =
                switch error.code {
                case .outOfSpace, .notWritable: .outOfResources
                case .noSOPClassUID, .noSOPInstanceUID: .dataSetDoesNotMatchSOPClass
                default: .cannotUnderstand
                }
            let kept = writer.keepBroken()
            writer.discard()
            share?.giveUp()
            report(status, .failed(error), kept: kept)
            return status
        }
    }

    private var existing: InstanceWriter.Existing {
        asked.place?.isRepetition(sopInstanceUID) == true && receiver.existing != .skip ? .rename : receiver.existing
    }

    /// Gives back what a finished file still holds.
    package func close() { writer.discard() }

    /// Drops the instance: what it came by ended before its data set did.
    package func cutOff() {
        let kept = hasNoRoom ? nil : writer.keepBroken()
        writer.discard()
        share?.giveUp()
        report(.processingFailure, .cutOff, kept: kept)
    }

    private func report(_ status: DIMSEStatus, _ outcome: ReceivedInstance.Outcome, kept: FilePath? = nil) {
        var transferSyntax = agreed
        var remarks: [ReceivedInstance.Remark] = []
        switch writer.encoding {
        case .undecided, .asAgreed: break
        case .other(let syntax):
            transferSyntax = syntax
            remarks.append(.otherSyntax(syntax, agreed: agreed))
        case .file(let syntax, _):
            transferSyntax = syntax
            remarks.append(.wholeFile)
        }
        if case .stored(let stored) = outcome, let uids = stored.dataSetUIDs {
            if uids.sopClassUID != sopClassUID { remarks.append(.otherClassUID(uids.sopClassUID)) }
            if uids.sopInstanceUID != sopInstanceUID { remarks.append(.otherInstanceUID(uids.sopInstanceUID)) }
        }
        receiver.report(
            ReceivedInstance(
                sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID, transferSyntax: transferSyntax,
                moveOriginatorMessageID: moveOriginatorMessageID, length: writer.dataSetLength, status: status,
                outcome: outcome, remarks: remarks, kept: kept, place: asked.place))
    }
}
