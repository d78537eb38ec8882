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

    /// Nil where the value is neither.
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
