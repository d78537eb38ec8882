import DICOM
import DICOMNode
import DICOMProtocol

/// Takes instances into the archive: the Storage SCP of the client, whose instances go into the index before the peer is
/// answered.
struct ArchiveStorageSCP: ServiceClass {
    private let archive: ArchiveService
    private let folder: OutputFolder

    init(_ archive: ArchiveService, folder: OutputFolder) {
        self.archive = archive
        self.folder = folder
    }

    func supports(_ abstractSyntax: UID) -> Bool { storage { _ in }.supports(abstractSyntax) }

    /// A peer that stores gets the syntax that it likes best; one that retrieves gets that in which most of what is here can
    /// be sent to it: a context has one syntax only, and C-GET proposes several in one.
    func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        guard roles?.scp == true else { return transferSyntaxes.first }
        let held = archive.index.contents.syntaxes(of: abstractSyntax)
        var best: (uid: UID, sendable: Int, unchanged: Int)?
        for uid in transferSyntaxes {
            let syntax = TransferSyntax(uid)
            let unchanged = held[syntax] ?? 0
            let native = held.reduce(0) { $0 + ($1.key.isUncompressed ? $1.value : 0) }
            let sendable = syntax.isUncompressed ? native : unchanged
            // Of those that are equally good the first is the peer's choice.
            if let best, (best.sendable, best.unchanged) >= (sendable, unchanged) { continue }
            best = (uid, sendable, unchanged)
        }
        return best?.uid
    }

    /// Both roles: a peer that stores here is SCU of the class, one that retrieves by C-GET is SCP of it (PS3.4 C.5.3.1).
    func grant(_ selection: RoleSelection) -> RoleSelection? { selection }

    func session(on association: Association) -> any ServiceSession {
        let peer = association.eventPeer
        let storage = storage { [archive] instance in Self.take(instance, from: peer, into: archive) }
        return Session(storage.session(on: association), association, archive)
    }

    private func storage(_ report: @escaping @Sendable (ReceivedInstance) -> Void) -> StorageSCP {
        StorageSCP(
            receiver: InstanceReceiver(folder: folder, naming: .standard, existing: .overwrite, report: report))
    }

    private static func take(_ instance: ReceivedInstance, from peer: String, into archive: ArchiveService) {
        let name = UIDRegistry.name(of: instance.sopClassUID) ?? instance.sopClassUID.string
        let what = "C-STORE \(name) \(instance.sopInstanceUID)"
        switch instance.outcome {
        case .stored(let outcome):
            do throws(FileProblem) {
                archive.index.add(try StoredInstance.read(outcome.path))
                archive.report(
                    ArchiveEvent(peer: peer, "\(what): stored, \(instance.transferSyntax), \(instance.length) bytes"))
            } catch {
                archive.report(ArchiveEvent(peer: peer, "\(what): kept, but \(error.description)", isTrouble: true))
            }
        case .failed(let problem):
            archive.report(ArchiveEvent(peer: peer, "\(what): \(problem.description)", isTrouble: true))
        case .cutOff:
            archive.report(ArchiveEvent(peer: peer, "\(what): cut off, nothing is kept", isTrouble: true))
        }
    }

    /// C-STOREs of one association, with the faults of storing.
    private final class Session: ServiceSession {
        private let session: any ServiceSession
        private let association: Association
        private let archive: ArchiveService
        private var fault: FaultPlan.StoreFault?

        init(_ session: any ServiceSession, _ association: Association, _ archive: ArchiveService) {
            self.session = session
            self.association = association
            self.archive = archive
        }

        func destination(
            of command: CommandSet, in context: NegotiatedContexts.Accepted
        ) -> DataSetDestination {
            fault = command.commandField == .cStoreRQ ? archive.faults.nextStore() : nil
            switch fault {
            case .status: return .discard
            case .closeInFile:
                archive.tell(association, "closes in the middle of an instance, as told by --inject", isTrouble: true)
                return .sink(ClosingSink(association))
            case .abort, nil: return session.destination(of: command, in: context)
            }
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            defer { fault = nil }
            switch fault {
            case .status(let status):
                archive.tell(association, "C-STORE: answers \(status), as told by --inject", isTrouble: true)
                try association.send(.storeResponse(to: message.command, status: status), contextID: context.id)
            case .abort:
                archive.tell(association, "C-STORE: aborts, as told by --inject", isTrouble: true)
                session.end()
                association.abort()
            case .closeInFile, nil:
                try session.answer(message, in: context)
            }
        }

        func end() { session.end() }
    }

    /// Takes the first bytes of a data set and hangs up.
    private final class ClosingSink: DataSetSink {
        private let association: Association

        init(_ association: Association) { self.association = association }

        func write(_ bytes: UnsafeRawBufferPointer) { association.close() }
    }
}
