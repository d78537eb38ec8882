import DICOM
import System
import TestSupport
import Testing

@testable import DICOMNode

@Suite("The queue of several associations")
struct StudyQueueTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func files(_ studies: [String], series: [String] = []) throws -> [InstanceFile] {
        try studies.enumerated().map { number, study in
            var dataSet = SampleInstance.dataSet()
            dataSet.set(.studyInstanceUID, UID(study))
            if !series.isEmpty { dataSet.set(.seriesInstanceUID, UID(series[number % series.count])) }
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
        #expect(queue.waitForWork(1) == .files)
        #expect(studies(queue.take(1)) == ["1.1", "1.1"])
        #expect(queue.waitForWork(1) == .end)
    }

    @Test func `shares series, and then instances, once it is known that there are no further studies`() throws {
        let queue = StudyQueue(capacity: 1000, workers: 3)
        let all = try files([String](repeating: "1.1", count: 90), series: ["2.1", "2.2"])
        #expect(queue.push(all))
        let first = queue.take(0)
        #expect(first.count == 15)
        // Another study may come yet.
        #expect(queue.take(1).isEmpty)
        queue.close()
        func series(_ taken: [PendingInstance]) -> Set<String> {
            Set(taken.compactMap { $0.file.seriesInstanceUID?.string })
        }
        #expect(series(first) == ["2.1"])
        let second = queue.take(1)
        #expect(series(second) == ["2.2"])
        let third = queue.take(2)
        #expect(!third.isEmpty)
        // Each goes on with its own series.
        var count = first.count + second.count + third.count
        for _ in 0..<2 {
            let more = (queue.take(0), queue.take(1))
            #expect(series(more.0).isSubset(of: ["2.1"]))
            #expect(series(more.1).isSubset(of: ["2.2"]))
            count += more.0.count + more.1.count
        }
        while case let more = queue.take(2), !more.isEmpty { count += more.count }
        #expect(count == all.count)
        #expect(queue.isFinished)
    }

    @Test func `shares one study when there is no room for others`() throws {
        let queue = StudyQueue(capacity: 40, workers: 2)
        #expect(queue.push(try files([String](repeating: "1.1", count: 40))))
        #expect(queue.take(0).count == 10)
        #expect(queue.take(1).count == 10)
        // A study that nobody has comes first.
        #expect(queue.push(try files(["1.2"])))
        #expect(studies(queue.take(1)) == ["1.2"])
    }

