/// Numbers for people, with a fixed count of decimals.
enum Decimal {
    static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((abs(value) * scale).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let whole = scaled / Int64(scale)
        let part = String(scaled % Int64(scale))
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - part.count) + part
    }
}

/// Numbers with their nouns and units, for people.
enum Quantity {
    /// `1 file`, `3 files`.
    static func count(_ count: Int, _ noun: String) -> String {
        switch (count, noun) {
        case (1, _): "1 \(noun)"
        case (_, "match"): "\(count) matches"
        case (_, "study"): "\(count) studies"
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

    /// `63.6 MB in 1.15 s (55.2 MB/s)`.
    static func transfer(_ bytes: UInt64, seconds: Double) -> String {
        let rate = seconds > 0 ? UInt64(min(Double(bytes) / seconds, 1e15)) : 0
        return "\(size(bytes)) in \(Decimal.text(seconds, digits: 2)) s (\(size(rate))/s)"
    }
}
