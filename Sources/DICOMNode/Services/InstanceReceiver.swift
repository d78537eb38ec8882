package import DICOM
package import DICOMProtocol
import Synchronization

/// Stores the instances that peers send, whichever way they come: C-STORE on an association of the peer's own, or as
/// sub-operations of a C-GET. One place decides name, file and status.
package final class InstanceReceiver: Sendable {
    private let folder: OutputFolder
    private let naming: InstanceNaming
    private let existing: InstanceWriter.Existing
    private let hashing: Bool
    private let report: @Sendable (ReceivedInstance) -> Void

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

    /// Begins one instance: its command has arrived, its data set comes next.
    func reception(
        of command: CommandSet, in context: NegotiatedContexts.Accepted, from sender: AETitle?
    ) -> InstanceReception {
        let sopClass = command.affectedSOPClassUID ?? context.abstractSyntax
        let sopInstance = command.affectedSOPInstanceUID ?? UID("")
        var meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: sopInstance,
            transferSyntax: context.transferSyntax)
        // An AE title has characters of the default repertoire only (PS3.5 6.2); a peer's may have others.
        meta.sourceApplicationEntityTitle = sender?.description
        let writer = InstanceWriter(in: folder, naming: naming, metaInformation: meta, hashing: hashing)
        return InstanceReception(
            sopClassUID: sopClass, sopInstanceUID: sopInstance, transferSyntax: context.transferSyntax,
            moveOriginatorMessageID: command.moveOriginatorMessageID, writer: writer, existing: existing, report: report
        )
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

/// One instance on its way from the socket to its file.
final class InstanceReception: DataSetSink {
    private let sopClassUID: UID
    private let sopInstanceUID: UID
    private let transferSyntax: TransferSyntax
    private let moveOriginatorMessageID: UInt16?
    private let writer: InstanceWriter
    private let existing: InstanceWriter.Existing
    private let report: @Sendable (ReceivedInstance) -> Void
    private var length: UInt64 = 0
    private var problem: FileProblem?

    init(
        sopClassUID: UID, sopInstanceUID: UID, transferSyntax: TransferSyntax, moveOriginatorMessageID: UInt16?,
        writer: InstanceWriter, existing: InstanceWriter.Existing,
        report: @escaping @Sendable (ReceivedInstance) -> Void
    ) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.transferSyntax = transferSyntax
        self.moveOriginatorMessageID = moveOriginatorMessageID
        self.writer = writer
        self.existing = existing
        self.report = report
    }

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

    /// The data set is complete: the file gets its name, then this is the status for the peer.
    func finish() -> DIMSEStatus {
        do throws(FileProblem) {
            if let problem { throw problem }
            // A file that holds only File Meta Information would look like a received image.
            guard length > 0 else { throw writer.problem(.empty, "its data set has no bytes") }
            let outcome = try writer.finish(existing: existing)
            tell(.success, .stored(outcome))
            return .success
        } catch {
            writer.discard()
            // PS3.4 B.2.3: out of resources is what tells the peer that trying again later makes sense.
            let status: DIMSEStatus =
                error.code == .outOfSpace || error.code == .notWritable ? .outOfResources : .cannotUnderstand
            tell(status, .failed(error))
            return status
        }
    }

    /// Lets go of the file, which has its name or is given up.
    func close() { writer.close() }

    /// The association ended before the data set did.
    func cutOff() {
        writer.discard()
        tell(.processingFailure, .cutOff)
    }

    private func tell(_ status: DIMSEStatus, _ outcome: ReceivedInstance.Outcome) {
        report(
            ReceivedInstance(
                sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID, transferSyntax: transferSyntax,
                moveOriginatorMessageID: moveOriginatorMessageID, length: length, status: status, outcome: outcome))
    }
}
