import Testing

@testable import System

struct TimeOfDayTests {
    @Test func `a time has hours and minutes, and may have seconds`() {
        #expect(TimeOfDay("06:00")?.description == "06:00")
        #expect(TimeOfDay("23:59:30")?.description == "23:59:30")
        for text in ["", "6", "6:00", "24:00", "06:60", "06:00:60", "06:00:00:00", "06:0x", "+6:00", "06-00", "06:"] {
            #expect(TimeOfDay(text) == nil, "\(text)")
        }
    }

    @Test func `the next time is within a day`() throws {
        for text in ["00:00", "06:00", "12:30:15", "23:59:59"] {
            let left = try #require(TimeOfDay(text)?.next.secondsLeft)
            // The day on which clocks are set back has 25 hours.
            #expect(left > -1 && left <= 25 * 3600, "\(text): \(left)")
        }
    }
}
