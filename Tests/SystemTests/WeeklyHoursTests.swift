import Testing

@testable import System

struct WeeklyHoursTests {
    /// A clock that stands, in a zone that is one hour ahead of UTC, two in summer: Berlin in 2026.
    private func berlin(_ now: Int = 0) -> LocalClock {
        // The clocks are changed at 01:00 UTC on 29 March and on 25 October.
        LocalClock(now: { now }, offset: { (1_774_746_000..<1_792_890_000).contains($0) ? 7200 : 3600 })
    }

    /// A day of 2026 at a time in UTC; 5 January was a Monday.
    private func utc(_ month: Int, _ day: Int, _ hour: Int, _ minute: Int = 0) -> Int {
        let days = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
        return 1_767_225_600 + (days[month - 1] + day - 1) * 86_400 + hour * 3600 + minute * 60
    }

    private let night = "19:00-06:00"

    @Test func `hours last over midnight`() throws {
        let hours = try WeeklyHours(night)
        #expect(hours.description == night)
        // 18:59, 19:00, 23:59, 05:59 and 06:00 in Berlin.
        #expect(!hours.contains(utc(1, 5, 17, 59), berlin()))
        #expect(hours.contains(utc(1, 5, 18), berlin()))
        #expect(hours.contains(utc(1, 5, 22, 59), berlin()))
        #expect(hours.contains(utc(1, 6, 4, 59), berlin()))
        #expect(!hours.contains(utc(1, 6, 5), berlin()))
        #expect(hours.nextChange(after: utc(1, 5, 12), berlin()) == utc(1, 5, 18))
        #expect(hours.nextChange(after: utc(1, 5, 18), berlin()) == utc(1, 6, 5))
    }

    @Test func `days are those on which hours begin, and hold until others are named`() throws {
        let hours = try WeeklyHours("Mon-Fri 12:00-13:00,19:00-06:00, sat,SUNDAY 00:00-24:00")
        // Monday at noon, Saturday at 03:00, Saturday at noon, Sunday at 23:59 and Monday at 03:00.
        #expect(hours.contains(utc(1, 5, 11), berlin()))
        #expect(hours.contains(utc(1, 10, 2), berlin()))
        #expect(hours.contains(utc(1, 10, 11), berlin()))
        #expect(hours.contains(utc(1, 11, 22, 59), berlin()))
        #expect(!hours.contains(utc(1, 12, 2), berlin()))
        // From Friday at 19:00 until Sunday at midnight there is no end between.
        #expect(hours.nextChange(after: utc(1, 9, 18), berlin()) == utc(1, 11, 23))
        #expect(hours.nextChange(after: utc(1, 11, 23), berlin()) == utc(1, 12, 11))
    }

    @Test func `days go round the week`() throws {
        let hours = try WeeklyHours("Fri-Mon 20:00-22:00")
        let days = (5...11).filter { hours.contains(utc(1, $0, 20), berlin()) }
        #expect(days == [5, 9, 10, 11])
    }

    @Test func `the whole week has no change`() throws {
        let hours = try WeeklyHours("00:00-24:00")
        #expect(hours.contains(utc(1, 5, 12), berlin()))
        #expect(hours.nextChange(after: utc(1, 5, 12), berlin()) == nil)
        #expect(hours.end(of: 1000, from: utc(1, 5, 12), berlin()) == utc(1, 5, 12) + 1000)
    }

    @Test func `the night in which clocks are set forward is an hour shorter, and the other one longer`() throws {
        let hours = try WeeklyHours(night)
        #expect(hours.nextChange(after: utc(3, 28, 18), berlin()) == utc(3, 29, 4))
        #expect(hours.seconds(from: utc(3, 28, 12), to: utc(3, 29, 12), berlin()) == 10 * 3600)
        #expect(hours.nextChange(after: utc(10, 24, 17), berlin()) == utc(10, 25, 5))
        #expect(hours.seconds(from: utc(10, 24, 12), to: utc(10, 25, 12), berlin()) == 12 * 3600)
    }

