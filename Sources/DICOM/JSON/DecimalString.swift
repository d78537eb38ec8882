/// Numbers of JSON as values of IS and DS, which are shorter than JSON allows (PS3.5 6.2).
enum DecimalString {
    /// A whole number within the range of IS, -2^31 to 2^31 - 1; nil for all others.
    static func integer(_ number: String) -> String? {
        Int32(number).map { String($0) }
    }

    /// A number in the 16 characters of DS: as it is if it fits, else rounded to the most digits that do.
    static func fitting(_ number: String) -> String? {
        let limit = 16
        if number.utf8.count <= limit { return number }
        guard let value = Double(number), value.isFinite else { return nil }
        let sign = number.utf8.first == UInt8(ascii: "-") ? "-" : ""
        if value == 0 { return sign + "0" }
        let (exact, exactExponent) = scientific(value)
        for count in stride(from: exact.count, to: 0, by: -1) {
            let (digits, exponent) = rounded(exact, exactExponent, to: count)
            let texts = [plain(digits, exponent), exponential(digits, exponent)].map { sign + $0 }
            let fitting = texts.filter { $0.utf8.count <= limit }.min { $0.utf8.count < $1.utf8.count }
            // The largest numbers, rounded up, are no numbers any more.
            if let fitting, Double(fitting)?.isFinite == true { return fitting }
        }
        return nil
    }

    /// The shortest digits d.ddd and the power of ten of the first, without zeros at the end.
    private static func scientific(_ value: Double) -> ([UInt8], Int) {
        let parts = value.magnitude.description.utf8.split(separator: UInt8(ascii: "e"))
        var digits: [UInt8] = []
        var exponent = 0
        var isFraction = false
        for byte in parts.first.map({ Array($0) }) ?? [] {
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else {
                digits.append(byte - 0x30)
                exponent += isFraction ? 0 : 1
            }
        }
        if parts.count == 2 { exponent += Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 }
        exponent -= 1
        while digits.count > 1, digits.first == 0 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.count > 1, digits.last == 0 { digits.removeLast() }
        return (digits, exponent)
    }

    /// The first digits, half and more of what is left out upwards.
    private static func rounded(_ exact: [UInt8], _ exactExponent: Int, to count: Int) -> ([UInt8], Int) {
        var digits = Array(exact.prefix(count))
        var exponent = exactExponent
        if count < exact.count, exact[count] >= 5 {
            var index = count - 1
            while index >= 0, digits[index] == 9 {
                digits[index] = 0
                index -= 1
            }
            if index >= 0 {
                digits[index] += 1
            } else {
                digits.insert(1, at: 0)
                exponent += 1
            }
        }
        while digits.count > 1, digits.last == 0 { digits.removeLast() }
        return (digits, exponent)
    }

    private static func text(_ digits: some Sequence<UInt8>) -> String {
        String(decoding: digits.map { $0 + 0x30 }, as: UTF8.self)
    }

    private static func plain(_ digits: [UInt8], _ exponent: Int) -> String {
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + text(digits) }
        if exponent >= digits.count - 1 {
            return text(digits) + String(repeating: "0", count: exponent - digits.count + 1)
        }
        return text(digits[...exponent]) + "." + text(digits[(exponent + 1)...])
    }

    private static func exponential(_ digits: [UInt8], _ exponent: Int) -> String {
        text(digits.prefix(1)) + (digits.count > 1 ? "." + text(digits.dropFirst()) : "") + "E" + String(exponent)
    }
}
