import Glibc

/// A time of the local clock: `06:00`, `06:00:30`.
package struct TimeOfDay: Sendable, Equatable, CustomStringConvertible {
    private let hour: Int
    private let minute: Int
    private let second: Int

    /// Returns nil if the text is no time of a day.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.utf8.count == 2 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil
        }
        guard (2...3).contains(parts.count), numbers.count == parts.count, numbers[0] < 24,
            numbers.dropFirst().allSatisfy({ $0 < 60 })
        else { return nil }
        (hour, minute, second) = (numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 0)
    }

    /// From midnight, as the clock shows it.
    var secondOfDay: Int { hour * 3600 + minute * 60 + second }

    package var description: String {
        ([hour, minute] + (second == 0 ? [] : [second])).map { ($0 < 10 ? "0" : "") + String($0) }
            .joined(separator: ":")
    }

    /// When the clock shows the time next; a moment that is now is a day away.
    package var next: Deadline {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        var moment = at(parts)
        if moment <= now {
            // mktime takes the day after the last of a month, and knows when clocks are changed.
            parts.tm_mday += 1
            moment = at(parts)
        }
        return .after(seconds: Double(moment - now))
    }

    private func at(_ day: tm) -> time_t {
        var parts = day
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (CInt(hour), CInt(minute), CInt(second))
        parts.tm_isdst = -1
        return mktime(&parts)
    }
}
