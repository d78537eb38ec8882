import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface
@testable import DICOMNode

struct RetrievedInstancesTests {
    private func stored(_ uid: UID, _ kind: InstanceWriter.Outcome.Kind = .written) -> ReceivedInstance {
        received(
            uid, .success,
            .stored(InstanceWriter.Outcome(path: "a", kind: kind, size: 1)))
    }

    private func received(
        _ uid: UID, _ status: DIMSEStatus, _ outcome: ReceivedInstance.Outcome
    ) -> ReceivedInstance {
        ReceivedInstance(
            sopClassUID: "1.2", sopInstanceUID: uid, transferSyntax: .implicitVRLittleEndian,
            moveOriginatorMessageID: nil, length: 1, status: status, outcome: outcome)
    }

    @Test func `what is listed and on disk is present, once`() {
        let instances = RetrievedInstances(listed: ["1.1", "1.2", "1.3"])
        instances.record(stored("1.1"))
        instances.record(stored("1.1", .skipped))
        instances.record(stored("1.2", .renamed))
        #expect(instances.counts.present == 2)
        #expect(instances.counts.received == 3)
        #expect(instances.listedCount == 3)
    }

    @Test func `what was not listed is counted by itself`() {
        let instances = RetrievedInstances(listed: ["1.1"])
        instances.record(stored("9.9"))
        #expect(instances.counts.present == 0)
        #expect(instances.counts.unlisted == 1)
    }

    @Test func `without a list everything received is present`() {
        let instances = RetrievedInstances(listed: nil)
        instances.record(stored("1.1"))
        instances.record(stored("1.2"))
        #expect(instances.counts.present == 2)
        #expect(instances.listedCount == nil)
    }

    @Test func `what an earlier run brought is present from the start`() {
        let instances = RetrievedInstances(listed: ["1.1", "1.2", "1.1"]) { $0 == "1.1" }
        #expect(instances.counts.present == 1)
        #expect(instances.listedCount == 2)
    }

    @Test func `where parts are requested one that comes again is a repetition, and too many of them are an excess`() {
        // Two of the listed instances have one UID.
        let instances = RetrievedInstances(listed: ["1.1", "1.2", "1.2"])
        instances.record(stored("1.1"))
        instances.record(stored("1.1", .skipped))
        #expect(!instances.isRepetition("1.1") && !instances.hasExcess)
        instances.share()
        #expect(instances.isRepetition("1.1") && !instances.isRepetition("1.2") && !instances.isRepetition("9.9"))
        #expect(!instances.holds(["1.1", "1.2"]))
        instances.record(stored("1.2"))
        instances.record(stored("1.2", .renamed))
        #expect(instances.holds(["1.1", "1.2"]) && !instances.hasExcess)
        instances.record(stored("1.1", .skipped))
        #expect(instances.hasExcess)
        #expect(instances.counts.present == 2)
    }

    @Test func `what was cut off or could not be stored is an attempt and is not present`() {
        let instances = RetrievedInstances(listed: ["1.1", "1.2"])
        instances.record(received("1.1", .processingFailure, .cutOff))
        instances.record(received("1.2", .outOfResources, .failed(FileProblem("a", .outOfSpace))))
        #expect(instances.counts.attempted == 2)
        #expect(instances.counts.present == 0)
        // Another attempt may bring the one that was cut off, and not the one that could not be stored.
        #expect(instances.outstandingCount == 1)
    }
}
