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
