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
        case .DA: "YYYYMMDD, a range YYYYMMDD-YYYYMMDD open at either end, today, yesterday, today-7d..today"
        case .TM: "HHMMSS, HHMM or HH, or a range of them with a hyphen between"
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
        // A hyphen of a DT may also begin an offset from UTC, so each one is tried.
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "-") && bytes.count > 1 {
            let (from, to) = (bytes[..<index], bytes[(index + 1)...])
            if (from.isEmpty || isSingle(from, vr)) && (to.isEmpty || isSingle(to, vr)) { return .range }
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

/// Relative dates and ranges as a person types them, resolved to the form of a query: `today`, `yesterday`, `today-7d`, `today-7d..today`.
///
///     value = date [ ".." [ date ] ] / ".." date
///     date  = ( "today" / "yesterday" / "tomorrow" ) [ ( "+" / "-" ) number ( "d" / "w" / "m" / "y" ) ] / absolute
///
/// Absolute dates stay as they are, so that `..` is one more way to write a range of them.
enum QueryDate {
    /// Returns the value in the standard's form, or nil if it is in that form already.
    static func resolve(_ text: String, today: CalendarDate) -> String? {
        guard let dots = range(of: "..", in: text) else { return date(text[...], today: today) }
        let (from, to) = (text[..<dots.lowerBound], text[dots.upperBound...])
        guard !from.isEmpty || !to.isEmpty else { return nil }
        let first = from.isEmpty ? "" : date(from, today: today) ?? String(from)
        let last = to.isEmpty ? "" : date(to, today: today) ?? String(to)
        return "\(first)-\(last)"
    }

    private static func range(of needle: String, in text: String) -> Range<String.Index>? {
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(needle) { return start..<text.index(start, offsetBy: needle.count) }
            start = text.index(after: start)
        }
        return nil
    }

    private static func date(_ text: Substring, today: CalendarDate) -> String? {
        let words = ["today": 0, "yesterday": -1, "tomorrow": 1]
        let word = text.prefix { $0.isLetter }
        guard let offset = words[String(word)], let day = today.adding(days: offset) else { return nil }
        let shift = text.dropFirst(word.count)
        guard let sign = shift.first else { return day.dicomText }
        let digits = shift.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard sign == "+" || sign == "-", let number = Int(digits), number <= 100_000 else { return nil }
        let count = sign == "-" ? -number : number
        switch shift.dropFirst(1 + digits.count) {
        case "d": return day.adding(days: count)?.dicomText
        case "w": return day.adding(days: count * 7)?.dicomText
        case "m": return day.adding(months: count)?.dicomText
        case "y": return day.adding(months: count * 12)?.dicomText
        default: return nil
        }
    }
}
