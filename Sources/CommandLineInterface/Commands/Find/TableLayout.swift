/// How a table is shown: where, and how much of it. Through a pipe it is for programs, too: each column that was asked for, under
/// its keyword, with the values as they are.
struct TableStyle {
    /// The width of the terminal in characters; nil if the output is not a terminal.
    var terminalWidth: Int?
    /// True to show all columns, and every value whole.
    var isWide = false
    /// True for bold headings and faint UIDs.
    var usesColor = false
    /// True if the columns were chosen one by one, so that the first are the most important and none is left out for want of
    /// values.
    var keepsOrder = false
    /// True if attributes that matches have and nobody asked for are shown, too.
    var showsFurther = false
    /// The last line, for a terminal; nil leaves it out.
    var summary: TableSummary?

    /// The width that a line may have; nil for any.
    var room: Int? { isWide ? nil : terminalWidth }

    var isForTerminal: Bool { terminalWidth != nil }
}

/// The choice of a table's columns and their widths.
struct TableLayout: Equatable {
    /// What a column needs.
    struct Need {
        /// The width of the longest value; 0 if there is none.
        var values: Int
        var heading: Int
        /// The width of the longest word of the heading, which may stand on several lines; nil for one that stands on one.
        var word: Int?
        /// The width below which values are not cut; nil if they are shown whole or not at all.
        var minimum: Int?
        /// The columns with the highest ranks are left out first.
        var rank = 0
    }

    static let gap = 2
    /// The indices of the columns that are shown, ascending.
    private(set) var shown: [Int]
    /// The width of each shown column.
    private(set) var widths: [Int]

    /// Drops columns without values and, if the room is short, breaks headings into lines, cuts values that may be cut, the widest
    /// first, and then leaves out whole columns, those of the highest rank first.
    init(_ needs: [Need], room: Int?) {
        shown = needs.indices.filter { needs[$0].values > 0 }
        widths = []
        while true {
            let columns = shown.map { needs[$0] }
            widths = columns.map { max($0.values, $0.heading) }
            guard let room else { return }
            for index in widths.indices {
                let least = max(columns[index].values, columns[index].word ?? columns[index].heading)
                widths[index] = max(least, widths[index] - max(0, excess(room)))
            }
            let least = columns.map { max(min($0.values, $0.minimum ?? $0.values), $0.word ?? $0.heading) }
            while excess(room) > 0,
                let widest = widths.indices.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] })
            {
                widths[widest] -= 1
            }
            if excess(room) <= 0 { return }
            guard shown.count > 1,
                let last = shown.indices.max(by: { (columns[$0].rank, $0) < (columns[$1].rank, $1) })
            else {
                // A column alone is cut, unless its values must be whole.
                if let column = columns.first { widths = [column.minimum == nil ? max(column.values, room) : room] }
                return
            }
            shown.remove(at: last)
        }
    }

    private func excess(_ room: Int) -> Int {
        widths.reduce(0, +) + Self.gap * max(0, widths.count - 1) - room
    }
}

/// The width of text in columns of a terminal: East Asian wide characters take two, combining marks none.
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
        // Joiners, marks of direction, variation selectors.
        case 0x061C, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFE00...0xFE0F, 0xFEFF, 0xE0100...0xE01EF: 0
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: 0
            default: 1
            }
        }
    }

    /// The words of the text on lines of so many columns; a longer word has a line of its own.
    static func lines(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, of(last) + 1 + of(String(word)) <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// The text in exactly so many columns: filled with spaces, or cut with an ellipsis if it is too long.
    static func fit(_ text: String, _ width: Int, atRight: Bool = false) -> String {
        let natural = of(text)
        if natural <= width {
            let space = String(repeating: " ", count: width - natural)
            return atRight ? space + text : text + space
        }
        var kept: [Unicode.Scalar] = []
        // The ellipsis takes one column.
        var room = width - 1
        for scalar in text.unicodeScalars {
            guard of(scalar) <= room else { break }
            room -= of(scalar)
            kept.append(scalar)
        }
        return String(String.UnicodeScalarView(kept)) + "…" + String(repeating: " ", count: max(0, room))
    }
}
