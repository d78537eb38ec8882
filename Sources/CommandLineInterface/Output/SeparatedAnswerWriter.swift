import DICOM

/// Comma- or tab-separated rows with a line of column titles, one answer a line always.
///
/// CSV is quoted as RFC 4180 has it, with a line feed at the end of a line. TSV has no quoting, and values no tabs: like all
/// control characters they show as their pictures. In CSV, what a spreadsheet would take for a formula, a value that begins
/// with `= + - @` and is no number, has an apostrophe in front, as values come from whoever registered a patient.
final class SeparatedAnswerWriter: AnswerWriter {
    enum Separator {
        case comma, tab

        var byte: UInt8 { self == .comma ? UInt8(ascii: ",") : UInt8(ascii: "\t") }
    }

    private let layout: AnswerLayout
    private let separator: Separator
    private var hasTitles = false
    private var cell: [UInt8] = []

    init(_ layout: AnswerLayout, separator: Separator) {
        self.layout = layout
        self.separator = separator
    }

    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) {
        appendTitles(to: &buffer)
        for (index, column) in layout.columns.enumerated() {
            if index > 0 { buffer.append(separator.byte) }
            cell.removeAll(keepingCapacity: true)
            ElementText.append(
                column.path[...], of: answer.dataSet, inheritedCharacterSet: layout.assumedCharacterSet, to: &cell)
            appendCell(to: &buffer)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    func finish(_ buffer: inout [UInt8]) {
        // A table without rows still says what it is a table of.
        appendTitles(to: &buffer)
    }

    private func appendTitles(to buffer: inout [UInt8]) {
        guard !hasTitles else { return }
        hasTitles = true
        for (index, column) in layout.columns.enumerated() {
            if index > 0 { buffer.append(separator.byte) }
            cell = Array(column.title.utf8)
            appendCell(to: &buffer)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    private func appendCell(to buffer: inout [UInt8]) {
        guard separator == .comma else {
            buffer.append(contentsOf: cell)
            return
        }
        if Self.isFormula(cell) { cell.insert(UInt8(ascii: "'"), at: 0) }
        guard cell.contains(where: { $0 == UInt8(ascii: ",") || $0 == Self.quote }) else {
            buffer.append(contentsOf: cell)
            return
        }
        buffer.append(Self.quote)
        for byte in cell {
            if byte == Self.quote { buffer.append(byte) }
            buffer.append(byte)
        }
        buffer.append(Self.quote)
    }

    private static let quote = UInt8(ascii: "\"")

    private static func isFormula(_ cell: [UInt8]) -> Bool {
        switch cell.first {
        case UInt8(ascii: "="), UInt8(ascii: "@"): true
        case UInt8(ascii: "+"), UInt8(ascii: "-"): Double(String(decoding: cell, as: UTF8.self)) == nil
        default: false
        }
    }
}