    @Test func `keeps studies together after a server has failed with one that several had`() throws {
        let queue = StudyQueue(capacity: 1000, workers: 3)
        #expect(queue.push(try files([String](repeating: "1.1", count: 40))))
        queue.close()
        let (mine, others) = (queue.take(0), queue.take(1))
        #expect(!mine.isEmpty && !others.isEmpty)
        #expect(queue.takeBack(mine[0]) == true)
        // The other has it at hand as well.
        #expect(queue.take(0, unanswered: others.map(\.file)).isEmpty)
        queue.letGo(1)
        #expect(queue.take(2).isEmpty)
        var count = 0
        while case let more = queue.take(0), !more.isEmpty {
            count += more.count
            // Not twice: it fails for another reason then.
            for again in more where again.wasTakenBack { #expect(queue.takeBack(again) == nil) }
        }
        #expect(count == 40 + 1 - mine.count - others.count)
        #expect(queue.isFinished)
    }

    @Test func `takes nothing back of a study that one worker has had`() throws {
        let queue = StudyQueue(capacity: 1000, workers: 3)
        #expect(queue.push(try files(["1.1", "1.1", "1.2"])))
        queue.close()
        #expect(queue.takeBack(queue.take(0)[0]) == nil)
    }

    @Test func `gives a worker more, beside what is not answered yet`() throws {
        let queue = StudyQueue(capacity: 1000, workers: 2)
        #expect(queue.push(try files(["1.1", "1.2", "1.3"])))
        let first = queue.take(0)
        let second = queue.take(0, unanswered: first.map(\.file))
        #expect(studies(first + second) == ["1.1", "1.2"])
        #expect(queue.push(try files(["1.1"])))
        // The first study is still on its way with the other worker.
        #expect(studies(queue.take(1)) == ["1.3"])
        #expect(queue.take(1).isEmpty)
        #expect(studies(queue.take(0, unanswered: second.map(\.file))) == ["1.1"])
    }

    @Test func `shares one study from the start where no further ones come`() throws {
        let queue = StudyQueue(capacity: 1000, workers: 2)
        #expect(queue.push(try files(Array(repeating: "1.1", count: 40))))
        #expect(!queue.take(0).isEmpty)
        #expect(queue.take(1).isEmpty)
        queue.shareStudies()
        #expect(!queue.take(1).isEmpty)
    }

    @Test func `tells a worker that there is nothing yet when the time is over`() throws {
        let queue = StudyQueue(capacity: 1000, workers: 1)
        #expect(queue.waitForWork(0, until: .after(seconds: 0.01)) == .nothingYet)
        #expect(queue.push(try files(["1.1"])))
        #expect(queue.waitForWork(0, until: .after(seconds: 0.01)) == .files)
    }

    /// Lets studies begin as long as its turn is now.
    private final class Pace: StudyPace {
        private let state = Locked((turn: StudyTurn.now, begun: [UID]()))

        var turn: StudyTurn {
            get { state.withLock { $0.turn } }
            set { state.withLock { $0.turn = newValue } }
        }

        func hasBegun(_ study: UID) -> Bool { state.withLock { $0.begun.contains(study) } }

        func begin(_ study: UID) -> StudyTurn {
            state.withLock { state in
                if state.turn == .now { state.begun.append(study) }
                return state.turn
            }
        }

        func wait(until time: Deadline, _ cancellation: Cancellation) -> Bool { false }
    }

    @Test(arguments: [1, 3]) func `begins no study before its turn, and brings on what was begun`(workers: Int) throws {
        let pace = Pace()
        let queue = StudyQueue(capacity: 100, workers: workers, pace: pace)
        #expect(queue.push(try files(["1.1", "1.2", "1.1"])))
        #expect(queue.turn(of: 0) == .now)
        #expect(studies(queue.take(0)) == ["1.1", "1.1"])
        let later = StudyTurn.later(.after(seconds: 1000))
        pace.turn = later
        #expect(queue.waitForWork(0) == .files)
        #expect(queue.turn(of: 0) == later)
        #expect(queue.take(0).isEmpty)
        // More of what was begun comes.
        #expect(queue.push(try files(["1.3", "1.1"])))
        #expect(queue.turn(of: 0) == .now)
        #expect(studies(queue.take(0)) == ["1.1"])
        #expect(queue.take(0).isEmpty)
        pace.turn = .now
        #expect(studies(queue.take(0)) == ["1.2"])
        #expect(studies(queue.take(0)) == ["1.3"])
    }

    @Test func `ends when no study may begin any more and none that was begun can come`() throws {
        let pace = Pace()
        let queue = StudyQueue(capacity: 100, workers: 1, pace: pace)
        #expect(queue.push(try files(["1.1", "1.2"])))
        #expect(studies(queue.take(0)) == ["1.1"])
        pace.turn = .never
        #expect(queue.take(0).isEmpty)
        // The folder is still being read.
        #expect(queue.turn(of: 0) != .never)
        queue.close()
        #expect(queue.turn(of: 0) == .never)
        #expect(studies(queue.abandon()) == ["1.2"])
    }

    @Test func `shares a study that was begun while no other may begin`() throws {
        let pace = Pace()
        let queue = StudyQueue(capacity: 1000, workers: 2, pace: pace)
        #expect(queue.push(try files([String](repeating: "1.1", count: 40) + ["1.2"])))
        queue.close()
        #expect(studies(queue.take(0)).allSatisfy { $0 == "1.1" })
        // As long as another one may begin it does.
        #expect(studies(queue.take(1)) == ["1.2"])
        pace.turn = .never
        #expect(studies(queue.take(1)).first == "1.1")
    }

    @Test func `that is abandoned takes nothing and gives back what waits`() throws {
        let queue = StudyQueue(capacity: 1, workers: 3)
        #expect(queue.push(try files(["1.1", "1.2"])))
        #expect(queue.abandon().count == 2)
        #expect(!queue.push(try files(["1.3"])))
        #expect(queue.waitForWork(0) == .end)
    }

    @Test func `lets pauses grow to five minutes and no further`() {
        let policy = RetryPolicy(retries: 20, delay: 2)
        #expect([1, 2, 3, 4].map { policy.pause(after: $0) } == [2, 4, 8, 16])
        #expect(policy.pause(after: 20) == 300)
        #expect(RetryPolicy(retries: 1, delay: 0).pause(after: 5) == 0)
        #expect(RetryPolicy(retries: 1, delay: 1000).pause(after: 3) == 1000)
    }
}
