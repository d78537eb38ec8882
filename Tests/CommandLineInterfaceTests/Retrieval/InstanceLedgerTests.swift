import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface
@testable import DICOMNode

struct InstanceLedgerTests {
    private func stored(_ uid: UID, _ kind: InstanceWriter.Outcome.Kind = .written) -> ReceivedInstance {
        received(
            uid, .success,
            .stored(InstanceWriter.Outcome(path: "a", kind: kind, remark: nil, size: 1, digest: nil)))
    }

    private func received(
        _ uid: UID, _ status: DIMSEStatus, _ outcome: ReceivedInstance.Outcome
    ) -> ReceivedInstance {
        ReceivedInstance(
            sopClassUID: "1.2", sopInstanceUID: uid, transferSyntax: .implicitVRLittleEndian,
            moveOriginatorMessageID: nil, length: 1, status: status, outcome: outcome)
    }

    @Test func `what is listed and on disk is held, once`() {
        let ledger = InstanceLedger(expected: ["1.1", "1.2", "1.3"])
        ledger.record(stored("1.1"))
        ledger.record(stored("1.1", .skipped))
        ledger.record(stored("1.2", .renamed))
        #expect(ledger.now.held == 2)
        #expect(ledger.now.arrived == 3)
        #expect(ledger.expectedCount == 3)
    }

    @Test func `what was not listed is counted by itself`() {
        let ledger = InstanceLedger(expected: ["1.1"])
        ledger.record(stored("9.9"))
        #expect(ledger.now.held == 0)
        #expect(ledger.now.unlisted == 1)
    }

    @Test func `without a list everything that came is held`() {
        let ledger = InstanceLedger(expected: nil)
        ledger.record(stored("1.1"))
        ledger.record(stored("1.2"))
        #expect(ledger.now.held == 2)
        #expect(ledger.expectedCount == nil)
    }

    @Test func `what an earlier run brought is held from the start`() {
        let ledger = InstanceLedger(expected: ["1.1", "1.2", "1.1"]) { $0 == "1.1" }
        #expect(ledger.now.held == 1)
        #expect(ledger.expectedCount == 2)
    }

    @Test func `what was cut off or could not be kept is an attempt and is not held`() {
        let ledger = InstanceLedger(expected: ["1.1", "1.2"])
        ledger.record(received("1.1", .processingFailure, .cutOff))
        ledger.record(received("1.2", .outOfResources, .failed(FileProblem("a", .outOfSpace))))
        #expect(ledger.now.attempts == 2)
        #expect(ledger.now.held == 0)
        #expect(ledger.wait(forAttempts: 2, until: .now))
        #expect(!ledger.wait(forAttempts: 3, until: .now))
    }
}
