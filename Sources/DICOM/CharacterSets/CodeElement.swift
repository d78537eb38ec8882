/// A set of graphic characters that ISO 2022 puts into one half of the code table: G0 (left) or G1 (right).
///
/// | Registration | Half | Bytes | Escape sequence | PS3.3 |
/// |---|---|---|---|---|
/// | ISO-IR 6 | G0 | 1 | ESC 02/08 04/02 | Table C.12-3 |
/// | ISO-IR 14 | G0 | 1 | ESC 02/08 04/10 | Table C.12-3 |
/// | ISO-IR 13 | G1 | 1 | ESC 02/09 04/09 | Table C.12-3 |
/// | ISO-IR 100 ... 203, 166 | G1 | 1 | ESC 02/13 and one byte | Table C.12-3 |
/// | ISO-IR 87 | G0 | 2 | ESC 02/04 04/02 | Table C.12-4 |
/// | ISO-IR 159 | G0 | 2 | ESC 02/04 02/08 04/04 | Table C.12-4 |
/// | ISO-IR 149 | G1 | 2 | ESC 02/04 02/09 04/03 | Table C.12-4 |
/// | ISO-IR 58 | G1 | 2 | ESC 02/04 02/09 04/01 | Table C.12-4 |
///
/// The raw value is the number of the registration.
enum CodeElement: Int, Sendable, CaseIterable {
    case ascii = 6
    case romanJISX0201 = 14
    case katakanaJISX0201 = 13
    case latin1 = 100
    case latin2 = 101
    case latin3 = 109
    case latin4 = 110
    case cyrillic = 144
    case arabic = 127
    case greek = 126
    case hebrew = 138
    case latin5 = 148
    case latin9 = 203
    case thai = 166
    case jisX0208 = 87
    case jisX0212 = 159
    case ksX1001 = 149
    case gb2312 = 58

    /// True if the set is designated to G1, whose bytes have the high bit.
    var isRight: Bool {
        switch self {
        case .ascii, .romanJISX0201, .jisX0208, .jisX0212: false
        default: true
        }
    }

    /// True if a character takes two bytes.
    var isDouble: Bool {
        switch self {
        case .jisX0208, .jisX0212, .ksX1001, .gb2312: true
        default: false
        }
    }

    /// The bytes that follow ESC to designate the set.
    var designation: StaticString {
        switch self {
        case .ascii: "(B"
        case .romanJISX0201: "(J"
        case .katakanaJISX0201: ")I"
        case .latin1: "-A"
        case .latin2: "-B"
        case .latin3: "-C"
        case .latin4: "-D"
        case .cyrillic: "-L"
        case .arabic: "-G"
        case .greek: "-F"
        case .hebrew: "-H"
        case .latin5: "-M"
        case .latin9: "-b"
        case .thai: "-T"
        case .jisX0208: "$B"
        case .jisX0212: "$(D"
        case .ksX1001: "$)C"
        case .gb2312: "$)A"
        }
    }

    /// The name by which iconv knows an encoding that holds the set, nil for those written down here.
    var encodingName: String? {
        switch self {
        case .ascii, .romanJISX0201, .katakanaJISX0201, .latin1: nil
        case .latin2: "ISO-8859-2"
        case .latin3: "ISO-8859-3"
        case .latin4: "ISO-8859-4"
        case .cyrillic: "ISO-8859-5"
        case .arabic: "ISO-8859-6"
        case .greek: "ISO-8859-7"
        case .hebrew: "ISO-8859-8"
        case .latin5: "ISO-8859-9"
        case .latin9: "ISO-8859-15"
        case .thai: "TIS-620"
        case .jisX0208, .jisX0212: "EUC-JP"
        case .ksX1001: "EUC-KR"
        case .gb2312: "EUC-CN"
        }
    }

    /// The byte that EUC-JP wants in front of each character of its third set.
    var encodingPrefix: UInt8? {
        self == .jisX0212 ? 0x8F : nil
    }

    static let escape: UInt8 = 0x1B

    /// The set that the escape sequence at the start of `bytes` designates, and the length of the sequence.
    ///
    /// `ESC $ @` is the edition of 1978 of JIS X 0208, which is no defined term, but is met.
    static func designated(by bytes: UnsafeRawBufferPointer) -> (element: CodeElement, length: Int)? {
        guard bytes.count >= 3, bytes[0] == escape else { return nil }
        switch (bytes[1], bytes[2]) {
        case (0x28, 0x42): return (.ascii, 3)
        case (0x28, 0x4A): return (.romanJISX0201, 3)
        case (0x29, 0x49): return (.katakanaJISX0201, 3)
        case (0x2D, let final):
            guard let element = rightHand(final: final) else { return nil }
            return (element, 3)
        case (0x24, 0x42), (0x24, 0x40): return (.jisX0208, 3)
        case (0x24, 0x28) where bytes.count >= 4 && bytes[3] == 0x44: return (.jisX0212, 4)
        case (0x24, 0x29) where bytes.count >= 4 && bytes[3] == 0x43: return (.ksX1001, 4)
        case (0x24, 0x29) where bytes.count >= 4 && bytes[3] == 0x41: return (.gb2312, 4)
        default: return nil
        }
    }

    private static func rightHand(final: UInt8) -> CodeElement? {
        switch final {
        case 0x41: .latin1
        case 0x42: .latin2
        case 0x43: .latin3
        case 0x44: .latin4
        case 0x46: .greek
        case 0x47: .arabic
        case 0x48: .hebrew
        case 0x4C: .cyrillic
        case 0x4D: .latin5
        case 0x54: .thai
        case 0x62: .latin9
        default: nil
        }
    }
}
