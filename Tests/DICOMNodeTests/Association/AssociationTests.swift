import DICOM
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMNode

struct AssociationTests {
    static let accept = PeerStep.answerRequest { PDU.associateAccept($0.fullAcceptance()).encode() }

    static func parameters(_ sopClass: UID) -> AssociationParameters {
        var parameters = AssociationParameters(
            calledAETitle: AETitle(wire: Array("PEER".utf8)), callingAETitle: AETitle(wire: Array("TEST".utf8)))
        parameters.presentationContexts = [
            PresentationContextProposal(
                id: 1, abstractSyntax: sopClass, transferSyntaxes: [TransferSyntax.explicitVRLittleEndian.uid])
        ]
        return parameters
    }

    private func associate(
        _ peer: ScriptedPeer, cancellation: Cancellation = .never, release: Double? = 10
    ) throws -> Association {
        var parameters = Self.parameters(Self.findSOPClass)
        parameters.limits.release = release
        return try Association.request(
            parameters, at: Endpoint(host: "127.0.0.1", port: peer.port), cancellation: cancellation)
    }

    private static let findSOPClass: UID = "1.2.840.10008.5.1.4.1.2.2.1"

    /// Plays on, and tells that the script came so far.
    private static func reached(_ flag: ConditionLock<Bool>) -> PeerStep {
        .reply { _ in
            flag.withLock { $0 = true }
            return []
        }
    }

    // MARK: Cancellation in two steps

    @Test func `a graceful cancellation ends a wait and leaves the association whole`() throws {
        let peer = try ScriptedPeer([Self.accept + PeerStep.release])
        let cancellation = try Cancellation()
        let association = try associate(peer, cancellation: cancellation)
        cancellation.raise(to: .graceful)
        do throws(AssociationError) {
            _ = try association.receive()
            Issue.record("a message was received")
        } catch {
            guard case .interrupted(.graceful) = error else { throw error }
        }
        #expect(association.isEstablished)
        try association.release()
        #expect(!association.isEstablished)
    }

    @Test func `the second cancellation aborts, and the peer gets the A-ABORT`() throws {
        let wasAborted = ConditionLock(false)
        let peer = try ScriptedPeer([Self.accept + [.hear(.abort), Self.reached(wasAborted)]])
        let cancellation = try Cancellation()
        let association = try associate(peer, cancellation: cancellation)
        cancellation.raise(to: .graceful)
        var options = ReceiveOptions()
        options.cancelledAt = .abort
        let raising = try Background {
            _ = Cancellation.never.wait(until: .after(.milliseconds(50)))
            cancellation.raise(to: .abort)
        }
        do throws(AssociationError) {
            _ = try association.receive(options)
            Issue.record("a message was received")
        } catch {
            guard case .interrupted(.abort) = error else { throw error }
        }
        try raising.value()
        #expect(!association.isEstablished)
        #expect(wasAborted.wait(until: .after(.seconds(20))) { $0 })
    }

    @Test func `a graceful cancellation of an exchange sends C-CANCEL and waits for the final response`() throws {
        let request = Locked(CommandSet())
        let peer = try ScriptedPeer([
            Self.accept + [
                .hearMessage,
                .reply { heard in
                    request.withLock { $0 = heard.command }
                    return PeerBytes.match(heard, [])
                },
                .hearMessage,
                .reply { heard in
                    guard heard.command.commandField == .cCancelRQ else { return [] }
                    return PeerBytes.message(
                        .findResponse(to: request.withLock { $0 }, status: .cancel, hasIdentifier: false),
                        context: heard.contextID)
                },
            ] + PeerStep.release
        ])
        let cancellation = try Cancellation()
        let association = try associate(peer, cancellation: cancellation)
        let result = try association.find(
            sopClass: Self.findSOPClass, identifier: DataSet(),
            onMatch: { _ in
                cancellation.raise(to: .graceful)
                return .goOn
            })
        #expect(result.wasInterrupted && result.wasCancelled)
        #expect(result.status == .cancel)
        try association.release()
    }

    // MARK: Ends

    @Test func `a release that is never answered ends with its limit and an A-ABORT`() throws {
        let wasAborted = ConditionLock(false)
        let peer = try ScriptedPeer([
            Self.accept + [.hear(.releaseRequest), .hear(.abort), Self.reached(wasAborted)]
        ])
        let association = try associate(peer, release: 0.2)
        let watch = Stopwatch()
        do throws(AssociationError) {
            try association.release()
            Issue.record("it was released")
        } catch {
            guard case .timedOut(waitingFor: .releaseResponse) = error else { throw error }
        }
        #expect(watch.seconds < 5)
        #expect(!association.isEstablished)
        #expect(wasAborted.wait(until: .after(.seconds(20))) { $0 })
    }

    @Test func `a peer that closes in place of its A-RELEASE-RP has released`() throws {
        let peer = try ScriptedPeer([Self.accept + [.hear(.releaseRequest), .close]])
        try associate(peer).release()
    }

    @Test func `an A-ABORT that arrived before the connection was lost explains the loss`() throws {
        let abort = PDU.abort(Abort(source: 2, reason: 6)).encode()
        let peer = try ScriptedPeer([Self.accept + [.send(abort), .close]])
        let association = try associate(peer)
        do throws(AssociationError) {
            _ = try association.receive()
            Issue.record("a message was received")
        } catch {
            guard case .abortedByPeer(let got) = error else { throw error }
            #expect(got.source == 2 && got.reason == 6)
        }
    }

    @Test func `progress elsewhere lets a silent peer go on after the inactivity limit`() throws {
        let peer = try ScriptedPeer([Self.accept + [.hearAll]])
        var parameters = Self.parameters(Self.findSOPClass)
        parameters.limits.inactivity = 0.05
        let association = try Association.request(parameters, at: Endpoint(host: "127.0.0.1", port: peer.port))
        // The first look is the one that progress is compared to.
        let elsewhere = Elsewhere(progress: [0, 1, 2], arriving: [0])
        var options = ReceiveOptions()
        options.elsewhere = elsewhere
        do throws(AssociationError) {
            _ = try association.receive(options)
            Issue.record("a message was received")
        } catch {
            guard case .timedOut(waitingFor: .message) = error else { throw error }
        }
        #expect(elsewhere.isExhausted)
    }
}
