import DICOM

/// Dates and times of queries: single values as PS3.5 6.2 has them, and ranges as PS3.4 C.2.2.2.5 does.
///
/// | | Single value |
/// |---|---|
/// | DA | `YYYYMMDD` |
/// | TM | `HH[MM[SS[.F]]]`, F one to six digits |
/// | DT | `YYYY[MM[DD[HH[MM[SS[.F]]]]]][+ZZXX]` |
enum QueryMoment {
    enum Form {
        case single
        case range
    }

    static func isMoment(_ vr: ValueRepresentation) -> Bool { vr == .DA || vr == .DT || vr == .TM }

    static func name(_ vr: ValueRepresentation) -> String {
        switch vr {
        case .DA: "date"
        case .TM: "time"
        default: "date and time"
        }
    }

    static func accepted(_ vr: ValueRepresentation) -> String {
        switch vr {
        case .DA:
            "a date such as 20260131, 2026-01-31, 2026-01, 2026, today, yesterday, last-month or -7d, or a range of them, "
                + "FROM..TO, open at either end"
        case .TM: "HHMMSS, HHMM, HH or HH:MM, or a range of them, FROM-TO"
        default: "YYYYMMDDHHMMSS or its beginning, a range of them with a hyphen between, today-7d..today"
        }
    }

    /// `20260131` as a person reads it, `2026-01-31`; nil if it is no date.
    static func readableDate(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count == 8, isDate(bytes[...]) else { return nil }
        return [bytes[..<4], bytes[4..<6], bytes[6...]].map { String(decoding: $0, as: UTF8.self) }
            .joined(separator: "-")
    }

    /// `104500.123` as a person reads it, `10:45:00`; nil if it is no time.
    static func readableTime(_ text: String) -> String? {
        guard isTime(Array(text.utf8)[...]) else { return nil }
        let whole = Array(text.utf8.prefix { $0 != UInt8(ascii: ".") })
        return stride(from: 0, to: whole.count, by: 2).map { String(decoding: whole[$0..<$0 + 2], as: UTF8.self) }
            .joined(separator: ":")
    }

    /// Returns nil if the value is neither.
    static func form(of value: String, vr: ValueRepresentation) -> Form? {
        let bytes = Array(value.utf8)
        if isSingle(bytes[...], vr) { return .single }
        return range(bytes, vr) == nil ? nil : .range
    }

    /// True for a range that ends before it begins, and so matches nothing. Of moments with offsets from UTC nothing is said.
    static func isReversed(_ value: String, vr: ValueRepresentation) -> Bool {
        let bytes = Array(value.utf8)
        guard !isSingle(bytes[...], vr), let (from, to) = range(bytes, vr), !from.isEmpty, !to.isEmpty,
            ![from, to].joined().contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") })
        else { return false }
        // The end is as precise as it is written: 2026 reaches until its last day.
        let end = to + [UInt8](repeating: UInt8(ascii: "9"), count: max(0, from.count - to.count))
        return end.lexicographicallyPrecedes(from)
    }

