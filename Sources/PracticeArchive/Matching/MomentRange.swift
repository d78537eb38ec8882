import DICOM

/// A date, time or both of a query: single value and range matching, PS3.4 C.2.2.2.1 and C.2.2.2.5.
struct MomentRange: Sendable {
    private let lower: Moment?
    private let upper: Moment?
    private let vr: ValueRepresentation
    /// Whether it was written with a hyphen.
    private let isRange: Bool

    /// Nil where the text is no date or time.
    init?(_ text: String, vr: ValueRepresentation) {
        self.vr = vr
        let text = text.filter { $0 != " " }
        guard let dash = Self.dash(in: text, vr) else {
            guard let moment = Moment(text, vr, filler: "0") else { return nil }
            lower = moment
            upper = moment
            isRange = false
            return
        }
        let first = String(text[..<dash])
        let second = String(text[text.index(after: dash)...])
        guard !first.isEmpty || !second.isEmpty else { return nil }
        isRange = true
        lower = Moment(first, vr, filler: "0")
        upper = Moment(second, vr, filler: "9")
        guard first.isEmpty == (lower == nil), second.isEmpty == (upper == nil) else { return nil }
    }

    /// One range of moments from a range of dates and one of times; nil where one of them is no range.
    init?(date: MomentRange, time: MomentRange) {
        guard date.isRange, time.isRange else { return nil }
        vr = .DT
        isRange = true
        lower = date.lower.map { Moment(digits: $0.written + (time.lower?.written ?? ""), .DT, filler: "0") }
        upper = date.upper.map { Moment(digits: $0.written + (time.upper?.written ?? ""), .DT, filler: "9") }
    }

    /// What has no time is at the beginning of its day.
    func matches(date: String, time: String) -> Bool {
        guard let day = Moment(date, .DA, filler: "0") else { return false }
        let time = Moment(time, .TM, filler: "0")?.written ?? ""
        return contains(Moment(digits: day.written + time, .DT, filler: "0"))
    }

    func matches(_ text: String) -> Bool {
        guard let moment = Moment(text, vr, filler: "0") else { return false }
        return contains(moment)
    }

    private func contains(_ moment: Moment) -> Bool {
        if let lower, moment.isBefore(lower) { return false }
        if let upper, upper.isBefore(moment) { return false }
        return true
    }

    /// The hyphen of a range. In a DT one may also be the sign of an offset: it is where four digits up to 1200 end the value
    /// (PS3.5 6.2); nobody asks for years as early as these.
    private static func dash(in text: String, _ vr: ValueRepresentation) -> String.Index? {
        var rest = text[...]
        while let dash = rest.firstIndex(of: "-") {
            rest = text[text.index(after: dash)...]
            guard vr == .DT, dash > text.startIndex else { return dash }
            let offset = rest.prefix(4)
            let isOffset = offset.count == 4 && (Int(offset).map { (0...1200).contains($0) } ?? false)
            guard isOffset, rest.count == 4 || rest.dropFirst(4).first == "-" else { return dash }
        }
        return nil
    }
}
