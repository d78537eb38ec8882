/// Numbers in messages and tables, without a unit.
enum Decimal {
    /// A number with a fixed count of decimals.
    static func text(_ value: Double, digits: Int) -> String {
        let scale = scale(digits)
        guard abs(value) * scale < largest else { return "\(value)" }
        let scaled = nearest(abs(value) * scale)
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / Int64(scale))." + padded(Int(scaled % Int64(scale)), digits: digits)
    }

    /// A number that is not negative, to so many decimals.
    static func rounded(_ value: Double, digits: Int) -> Double {
        let scale = scale(digits)
        return value * scale < largest ? Double(nearest(value * scale)) / scale : value
    }

    /// Doubles of this size have no decimals left.
    private static let largest = 1e16

    /// `rounded()` is a function of libm, which a run that only says how long something took need not open.
    private static func nearest(_ value: Double) -> Int64 { Int64(value + 0.5) }

    private static func scale(_ digits: Int) -> Double {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return scale
    }

    /// An integer of at least so many digits, with zeros in front.
    static func padded(_ number: Int, digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// Numbers in messages and tables, with their nouns and units.
enum Quantity {
    /// `1 file`, `3 files`.
    static func count(_ count: Int, _ noun: String) -> String {
        switch (count, noun) {
        case (1, _): "1 \(noun)"
        case (_, "match"): "\(count) matches"
        case (_, "query"): "\(count) queries"
        case (_, "study"): "\(count) studies"
        case (_, "storage SOP class"): "\(count) storage SOP classes"
        case (_, "series"): "\(count) series"
        default: "\(count) \(noun)s"
        }
    }

    /// `512 bytes`, `51.3 kB`, `63.6 MB`, `1.25 GB`.
    static func size(_ bytes: UInt64) -> String {
        let value = Double(bytes)
        if bytes < 1000 { return count(Int(bytes), "byte") }
        if value < 1e6 { return "\(Decimal.text(value / 1e3, digits: 1)) kB" }
        return value < 1e9 ? "\(Decimal.text(value / 1e6, digits: 1)) MB" : "\(Decimal.text(value / 1e9, digits: 2)) GB"
    }

    /// `55.2 MB/s`.
    static func rate(_ bytes: UInt64, seconds: Double) -> String {
        "\(size(seconds > 0 ? UInt64(min(Double(bytes) / seconds, 1e15)) : 0))/s"
    }

    /// `63.6 MB in 1.15 s (55.2 MB/s)`.
    static func transfer(_ bytes: UInt64, seconds: Double) -> String {
        "\(size(bytes)) in \(Decimal.text(seconds, digits: 2)) s (\(rate(bytes, seconds: seconds)))"
    }

    /// `0:05`, `1:02:03`: a time span, rounded up to seconds; at most 99:59:59.
    static func clock(seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 359_999))
        let end =
            "\(Decimal.padded(whole / 60 % 60, digits: whole < 3600 ? 1 : 2)):\(Decimal.padded(whole % 60, digits: 2))"
        return whole < 3600 ? end : "\(whole / 3600):\(end)"
    }

    /// A time span in milliseconds with two decimals, without the unit.
    static func milliseconds(seconds: Double) -> String { Decimal.text(seconds * 1000, digits: 2) }
}

/// A number of bytes as people write it: `1048576`, `500MB`, `2GiB`.
enum ByteCount {
    private static let units: [(name: String, bytes: UInt64)] = [
        ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40), ("kb", 1000), ("mb", 1_000_000),
        ("gb", 1_000_000_000), ("tb", 1_000_000_000_000), ("k", 1000), ("m", 1_000_000), ("g", 1_000_000_000), ("b", 1),
    ]

    /// Nil if the text is no number of bytes, or one that is too large.
    static func bytes(_ text: String) -> UInt64? {
        let text = text.lowercased()
        let unit = units.first { text.hasSuffix($0.name) }
        let digits = text.dropLast(unit?.name.count ?? 0)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(digits)
        else {
            return nil
        }
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: unit?.bytes ?? 1)
        return isTooLarge ? nil : product
    }
}