    /// The ends of a range. A hyphen of a DT may also begin an offset from UTC, so each one is tried.
    private static func range(
        _ bytes: [UInt8], _ vr: ValueRepresentation
    ) -> (from: ArraySlice<UInt8>, to: ArraySlice<UInt8>)? {
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "-") && bytes.count > 1 {
            let (from, to) = (bytes[..<index], bytes[(index + 1)...])
            if (from.isEmpty || isSingle(from, vr)) && (to.isEmpty || isSingle(to, vr)) { return (from, to) }
        }
        return nil
    }

    private static func isSingle(_ bytes: ArraySlice<UInt8>, _ vr: ValueRepresentation) -> Bool {
        switch vr {
        case .DA: bytes.count == 8 && isDate(bytes)
        case .TM: isTime(bytes)
        default: isDateTime(bytes)
        }
    }

    private static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let year = number(bytes.prefix(4)) else { return false }
        let month = bytes.count > 4 ? number(bytes.dropFirst(4).prefix(2)) : 1
        let day = bytes.count > 6 ? number(bytes.dropFirst(6).prefix(2)) : 1
        guard [4, 6, 8].contains(bytes.count), let month, let day else { return false }
        return CalendarDate(year: year, month: month, day: day) != nil
    }

    private static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, [2, 4, 6].contains(whole.count) else { return false }
        if parts.count == 2 {
            guard whole.count == 6, (1...6).contains(parts[1].count), number(parts[1]) != nil else { return false }
        }
        // 60 is a leap second.
        let limits = [23, 59, 60]
        for (index, limit) in limits.enumerated() where whole.count > index * 2 {
            guard let value = number(whole.dropFirst(index * 2).prefix(2)), value <= limit else { return false }
        }
        return true
    }

    private static func isDateTime(_ bytes: ArraySlice<UInt8>) -> Bool {
        var bytes = bytes
        if let sign = bytes.lastIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }) {
            let offset = bytes[(sign + 1)...]
            // -1200 to +1400 (PS3.5 6.2): a later hyphen and year is a range.
            guard offset.count == 4, let value = number(offset), value % 100 < 60,
                value <= (bytes[sign] == UInt8(ascii: "-") ? 1200 : 1400)
            else { return false }
            bytes = bytes[..<sign]
        }
        guard bytes.count > 8 else { return isDate(bytes) }
        return isDate(bytes.prefix(8)) && isTime(bytes.dropFirst(8))
    }

    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
    }
}

/// Dates, times and ranges as a person types them, resolved to the form of a query: `2026-01`, `last-month`, `-7d`, `today-7d..today`.
///
///     value  = period / [ period ] ".." [ period ] / [ period ] "-" [ period ] / "-" shift
///     period = ( "today" / "yesterday" / "tomorrow" ) [ ( "+" / "-" ) shift ]
///            / ( "this" / "last" ) "-" ( "week" / "month" / "year" )
///            / YYYY [ "-" MM [ "-" DD ] ] / YYYYMMDD
///     shift  = number ( "d" / "w" / "m" / "y" )
///
/// A period that is longer than a day is the range of its days; `-7d` reaches from seven days ago until today. Weeks begin on Monday.
enum QueryDate {
    private struct Period {
        let first: CalendarDate
        let last: CalendarDate

        var text: String {
            first == last ? first.dicomText : "\(first.dicomText)-\(last.dicomText)"
        }
    }

    /// Returns the value in the standard's form, or nil if it is in that form already or cannot be read.
    static func resolve(_ text: String, vr: ValueRepresentation, today: CalendarDate) -> String? {
        if QueryMoment.form(of: text, vr: vr) != nil { return nil }
        if vr == .TM { return time(text) }
        if let period = period(text[...], today) { return period.text }
        if text.hasPrefix("-"), let day = shifted(today, by: text[...]) { return "\(day.dicomText)-\(today.dicomText)" }
        return separators(of: "..", in: text).compactMap { range($0, today, allowsOther: true) }.first
            ?? separators(of: "-", in: text).compactMap { range($0, today, allowsOther: false) }.first
    }

    /// `08:30`, `08:30..12:00`: colons are no part of the standard's form.
    private static func time(_ text: String) -> String? {
        let ends = separators(of: "..", in: text).first.map { [$0.0, $0.1] }
        let joined = ends.map { $0.joined(separator: "-") } ?? text
        let plain = joined.filter { $0 != ":" }
        return plain == text ? nil : plain
    }

