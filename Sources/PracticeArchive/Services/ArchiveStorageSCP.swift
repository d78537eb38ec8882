import DICOM
import DICOMNode
import DICOMProtocol

/// Stores instances in the archive: the Storage SCP of the client, whose instances are in the index before the response
/// is sent.
struct ArchiveStorageSCP: ServiceClass {
    private let archive: ArchiveService
    private let reception: ArchiveReception

    init(_ archive: ArchiveService, _ reception: ArchiveReception) {
        self.archive = archive
        self.reception = reception
    }

    func supports(_ abstractSyntax: UID) -> Bool {
        StorageSCP(receiver: reception.receiver(from: "", by: "")).supports(abstractSyntax)
    }

    /// A peer that stores gets its preferred syntax; one that retrieves gets the syntax in which most of the instances
    /// here can be sent: a context has one syntax only, and C-GET proposes several in one.
    func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        guard roles?.scp == true else { return transferSyntaxes.first }
        let held = archive.index.contents.syntaxes(of: abstractSyntax)
        var best: (uid: UID, sendable: Int, unchanged: Int)?
        for uid in transferSyntaxes {
            let syntax = TransferSyntax(uid)
            let unchanged = held[syntax] ?? 0
            let native = held.reduce(0) { $0 + ($1.key.isUncompressed ? $1.value : 0) }
            let sendable = syntax.isUncompressed ? native : unchanged
            // Of equal ones, the peer prefers the first.
            if let best, (best.sendable, best.unchanged) >= (sendable, unchanged) { continue }
            best = (uid, sendable, unchanged)
        }
        return best?.uid
    }

    /// Both roles: a peer that stores here is SCU of the class, one that retrieves by C-GET is SCP of it (PS3.4
    /// C.5.3.1).
    func grant(_ selection: RoleSelection) -> RoleSelection? { selection }

    func session(on association: Association) -> any ServiceSession {
        let storage = StorageSCP(receiver: reception.receiver(from: association.eventPeer, by: "C-STORE"))
        return Session(storage.session(on: association), archive.index.replacedFiles)
    }

    /// Lets no file be removed between the moment when an instance has its file and that when the index has it.
    private final class Session: ServiceSession {
        private let storage: any ServiceSession
        private let replacedFiles: ReplacedFiles

        init(_ storage: any ServiceSession, _ replacedFiles: ReplacedFiles) {
            self.storage = storage
            self.replacedFiles = replacedFiles
        }

        var expectsInstances: Bool { storage.expectsInstances }

        func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
            storage.destination(of: command, in: context)
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            try replacedFiles.storing { () throws(AssociationError) in try storage.answer(message, in: context) }
        }

        func end() { storage.end() }
    }
}
