import DICOM
import DICOMProtocol
import Glibc
import System

@testable import DICOMNode
@testable import PracticeArchive

/// What we do with a peer: each service that we use, and what peers ask of us.
enum PeerOperation: String, CaseIterable {
    case echo, find, move, get, store
    /// C-STOREs on an association that the peer opens.
    case receive
    case commit
    /// A report of storage commitment on an association that the peer opens.
    case report
    /// Every service of the practice archive, on an association that the peer opens.
    case archive
    /// The same as ``find`` and ``get``, cancelled at the first response.
    case cancelledFind, cancelledGet
    /// The same as ``receive``, where broken data sets are kept and what nobody wanted is put aside.
    case receiveKeeping

    var isPeerRequestor: Bool {
        switch self {
        case .receive, .report, .archive, .receiveKeeping: true
        case .echo, .find, .move, .get, .store, .commit, .cancelledFind, .cancelledGet: false
        }
    }

    func perform(over connection: any Connection) throws(AssociationError) {
        switch self {
        case .receive: try Self.serve(connection, [VerificationSCP(), StorageSCP(receiver: Self.receiver)])
        case .receiveKeeping: try Self.serve(connection, [StorageSCP(receiver: Self.keepingReceiver)])
        case .report:
            try Self.serve(connection, [VerificationSCP(), CommitmentReportSCU(ledger: Self.ledger()) { _ in }])
        case .archive: try Self.serve(connection, Self.archiveServices())
        case .store: try Self.store(over: connection)
        default:
            let association = try Association.request(Self.parameters, over: connection)
            try use(association)
            try association.release()
        }
    }

    private func use(_ association: Association) throws(AssociationError) {
        switch self {
        case .find, .cancelledFind:
            _ = try association.find(sopClass: Recorded.findClass, identifier: Recorded.query) { match in
                do throws(DataSetError) { DataSetTarget.show(try match.identifier()) } catch {}
                return self == .find ? .goOn : .cancel
            }
        case .move:
            _ = try MoveSCU.move(
                on: association, sopClass: Recorded.moveClass, identifier: Recorded.selection,
                destination: Recorded.destination
            ) { _ in .goOn }
        case .get, .cancelledGet:
            _ = try GetSCU.get(
                on: association, sopClass: Recorded.getClass, identifier: Recorded.selection, receiver: Self.receiver
            ) { _ in self == .get ? .goOn : .cancel }
        case .commit:
            let ledger = Self.ledger()
            let commitment = try StorageCommitmentSCU(on: association, ledger: ledger) { _ in }
            guard try commitment.request(Recorded.commitmentRequest).status == .success else { return }
            // A real server may report on another association: then the first one has been recorded.
            var patience = CommitmentPatience(seconds: 2, ledger: ledger)
            _ = try commitment.wait(&patience)
        default: _ = try VerificationSCU.echo(on: association)
        }
    }

    private static var parameters: AssociationParameters {
        var parameters = AssociationParameters(
            calledAETitle: AETitle(wire: Array((variable("FUZZ_CALLED") ?? "PEER").utf8)),
            callingAETitle: Recorded.title, presentationContexts: Recorded.proposals)
        parameters.roleSelections = [RoleSelection(sopClass: Recorded.storageClass, scu: true, scp: true)]
        return parameters
    }

    private static func store(over connection: any Connection) throws(AssociationError) {
        // What the service would propose for this one file is among what is always proposed here.
        let storage = StorageSCU(
            options: StorageSCU.Options(), cancellation: .never, delegate: OneConnection(connection, parameters))
        try storage.store([instance])
        try storage.finish()
    }

