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

/// The text of a DS or IS value taken apart (PS3.5 6.2), to tell a number from something else and to write it as JSON.
struct NumberText {
    private let text: UnsafeRawBufferPointer
    private let isNegative: Bool
    private let integerDigits: Range<Int>
    private let fractionDigits: Range<Int>
    /// From the letter E on; empty without one.
    private let exponent: Range<Int>

    /// A number of more characters than any valid DS (16) or sloppy one has is kept as text, so that no reader chokes on it.
    private static let maximumLength = 64

    /// Nil where the text is no number by the grammar of DS: a sign, digits with or without a point, an exponent.
    init?(_ text: UnsafeRawBufferPointer) {
        guard text.count <= NumberText.maximumLength else { return nil }
        var index = 0
        func digits() -> Range<Int> {
            let start = index
            while index < text.count, (0x30...0x39).contains(text[index]) { index += 1 }
            return start..<index
        }
        isNegative = text.first == 0x2D
        if isNegative || text.first == 0x2B { index += 1 }
        integerDigits = digits()
        if index < text.count, text[index] == 0x2E {
            index += 1
            fractionDigits = digits()
        } else {
            fractionDigits = index..<index
        }
        guard !integerDigits.isEmpty || !fractionDigits.isEmpty else { return nil }
        let exponentStart = index
        if index < text.count, text[index] | 0x20 == 0x65 {
            index += 1
            if index < text.count, text[index] == 0x2B || text[index] == 0x2D { index += 1 }
            guard !digits().isEmpty else { return nil }
        }
        exponent = exponentStart..<index
        guard index == text.count else { return nil }
        self.text = text
        // Readers hold these as 64-bit floating point.
        if !exponent.isEmpty, Double(String(decoding: text, as: UTF8.self))?.isFinite != true { return nil }
    }

    var isInteger: Bool { exponent.isEmpty && fractionDigits.isEmpty && integerDigits.endIndex == text.count }

    /// Appends the number as JSON spells it, its digits untouched: no plus sign, no leading zeros, digits on both sides of
    /// a point.
    func append(to output: inout [UInt8]) {
        if isNegative { output.append(0x2D) }
        let significant = integerDigits.drop { text[$0] == 0x30 }
        if significant.isEmpty {
            output.append(0x30)
        } else {
            output.append(contentsOf: text[significant])
        }
        if !fractionDigits.isEmpty {
            output.append(0x2E)
            output.append(contentsOf: text[fractionDigits])
        }
        output.append(contentsOf: text[exponent])
    }
}
