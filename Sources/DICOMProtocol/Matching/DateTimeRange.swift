import DICOM

/// A value of a key with VR DA, TM or DT, or of both a date and a time: single value and range matching, PS3.4
/// C.2.2.2.1 and C.2.2.2.5.
struct DateTimeRange: Sendable {
    private let lower: DateTimeValue?
    private let upper: DateTimeValue?
    private let vr: ValueRepresentation
    /// True if the value has a hyphen between two bounds or beside one.
    private let isRange: Bool
    /// The bounds of days as numbers; nil if they are not days.
    private let days: ClosedRange<Int>?

    /// Returns nil if the text is not a date or time.
    init?(_ text: String, vr: ValueRepresentation) {
        self.vr = vr
        let text = text.filter { $0 != " " }
        guard let hyphen = Self.hyphen(in: text, vr) else {
            guard let value = DateTimeValue(text, vr, filler: "0") else { return nil }
            lower = value
            upper = value
            isRange = false
            days = Self.days(from: value, to: value, vr)
            return
        }
        let first = String(text[..<hyphen])
        let second = String(text[text.index(after: hyphen)...])
        guard !first.isEmpty || !second.isEmpty else { return nil }
        isRange = true
        lower = DateTimeValue(first, vr, filler: "0")
        upper = DateTimeValue(second, vr, filler: "9")
        days = Self.days(from: lower, to: upper, vr)
        guard first.isEmpty == (lower == nil), second.isEmpty == (upper == nil) else { return nil }
    }

    private static func days(
        from lower: DateTimeValue?, to upper: DateTimeValue?, _ vr: ValueRepresentation
    ) -> ClosedRange<Int>? {
        guard vr == .DA, let first = lower.map({ day($0.written) }) ?? 0,
            let last = upper.map({ day($0.written) }) ?? .max,
            first <= last
        else { return nil }
        return first...last
    }

    /// A date as PS3.5 6.2 has it, as a number; nil for anything else.
    private static func day(_ text: String) -> Int? {
        var (day, count) = (0, 0)
        for byte in text.utf8 {
            guard DecimalDigits.isDigit(byte), count < 8 else { return nil }
            day = day * 10 + Int(byte & 0xF)
            count += 1
        }
        return count == 8 ? day : nil
    }

    /// One range of a range of dates and a range of times; nil if one of them is not a range.
    init?(date: DateTimeRange, time: DateTimeRange) {
        guard date.isRange, time.isRange else { return nil }
        vr = .DT
        isRange = true
        days = nil
        lower = date.lower.map { DateTimeValue(digits: $0.written + (time.lower?.written ?? ""), .DT, filler: "0") }
        upper = date.upper.map { DateTimeValue(digits: $0.written + (time.upper?.written ?? ""), .DT, filler: "9") }
    }

    func matches(_ text: String) -> Bool {
        // A query compares the dates of thousands of studies.
        if let days, let day = Self.day(text) { return days.contains(day) }
        return DateTimeValue(text, vr, filler: "0").map { contains($0) } ?? false
    }

    /// Compares a date and a time with a range of both. A date without a time counts as the beginning of its day; if
    /// only another time of that day would match, the match is unconfirmed.
    func matches(date: String, time: String?) -> KeyMatch {
        guard let day = DateTimeValue(date, .DA, filler: "0") else { return .contradicted }
        func contains(_ time: String, filler: Character) -> Bool {
            self.contains(DateTimeValue(digits: day.written + time, .DT, filler: filler))
        }
        guard let time = time.flatMap({ DateTimeValue($0, .TM, filler: "0") }) else {
            if contains("", filler: "0") { return .confirmed }
            let end = DateTimeValue(digits: day.written, .DT, filler: "9")
            let isWholeDayOutside = (lower.map { end.isBefore($0) } ?? false) || isAfterUpper(day)
            return isWholeDayOutside ? .contradicted : .unconfirmed
        }
        return contains(time.written, filler: "0") ? .confirmed : .contradicted
    }

    private func isAfterUpper(_ day: DateTimeValue) -> Bool {
        upper.map { $0.isBefore(DateTimeValue(digits: day.written, .DT, filler: "0")) } ?? false
    }

