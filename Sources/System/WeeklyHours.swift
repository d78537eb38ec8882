import Glibc

/// The local wall clock: the time, and how far it is from that of the world. Tests have one of their own.
package struct LocalClock: Sendable {
    /// Seconds since 1970 in UTC.
    package let now: @Sendable () -> Int
    /// The seconds by which the local clock is ahead of UTC at a time.
    package let offset: @Sendable (Int) -> Int

    package init(now: @escaping @Sendable () -> Int, offset: @escaping @Sendable (Int) -> Int) {
        self.now = now
        self.offset = offset
    }

    /// That of this process, in the zone of `TZ`.
    package static let system = LocalClock(
        now: { time(nil) },
        offset: { seconds in
            var seconds = seconds
            var parts = tm()
            localtime_r(&seconds, &parts)
            return Int(parts.tm_gmtoff)
        })

    /// The day since 1970 and the second of it that the clock shows.
    func reading(at time: Int) -> (day: Int, second: Int) {
        let local = time + offset(time)
        let day = Int((Double(local) / Double(Self.day)).rounded(.down))
        return (day, local - day * Self.day)
    }

    /// The time of the day that the clock shows, as `19:00`; with the date, as `Tue 2026-12-01 19:00`, if it is not a day's.
    ///
    /// - Parameter today: a time of the day that needs no date.
    package func text(_ time: Int, today: Int) -> String {
        let (day, second) = reading(at: time)
        func digits(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
        let clock = "\(digits(second / 3600)):\(digits(second / 60 % 60))"
        guard day != reading(at: today).day else { return clock }
        var date = day * Self.day
        var parts = tm()
        gmtime_r(&date, &parts)
        let name = Weekday.names[Weekday.of(day)]
        return
            "\(name) \(Int(parts.tm_year) + 1900)-\(digits(Int(parts.tm_mon) + 1))-\(digits(Int(parts.tm_mday))) \(clock)"
    }

    static let day = 86_400
}

private enum Weekday {
    static let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let longNames = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    /// The number of a day since 1970, which began on a Thursday, from Monday.
    static func of(_ day: Int) -> Int { ((day + 3) % 7 + 7) % 7 }

    /// Reads `Mon` or `Monday`, in any case.
    static func number(_ text: Substring) -> Int? {
        let name = text.lowercased()
        return longNames.firstIndex { $0 == name || $0.prefix(3) == name }
    }
}

/// Hours of the week by the local clock: `19:00-06:00`, or `Mon-Fri 19:00-06:00,Sat-Sun 00:00-24:00`.
///
/// Hours that end before they begin last over midnight, into the day after the named one. What counts is what the clock shows:
/// where clocks are changed the hours are longer or shorter.
package struct WeeklyHours: Sendable, Equatable, CustomStringConvertible {
    /// A part of some days.
    private struct Span: Sendable, Equatable {
        /// A bit for each day on which it begins, from Monday.
        let days: UInt8
        /// Seconds of the day.
        let start: Int
        /// Up to the end of the day; not after the start, if it is on the next day.
        let end: Int

        var lastsOverMidnight: Bool { end <= start }
        func begins(on day: Int) -> Bool { days >> UInt8(Weekday.of(day)) & 1 == 1 }
    }

    /// What cannot be read, in words.
    package struct Problem: Error, Sendable, Equatable {
        package let words: String
    }

    package static let accepted =
        "HH:MM-HH:MM, several with commas between, days before them if wanted, such as 'Mon-Fri 19:00-06:00,Sat-Sun 00:00-24:00'"

    private let spans: [Span]
    /// As it was given.
    package let description: String

    private static let everyDay: UInt8 = 0x7F
    private static let maximumSpans = 50

    /// Reads hours. Named days hold until others are named.
    ///
    /// - Throws: `Problem` with what is no day, no time or no hours.
    package init(_ text: String) throws(Problem) {
        description = text
        guard text.utf8.contains(where: { $0 != UInt8(ascii: " ") }) else { throw Problem(words: "empty") }
        var spans: [Span] = []
        var days = Self.everyDay
        var collected: UInt8 = 0
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = entry.split(separator: " ")
            guard let last = words.last else { throw Problem(words: "a part between commas is empty") }
            let isTime = last.utf8.contains(UInt8(ascii: ":"))
            for word in isTime ? words.dropLast() : words[...] { collected |= try Self.days(word) }
            guard isTime else { continue }
            if collected != 0 { days = collected }
            collected = 0
            spans.append(try Self.span(last, on: days))
        }
        guard collected == 0 else { throw Problem(words: "days without hours") }
        guard spans.count <= Self.maximumSpans else { throw Problem(words: "more than \(Self.maximumSpans) parts") }
        self.spans = spans
    }

    /// `Mon` or `Fri-Mon`.
    private static func days(_ word: Substring) throws(Problem) -> UInt8 {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false)
        var numbers: [Int] = []
        for end in ends {
            guard let number = Weekday.number(end) else {
                throw Problem(
                    words: "\(end.isEmpty ? word : end) is neither a day (Mon, Tue, ...) nor hours (HH:MM-HH:MM)")
            }
            numbers.append(number)
        }
        guard let first = numbers.first, let last = numbers.last, numbers.count <= 2 else {
            throw Problem(words: "\(word) is no span of days")
        }
        let count = (last - first + 7) % 7
        return (0...count).reduce(0) { $0 | 1 << UInt8((first + $1) % 7) }
    }

    private static func span(_ word: Substring, on days: UInt8) throws(Problem) -> Span {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { throw Problem(words: "\(word) are no hours: they are written HH:MM-HH:MM") }
        guard let start = TimeOfDay(String(ends[0])) else { throw Problem(words: "\(ends[0]) is no time of a day") }
        let isWholeDay = ends[1] == "24:00" || ends[1] == "24:00:00"
        guard let end = isWholeDay ? LocalClock.day : TimeOfDay(String(ends[1]))?.secondOfDay else {
            throw Problem(words: "\(ends[1]) is no time of a day")
        }
        guard end != start.secondOfDay else {
            throw Problem(words: "\(word) ends when it begins; a whole day is 00:00-24:00")
        }
        return Span(days: days, start: start.secondOfDay, end: end)
    }

    // MARK: The clock

    /// True if a time is within the hours.
    package func contains(_ time: Int, _ clock: LocalClock) -> Bool {
        let (day, second) = clock.reading(at: time)
        return spans.contains { span in
            guard span.lastsOverMidnight else {
                return span.begins(on: day) && span.start <= second && second < span.end
            }
            return (span.begins(on: day) && span.start <= second) || (span.begins(on: day - 1) && second < span.end)
        }
    }

    /// The time after this one at which the hours begin, if it is outside of them, or else end. Nil: never.
    package func nextChange(after time: Int, _ clock: LocalClock) -> Int? {
        let isInside = contains(time, clock)
        let today = clock.reading(at: time).day
        var next: Int?
        for day in today - 1...today + 8 {
            for span in spans where span.begins(on: day) {
                let ends = [span.start, span.end + (span.lastsOverMidnight ? LocalClock.day : 0)]
                for local in ends.map({ day * LocalClock.day + $0 }) {
                    // Of an hour that comes twice, both; of one that there is not, what comes nearest.
                    for offset in [clock.offset(local - LocalClock.day), clock.offset(local + LocalClock.day)] {
                        let moment = local - offset
                        guard moment > time, moment < next ?? .max, contains(moment, clock) != isInside else {
                            continue
                        }
                        next = moment
                    }
                }
            }
        }
        // A clock that is set forward may have passed the minute without showing it.
        while let moment = next, moment - 60 > time, contains(moment - 60, clock) != isInside { next = moment - 60 }
        return next
    }

    /// The seconds of a span of time that are within the hours.
    package func seconds(from start: Int, to end: Int, _ clock: LocalClock) -> Int {
        var (sum, time) = (0, start)
        while time < end {
            let next = min(nextChange(after: time, clock) ?? end, end)
            if contains(time, clock) { sum += next - time }
            time = next
        }
        return sum
    }

    /// The time at which work of so many seconds ends that is done within the hours alone. Nil: beyond ten weeks.
    package func end(of seconds: Double, from start: Int, _ clock: LocalClock) -> Int? {
        var (left, time) = (seconds, start)
        while time - start < 70 * LocalClock.day {
            let next = nextChange(after: time, clock)
            if contains(time, clock) {
                guard let next, Double(next - time) < left else { return time + Int(min(left, 1e9)) }
                left -= Double(next - time)
            }
            guard let next else { return nil }
            time = next
        }
        return nil
    }
}
