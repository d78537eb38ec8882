import DICOM
import DICOMProtocol
import Glibc

@testable import DICOMNode

/// A whole peer side fed to each service, through shell, state machine and service.
///
/// Invariant: whatever the peer says, the operation ends with a result or an error of its own, when the peer has said it all;
/// nothing is left behind in the output folder but whole instances.
enum PeerTarget: FuzzTarget {
    private static let folder: String = {
        var template = Array("/tmp/dcmscu-fuzz-XXXXXX".utf8CString)
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

    static func run(_ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let operation = choices.next(6)
        let piece = choices.next(200) + 1
        let connection = MemoryConnection(Array(choices.rest), piece: piece)
        do throws(AssociationError) {
            if operation == 5 { try serve(connection) } else { try use(connection, operation) }
        } catch {}
        guard let names = try? DirectoryNames(of: FilePath(folder)) else { preconditionFailure("the folder is gone") }
        for index in 0..<names.count {
            precondition(names.name(at: index).elementsEqual("received".utf8), "something is left in the folder")
        }
    }

    private static func use(_ connection: MemoryConnection, _ operation: Int) throws(AssociationError) {
        var parameters = AssociationParameters(
            calledAETitle: AETitle(wire: [0x41]), callingAETitle: AETitle(wire: [0x42]),
            presentationContexts: Recorded.proposals)
        parameters.roleSelections = [RoleSelection(sopClass: Recorded.storageClass, scu: true, scp: true)]
        let association = try Association.request(parameters, over: connection)
        switch operation {
        case 0: _ = try VerificationSCU.echo(on: association)
        case 1:
            _ = try FindSCU.find(on: association, sopClass: Recorded.findClass, identifier: Recorded.dataSet) {
                match in
                do throws(DataSetError) { DataSetTarget.show(try match.identifier()) } catch {}
                return .goOn
            }
        case 2:
            _ = try MoveSCU.move(
                on: association, sopClass: "1.2.840.10008.5.1.4.1.2.2.2", identifier: Recorded.dataSet,
                destination: AETitle(wire: [0x43])
            ) { _ in .goOn }
        case 3:
            _ = try GetSCU.get(
                on: association, sopClass: "1.2.840.10008.5.1.4.1.2.2.3", identifier: Recorded.dataSet,
                receiver: receiver
            ) { _ in .goOn }
        default:
            let context = try association.context(for: Recorded.storageClass)
            let request = CommandSet.storeRequest(
                messageID: association.nextMessageID(), sopClass: Recorded.storageClass, sopInstance: "1.2.3.4")
            try association.send(request, contextID: context.id, dataSet: [0, 0])
            let answer = try association.receive()
            try association.checkAnswer(answer.command, to: request)
        }
        try association.release()
    }

    /// As the receiver does, without its threads.
    private static func serve(_ connection: MemoryConnection) throws(AssociationError) {
        let services: [any ServiceClass] = [VerificationSCP(), StorageSCP(receiver: receiver)]
        let policy = AcceptancePolicy(calledAETitles: nil)
        let accepted = try Association.accept(
            connection, maximumPDULength: 16_384, limits: AssociationLimits()
        ) { policy.decide($0, services: services) }
        guard let association = accepted else { return }
        let sessions = services.map { $0.session(on: association) }
        defer { for session in sessions { session.end() } }
        func session(_ context: NegotiatedContexts.Accepted) -> (any ServiceSession)? {
            services.firstIndex { $0.supports(context.abstractSyntax) }.map { sessions[$0] }
        }
        while true {
            let message = try association.receive { command, contextID in
                guard let context = association.contexts?.context(id: contextID) else { return .discard }
                return session(context)?.destination(of: command, in: context) ?? .discard
            }
            guard let context = association.contexts?.context(id: message.contextID) else { continue }
            try session(context)?.answer(message, in: context)
        }
    }

    static var seeds: [[UInt8]] {
        let answers = [Recorded.echo, Recorded.find, Recorded.move, Recorded.get, Recorded.stored]
        let good = answers.enumerated().map { number, answer in
            [UInt8(number), 99] + Recorded.acceptance + answer + Recorded.release
        }
        return good + [
            [0, 3] + Recorded.reject, [1, 50] + Recorded.acceptance + Recorded.abort,
            [5, 99] + Recorded.request + Recorded.store + Recorded.releaseRequest,
        ]
    }
}
