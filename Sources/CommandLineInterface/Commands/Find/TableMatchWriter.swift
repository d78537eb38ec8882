import DICOM

/// A table for a terminal: titles, then one line for each match, cut to the terminal's width.
///
/// The first matches are held back until the column widths are decided by their values; later ones are written as they arrive.
final class TableMatchWriter: MatchWriter {
    /// The number of matches that decide the widths.
    private static let sampleCount = 500
    /// The time after the first match when the widths are decided by the matches received so far, as a slow server must not
    /// look like a dead one.
    private static let maximumDelay = Duration.milliseconds(500)
    private static let gap = 2
    /// The width below which a column is not narrowed for the sake of others.
    private static let minimumWidth = 6

    private let layout: MatchLayout
    private var widths: [Int]?
    private var held: [[String]] = []
    private var firstMatch: ContinuousClock.Instant?
    private var cell: [UInt8] = []

    init(_ layout: MatchLayout) {
        self.layout = layout
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        let row = layout.columns.map { column in
            cell.removeAll(keepingCapacity: true)
            ElementText.append(
                column.path[...], of: match.dataSet, inheritedCharacterSet: layout.assumedCharacterSet, to: &cell)
            return String(decoding: cell, as: UTF8.self)
        }
        guard let widths else {
            held.append(row)
            firstMatch = firstMatch ?? .now
            if held.count >= Self.sampleCount { decideWidths(&buffer) }
            return
        }
        append(row, widths, to: &buffer)
    }

    func flush(to buffer: inout [UInt8]) {
        if widths == nil, let firstMatch, firstMatch.duration(to: .now) >= Self.maximumDelay { decideWidths(&buffer) }
    }

    func finish(_ buffer: inout [UInt8]) {
        if widths == nil, !held.isEmpty { decideWidths(&buffer) }
    }

    private func decideWidths(_ buffer: inout [UInt8]) {
        let titles = layout.columns.map(\.title)
        let widths = Self.widths(titles: titles, rows: held, room: layout.terminalWidth)
        self.widths = widths
        append(titles, widths, isTitle: true, to: &buffer)
        for row in held { append(row, widths, to: &buffer) }
        held = []
    }

    /// The widths of values and titles; if these are too wide for the room, titles are cut first, then the widest column, one
    /// character at a time, until all fit or none may be narrowed.
    static func widths(titles: [String], rows: [[String]], room: Int?) -> [Int] {
        var values = [Int](repeating: 1, count: titles.count)
        for row in rows {
            for (index, value) in row.enumerated() { values[index] = max(values[index], TextWidth.of(value)) }
        }
        let titles = titles.map { TextWidth.of($0) }
        var widths = zip(values, titles).map { max($0, $1) }
        guard let room, excess(widths, room) > 0 else { return widths }
        for index in widths.indices {
            let least = max(values[index], min(titles[index], minimumWidth))
            widths[index] = max(least, widths[index] - max(0, excess(widths, room)))
        }
        var excess = excess(widths, room)
        while excess > 0, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
            widths[widest] > minimumWidth
        {
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    private static func excess(_ widths: [Int], _ room: Int) -> Int {
        widths.reduce(0, +) + gap * max(0, widths.count - 1) - room
    }

    private func append(_ row: [String], _ widths: [Int], isTitle: Bool = false, to buffer: inout [UInt8]) {
        let cells = zip(row, zip(widths, layout.columns)).map { value, place in
            TextWidth.fit(value, place.0, keepsEnd: place.1.keepsEnd && !isTitle)
        }
        var line = cells.joined(separator: String(repeating: " ", count: Self.gap))
        while line.last == " " { line.removeLast() }
        buffer.append(contentsOf: line.utf8)
        buffer.append(UInt8(ascii: "\n"))
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
        case 0x200C...0x200D, 0xFE00...0xFE0F: 0
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: 0
            default: 1
            }
        }
    }

    /// The text in exactly so many columns: filled with spaces, or cut with an ellipsis if it is too long.
    static func fit(_ text: String, _ width: Int, keepsEnd: Bool = false) -> String {
        let natural = of(text)
        if natural <= width { return text + String(repeating: " ", count: width - natural) }
        var kept: [Unicode.Scalar] = []
        // The ellipsis takes one column.
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
