import Synchronization
import Testing

@testable import System

struct RateTextTests {
    @Test(arguments: [
        ("20MB/s", 20e6), ("800kB/s", 800e3), ("800KB/s", 800e3), ("1.5 GB/s", 1.5e9), ("5MiB/s", 5 * 1_048_576.0),
        ("64KiB/s", 65_536.0), ("1GiB/s", 1_073_741_824.0), ("100Mbit/s", 12.5e6), ("64kbit/s", 8000.0),
        ("1Gbit/s", 125e6), ("2000B/s", 2000.0), ("8000bit/s", 1000.0), (".5MB/s", 500e3),
    ])
    func `a rate is a number with a unit`(_ text: String, _ bytes: Double) throws {
        #expect(try RateText.bytesPerSecond(text) == bytes)
    }

    @Test func `what has no unit or another one is no rate`() {
        for text in ["20", "20 ", "1e6", "0"] {
            #expect(throws: text == "1e6" ? RateText.Problem.notARate : .noUnit, "\(text)") {
                try RateText.bytesPerSecond(text)
            }
        }
        for text in [
            "", "MB/s", "20Mb/s", "20mb/s", "20MB/min", "fast", "-1MB/s", "1.2.3MB/s", "nanMB/s", "0x10MB/s",
        ] {
            #expect(throws: RateText.Problem.notARate, "\(text)") { try RateText.bytesPerSecond(text) }
        }
        for text in ["2MB", "800 kB", "5MiB"] {
            #expect(throws: RateText.Problem.notPerSecond, "\(text)") { try RateText.bytesPerSecond(text) }
        }
        for text in ["0MB/s", "999B/s", "7kbit/s", "2000GB/s"] {
            #expect(throws: RateText.Problem.outOfRange, "\(text)") { try RateText.bytesPerSecond(text) }
        }
    }
}

struct RateLimitTests {
    /// A clock that stands until it is moved.
    private final class Clock: Sendable {
        private let milliseconds = Atomic<Int>(0)
        var seconds: Double { Double(milliseconds.load(ordering: .relaxed)) / 1000 }
        func move(milliseconds count: Int) { milliseconds.wrappingAdd(count, ordering: .relaxed) }
    }

    private let clock = Clock()

    private func limit(_ rate: Double, cancellation: Cancellation = .never) -> RateLimit {
        RateLimit(bytesPerSecond: rate, cancellation: cancellation, now: { [clock] in clock.seconds })
    }

    @Test func `what was charged is paid for by time`() {
        let limit = limit(1000)
        #expect(limit.secondsOfDebt(.sent) == 0)
        limit.charge(500, .sent)
        #expect(abs(limit.secondsOfDebt(.sent) - 0.5) < 1e-9)
        clock.move(milliseconds: 200)
        #expect(abs(limit.secondsOfDebt(.sent) - 0.3) < 1e-9)
        limit.charge(1000, .sent)
        #expect(abs(limit.secondsOfDebt(.sent) - 1.3) < 1e-9)
        clock.move(milliseconds: 1300)
        #expect(limit.secondsOfDebt(.sent) < 1e-9)
    }

    @Test func `what was not used is kept for a tenth of a second`() {
        let limit = limit(1000)
        clock.move(milliseconds: 60_000)
        limit.charge(100, .sent)
        #expect(limit.secondsOfDebt(.sent) < 1e-9)
        limit.charge(100, .sent)
        #expect(abs(limit.secondsOfDebt(.sent) - 0.1) < 1e-9)
    }

    @Test func `pieces are a twentieth of a second, and neither tiny nor huge`() {
        #expect(limit(1000).pieceLength == 4096)
        #expect(limit(1e6).pieceLength == 50_000)
        #expect(limit(1e9).pieceLength == 1 << 20)
    }

    @Test func `a wait takes as long as the debt, and none without`() throws {
        // While its clock stands nothing is paid for, however busy the machine is between two lines.
        let limit = limit(10_000)
        #expect(try limit.waitToSend(.unlimited) == 0)
        #expect(limit.waitToReceive() == 0)
        limit.charge(3000, .sent)
        let watch = Stopwatch()
        #expect(try limit.waitToSend(.unlimited) > 0.1)
        #expect(watch.seconds > 0.19)
        // Each direction has its own.
        #expect(limit.waitToReceive() == 0)
        limit.charge(3000, .received)
        #expect(limit.waitToReceive() > 0.1)
    }

    @Test func `by the clock of the system a debt takes its time`() throws {
        let limit = RateLimit(bytesPerSecond: 10_000)
        let watch = Stopwatch()
        limit.charge(3000, .sent)
        _ = try limit.waitToSend(.unlimited)
        // Of 0.3 s no more than a tenth may have been kept from before.
        #expect(watch.seconds > 0.19)
    }

    @Test func `a wait to send ends at the total limit and at its cancellation level`() throws {
        let limit = limit(1000)
        limit.charge(1_000_000, .sent)
        #expect(try limit.waitToSend(WaitLimits(total: .now)) < 60)
        let cancellation = try Cancellation()
        cancellation.raise(to: .graceful)
        #expect(throws: WaitError.cancelled) { try limit.waitToSend(WaitLimits(cancellation: cancellation)) }
        // What was begun is finished as slowly after the first signal.
        let watch = Stopwatch()
        let level = WaitLimits(total: .after(seconds: 0.05), cancellation: cancellation, cancelledAt: .abort)
        let waited = try limit.waitToSend(level)
        #expect(watch.seconds >= 0.05 && waited > 0 && waited <= watch.seconds)
        cancellation.raise(to: .abort)
        #expect(throws: WaitError.cancelled) {
            try limit.waitToSend(WaitLimits(cancellation: cancellation, cancelledAt: .abort))
        }
    }

    @Test func `what is on its way is read without pauses once the run is to end`() throws {
        let cancellation = try Cancellation()
        let limit = limit(1000, cancellation: cancellation)
        limit.charge(1_000_000, .received)
        let watch = Stopwatch()
        let waited = limit.waitToReceive(until: .after(seconds: 0.05))
        #expect(watch.seconds >= 0.05 && waited > 0 && waited <= watch.seconds)
        cancellation.raise()
        #expect(limit.waitToReceive() == 0)
    }
}
