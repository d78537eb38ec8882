/// A time as a person writes it: `90` and `2.5` are seconds, `5s`, `2m`, `1h30m` and `250ms` have their units.
package enum DurationText {
    /// The units, each smaller than those before it.
    private static let units: [(name: String, seconds: Double)] = [
        ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1), ("ms", 0.001),
    ]

    /// Reads a time.
    ///
    /// - Returns: the seconds; nil if the text is not a number, or not numbers with units, the larger ones first.
    package static func seconds(_ text: String) -> Double? {
        var rest = text[...]
        var total = 0.0
        var larger: Int?
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            // Double reads "nan", "inf" and hexadecimal too: only digits are given to it.
            guard let number = Double(digits) else { return nil }
            if unit.isEmpty { return larger == nil && rest.isEmpty ? number : nil }
            guard let index = units.firstIndex(where: { $0.name == unit }), index > larger ?? -1 else { return nil }
            total += number * units[index].seconds
            larger = index
        } while !rest.isEmpty
        return total
    }
}
