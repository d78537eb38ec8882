import DICOM

/// Columns for a person at a terminal: titles, then one line an answer, cut to the terminal's width.
///
/// The first answers are held back to see how wide their values are; once the widths are settled, answers are written as they
/// arrive.
final class TableAnswerWriter: AnswerWriter {
    /// So many answers settle the widths; more would only delay the first line.
    private static let sampleCount = 500
    /// So long after the first answer, with nothing more at hand, the widths are settled by what there is: a slow server
    /// must not look like a dead one.
    private static let patience = Duration.milliseconds(500)
    private static let gap = 2
    /// No column is made narrower than this for the sake of others.
    private static let leastWidth = 6

    private let layout: AnswerLayout
    private var widths: [Int]?
    private var held: [[String]] = []
    private var firstAnswer: ContinuousClock.Instant?
    private var cell: [UInt8] = []

    init(_ layout: AnswerLayout) {
        self.layout = layout
    }

    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) {
        let row = layout.columns.map { column in
            cell.removeAll(keepingCapacity: true)
            ElementText.append(
                column.path[...], of: answer.dataSet, inheritedCharacterSet: layout.assumedCharacterSet, to: &cell)
            return String(decoding: cell, as: UTF8.self)
        }
        guard let widths else {
            held.append(row)
            firstAnswer = firstAnswer ?? .now
            if held.count >= Self.sampleCount { settle(&buffer) }
            return
        }
        append(row, widths, to: &buffer)
    }

    func pause(_ buffer: inout [UInt8]) {
        if widths == nil, let firstAnswer, firstAnswer.duration(to: .now) >= Self.patience { settle(&buffer) }
    }

    func finish(_ buffer: inout [UInt8]) {
        if widths == nil, !held.isEmpty { settle(&buffer) }
    }

    private func settle(_ buffer: inout [UInt8]) {
        let titles = layout.columns.map(\.title)
        let widths = Self.widths(titles: titles, rows: held, room: layout.terminalWidth)
        self.widths = widths
        append(titles, widths, isTitle: true, to: &buffer)
        for row in held { append(row, widths, to: &buffer) }
        held = []
    }

    /// As wide as values and titles are; where that is too much, titles give way first, then the widest column, one
    /// character at a time, until all fit or none may lose more.
    static func widths(titles: [String], rows: [[String]], room: Int?) -> [Int] {
        var values = [Int](repeating: 1, count: titles.count)
        for row in rows {
            for (index, value) in row.enumerated() { values[index] = max(values[index], TextWidth.of(value)) }
        }
        let titles = titles.map { TextWidth.of($0) }
        var widths = zip(values, titles).map { max($0, $1) }
        guard let room, excess(widths, room) > 0 else { return widths }
        for index in widths.indices {
            let least = max(values[index], min(titles[index], leastWidth))
            widths[index] = max(least, widths[index] - max(0, excess(widths, room)))
        }
        var excess = excess(widths, room)
        while excess > 0, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
            widths[widest] > leastWidth
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
