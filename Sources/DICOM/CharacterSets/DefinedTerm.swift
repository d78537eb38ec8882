/// The meaning of one value of Specific Character Set (0008,0005) (PS3.3 C.12.1.1.2).
enum DefinedTerm: Sendable, Equatable {
    /// Sets with or without code extensions (Tables C.12-2 to C.12-4), by the numbers of their registrations.
    case codeElements([CodeElement])
    /// ISO_IR 192 (Table C.12-5).
    case utf8
    case gb18030
    case gbk
    /// A set that DICOM does not have and files name all the same, by the name iconv has for it.
    case other(String)

    /// Reads a term however it is spelt: `ISO-IR 100`, `ISO 2022-IR 87`, `ISO_IR_100`, `iso ir 100` and `ISO2022IR100` are
    /// all met. Case and everything between letters and digits are passed over.
    init?(spelling: String) {
        let letters = String(
            decoding: spelling.utf8.compactMap { byte -> UInt8? in
                switch byte {
                case 0x30...0x39, 0x41...0x5A: byte
                case 0x61...0x7A: byte & 0xDF
                default: nil
                }
            }, as: UTF8.self)
        switch letters {
        case "ISOIR192", "UTF8", "ISO2022IR192": self = .utf8
        case "GB18030", "ISO2022GB18030": self = .gb18030
        // GB 2312 in eight bits is a part of GBK.
        case "GBK", "ISO2022GBK", "GB2312", "EUCCN", "CP936", "WINDOWS936": self = .gbk
        case "SHIFTJIS", "SJIS", "CP932", "WINDOWS932", "WINDOWS31J": self = .other("CP932")
        case "EUCJP": self = .other("EUC-JP")
        case "EUCKR", "CP949", "UHC": self = .other("CP949")
        case "BIG5", "CP950", "WINDOWS950": self = .other("BIG5")
        case "KOI8R": self = .other("KOI8-R")
        case "LATIN1": self = .codeElements([.latin1])
        case let name where DefinedTerm.windowsPage(name) != nil: self = .other(DefinedTerm.windowsPage(name) ?? "")
        case "ISO202258": self = .codeElements([.gb2312])
        default:
            guard let number = DefinedTerm.registration(letters), let element = CodeElement(rawValue: number) else {
                return nil
            }
            switch element {
            // JIS X 0201 is two sets under one term (Table C.12-3).
            case .katakanaJISX0201: self = .codeElements([.romanJISX0201, .katakanaJISX0201])
            case .romanJISX0201: return nil
            default: self = .codeElements([element])
            }
        }
    }

    /// `CP1252` for the code pages of Windows from 1250 to 1258; nil for other names.
    private static func windowsPage(_ letters: String) -> String? {
        for prefix in ["WINDOWS", "CP"] where letters.hasPrefix(prefix) {
            guard let number = Int(letters.dropFirst(prefix.count)), (1250...1258).contains(number) else { continue }
            return "CP\(number)"
        }
        return nil
    }

    /// The number behind "ISOIR", "ISO2022IR"; that of the register for "ISO8859" and a part.
    private static func registration(_ letters: String) -> Int? {
        for prefix in ["ISO2022IR", "ISOIR"] where letters.hasPrefix(prefix) {
            return Int(letters.dropFirst(prefix.count))
        }
        let parts = [1: 100, 2: 101, 3: 109, 4: 110, 5: 144, 6: 127, 7: 126, 8: 138, 9: 148, 15: 203]
        guard letters.hasPrefix("ISO8859"), let part = Int(letters.dropFirst("ISO8859".count)) else { return nil }
        return parts[part]
    }

    /// The term as PS3.3 spells it: with code extensions where it stands with others or is a set of two bytes.
    func spelling(withCodeExtensions: Bool) -> String {
        switch self {
        case .utf8: return "ISO_IR 192"
        case .gb18030: return "GB18030"
        case .gbk: return "GBK"
        case .other(let name): return name
        case .codeElements(let elements):
            let element = elements.last ?? .ascii
            return (withCodeExtensions || element.isDouble ? "ISO 2022 IR " : "ISO_IR ") + String(element.rawValue)
        }
    }
}
