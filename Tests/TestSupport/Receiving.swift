package import DICOM
package import DICOMProtocol
package import System
import Testing

import Glibc

@testable package import DICOMNode

/// A receiver over a folder of its own.
package final class Receiving {
    package let folder: TemporaryFolder
    package let server: AssociationServer
    package let received = ConditionLock<[ReceivedInstance]>([])
    package let events = ConditionLock<[AssociationServer.Event]>([])

    package init(
        inactivity: Double = 30, association: Double = 30, tls: TLSContext? = nil, keepsBroken: Bool = false,
        requiresUIDs: Bool = false, existing: InstanceWriter.Existing = .rename, digests: FileDigests? = nil,
        maximumMemory: Int = AssociationServer.maximumMemory
    ) throws {
        folder = try TemporaryFolder()
        var limits = AssociationLimits()
        limits.inactivity = inactivity
        limits.association = association
        var receiver = InstanceReceiver(
            folder: try OutputFolder(folder.path), naming: try InstanceNaming(pattern: "{SOPInstanceUID}"),
            existing: existing, digests: digests
        ) { [received] instance in received.withLock { $0.append(instance) } }
        receiver.keepsBroken = keepsBroken
        receiver.requiresUIDs = requiresUIDs
        server = try AssociationServer(
            listener: try TCPListener(port: 0, bind: "127.0.0.1"),
            policy: AcceptancePolicy(calledAETitles: [try #require(AETitle("HERE"))]),
            services: [VerificationSCP(), StorageSCP(receiver: receiver)], tls: tls, limits: limits,
            maximumMemory: maximumMemory
        ) { [events] event in events.withLock { $0.append(event) } }
        try server.start()
    }

    package func connect() throws -> TCPConnection {
        try TCPConnection.connect(host: "127.0.0.1", port: server.port, wait: Loopback.patience)
    }

    /// Plays a script as a peer that calls.
    package func play(_ script: [PeerStep]) throws {
        var player = PeerPlayer(try connect(), over: try Cancellation())
        player.play(script)
    }

    /// Sends the beginning of an instance, then goes on as told. Whether the instance was reported; nobody is left then.
    package func isCutOff(by steps: [PeerStep]) throws -> Bool {
        let known = received.withLock { $0.count }
        let over = try Cancellation()
        let connection = try connect()
        let begun = Self.dataSet + [UInt8](repeating: 0x20, count: 200_000)
        let caller = try Background {
            var player = PeerPlayer(connection, over: over)
            player.play(
                [
                    .send(Self.request()), .hear(.associateAccept),
                    .send(PeerBytes.data(context: 1, control: 3, Self.store().encode())),
                    .send(PeerBytes.data(context: 1, control: 0, begun)),
                ] + steps)
        }
        let isReported = received.wait(until: .after(seconds: 20)) { $0.count > known }
        over.raise(to: .abort)
        try caller.value()
        return isReported
    }

    package func waitForEvent(_ matches: (AssociationServer.Event) -> Bool) -> Bool {
        events.wait(until: .after(seconds: 20)) { $0.contains(where: matches) }
    }

    /// Waits until no association is open and no thread is used. False: some are after 60 s.
    package func isIdle() -> Bool {
        let deadline = Deadline.after(seconds: 60)
        while server.openAssociations > 0 || server.threadsInUse > 0 {
            if deadline.isPast { return false }
            usleep(5_000)
        }
        return true
    }

    /// Tries a C-ECHO until one succeeds: connections that were not yet accepted may fill the server's limit for a
    /// moment. False: none did in 60 s.
    package func echoesAtLast() -> Bool {
        let deadline = Deadline.after(seconds: 60)
        while isIdle() {
            do {
                if try echoes() { return true }
            } catch {
                if deadline.isPast { return false }
            }
        }
        return false
    }

    /// A C-ECHO of a peer that knows how to behave.
    package func echoes(over tls: TLSContext? = nil) throws -> Bool {
        var parameters = AssociationParameters(
            calledAETitle: try #require(AETitle("HERE")), callingAETitle: try #require(AETitle("THERE")))
        parameters.presentationContexts = PresentationContextPlan(needs: VerificationSCU.needs).associations[0]
        parameters.limits.association = 20
        let association = try Association.request(
            parameters, at: Endpoint(host: "127.0.0.1", port: server.port), connector: Connector(tls: tls))
        let status = try VerificationSCU.echo(on: association)
        try association.release()
        return status.status == .success
    }

    // MARK: What its callers say

    package static let sopClass: UID = "1.2.840.10008.5.1.4.1.1.2"

    package static func request(called: String = "HERE", syntax: TransferSyntax = .explicitVRLittleEndian) -> [UInt8] {
        let proposal = PresentationContextProposal(
            id: 1, abstractSyntax: sopClass, transferSyntaxes: [syntax.uid])
        return PDU.associateRequest(
            AssociateRequest(
                calledAETitle: AETitle(wire: Array(called.utf8)), callingAETitle: AETitle(wire: Array("THERE".utf8)),
                presentationContexts: [proposal], userInformation: UserInformation())
        ).encode()
    }

    package static func store(_ instance: UID = "1.2.3.4") -> CommandSet {
        .storeRequest(messageID: 1, sopClass: sopClass, sopInstance: instance)
    }

    package static let dataSet = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet())
}
