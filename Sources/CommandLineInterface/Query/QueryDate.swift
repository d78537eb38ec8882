import DICOM

/// Dates as people say them, turned into what a query holds: `today`, `yesterday`, `today-7d`, `today-7d..today`.
///
///     value = date [ ".." [ date ] ] / ".." date
///     date  = ( "today" / "yesterday" / "tomorrow" ) [ ( "+" / "-" ) number ( "d" / "w" / "m" / "y" ) ] / absolute
///
/// Absolute dates stay as they are, so that `..` is one more way to write a range of them.
enum QueryDate {
    /// The value in the standard's form; nil where nothing needs to be turned.
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