    private func contains(_ value: DateTimeValue) -> Bool {
        if let lower, value.isBefore(lower) { return false }
        if let upper, upper.isBefore(value) { return false }
        return true
    }

    /// The hyphen of a range. In a DT one may also be the sign of an offset: followed by four digits up to 1200 at the
    /// end of a value (PS3.5 6.2); a year as early as these is not expected.
    private static func hyphen(in text: String, _ vr: ValueRepresentation) -> String.Index? {
        var rest = text[...]
        while let hyphen = rest.firstIndex(of: "-") {
            rest = text[text.index(after: hyphen)...]
            guard vr == .DT, hyphen > text.startIndex else { return hyphen }
            let offset = rest.prefix(4)
            let isOffset = offset.count == 4 && (Int(offset).map { (0...1200).contains($0) } ?? false)
            guard isOffset, rest.count == 4 || rest.dropFirst(4).first == "-" else { return hyphen }
        }
        return nil
    }
}

/// A date, a time or both as digits, the most significant first, so that texts are in the order of time.
struct DateTimeValue: Sendable {
    /// The digits as they were written, without the offset.
    let written: String
    /// The digits in Coordinated Universal Time, if a DT has an offset from it (PS3.5 6.2).
    private let universal: String?

    /// Returns nil if the text is not a date or time.
    ///
    /// - Parameter filler: the digit for the parts that are not written: `0` for the first point in time that is meant,
    ///   `9` for the last.
    init?(_ text: String, _ vr: ValueRepresentation, filler: Character) {
        // Nearly all: a query compares thousands.
        guard !DecimalDigits.areAll(text) else {
            self.init(digits: text, vr, filler: filler)
            return
        }
        var text = text.filter { $0 != " " }
        var offset: Int?
        if vr == .DT, let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            offset = Self.minutes(text[text.index(after: sign)...]).map { text[sign] == "-" ? -$0 : $0 }
            text = String(text[..<sign])
        }
        // The forms of ACR-NEMA, 2026.11.21 and 10:30, are still met.
        let digits = text.filter { $0 != "." && $0 != ":" }
        guard DecimalDigits.areAll(digits) else { return nil }
        self.init(digits: digits, vr, filler: filler, offset: offset)
    }

    /// - Parameter offset: from UTC, in minutes.
    init(digits: String, _ vr: ValueRepresentation, filler: Character, offset: Int? = nil) {
        // Hours to microseconds; a date has eight digits.
        let length = vr == .DA ? 8 : vr == .TM ? 12 : 20
        let missing = length - digits.utf8.count
        written = missing > 0 ? digits + String(repeating: filler, count: missing) : digits
        universal = offset.flatMap { [written] in Self.universal(written, offset: $0) }
    }

    /// True if this is before the other. Offsets count if both have one; otherwise the timezone is unknown, and the
    /// values are compared as they are written.
    func isBefore(_ other: DateTimeValue) -> Bool {
        if let universal, let another = other.universal { return universal < another }
        return written < other.written
    }

    private static func minutes(_ digits: Substring) -> Int? {
        guard digits.utf8.count == 4, DecimalDigits.areAll(digits) else { return nil }
        return Int(digits).map { $0 / 100 * 60 + $0 % 100 }
    }

    /// The digits in UTC. Seconds and fractions are the same in every timezone. Returns nil outside the years 1 to
    /// 9998.
    private static func universal(_ digits: String, offset: Int) -> String? {
        let bytes = Array(digits.utf8)
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1) - 0x30 } }
        let year = number(0..<4)
        guard (1...9998).contains(year) else { return nil }
        // Fillers make invalid months, days and hours.
        let month = min(max(number(4..<6), 1), 12)
        let day = min(max(number(6..<8), 1), CalendarDate.days(inMonth: month, of: year))
        let minutes = min(number(8..<10), 23) * 60 + min(number(10..<12), 59) - offset
        let minuteOfDay = (minutes % 1440 + 1440) % 1440
        guard let date = CalendarDate(year: year, month: month, day: day)?.adding(days: (minutes - minuteOfDay) / 1440)
        else { return nil }
        return date.dicomText + DecimalDigits.text(minuteOfDay / 60, count: 2)
            + DecimalDigits.text(minuteOfDay % 60, count: 2) + String(decoding: bytes[12...], as: UTF8.self)
    }
}
