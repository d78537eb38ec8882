import DICOM
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMNode

struct StorageSCUTests {
    /// Opens associations to a scripted peer and keeps what it is told.
    private final class Recorder: StorageDelegate {
        private let port: UInt16
        private(set) var results: [StoreResult] = []
        private(set) var pauses: [(instances: Int, cause: AssociationError?)] = []
        private(set) var opened = 0
        var shouldStop = false
        var stopsAtFailure = false

        init(_ peer: ScriptedPeer) { port = peer.port }

        func open(
            _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?,
            cancellation: Cancellation
        ) throws(AssociationError) -> Association {
            opened += 1
            var parameters = AssociationTests.parameters(SampleInstance.sopClassUID)
            parameters.presentationContexts = contexts
            parameters.asynchronousOperationsWindow = window
            return try Association.request(
                parameters, at: Endpoint(host: "127.0.0.1", port: port), cancellation: cancellation)
        }

        func report(_ result: StoreResult) {
            results.append(result)
            if stopsAtFailure, !result.isStored { shouldStop = true }
        }

        func willPause(seconds: Double, instances: Int, cause: AssociationError?) {
            pauses.append((instances, cause))
        }
    }

    private static func response(_ heard: Heard, _ status: DIMSEStatus) -> [UInt8] {
        PeerBytes.message(.storeResponse(to: heard.command, status: status), context: heard.contextID)
    }

    private static let busy = DIMSEStatus(rawValue: 0xA700)
    private static let success = PeerStep.answerMessage { response($0, .success) }
    private static let accept = AssociationTests.accept

    private func files(_ count: Int, in folder: TemporaryFolder) throws -> [InstanceFile] {
        try (0..<count).map { number in
            try folder.write(SampleInstance.file(), to: "\(number).dcm")
            return try InstanceFile.open(folder["\(number).dcm"]).file
        }
    }

    private func options(retries: Int = 0, window: UInt16 = 1) -> StorageSCU.Options {
        var options = StorageSCU.Options()
        options.retry = RetryPolicy(retries: retries, delay: 0.02)
        options.operationsWindow = window
        return options
    }

    // MARK: Retries