    /// As the receiver does, without its threads.
    private static func serve(
        _ connection: any Connection, _ services: [any ServiceClass]
    ) throws(AssociationError) {
        let policy = AcceptancePolicy(calledAETitles: nil)
        // So little that inputs reach it.
        let memory = MemoryBudget(limit: 8 << 10)
        let accepted = try Association.accept(
            connection, maximumPDULength: 16_384, limits: AssociationLimits(), memory: memory
        ) { policy.decide($0, services: services) }
        guard let association = accepted else { return }
        let sessions = services.map { $0.session(on: association) }
        defer { for session in sessions { session.end() } }
        func session(_ context: NegotiatedContexts.Accepted) -> (any ServiceSession)? {
            services.firstIndex { $0.supports(context.abstractSyntax) }.map { sessions[$0] }
        }
        while true {
            let message = try association.receive { command, contextID in
                guard let context = association.contexts.context(id: contextID) else { return .discard }
                return session(context)?.destination(of: command, in: context) ?? .discard
            }
            guard let context = association.contexts.context(id: message.contextID) else { continue }
            guard !message.isBeyondMemory else {
                try association.refuse(message, status: message.command.outOfResources)
                continue
            }
            try session(context)?.answer(message, in: context)
        }
    }
}

/// Gives the storage SCU the connection of the fuzzer.
private final class OneConnection: StorageDelegate {
    private let connection: any Connection
    private let parameters: AssociationParameters

    init(_ connection: any Connection, _ parameters: AssociationParameters) {
        self.connection = connection
        self.parameters = parameters
    }

    func open(
        _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
    ) throws(AssociationError) -> Association {
        try Association.request(parameters, over: connection)
    }

    func report(_ result: StoreResult) {}
}

