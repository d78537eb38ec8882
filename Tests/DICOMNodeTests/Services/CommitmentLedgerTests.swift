import DICOM
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMNode

struct CommitmentLedgerTests {
    private static let sopClass: UID = "1.2.840.10008.5.1.4.1.1.7"
    private static let first = SOPInstanceReference(sopClassUID: sopClass, sopInstanceUID: "1.2.1")
    private static let second = SOPInstanceReference(sopClassUID: sopClass, sopInstanceUID: "1.2.2")
    private static let peer = CommitmentTransaction.Peer(
        calledAETitle: "ARCHIVE", callingAETitle: "US", endpoint: Endpoint(host: "::1", port: 104))

    private func ledger(_ file: CommitmentTransactionFile? = nil) throws -> CommitmentLedger {
        let ledger = try CommitmentLedger(file: file)
        try ledger.register(
            StorageCommitmentRequest(transactionUID: "2.25.1", references: [Self.first, Self.second]),
            with: Self.peer)
        return ledger
    }

    private static func reporter(
        _ title: String, at address: String = "::1", wasCalled: Bool = false
    ) -> CommitmentLedger.Reporter {
        CommitmentLedger.Reporter(aeTitle: AETitle(wire: title.utf8), address: address, wasCalled: wasCalled)
    }

    private func report(
        _ committed: [SOPInstanceReference], failed: [SOPInstanceReference] = [], on uid: UID? = "2.25.1"
    ) -> StorageCommitmentResult {
        StorageCommitmentResult(
            transactionUID: uid, committed: committed.map { .init(reference: $0) },
            failed: failed.map { .init(reference: $0, reason: .noSuchObjectInstance) })
    }

    @Test func `a transaction is settled once all of it has been reported`() throws {
        let ledger = try ledger()
        #expect(!ledger.isSettled)
        #expect(ledger.record(report([Self.first, Self.second])) == .recorded("2.25.1"))
        #expect(ledger.isSettled)
        #expect(ledger.awaited.map(\.outcome.isComplete) == [true])
    }

    @Test func `a result may come in parts, in any order`() throws {
        let ledger = try ledger()
        #expect(ledger.record(report([], failed: [Self.second])) == .recorded("2.25.1"))
        #expect(!ledger.isSettled)
        #expect(ledger.record(report([Self.first])) == .recorded("2.25.1"))
        #expect(ledger.isSettled)
        let outcome = try #require(ledger.awaited.first).outcome
        #expect(outcome.committed == [Self.first])
        #expect(outcome.failed.map(\.reference) == [Self.second])
    }

    @Test func `a report that tells nothing new is a repetition, also of a part`() throws {
        let ledger = try ledger()
        #expect(ledger.record(report([Self.first])) == .recorded("2.25.1"))
        #expect(ledger.record(report([Self.first])) == .repeated("2.25.1"))
        #expect(ledger.progress == 1)
        #expect(ledger.record(report([Self.second])) == .recorded("2.25.1"))
        #expect(ledger.record(report([Self.first, Self.second])) == .repeated("2.25.1"))
    }

    @Test func `a failure that comes after a success counts`() throws {
        let ledger = try ledger()
        _ = ledger.record(report([Self.first, Self.second]))
        #expect(ledger.record(report([], failed: [Self.first])) == .recorded("2.25.1"))
        #expect(try #require(ledger.awaited.first).outcome.committed == [Self.second])
    }

    @Test func `a report that names nothing we asked for is taken once and leaves all open`() throws {
        let ledger = try ledger()
        let stranger = SOPInstanceReference(sopClassUID: Self.sopClass, sopInstanceUID: "9.9")
        #expect(ledger.record(report([stranger])) == .recorded("2.25.1"))
        #expect(ledger.record(report([stranger])) == .repeated("2.25.1"))
        let transaction = try #require(ledger.awaited.first)
        #expect(transaction.isReported)
        #expect(transaction.outcome.unanswered == [Self.first, Self.second])
    }

    @Test(arguments: ["2.25.2", nil] as [UID?])
    func `a transaction that is not ours is remembered and changes nothing`(_ uid: UID?) throws {
        let ledger = try ledger()
        #expect(ledger.record(report([Self.first, Self.second], on: uid)) == .unknown(uid))
        #expect(ledger.foreign == [uid])
        #expect(!ledger.isSettled)
        #expect(ledger.progress == 0)
    }

