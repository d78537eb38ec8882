import DICOM
import DICOMProtocol
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// The memory that all associations of a receiver hold together. A query where only C-ECHO is served is refused, with its
/// identifier in memory.
struct ReceiverMemoryTests {
    private static let limit = 200_000

    private func associate(with receiving: Receiving) throws -> Association {
        var parameters = AssociationParameters(
            calledAETitle: try #require(AETitle("HERE")), callingAETitle: try #require(AETitle("THERE")))
        parameters.presentationContexts = PresentationContextPlan(needs: VerificationSCU.needs).associations[0]
        return try Association.request(parameters, at: Endpoint(host: "127.0.0.1", port: receiving.server.port))
    }

    private func status(_ length: Int, on association: Association) throws -> DIMSEStatus? {
        var identifier = DataSet()
        identifier.set(.patientID, .LO, String(repeating: "x", count: length))
        let context = try association.context(for: VerificationSCU.sopClass)
        try association.send(
            .findRequest(messageID: association.nextMessageID(), sopClass: VerificationSCU.sopClass),
            contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(identifier))
        return try association.receive().command.status
    }

    private func isGivenBack(_ server: AssociationServer) -> Bool {
        let deadline = Deadline.after(seconds: 60)
        while server.memory.used > 0 {
            if deadline.isPast { return false }
            usleep(5_000)
        }
        return true
    }

    @Test func `a message beyond the memory is refused, and the association goes on`() throws {
        let receiving = try Receiving(maximumMemory: Self.limit)
        defer { receiving.server.stop() }
        let association = try associate(with: receiving)
        for _ in 0..<3 {
            // Held twice, as an array grows.
            #expect(try status(Self.limit / 4, on: association) == .unrecognizedOperation)
            #expect(try status(Self.limit * 3 / 4, on: association) == .outOfResources)
        }
        #expect(try VerificationSCU.echo(on: association).status == .success)
        let refused = receiving.events.withLock { events in
            events.count { if case .refusedForMemory = $0 { true } else { false } }
        }
        #expect(refused == 3)
        try association.release()
        #expect(isGivenBack(receiving.server))
    }

    @Test func `what one association holds is missing to another, until it is gone, also by an abort`() throws {
        let receiving = try Receiving(maximumMemory: Self.limit)
        defer { receiving.server.stop() }
        let abort = PDU.abort(Abort(source: .serviceUser, reason: .notSpecified)).encode()
        for lastWords in [[], abort] {
            let other = try associate(with: receiving)
            let context = try other.context(for: VerificationSCU.sopClass)
            let proposal = PresentationContextProposal(
                id: 1, abstractSyntax: VerificationSCU.sopClass, transferSyntaxes: [context.transferSyntax.uid])
            let request = PDU.associateRequest(
                AssociateRequest(
                    calledAETitle: AETitle(wire: Array("HERE".utf8)), callingAETitle: AETitle(wire: Array("ONE".utf8)),
                    presentationContexts: [proposal], userInformation: UserInformation()))
            var command = CommandSet.findRequest(messageID: 1, sopClass: VerificationSCU.sopClass)
            command.commandDataSetType = 0x0102
            let caller = try receiving.connect()
            try caller.write(request.encode(), wait: Loopback.patience)
            _ = try caller.readBytes(6)
            try caller.write(PeerBytes.data(context: 1, control: 3, command.encode()), wait: Loopback.patience)
            for _ in 0..<3 {
                let piece = [UInt8](repeating: 0x20, count: 15_000)
                try caller.write(PeerBytes.data(context: 1, control: 0, piece), wait: Loopback.patience)
            }
            let deadline = Deadline.after(seconds: 60)
            while receiving.server.memory.used < 90_000, !deadline.isPast { usleep(5_000) }
            #expect(receiving.server.memory.used == 90_000)
            #expect(try status(Self.limit / 3, on: other) == .outOfResources)
            if !lastWords.isEmpty { try caller.write(lastWords, wait: Loopback.patience) }
            caller.close()
            #expect(isGivenBack(receiving.server))
            #expect(try status(Self.limit / 3, on: other) == .unrecognizedOperation)
            try other.release()
        }
    }
}
