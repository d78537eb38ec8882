import DICOM
import DICOMNode
import Synchronization
import System
import Testing

@testable import CommandLineInterface

/// The hours and the number a minute, by a clock that stands until it is moved.
struct WorkPaceTests {
    private final class Clock: Sendable {
        private let milliseconds = Atomic<Int>(0)
        /// Monday, 5 January 2026, at noon, in a zone without an offset.
        var now: Int { 1_767_614_400 + milliseconds.load(ordering: .relaxed) / 1000 }
        var seconds: Double { Double(milliseconds.load(ordering: .relaxed)) / 1000 }
        func move(seconds: Double) { milliseconds.wrappingAdd(Int(seconds * 1000), ordering: .relaxed) }
    }

    private let clock = Clock()
    private let messages = MemorySink()
    private static let hour = 3600.0

    private func pace(
        hours: String? = nil, perMinute: Int? = nil, lastBeginning: Deadline = .never, end: Deadline = .never
    ) throws -> WorkPace {
        var connection = ConnectionOptions()
        connection.hours = try hours.map { try WeeklyHours($0) }
        connection.studiesPerMinute = perMinute
        let pace = WorkPace(
            connection, lastBeginning: lastBeginning, end: end, Diagnostics(sink: messages), nil,
            clock: LocalClock(now: { [clock] in clock.now }, offset: { _ in 0 }), seconds: { [clock] in clock.seconds })
        return try #require(pace)
    }

    private func secondsLeft(_ turn: StudyTurn) throws -> Double {
        guard case .later(let time) = turn else { throw Wrong(turn: turn) }
        return try #require(time.secondsLeft)
    }

    private struct Wrong: Error { let turn: StudyTurn }

    @Test func `without the options there is none`() {
        #expect(
            WorkPace(ConnectionOptions(), lastBeginning: .never, end: .never, Diagnostics(sink: messages), nil) == nil)
    }

    @Test func `studies begin at even distances, and what was begun goes on`() throws {
        let pace = try pace(perMinute: 10)
        #expect(pace.turn == .now)
        #expect(pace.begin("1.1") == .now)
        #expect(pace.hasBegun("1.1"))
        #expect(!pace.hasBegun("1.2"))
        #expect(pace.begin("1.1") == .now)
        #expect(abs(try secondsLeft(pace.begin("1.2")) - 6) < 0.5)
        clock.move(seconds: 5.9)
        #expect(try secondsLeft(pace.turn) < 0.2)
        clock.move(seconds: 0.2)
        #expect(pace.begin("1.2") == .now)
        // A long pause is not made good by many at once.
        clock.move(seconds: 600)
        #expect(pace.begin("1.3") == .now)
        #expect(try secondsLeft(pace.begin("1.4")) > 5)
    }

    @Test func `a study that needed nothing gives its turn back`() throws {
        let pace = try pace(perMinute: 10)
        for study: UID in ["1.1", "1.2", "1.3"] {
            #expect(pace.begin(study) == .now)
            pace.giveBack(study)
            pace.giveBack(study)
        }
        #expect(pace.begin("1.4") == .now)
        #expect(try secondsLeft(pace.begin("1.5")) > 5)
    }

    @Test func `outside of the hours nothing begins, and the wait is told once`() throws {
        let pace = try pace(hours: "19:00-06:00", perMinute: 60)
        #expect(abs(try secondsLeft(pace.begin("1.1")) - 7 * Self.hour) < 2)
        #expect(pace.waiting == "waiting until 19:00")
        let cancellation = try Cancellation()
        cancellation.raise()
        for _ in 0..<3 { #expect(pace.wait(until: .after(seconds: 60), cancellation)) }
        #expect(
            messages.text == "dcmscu: note: waiting until 19:00: no study is begun outside of --hours 19:00-06:00\n")
        clock.move(seconds: 7 * Self.hour)
        #expect(pace.waiting == nil)
        #expect(pace.begin("1.1") == .now)
        clock.move(seconds: 11 * Self.hour)
        // Six in the morning: what was begun is finished.
        #expect(pace.begin("1.1") == .now)
        #expect(try secondsLeft(pace.begin("1.2")) > 12 * Self.hour)
        #expect(pace.wait(until: .after(seconds: 60), cancellation))
        #expect(messages.text.split(separator: "\n").count == 2)
    }

    @Test func `the end is estimated by what was done within the hours`() throws {
        let pace = try pace(hours: "10:00-14:00")
        let done = Atomic<Int>(0)
        pace.estimate { RunStatus.Work(done: Double(done.load(ordering: .relaxed)), whole: 300) }
        #expect(pace.endOfWork == nil)
        // A hundred in the two hours until two: the next two hundred take the four hours of the next day.
        done.store(100, ordering: .relaxed)
        clock.move(seconds: 5 * Self.hour)
        #expect(pace.endOfWork == "Tue 2026-01-06 14:00")
        let cancellation = try Cancellation()
        cancellation.raise()
        _ = pace.wait(until: .after(seconds: 60), cancellation)
        #expect(messages.text.contains("waiting until Tue 2026-01-06 10:00"))
        #expect(messages.text.contains("; at the rate so far all is done about Tue 2026-01-06 14:00\n"))
        pace.endEstimate()
        #expect(pace.endOfWork == nil)
    }

    @Test func `a run that ends before the hours begin again begins nothing more`() throws {
        let limited = [
            (try pace(hours: "19:00-06:00", lastBeginning: .after(seconds: Self.hour)), "--until"),
            (try pace(hours: "19:00-06:00", end: .after(seconds: Self.hour)), "--total-timeout"),
        ]
        for (pace, option) in limited {
            #expect(pace.begin("1.1") == .never)
            #expect(
                pace.ending
                    == "the hours (--hours 19:00-06:00) begin again at 19:00, and the run ends before (\(option))")
            #expect(pace.waiting == nil)
            pace.waitForHours(.never)
        }
        // Until six in the morning there is a night.
        let night = try pace(hours: "19:00-06:00", lastBeginning: .after(seconds: 18 * Self.hour))
        #expect(night.ending == nil)
        #expect(try secondsLeft(night.begin("1.1")) > 6 * Self.hour)
        #expect(messages.text == "")
    }

    @Test func `within the hours there is no wait for them`() throws {
        let pace = try pace(hours: "10:00-14:00")
        pace.waitForHours(.never)
        #expect(pace.begin("1.1") == .now)
        #expect(pace.begin("1.2") == .now)
        #expect(pace.waiting == nil)
        #expect(pace.ending == nil)
    }
}

