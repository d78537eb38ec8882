/// How many columns of a terminal a text takes: East Asian wide characters take two, combining marks none.
enum TextWidth {
    static func of(_ text: String) -> Int {
        // Bytes are columns where all are ASCII.
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + of($1) }
    }

    static func of(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0..<0x300: 1
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            2
        case 0x200C...0x200D, 0xFE00...0xFE0F: 0
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: 0
            default: 1
            }
        }
    }

    /// The text in exactly so many columns: spaces behind it, or an ellipsis where it is too long.
    static func fit(_ text: String, _ width: Int, keepsEnd: Bool = false) -> String {
        let natural = of(text)
        if natural <= width { return text + String(repeating: " ", count: width - natural) }
        var kept: [Unicode.Scalar] = []
        // One column is the ellipsis's.
        var room = width - 1
        let scalars = Array(text.unicodeScalars)
        for scalar in keepsEnd ? scalars.reversed() : scalars {
            guard of(scalar) <= room else { break }
            room -= of(scalar)
            kept.append(scalar)
        }
        if keepsEnd { kept.reverse() }
        var fitted = String(String.UnicodeScalarView(kept))
        fitted = keepsEnd ? "…" + fitted : fitted + "…"
        return fitted + String(repeating: " ", count: max(0, room))
    }
}
