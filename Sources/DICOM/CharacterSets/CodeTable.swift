/// The characters of one code element, in both directions.
///
/// Made once, when the set is first met, by asking iconv for each code (0.1 ms for one byte, 1 ms for two). From then on
/// no conversion has state, so tables are shared by all threads and nothing is opened for a value.
struct CodeTable: Sendable {
    /// By code: 128 for one byte, from 0x80 on; 94 x 94 for two bytes, row by row. 0 where there is no character.
    private let scalars: [UInt16]
    private let codes: [UInt16: UInt16]
    private let isDouble: Bool

    /// Rows and cells of a set of two bytes (ISO 2022): 0x21...0x7E, with the high bit in G1.
    private static let cells = 94

    /// The character of one byte with the high bit, nil if there is none.
    func scalar(_ byte: UInt8) -> UInt16? {
        let found = scalars[Int(byte & 0x7F)]
        return found == 0 ? nil : found
    }

    /// The character of two bytes, with or without the high bit; nil if there is none.
    func scalar(_ first: UInt8, _ second: UInt8) -> UInt16? {
        let row = Int(first & 0x7F) - 0x21
        let cell = Int(second & 0x7F) - 0x21
        guard (0..<CodeTable.cells).contains(row), (0..<CodeTable.cells).contains(cell) else { return nil }
        let found = scalars[row * CodeTable.cells + cell]
        return found == 0 ? nil : found
    }

    /// The code of a character without the high bits: one byte, or two with the first one above; nil if there is none.
    func code(of scalar: Unicode.Scalar) -> UInt16? {
        guard let unit = UInt16(exactly: scalar.value) else { return nil }
        return codes[unit]
    }

    private init(_ element: CodeElement) {
        isDouble = element.isDouble
        scalars = CodeTable.load(element)
        var codes: [UInt16: UInt16] = [:]
        codes.reserveCapacity(scalars.count)
        for (index, scalar) in scalars.enumerated() where scalar != 0 && codes[scalar] == nil {
            let code =
                element.isDouble
                ? (0x21 + index / CodeTable.cells) << 8 | (0x21 + index % CodeTable.cells) : index
            codes[scalar] = UInt16(truncatingIfNeeded: code)
        }
        self.codes = codes
    }

    private static func load(_ element: CodeElement) -> [UInt16] {
        switch element {
        case .katakanaJISX0201:
            // ISO-IR 13 is 0xA1...0xDF in the order of the half-width forms of Unicode from U+FF61 on.
            return (0..<128).map { (0x21...0x5F).contains($0) ? UInt16(0xFF61 - 0x21 + $0) : 0 }
        case .latin1:
            return (0..<128).map { $0 >= 0x20 ? UInt16(0x80 + $0) : 0 }
        default:
            break
        }
        guard let name = element.encodingName, let converter = CharacterConverter(from: name, to: "UTF-16LE") else {
            return [UInt16](repeating: 0, count: element.isDouble ? cells * cells : 128)
        }
        var table: [UInt16] = []
        if element.isDouble {
            table.reserveCapacity(cells * cells)
            for row in 0..<cells {
                for cell in 0..<cells {
                    let code = [UInt8(0xA1 + row), UInt8(0xA1 + cell)]
                    let bytes = (element.encodingPrefix.map { [$0] } ?? []) + code
                    table.append(unit(of: bytes, converter))
                }
            }
        } else {
            // C1 controls (0x80...0x9F) are no characters of these sets and not allowed in a value (PS3.5 6.1.3).
            table = (0..<128).map { $0 < 0x20 ? 0 : unit(of: [UInt8(0x80 + $0)], converter) }
        }
        return table
    }

    /// The one UTF-16 unit that a code stands for; 0 where it stands for none, for several, or for a character of ASCII,
    /// which must never come out of two bytes: a delimiter would.
    private static func unit(of bytes: [UInt8], _ converter: borrowing CharacterConverter) -> UInt16 {
        var result: UInt16 = 0
        // Up to two units for one code, as some sets hold characters that Unicode composes.
        withUnsafeTemporaryAllocation(byteCount: 8, alignment: 2) { space in
            var output = space
            let isComplete = bytes.withUnsafeBytes { source in
                var input = source
                return converter.convert(&input, into: &output)
            }
            if isComplete, output.count == space.count - 2 {
                result = UInt16(littleEndian: space.load(as: UInt16.self))
            }
        }
        return result < 0x80 ? 0 : result
    }

    private static let katakanaJISX0201 = CodeTable(.katakanaJISX0201)
    private static let latin1 = CodeTable(.latin1)
    private static let latin2 = CodeTable(.latin2)
    private static let latin3 = CodeTable(.latin3)
    private static let latin4 = CodeTable(.latin4)
    private static let cyrillic = CodeTable(.cyrillic)
    private static let arabic = CodeTable(.arabic)
    private static let greek = CodeTable(.greek)
    private static let hebrew = CodeTable(.hebrew)
    private static let latin5 = CodeTable(.latin5)
    private static let latin9 = CodeTable(.latin9)
    private static let thai = CodeTable(.thai)
    private static let jisX0208 = CodeTable(.jisX0208)
    private static let jisX0212 = CodeTable(.jisX0212)
    private static let ksX1001 = CodeTable(.ksX1001)
    private static let gb2312 = CodeTable(.gb2312)

    /// The table of a set; nil for the two that are ASCII but for two characters.
    static func of(_ element: CodeElement) -> CodeTable? {
        switch element {
        case .ascii, .romanJISX0201: nil
        case .katakanaJISX0201: katakanaJISX0201
        case .latin1: latin1
        case .latin2: latin2
        case .latin3: latin3
        case .latin4: latin4
        case .cyrillic: cyrillic
        case .arabic: arabic
        case .greek: greek
        case .hebrew: hebrew
        case .latin5: latin5
        case .latin9: latin9
        case .thai: thai
        case .jisX0208: jisX0208
        case .jisX0212: jisX0212
        case .ksX1001: ksX1001
        case .gb2312: gb2312
        }
    }
}
