import Glibc

/// A point on the monotonic clock (CLOCK_MONOTONIC), which no change of the wall clock moves.
package struct Deadline: Sendable, Comparable, CustomStringConvertible {
    /// Nanoseconds of the monotonic clock; the maximum stands for "never".
    private let nanoseconds: UInt64

    private init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static let never = Deadline(nanoseconds: .max)

    package static var now: Deadline { Deadline(nanoseconds: monotonicNanoseconds) }

    /// Negative and not-a-number are now; more than a century is never.
    package static func after(seconds: Double) -> Deadline {
        guard seconds > 0 else { return now }
        guard seconds < longestSeconds else { return never }
        return Deadline(nanoseconds: monotonicNanoseconds + UInt64(seconds * 1e9))
    }

    package static func after(_ duration: Duration) -> Deadline {
        let (seconds, attoseconds) = duration.components
        return after(seconds: Double(seconds) + Double(attoseconds) / 1e18)
    }

    package var isPast: Bool { self != .never && nanoseconds <= Self.monotonicNanoseconds }

    /// Seconds left, zero when past, nil when never.
    package var secondsLeft: Double? {
        guard self != .never else { return nil }
        let now = Self.monotonicNanoseconds
        return nanoseconds <= now ? 0 : Double(nanoseconds - now) / 1e9
    }

    /// The time left for `poll`: -1 waits for ever; rounded up, so that a wait never ends just before its deadline.
    package func pollMilliseconds() -> CInt {
        guard self != .never else { return -1 }
        let now = Self.monotonicNanoseconds
        guard nanoseconds > now else { return 0 }
        return CInt(clamping: (nanoseconds - now - 1) / 1_000_000 + 1)
    }

    /// For waits of the system that take a point in time; nil is never.
    var timespec: Glibc.timespec? {
        guard self != .never else { return nil }
        return Glibc.timespec(
            tv_sec: time_t(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }

    /// The point in time so many seconds after this one.
    package func later(by seconds: Double) -> Deadline {
        guard self != .never, seconds > 0 else { return self }
        guard seconds < Self.longestSeconds else { return .never }
        return Deadline(nanoseconds: nanoseconds + UInt64(seconds * 1e9))
    }

    package func earlier(_ other: Deadline) -> Deadline { min(self, other) }

    package static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

    package var description: String { secondsLeft.map { "in \($0) s" } ?? "never" }

    /// A century: beyond it the arithmetic in nanoseconds could overflow, and nobody waits.
    private static let longestSeconds = 3.0e9

    fileprivate static var monotonicNanoseconds: UInt64 {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Measures a span of time on the monotonic clock.
package struct Stopwatch: Sendable {
    private let start = Deadline.monotonicNanoseconds

    package init() {}

    package var elapsed: Duration { .nanoseconds(Deadline.monotonicNanoseconds - start) }

    package var seconds: Double { Double(Deadline.monotonicNanoseconds - start) / 1e9 }
}
