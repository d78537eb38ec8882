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
        guard DecimalDigits.areAll(digits) else { return nil }
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
        guard digits.utf8.count == 4, DecimalDigits.areAll(digits) else { return nil }
        return Int(digits).map { $0 / 100 * 60 + $0 % 100 }
    }

    /// The digits of the minute that it is in UTC then, and those of seconds and fractions, which are the same everywhere. Nil
    /// outside of the years 1 to 9998.
    private static func universal(_ digits: String, offset: Int) -> String? {
        let bytes = Array(digits.utf8)
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1) - 0x30 } }
        let year = number(0..<4)
        guard (1...9998).contains(year) else { return nil }
        // Fillers make months, days and hours that do not exist.
        let month = min(max(number(4..<6), 1), 12)
        let day = min(max(number(6..<8), 1), CalendarDate.days(inMonth: month, of: year))
        let minute = min(number(8..<10), 23) * 60 + min(number(10..<12), 59) - offset
        let minuteOfDay = (minute % 1440 + 1440) % 1440
        guard
            let date = CalendarDate(year: year, month: month, day: day)?.adding(days: (minute - minuteOfDay) / 1440)
        else { return nil }
        return date.dicomText + DecimalDigits.text(minuteOfDay / 60, count: 2)
            + DecimalDigits.text(minuteOfDay % 60, count: 2) + String(decoding: bytes[12...], as: UTF8.self)
    }
}