    /// The text before and after each place of a separator.
    private static func separators(of separator: String, in text: String) -> [(Substring, Substring)] {
        var found: [(Substring, Substring)] = []
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(separator) {
                found.append((text[..<start], text[text.index(start, offsetBy: separator.count)...]))
            }
            start = text.index(after: start)
        }
        return found
    }

    /// - Parameter allowsOther: true if an end that is no period stays as it is, such as a time of DT.
    private static func range(_ ends: (Substring, Substring), _ today: CalendarDate, allowsOther: Bool) -> String? {
        guard !ends.0.isEmpty || !ends.1.isEmpty else { return nil }
        let (from, to) = (period(ends.0, today), period(ends.1, today))
        if !allowsOther, (from == nil && !ends.0.isEmpty) || (to == nil && !ends.1.isEmpty) { return nil }
        return "\(from?.first.dicomText ?? String(ends.0))-\(to?.last.dicomText ?? String(ends.1))"
    }

    private static func period(_ text: Substring, _ today: CalendarDate) -> Period? {
        if let named = named(text, today) { return named }
        let words = ["today": 0, "yesterday": -1, "tomorrow": 1]
        let word = text.prefix { $0.isLetter }
        if let offset = words[String(word)], let day = today.adding(days: offset) {
            let shift = text.dropFirst(word.count)
            guard let moved = shift.isEmpty ? day : shifted(day, by: shift) else { return nil }
            return Period(first: moved, last: moved)
        }
        return calendarPeriod(text)
    }

    /// `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or `YYYYMMDD`.
    private static func calendarPeriod(_ text: Substring) -> Period? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }) else { return nil }
        var parts = text.split(separator: "-", omittingEmptySubsequences: false)
        if parts.count == 1, text.count == 8 { parts = [text.prefix(4), text.dropFirst(4).prefix(2), text.suffix(2)] }
        let numbers = parts.compactMap { Int($0) }
        guard zip(parts.map(\.count), [4, 2, 2]).allSatisfy({ $0 == $1 }), (1...3).contains(parts.count),
            numbers.count == parts.count
        else { return nil }
        let firstMonth = numbers.count > 1 ? numbers[1] : 1
        let lastMonth = numbers.count > 1 ? numbers[1] : 12
        guard (1...12).contains(firstMonth) else { return nil }
        let firstDay = numbers.count > 2 ? numbers[2] : 1
        let lastDay = numbers.count > 2 ? numbers[2] : CalendarDate.days(inMonth: lastMonth, of: numbers[0])
        guard let first = CalendarDate(year: numbers[0], month: firstMonth, day: firstDay),
            let last = CalendarDate(year: numbers[0], month: lastMonth, day: lastDay)
        else { return nil }
        return Period(first: first, last: last)
    }

    /// `this-week`, `last-month` and the like.
    private static func named(_ text: Substring, _ today: CalendarDate) -> Period? {
        let first: CalendarDate?
        let last: CalendarDate?
        switch text {
        case "this-week", "last-week":
            let monday = today.adding(days: -today.weekday)
            first = text == "this-week" ? monday : monday?.adding(days: -7)
            last = first?.adding(days: 6)
        case "this-month", "last-month":
            first = CalendarDate(year: today.year, month: today.month, day: 1)?.adding(
                months: text == "this-month" ? 0 : -1)
            last = first?.adding(months: 1)?.adding(days: -1)
        case "this-year", "last-year":
            let year = text == "this-year" ? today.year : today.year - 1
            first = CalendarDate(year: year, month: 1, day: 1)
            last = CalendarDate(year: year, month: 12, day: 31)
        default: return nil
        }
        guard let first, let last else { return nil }
        return Period(first: first, last: last)
    }

    /// A day moved by `-7d`, `+2w` and the like.
    private static func shifted(_ day: CalendarDate, by shift: Substring) -> CalendarDate? {
        guard let sign = shift.first else { return nil }
        let digits = shift.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard sign == "+" || sign == "-", let number = Int(digits), number <= 100_000 else { return nil }
        let count = sign == "-" ? -number : number
        switch shift.dropFirst(1 + digits.count) {
        case "d": return day.adding(days: count)
        case "w": return day.adding(days: count * 7)
        case "m": return day.adding(months: count)
        case "y": return day.adding(months: count * 12)
        default: return nil
        }
    }
}
