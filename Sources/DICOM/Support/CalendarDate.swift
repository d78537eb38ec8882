/// A day of the Gregorian calendar, from the year 0 to 9999, as values of DA have it (PS3.5 6.2).
package struct CalendarDate: Sendable, Equatable, Comparable {
    package let year: Int
    package let month: Int
    package let day: Int

    /// Returns nil if there is no such day.
    package init?(year: Int, month: Int, day: Int) {
        guard (0...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.days(inMonth: month, of: year)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// 1 January 1970.
    package static let epoch = CalendarDate(year: 1970, month: 1, knownDay: 1)

    private init(year: Int, month: Int, knownDay: Int) {
        self.year = year
        self.month = month
        day = knownDay
    }

    package static func < (left: CalendarDate, right: CalendarDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    /// Returns the day that many days later, or earlier for a negative number; nil beyond the years 0 to 9999.
    package func adding(days: Int) -> CalendarDate? {
        let (sum, overflow) = ordinal.addingReportingOverflow(days)
        return overflow ? nil : CalendarDate(ordinal: sum)
    }

    /// The days from another day until this one; negative if this is the earlier one.
    package func days(since other: CalendarDate) -> Int { ordinal - other.ordinal }

    /// Returns the same day that many months later, or the last day of the month if it has no such day; nil beyond the
    /// years 0 to 9999.
    package func adding(months: Int) -> CalendarDate? {
        let (sum, overflow) = (year * 12 + month - 1).addingReportingOverflow(months)
        guard !overflow, (0..<120_000).contains(sum) else { return nil }
        let (year, month) = (sum / 12, sum % 12 + 1)
        return CalendarDate(year: year, month: month, day: min(day, Self.days(inMonth: month, of: year)))
    }

    /// `YYYYMMDD`, the form of DA (PS3.5 6.2).
    package var dicomText: String {
        DecimalDigits.text(year, count: 4) + DecimalDigits.text(month, count: 2) + DecimalDigits.text(day, count: 2)
    }

    /// The day of the week, from 0 for Monday to 6.
    package var weekday: Int {
        // 1 January of the year 0 is a Saturday.
        (ordinal + 5) % 7
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// The number of days of a month, 1 to 12.
    package static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1 January of the year 0.
    private var ordinal: Int {
        let before = year - 1
        // Year 0 is a leap year of the proleptic calendar, so its 366 days come first.
        let years = year == 0 ? 0 : 366 + before * 365 + before / 4 - before / 100 + before / 400
        return years + (1..<month).reduce(0) { $0 + Self.days(inMonth: $1, of: year) } + day - 1
    }

    private init?(ordinal: Int) {
        // 3,652,424 is 31 December 9999.
        guard (0...3_652_424).contains(ordinal) else { return nil }
        var year = ordinal / 366
        while let next = CalendarDate(year: year + 1, month: 1, day: 1), next.ordinal <= ordinal { year += 1 }
        var rest = ordinal - (CalendarDate(year: year, month: 1, day: 1)?.ordinal ?? 0)
        var month = 1
        while rest >= Self.days(inMonth: month, of: year) {
            rest -= Self.days(inMonth: month, of: year)
            month += 1
        }
        self.init(year: year, month: month, day: rest + 1)
    }
}
