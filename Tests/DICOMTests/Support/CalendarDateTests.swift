import DICOM
import Testing

struct CalendarDateTests {
    @Test(arguments: [
        ((2024, 3, 1), -1, "20240229"), ((2023, 3, 1), -1, "20230228"), ((2000, 2, 28), 1, "20000229"),
        ((1900, 2, 28), 1, "19000301"), ((2024, 12, 31), 1, "20250101"), ((2024, 1, 1), -1, "20231231"),
        ((1970, 1, 1), 20_000, "20241004"), ((1, 1, 1), -1, "00001231"), ((0, 1, 1), 366, "00010101"),
        ((9999, 12, 30), 1, "99991231"), ((2024, 3, 1), 0, "20240301"),
    ])
    func `days are added across months, years and leap days`(
        _ start: (Int, Int, Int), _ days: Int, _ expected: String
    ) throws {
        let date = try #require(CalendarDate(year: start.0, month: start.1, day: start.2))
        #expect(date.adding(days: days)?.dicomText == expected)
    }

    @Test func `each day has its weekday, from Monday on`() throws {
        #expect(CalendarDate.epoch.weekday == 3)
        #expect(CalendarDate(year: 2000, month: 1, day: 1)?.weekday == 5)
        #expect(CalendarDate(year: 2024, month: 2, day: 26)?.weekday == 0)
        #expect(CalendarDate(year: 2026, month: 11, day: 29)?.weekday == 6)
    }

    @Test func `going there and back again is where one was`() throws {
        let start = try #require(CalendarDate(year: 1999, month: 12, day: 31))
        for days in stride(from: -700_000, through: 2_900_000, by: 997) {
            let there = try #require(start.adding(days: days))
            #expect(there.adding(days: -days) == start)
            #expect((there > start) == (days > 0))
        }
    }

    @Test func `beyond the years of four digits there is nothing`() throws {
        let date = try #require(CalendarDate(year: 9999, month: 12, day: 31))
        #expect(date.adding(days: 1) == nil)
        #expect(date.adding(days: .max) == nil)
        #expect(date.adding(months: 1) == nil)
        #expect(date.adding(months: .max) == nil)
        #expect(CalendarDate(year: 0, month: 1, day: 1)?.adding(days: -1) == nil)
    }

    @Test func `months end where the shorter one does`() throws {
        let date = try #require(CalendarDate(year: 2024, month: 3, day: 31))
        #expect(date.adding(months: -1)?.dicomText == "20240229")
        #expect(date.adding(months: -13)?.dicomText == "20230228")
        #expect(date.adding(months: 12)?.dicomText == "20250331")
    }

    @Test(arguments: [
        (2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 0, 1), (2024, 4, 31), (10000, 1, 1), (2024, 1, 0),
    ])
    func `days that do not exist are none`(_ year: Int, _ month: Int, _ day: Int) {
        #expect(CalendarDate(year: year, month: month, day: day) == nil)
    }
}