// Made once, for the whole run.
extension PeerOperation {
    private static let folder: String = {
        var template = Array("\(scratchFolder)/dcmscu-fuzz-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no folder") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private static let receiver: InstanceReceiver = {
        do {
            return InstanceReceiver(
                folder: try OutputFolder(FilePath(folder)), naming: try InstanceNaming(pattern: "received"),
                existing: .overwrite
            ) { _ in }
        } catch {
            fatalError("no receiver: \(error)")
        }
    }()

    /// Keeps data sets that are cut or nonsense, and wants only what belongs to one study; emptied after each input.
    private static let keepingFolder: OutputFolder = {
        do throws(FileProblem) { return try OutputFolder(FilePath("\(folder)-keeping")) } catch {
            fatalError("no folder: \(error)")
        }
    }()

    private enum Place: InstancePlace {
        case wanted, unwanted

        var isWanted: Bool { self == .wanted }
        func isRepetition(_ sopInstanceUID: UID) -> Bool { false }
    }

    private static let keepingReceiver: InstanceReceiver = {
        do {
            var receiver = InstanceReceiver(
                folder: keepingFolder, naming: try InstanceNaming(pattern: "{SOPInstanceUID}.dcm"), existing: .rename
            ) { instance in
                // What is stored was asked about once, and is whole; what is kept has failed.
                switch instance.outcome {
                case .stored(let outcome):
                    precondition(outcome.isUnexpected == (instance.place?.isWanted == false), "in the wrong place")
                    precondition(instance.kept == nil && instance.status == .success)
                case .failed: precondition(instance.status != .success, "what has failed is not answered with success")
                case .cutOff: break
                }
            }
            receiver.keepsBroken = true
            receiver.placing = { $0.identity.studyInstanceUID == nil ? Place.unwanted : Place.wanted }
            return receiver
        } catch {
            fatalError("no receiver: \(error)")
        }
    }()

    /// Traps where a name without the end of a broken one belongs to a file that is not whole, and empties the folder.
    private static func checkKept() {
        for folder in [keepingFolder.path, keepingFolder.path.appending(InstanceWriter.unexpectedFolder)] {
            guard let names = try? DirectoryNames(of: folder) else { continue }
            for index in 0..<names.count {
                let name = Array(names.name(at: index))
                let path = folder.appending(names.name(at: index))
                guard name != Array(InstanceWriter.unexpectedFolder.utf8) else { continue }
                if !name.suffix(7).elementsEqual(".broken".utf8) {
                    do throws(FileProblem) {
                        let opened = try InstanceFile.open(path)
                        try opened.file.checkComplete(opened.descriptor)
                    } catch {
                        preconditionFailure("something is left in the folder: \(error)")
                    }
                }
                FileDescriptor.remove(path)
            }
        }
    }

    /// What the practice archive has stored; emptied after each input.
    private static let archiveFolder: OutputFolder = {
        do throws(FileProblem) { return try OutputFolder(FilePath("\(folder)-archive")) } catch {
            fatalError("no folder: \(error)")
        }
    }()

    /// An archive that holds one instance and knows nobody that it could send to.
    private static func archive() -> (ArchiveService, ArchiveReception) {
        let index = ArchiveIndex()
        do throws(FileProblem) { try index.add(stored: instance.path) } catch { fatalError("no index: \(error)") }
        var step = Recorded.query
        step.set(.scheduledProcedureStepSequence, items: [Recorded.selection])
        let archive = ArchiveService(
            index: index, title: Recorded.title, faults: FaultPlan([]),
            destinations: Destinations([:], connector: Connector(), limits: AssociationLimits()), worklist: [step],
            report: { _ in })
        return (archive, ArchiveReception(archive, folder: archiveFolder))
    }

    /// The same archive for those who come over HTTP.
    static var archiveAccess: ArchiveAccess {
        let (archive, reception) = archive()
        return ArchiveAccess(archive, reception)
    }

    private static func archiveServices() -> [any ServiceClass] {
        let (archive, reception) = archive()
        let outgoing = OutgoingWork()
        return [
            VerificationSCP(), FindSCP(archive), RetrieveSCP(.cMoveRQ, archive, outgoing: outgoing),
            RetrieveSCP(.cGetRQ, archive, outgoing: outgoing), StorageCommitmentSCP(archive, outgoing: outgoing),
            ArchiveStorageSCP(archive, reception),
        ]
    }

    /// Traps where something is in the archive's folder that is no whole instance, and empties it.
    private static func checkArchive() {
        guard let names = try? DirectoryNames(of: archiveFolder.path) else { preconditionFailure("the folder is gone") }
        for index in 0..<names.count {
            let path = archiveFolder.path.appending(names.name(at: index))
            do throws(FileProblem) {
                let opened = try InstanceFile.open(path)
                try opened.file.checkComplete(opened.descriptor)
            } catch {
                preconditionFailure("something is left in the archive: \(error)")
            }
            FileDescriptor.remove(path)
        }
    }

    /// Traps where something is left that is no whole instance.
    static func checkFolder() {
        checkArchive()
        checkKept()
        guard let names = try? DirectoryNames(of: FilePath(folder)) else { preconditionFailure("the folder is gone") }
        for index in 0..<names.count {
            precondition(names.name(at: index).elementsEqual("received".utf8), "something is left in the folder")
        }
    }

    /// The file that is sent.
    private static let instance: InstanceFile = {
        let path = "\(scratchFolder)/dcmscu-fuzz-instance"
        guard writeFile(Recorded.file, path) else { fatalError("no file") }
        do throws(FileProblem) { return try InstanceFile.open(FilePath(path)).file } catch {
            fatalError("no file: \(error)")
        }
    }()

    private static func ledger() -> CommitmentLedger {
        do {
            // The recorded associations are those of several servers.
            let titles = ["FUZZ", "PEER", "ORTHANC", "DCMQRSCP"].map { AETitle(wire: $0.utf8) }
            let ledger = try CommitmentLedger(trust: .init(callers: titles))
            try ledger.register(
                Recorded.commitmentRequest,
                with: CommitmentTransaction.Peer(
                    calledAETitle: variable("FUZZ_CALLED") ?? "PEER", callingAETitle: "B",
                    endpoint: Endpoint(host: "h", port: 104)))
            return ledger
        } catch {
            fatalError("no ledger: \(error)")
        }
    }
}
