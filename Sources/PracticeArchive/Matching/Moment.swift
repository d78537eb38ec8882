import DICOM

/// A date, a time or both as digits, the most significant first, so that the order of texts is the order of moments.
struct Moment: Sendable {
    /// As it is written, without its offset.
    let written: String
    /// The same in Coordinated Universal Time, where a DT says how far from it it is (PS3.5 6.2).
    private let universal: String?

    /// Nil where the text is no date or time.
    ///
    /// - Parameter filler: what stands for the parts that are not written: `0` for the first moment of what is meant, `9` for
    ///   the last.
    init?(_ text: String, _ vr: ValueRepresentation, filler: Character) {
        var kept = text.filter { $0 != " " }
        var offset: Int?
        if vr == .DT, let sign = kept.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            offset = Self.minutes(kept[kept.index(after: sign)...]).map { kept[sign] == "-" ? -$0 : $0 }
            kept = String(kept[..<sign])
        }
        // The forms of ACR-NEMA, 2026.11.21 and 10:30, are still met.
        let digits = kept.filter { $0 != "." && $0 != ":" }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(digits: digits, vr, filler: filler, offset: offset)
    }

    /// - Parameter offset: from UTC, in minutes.
    init(digits: String, _ vr: ValueRepresentation, filler: Character, offset: Int? = nil) {
        // Hours to microseconds; a date is eight digits.
        let length = vr == .DA ? 8 : vr == .TM ? 12 : 20
        written = digits + String(repeating: filler, count: max(0, length - digits.count))
        universal = offset.flatMap { [written] in Self.universal(written, offset: $0) }
    }

    /// Whether this one is before the other. Offsets count where both have one; what has none is in a timezone that nobody
    /// knows, and is compared as it is written.
    func isBefore(_ other: Moment) -> Bool {
        if let universal, let another = other.universal { return universal < another }
        return written < other.written
    }

    private static func minutes(_ digits: Substring) -> Int? {
        guard digits.utf8.count == 4, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(digits).map { $0 / 100 * 60 + $0 % 100 }
    }

    /// The digits of the minute that it is in UTC then, and those of seconds and fractions, which are the same everywhere. Nil
    /// outside of the years 1 to 9998.
    private static func universal(_ digits: String, offset: Int) -> String? {
        let bytes = Array(digits.utf8)
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1) - 0x30 } }
        let year = number(0..<4)
        guard (1...9998).contains(year) else { return nil }
        // Fillers make months and hours that are none.
        let month = min(max(number(4..<6), 1), 12)
        let day = min(max(number(6..<8), 1), Self.days(in: month, of: year))
        var minute = min(number(8..<10), 23) * 60 + min(number(10..<12), 59) - offset
        var date = (year: year, month: month, day: day)
        while minute < 0 {
            date = Self.dayBefore(date)
            minute += 24 * 60
        }
        while minute >= 24 * 60 {
            date = Self.dayAfter(date)
            minute -= 24 * 60
        }
        let parts = [(date.year, 4), (date.month, 2), (date.day, 2), (minute / 60, 2), (minute % 60, 2)]
        let texts = parts.map { value, width in
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return texts.joined() + String(decoding: bytes[12...], as: UTF8.self)
    }

    private typealias Date = (year: Int, month: Int, day: Int)

    private static func dayBefore(_ date: Date) -> Date {
        if date.day > 1 { return (date.year, date.month, date.day - 1) }
        if date.month > 1 { return (date.year, date.month - 1, days(in: date.month - 1, of: date.year)) }
        return (date.year - 1, 12, 31)
    }

    private static func dayAfter(_ date: Date) -> Date {
        if date.day < days(in: date.month, of: date.year) { return (date.year, date.month, date.day + 1) }
        return date.month < 12 ? (date.year, date.month + 1, 1) : (date.year + 1, 1, 1)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
