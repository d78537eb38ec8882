/// A rate of transfer as a person writes it: `20MB/s`, `800 kB/s`, `5MiB/s`, `100Mbit/s`.
package enum RateText {
    /// The units in bytes. Letters are not taken for one another: Mb is a megabit to one person and a megabyte to another.
    private static let units: [(name: String, bytes: Double)] = [
        ("B/s", 1), ("kB/s", 1e3), ("KB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9),
        ("KiB/s", 1024), ("MiB/s", 1_048_576), ("GiB/s", 1_073_741_824),
        ("bit/s", 0.125), ("kbit/s", 125), ("Mbit/s", 125_000), ("Gbit/s", 125_000_000),
    ]

    package static let accepted = "a number and a unit, such as 20MB/s, 800kB/s, 5MiB/s or 100Mbit/s, from 1kB/s on"

    /// Slower, and one message would take longer than a peer waits.
    private static let slowest = 1000.0
    private static let fastest = 1e12

    /// Why a text is no rate.
    package enum Problem: Error, Sendable, Equatable {
        case notARate, noUnit, notPerSecond, outOfRange
    }

    /// Reads a rate; returns bytes a second.
    ///
    /// - Throws: `Problem` if the text is not a number with a unit, or the rate is out of range.
    package static func bytesPerSecond(_ text: String) throws(Problem) -> Double {
        let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        // Double reads "nan", "inf" and hexadecimal too: only digits are given to it.
        guard let number = Double(digits) else { throw .notARate }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard !unit.isEmpty else { throw .noUnit }
        guard let bytes = units.first(where: { $0.name == unit })?.bytes else {
            throw units.contains { $0.name == unit + "/s" } ? .notPerSecond : .notARate
        }
        guard (slowest...fastest).contains(number * bytes) else { throw .outOfRange }
        return number * bytes
    }
}

/// A budget of bytes a second for all connections of a run together, as much in each direction: two token buckets.
///
/// What has gone is charged, and as long as more was charged than there is, everybody waits before the next piece. So nobody
/// needs to know how much will come, and a short message that follows a pause does not wait. What was not used is kept for a
/// tenth of a second.
package final class RateLimit: Sendable {
    package enum Direction: Sendable { case sent, received }

    package let bytesPerSecond: Double
    /// The most that goes at once, in bytes: as much as makes progress smooth.
    package let pieceLength: Int
    private let now: @Sendable () -> Double
    /// The seconds of the clock at which all that was charged is paid for.
    private let paid: Locked<(sent: Double, received: Double)>

    private static let keptSeconds = 0.1
    private static let secondsOfPiece = 0.05
    private static let pieceLengths = 4096...(1 << 20)

    /// The end of the run: from its first request on, what is on its way to us is read without pauses.
    private let cancellation: Cancellation

    /// - Parameter now: the clock in seconds, which never goes back; by default that of ``Deadline``.
    package init(bytesPerSecond: Double, cancellation: Cancellation = .never, now: (@Sendable () -> Double)? = nil) {
        let watch = Stopwatch()
        let clock = now ?? { watch.seconds }
        self.now = clock
        self.cancellation = cancellation
        self.bytesPerSecond = bytesPerSecond
        let piece = Int(bytesPerSecond * Self.secondsOfPiece)
        pieceLength = min(max(piece, Self.pieceLengths.lowerBound), Self.pieceLengths.upperBound)
        paid = Locked((clock(), clock()))
    }

    /// Charges bytes that have gone.
    package func charge(_ count: Int, _ direction: Direction) {
        let seconds = Double(count) / bytesPerSecond
        let earliest = now() - Self.keptSeconds
        paid.withLock { paid in
            switch direction {
            case .sent: paid.sent = max(paid.sent, earliest) + seconds
            case .received: paid.received = max(paid.received, earliest) + seconds
            }
        }
    }

    /// The seconds until what was charged is paid for.
    package func secondsOfDebt(_ direction: Direction) -> Double {
        let now = now()
        return paid.withLock { max(0, (direction == .sent ? $0.sent : $0.received) - now) }
    }

    /// Waits, before something is sent, until what was charged so far is paid for, but not beyond the total limit: what comes then,
    /// such as the rest of a last PDU, is not kept back. Returns the seconds that it has waited.
    ///
    /// - Throws: `.cancelled` at the cancellation level of the limits, `.system` if `poll` fails.
    package func waitToSend(_ limits: WaitLimits) throws(WaitError) -> Double {
        let debt = secondsOfDebt(.sent)
        guard debt > 0 else { return 0 }
        let watch = Stopwatch()
        var ours = limits
        ours.notice = nil
        let end = Deadline.after(seconds: debt).earlier(limits.total)
        do throws(WaitError) {
            _ = try Readiness.wait(-1, for: .readable, until: end, limits: ours)
        } catch .timedOut {
            // The pause is over.
        }
        return watch.seconds
    }

    /// Waits, before something is read, until what was charged so far is paid for, but not beyond a deadline. Returns the seconds
    /// that it has waited.
    package func waitToReceive(until deadline: Deadline = .never) -> Double {
        let debt = secondsOfDebt(.received)
        guard debt > 0, !cancellation.isRaised else { return 0 }
        let watch = Stopwatch()
        _ = cancellation.wait(until: Deadline.after(seconds: debt).earlier(deadline))
        return watch.seconds
    }
}