    @Test func `an instance that the peer has no room for is tried again after a pause`() throws {
        let folder = try TemporaryFolder()
        let refuse = PeerStep.answerMessage { Self.response($0, Self.busy) }
        let peer = try ScriptedPeer([Self.accept + refuse + Self.success + PeerStep.release])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(retries: 2), cancellation: .never, delegate: recorder)
        try sender.store(try files(1, in: folder))
        #expect(recorder.results.isEmpty)
        try sender.finish()
        #expect(recorder.results.map(\.isStored) == [true])
        #expect(recorder.results.map(\.attempts) == [2])
        #expect(recorder.pauses.count == 1 && recorder.pauses[0].instances == 1 && recorder.opened == 1)
    }

    @Test func `after the last attempt an instance has failed with its status`() throws {
        let folder = try TemporaryFolder()
        let peer = try ScriptedPeer([Self.accept + [.serve { Self.response($0, Self.busy) }]])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(retries: 2), cancellation: .never, delegate: recorder)
        try sender.store(try files(1, in: folder))
        try sender.finish()
        #expect(recorder.results.map(\.status) == [Self.busy])
        #expect(recorder.results.map(\.attempts) == [3])
    }

    @Test func `what was on its way when the association was lost is sent again on another`() throws {
        let folder = try TemporaryFolder()
        let peer = try ScriptedPeer([
            Self.accept + Self.success + [.hearMessage, .reset],
            Self.accept + [.serve { Self.response($0, .success) }],
        ])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(retries: 1), cancellation: .never, delegate: recorder)
        try sender.store(try files(3, in: folder))
        try sender.finish()
        #expect(recorder.results.count == 3 && recorder.results.allSatisfy(\.isStored))
        #expect(recorder.results.map(\.attempts).sorted() == [1, 1, 2])
        #expect(recorder.opened == 2)
    }

    @Test func `instances that the peer aborts at cost themselves, and those after them are sent`() throws {
        let folder = try TemporaryFolder()
        let abort = Self.accept + [.hearMessage, .send(PeerBytes.pdu(7, [0, 0, 0, 0]))]
        let peer = try ScriptedPeer(
            [[PeerStep]](repeating: abort, count: 6) + [Self.accept + [.serve { Self.response($0, .success) }]])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(), cancellation: .never, delegate: recorder)
        try sender.store(try files(11, in: folder))
        try sender.finish()
        let stored = recorder.results.map(\.isStored)
        #expect(stored == [Bool](repeating: false, count: 6) + [Bool](repeating: true, count: 5))
    }

    @Test func `an instance is not sent again where no retry is allowed`() throws {
        let folder = try TemporaryFolder()
        let peer = try ScriptedPeer([
            Self.accept + [.hearMessage, .reset], Self.accept + [.serve { Self.response($0, .success) }],
        ])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(), cancellation: .never, delegate: recorder)
        try sender.store(try files(2, in: folder))
        try sender.finish()
        guard case .unanswered? = recorder.results.first?.outcome else {
            Issue.record("\(recorder.results)")
            return
        }
        #expect(recorder.results.map(\.isStored) == [false, true])
    }

    @Test func `a peer that ends each association before a single response is given up`() throws {
        let folder = try TemporaryFolder()
        let peer = try ScriptedPeer([Self.accept + [.hearMessage, .reset]])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(), cancellation: .never, delegate: recorder)
        #expect(throws: AssociationError.self) { try sender.store(try files(26, in: folder)) }
        #expect(recorder.opened == 20)
        #expect(recorder.results.count == 26)
        let notSent = recorder.results.count { if case .notSent = $0.outcome { true } else { false } }
        #expect(notSent == 6)
    }

    // MARK: The window

    @Test func `as many instances as the peer grants are on their way at once, and answered in any order`() throws {
        let folder = try TemporaryFolder()
        let first = Locked(Heard())
        let accept = PeerStep.answerRequest { heard in
            let full = heard.fullAcceptance()
            var information = full.userInformation
            information.asynchronousOperationsWindow = AsynchronousOperationsWindow(invoked: 2, performed: 1)
            return PDU.associateAccept(
                AssociateAccept(
                    answering: heard.request, presentationContexts: full.presentationContexts,
                    userInformation: information)
            ).encode()
        }
        let peer = try ScriptedPeer([
            accept + [
                .hearMessage,
                .reply { heard in
                    first.withLock { $0 = heard }
                    return []
                },
                // The second one comes although the first has no response.
                .hearMessage,
                .reply { heard in
                    Self.response(heard, .success) + Self.response(first.withLock { $0 }, Self.busy)
                },
            ] + PeerStep.release
        ])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(window: 8), cancellation: .never, delegate: recorder)
        let sent = try files(2, in: folder)
        try sender.store(sent)
        try sender.finish()
        #expect(recorder.results.map(\.file.path) == [sent[1].path, sent[0].path])
        #expect(recorder.results.map(\.isStored) == [true, false])
    }

    // MARK: Stopping

    @Test func `a graceful cancellation brings what is on its way to its end, and sends no more`() throws {
        let folder = try TemporaryFolder()
        let cancellation = try Cancellation()
        let peer = try ScriptedPeer([
            Self.accept + [
                .serve { heard in
                    cancellation.raise(to: .graceful)
                    return Self.response(heard, .success)
                }
            ]
        ])
        let recorder = Recorder(peer)
        let sender = StorageSCU(options: options(), cancellation: cancellation, delegate: recorder)
        do throws(AssociationError) {
            try sender.store((try? files(9, in: folder)) ?? [])
            Issue.record("all were sent")
        } catch {
            guard case .interrupted(.graceful) = error else { throw error }
        }
        // One may have been on its way when the cancellation came.
        let stored = recorder.results.count(where: \.isStored)
        #expect((1...2).contains(stored) && recorder.results.count == 9)
        try sender.release()
    }

    @Test func `nothing is sent after a failure if the delegate says so`() throws {
        let folder = try TemporaryFolder()
        let peer = try ScriptedPeer([Self.accept + [.serve { Self.response($0, .processingFailure) }]])
        let recorder = Recorder(peer)
        recorder.stopsAtFailure = true
        let sender = StorageSCU(options: options(), cancellation: .never, delegate: recorder)
        try sender.store(try files(3, in: folder))
        #expect(recorder.results.count == 1 && sender.takeUnfinished().count == 2)
        try sender.finish()
    }
}