struct RunStatusTests {
    @Test func `a line says what was done, what is under way and for how long`() {
        let status = RunStatus()
        #expect(status.line("--echo A@h:104", nil) == "--echo A@h:104: running for 0:01")
        status.provide {
            var standing = RunStatus.Standing()
            standing.counts = ["12 of 400 studies", "2 failed"]
            standing.underWay = ["study 1.1", "study 1.2", "study 1.3", "study 1.4", "study 1.5"]
            standing.work = RunStatus.Work(done: 1, whole: 1)
            return standing
        }
        #expect(
            status.line("--get A@h:104", nil)
                == "--get A@h:104: 12 of 400 studies, 2 failed; under way: study 1.1, study 1.2, study 1.3 and 2 more; "
                + "running for 0:01, about 0:00 left")
        status.end()
        #expect(status.line("--get A@h:104", nil) == "--get A@h:104: running for 0:01")
    }

    @Test func `the time left follows from what was done`() {
        #expect(RunStatus.Work(done: 1, whole: 4).secondsLeft(after: 10) == 30)
        #expect(RunStatus.Work(done: 4, whole: 4).secondsLeft(after: 10) == 0)
        for work in [RunStatus.Work(done: 0, whole: 4), RunStatus.Work(done: 5, whole: 4)] {
            #expect(work.secondsLeft(after: 10) == nil)
        }
        #expect(RunStatus.Work(done: 1, whole: 4).secondsLeft(after: 0) == nil)
    }

    @Test func `each run tells once for each time that it is asked, on another thread`() {
        let board = StatusBoard()
        let told = ConditionLock<[Int]>([])
        // Nobody is there yet.
        board.ask()
        let first = board.add { told.withLock { $0.append(1) } }
        #expect(told.wait(until: .after(seconds: 20)) { $0 == [1] })
        _ = board.add { told.withLock { $0.append(2) } }
        let watch = Stopwatch()
        // The one before may not be at its end yet.
        while !told.wait(until: .after(seconds: 0.01), for: { $0.count >= 3 }), watch.seconds < 20 { board.ask() }
        #expect(told.wait(until: .now) { $0.starts(with: [1, 1, 2]) })
        board.remove(first)
        let count = told.withLock { $0.count }
        while !told.wait(until: .after(seconds: 0.01), for: { $0.count > count + 2 }), watch.seconds < 40 {
            board.ask()
        }
        #expect(told.wait(until: .now) { $0.last == 2 })
    }
}