    @Test func `hours that begin in the hour that there is not begin when it is over`() throws {
        let hours = try WeeklyHours("02:30-05:00")
        #expect(hours.nextChange(after: utc(3, 29, 0), berlin()) == utc(3, 29, 1))
        #expect(hours.contains(utc(3, 29, 1), berlin()))
        // And that end in it: the clock goes from 01:59 to 03:00.
        #expect(try WeeklyHours("01:00-02:30").nextChange(after: utc(3, 29, 0, 30), berlin()) == utc(3, 29, 1))
    }

    @Test func `an hour that comes twice counts as the clock shows it`() throws {
        let hours = try WeeklyHours("02:30-05:00")
        // 02:30 in summer time, 02:00 in winter time, 02:30 again.
        #expect(hours.nextChange(after: utc(10, 25, 0), berlin()) == utc(10, 25, 0, 30))
        #expect(!hours.contains(utc(10, 25, 1), berlin()))
        #expect(hours.nextChange(after: utc(10, 25, 1, 10), berlin()) == utc(10, 25, 1, 30))
    }

    @Test func `work goes on in the next hours`() throws {
        let hours = try WeeklyHours(night)
        // Eleven hours in the first night, one in the second.
        #expect(hours.end(of: 12 * 3600, from: utc(1, 5, 12), berlin()) == utc(1, 6, 19))
        #expect(hours.end(of: 3600, from: utc(1, 5, 20), berlin()) == utc(1, 5, 21))
        #expect(hours.end(of: 1e9, from: utc(1, 5, 20), berlin()) == nil)
        #expect(hours.seconds(from: utc(1, 5, 12), to: utc(1, 7, 12), berlin()) == 22 * 3600)
    }

    @Test func `a time of another day has its date`() {
        #expect(berlin().text(utc(1, 5, 18), today: utc(1, 5, 12)) == "19:00")
        #expect(berlin().text(utc(1, 6, 5), today: utc(1, 5, 12)) == "Tue 2026-01-06 06:00")
        // Half an hour later it is Tuesday in Berlin, and Monday in UTC.
        #expect(berlin().text(utc(1, 5, 23, 30), today: utc(1, 5, 22)) == "Tue 2026-01-06 00:30")
    }

    @Test(arguments: [
        ("", "empty"), (" ", "empty"), ("19:00", "19:00 are no hours: they are written HH:MM-HH:MM"),
        ("19:00-06:00,", "a part between commas is empty"), ("19:00-25:00", "25:00 is no time of a day"),
        ("7:00-8:00", "7:00 is no time of a day"), ("24:00-06:00", "24:00 is no time of a day"),
        ("19:00-19:00", "19:00-19:00 ends when it begins; a whole day is 00:00-24:00"),
        ("Mo 19:00-06:00", "Mo is neither a day (Mon, Tue, ...) nor hours (HH:MM-HH:MM)"),
        ("Mon-Wed-Fri 19:00-06:00", "Mon-Wed-Fri is no span of days"), ("Mon-Fri", "days without hours"),
        ("19:00-06:00,Sat", "days without hours"),
        ("19:00-06:00-07:00", "19:00-06:00-07:00 are no hours: they are written HH:MM-HH:MM"),
        ("19-06", "19 is neither a day (Mon, Tue, ...) nor hours (HH:MM-HH:MM)"),
        ("Mon- 19:00-06:00", "Mon- is neither a day (Mon, Tue, ...) nor hours (HH:MM-HH:MM)"),
    ])
    func `what cannot be read is named`(_ text: String, _ words: String) {
        #expect(throws: WeeklyHours.Problem(words: words)) { try WeeklyHours(text) }
    }

    @Test func `the clock of this process knows the time`() {
        let clock = LocalClock.system
        #expect(clock.now() > 1_700_000_000)
        #expect((-50_400...50_400).contains(clock.offset(clock.now())))
    }
}
