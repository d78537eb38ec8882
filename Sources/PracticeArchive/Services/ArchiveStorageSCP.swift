import DICOM
import DICOMNode
import DICOMProtocol

/// Stores instances in the archive: the Storage SCP of the client, whose instances are in the index before the response
/// is sent.
struct ArchiveStorageSCP: ServiceClass {
    private let archive: ArchiveService
    private let folder: OutputFolder

    init(_ archive: ArchiveService, folder: OutputFolder) {
        self.archive = archive
        self.folder = folder
    }

    func supports(_ abstractSyntax: UID) -> Bool { storage { _ in }.supports(abstractSyntax) }

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
        let peer = association.eventPeer
        let storage = storage { [archive] instance in Self.record(instance, from: peer, into: archive) }
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

    private func storage(_ report: @escaping @Sendable (ReceivedInstance) -> Void) -> StorageSCP {
        var receiver = InstanceReceiver(folder: folder, naming: .standard, existing: .rename, report: report)
        receiver.requiresUIDs = true
        return StorageSCP(receiver: receiver)
    }

    private static func record(_ instance: ReceivedInstance, from peer: String, into archive: ArchiveService) {
        let name = UIDRegistry.name(of: instance.sopClassUID) ?? instance.sopClassUID.string
        let what = "C-STORE \(name) \(instance.sopInstanceUID)"
        for remark in instance.remarks {
            archive.report(ArchiveEvent(peer: peer, "\(what): \(remark)", isTrouble: true))
        }
        switch instance.outcome {
        case .stored(let outcome)
        where outcome.kind == .skipped && archive.index.holds(outcome.path, instance.sopInstanceUID):
            // Others may be reading it: an equal instance stays where it is.
            archive.report(ArchiveEvent(peer: peer, "\(what): stored before, and equal"))
        case .stored(let outcome):
            do throws(FileProblem) {
                try archive.index.add(stored: outcome.path)
                archive.report(
                    ArchiveEvent(peer: peer, "\(what): stored, \(instance.transferSyntax), \(instance.length) bytes"))
            } catch {
                archive.report(ArchiveEvent(peer: peer, "\(what): stored, but \(error.description)", isTrouble: true))
            }
        case .failed(let problem):
            archive.report(ArchiveEvent(peer: peer, "\(what): \(problem.description)", isTrouble: true))
        case .cutOff:
            archive.report(ArchiveEvent(peer: peer, "\(what): cut off, not stored", isTrouble: true))
        }
    }
}
