import DICOM
import TestSupport
import Testing

@testable import DICOMNode

@Suite("The queue of several associations")
struct StudyQueueTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func files(_ studies: [String]) throws -> [InstanceFile] {
        try studies.enumerated().map { number, study in
            var dataSet = SampleInstance.dataSet()
            dataSet.set(.studyInstanceUID, UID(study))
            let bytes =
                SampleInstance.meta().encode() + DataSetEncoder(TransferSyntax.explicitVRLittleEndian).encode(dataSet)
            try folder.write(bytes, to: "\(number)")
            return try InstanceFile.open(folder["\(number)"]).file
        }
    }

    private func studies(_ taken: [PendingInstance]) -> [String] {
        taken.compactMap { $0.file.studyInstanceUID?.string }
    }

    @Test func `gives a study to one worker at a time`() throws {
        let queue = StudyQueue(capacity: 100, workers: 3)
        #expect(queue.push(try files(["1.1", "1.2", "1.1", "1.2", "1.3"])))
        #expect(studies(queue.take(0)) == ["1.1", "1.1"])
        #expect(studies(queue.take(1)) == ["1.2", "1.2"])
        // More of a study goes to the worker that has it at hand.
        #expect(queue.push(try files(["1.1"])))
        #expect(studies(queue.take(2)) == ["1.3"])
        #expect(queue.take(2).isEmpty)
        #expect(studies(queue.take(0)) == ["1.1"])
    }

    @Test func `gives what a failed worker had to another`() throws {
        let queue = StudyQueue(capacity: 100, workers: 3)
        #expect(queue.push(try files(["1.1", "1.1"])))
        queue.close()
        let taken = queue.take(0)
        #expect(queue.isFinished)
        queue.putBack(taken, from: 0)
        #expect(queue.waitForWork(1))
        #expect(studies(queue.take(1)) == ["1.1", "1.1"])
        #expect(!queue.waitForWork(1))
    }

    @Test func `that is abandoned takes nothing and gives back what waits`() throws {
        let queue = StudyQueue(capacity: 1, workers: 3)
        #expect(queue.push(try files(["1.1", "1.2"])))
        #expect(queue.abandon().count == 2)
        #expect(!queue.push(try files(["1.3"])))
        #expect(!queue.waitForWork(0))
    }

    @Test func `lets pauses grow to five minutes and no further`() {
        let policy = RetryPolicy(retries: 20, delay: 2)
        #expect([1, 2, 3, 4].map { policy.pause(after: $0) } == [2, 4, 8, 16])
        #expect(policy.pause(after: 20) == 300)
        #expect(RetryPolicy(retries: 1, delay: 0).pause(after: 5) == 0)
        #expect(RetryPolicy(retries: 1, delay: 1000).pause(after: 3) == 1000)
    }
}