    @Test(
        arguments: [
            ("ARCHIVE", false, true), ("ARCHIVE", true, true), ("GATEWAY", false, true), ("STRANGER", false, false),
            ("archive", false, false), ("STRANGER", true, false), ("GATEWAY", true, false),
        ] as [(String, Bool, Bool)])
    func `a report counts from the server that was asked and from those that are accepted`(
        _ title: String, _ wasCalled: Bool, _ isBelieved: Bool
    ) throws {
        let ledger = try CommitmentLedger(trust: .init(callers: [AETitle(wire: "GATEWAY".utf8)]))
        try ledger.register(
            StorageCommitmentRequest(transactionUID: "2.25.1", references: [Self.first]), with: Self.peer)
        let receipt = ledger.record(report([Self.first]), from: Self.reporter(title, wasCalled: wasCalled))
        let distrust = CommitmentLedger.Distrust.otherAETitle(title, asked: "ARCHIVE")
        #expect(receipt == (isBelieved ? .recorded("2.25.1") : .notBelieved("2.25.1", distrust)))
        #expect(ledger.isSettled == isBelieved)
        #expect(ledger.distrust == (isBelieved ? nil : distrust))
    }

    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("127.0.0.1", "::1", true),
            ("127.0.0.1", "192.0.2.1", false), (nil, "192.0.2.1", true),
        ] as [(String?, String, Bool)])
    func `another address is told, and refused only where addresses are checked`(
        _ asked: String?, _ found: String, _ isSame: Bool
    ) throws {
        for checksAddress in [false, true] {
            let ledger = try CommitmentLedger(trust: .init(checksAddress: checksAddress))
            var peer = Self.peer
            peer.address = asked
            try ledger.register(
                StorageCommitmentRequest(transactionUID: "2.25.1", references: [Self.first]), with: peer)
            let reporter = Self.reporter("ARCHIVE", at: found)
            let distrust = CommitmentLedger.Distrust.otherAddress(found, asked: asked ?? "")
            #expect(
                ledger.record(report([Self.first]), from: reporter)
                    == (isSame || !checksAddress ? .recorded("2.25.1") : .notBelieved("2.25.1", distrust)))
            #expect(ledger.differingAddress(of: reporter, on: "2.25.1") == (isSame ? nil : distrust))
        }
    }

    @Test func `strangers cannot make it remember without end`() throws {
        let ledger = try ledger()
        for number in 0..<1000 { _ = ledger.record(report([], on: UID("1.\(number)"))) }
        #expect(ledger.foreign.count < 100)
    }

    @Test func `what was refused is waited for no more`() throws {
        let ledger = try ledger()
        try ledger.forget("2.25.1", why: "refused")
        #expect(ledger.isSettled)
        #expect(ledger.awaited.isEmpty)
        #expect(ledger.record(report([Self.first])) == .unknown("2.25.1"))
    }

    @Test func `what was asked again is waited for no more, and a report on it still counts`() throws {
        let ledger = try ledger()
        try ledger.supersede("2.25.1")
        #expect(ledger.isSettled)
        #expect(ledger.awaited.isEmpty)
        #expect(ledger.record(report([Self.first])) == .recorded("2.25.1"))
        #expect(ledger.awaited.map(\.outcome.committed) == [[Self.first]])
        #expect(ledger.isSettled)
    }

    @Test func `without transactions there is nothing to wait for`() throws {
        let ledger = try CommitmentLedger()
        var patience = CommitmentPatience(seconds: 1000, ledger: ledger)
        #expect(try ledger.wait(&patience, cancellation: .never))
    }

    @Test func `a wait ends with the last report, from whichever thread it comes`() throws {
        let ledger = try ledger()
        let other = try Background { [self] in
            _ = ledger.record(report([Self.first]))
            ledger.announce()
            _ = ledger.record(report([Self.second]))
            ledger.announce()
        }
        var patience = CommitmentPatience(seconds: 1000, ledger: ledger)
        #expect(try ledger.wait(&patience, cancellation: .never))
        try other.value()
    }

    @Test func `a wait ends when time is up, and at once when somebody wants to stop`() throws {
        let ledger = try ledger()
        var none = CommitmentPatience(seconds: 0, ledger: ledger)
        #expect(try !ledger.wait(&none, cancellation: .never))
        let cancellation = try Cancellation()
        cancellation.raise(to: .graceful)
        var long = CommitmentPatience(seconds: 1000, ledger: ledger)
        #expect(throws: AssociationError.self) { try ledger.wait(&long, cancellation: cancellation) }
    }
}

extension CommitmentLedger {
    /// A report on the association of the request.
    fileprivate func record(_ result: StorageCommitmentResult) -> Receipt {
        record(result, from: Reporter(aeTitle: AETitle(wire: "ARCHIVE".utf8), address: "::1", wasCalled: true))
    }
}
