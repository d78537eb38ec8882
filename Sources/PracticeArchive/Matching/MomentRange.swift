import DICOM

/// A date, time or both of a query: single value and range matching, PS3.4 C.2.2.2.1 and C.2.2.2.5.
///
/// Moments are compared as digits, the most significant first. A time zone in a DT is not taken into account.
struct MomentRange: Sendable {
    private let lower: String?
    private let upper: String?
    private let vr: ValueRepresentation
    /// Whether it was written with a hyphen.
    private let isRange: Bool

    /// Nil where the text is no date or time.
    init?(_ text: String, vr: ValueRepresentation) {
        self.vr = vr
        guard let dash = Self.dash(in: text, vr) else {
            guard let digits = Self.digits(text, vr) else { return nil }
            lower = Self.padded(digits, vr, with: "0")
            upper = lower
            isRange = false
            return
        }
        let first = text[..<dash].filter { $0 != " " }
        let second = text[text.index(after: dash)...].filter { $0 != " " }
        guard !first.isEmpty || !second.isEmpty else { return nil }
        isRange = true
        if first.isEmpty {
            lower = nil
        } else {
            guard let digits = Self.digits(first, vr) else { return nil }
            lower = Self.padded(digits, vr, with: "0")
        }
        if second.isEmpty {
            upper = nil
        } else {
            guard let digits = Self.digits(second, vr) else { return nil }
            upper = Self.padded(digits, vr, with: "9")
        }
    }

    /// One range of moments from a range of dates and one of times; nil where one of them is no range.
    init?(date: MomentRange, time: MomentRange) {
        guard date.isRange, time.isRange else { return nil }
        vr = .DT
        isRange = true
        lower = date.lower.map { Self.padded($0 + (time.lower ?? ""), .DT, with: "0") }
        upper = date.upper.map { Self.padded($0 + (time.upper ?? ""), .DT, with: "9") }
    }

    /// What has no time is at the beginning of its day.
    func matches(date: String, time: String) -> Bool {
        guard let day = Self.digits(date, .DA) else { return false }
        return matches(day + (Self.digits(time, .TM) ?? ""))
    }

    func matches(_ text: String) -> Bool {
        guard let digits = Self.digits(text, vr) else { return false }
        let moment = Self.padded(digits, vr, with: "0")
        if let lower, moment < lower { return false }
        if let upper, moment > upper { return false }
        return true
    }

    private static func dash(in text: String, _ vr: ValueRepresentation) -> String.Index? {
        guard let dash = text.firstIndex(of: "-") else { return nil }
        // Behind a date and an hour, four digits are the offset from UTC (PS3.5 6.2, DT), unless another range sign follows.
        let rest = text[text.index(after: dash)...]
        let isOffset =
            vr == .DT && rest.count == 4 && text.distance(from: text.startIndex, to: dash) >= 10
        return isOffset ? nil : dash
    }

    private static func digits(_ text: String, _ vr: ValueRepresentation) -> String? {
        var kept = text.filter { $0 != " " }
        if vr == .DT, let sign = kept.lastIndex(where: { $0 == "+" || $0 == "-" }) { kept = String(kept[..<sign]) }
        // The forms of ACR-NEMA, 2026.11.21 and 10:30, are still met.
        let digits = kept.filter { $0 != "." && $0 != ":" }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits
    }

    private static func padded(_ digits: String, _ vr: ValueRepresentation, with filler: Character) -> String {
        // Hours to microseconds; a date is eight digits.
        let length = vr == .DA ? 8 : vr == .TM ? 12 : 20
        return digits + String(repeating: filler, count: max(0, length - digits.count))
    }
}
