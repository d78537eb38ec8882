import DICOM
import DICOMProtocol
import System

/// A table of matches: one line for each, fitted to the terminal's width.
final class TableMatchWriter: MatchWriter {
    private let style: TableStyle
    private var layout: MatchLayout
    /// Nil before the first match, which may have further columns.
    private var table: Table?
    private var cell: [UInt8] = []
    private var count = 0
    /// The sum of what the matches contain; nil if one does not say it.
    private var contained: Int? = 0

    init(_ layout: MatchLayout) {
        self.layout = layout
        style = layout.table
    }

    private func makeTable(for match: Match) -> Table {
        if style.isForTerminal, !layout.fallback.isEmpty, layout.columns.allSatisfy({ isEmpty($0, match) }) {
            layout.columns.append(MatchColumn(path: layout.fallback))
        }
        if style.showsFurther { layout.columns += layout.columns.further(of: match.dataSet) }
        let table = Table(TableColumn.columns(layout), style)
        self.table = table
        return table
    }

    private func isEmpty(_ column: MatchColumn, _ match: Match) -> Bool {
        var value: [UInt8] = []
        column.append(match, layout, to: &value)
        return value.isEmpty
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        count += 1
        if let counted = style.summary?.counted {
            let value = match.dataSet.string(counted.tag).flatMap { Int($0) }
            contained = contained.flatMap { sum in value.map { sum + $0 } }
        }
        let table = table ?? makeTable(for: match)
        var cells = layout.columns.map { column in
            cell.removeAll(keepingCapacity: true)
            column.append(match, layout, to: &cell)
            return style.text(String(decoding: cell, as: UTF8.self), of: column)
        }
        // A person takes a blank line for no match.
        if style.isForTerminal, !cells.isEmpty, cells.allSatisfy(\.isEmpty) { cells[0] = "(none)" }
        table.append(cells, to: &buffer)
    }

    func flush(to buffer: inout [UInt8]) { table?.flush(to: &buffer) }

    func finish(_ buffer: inout [UInt8]) {
        guard let table else { return }
        table.finish(&buffer)
        if let summary = style.summary, count > 0 {
            table.appendSummary(
                summary.line(count: count, contained: contained, hidden: table.hiddenHeadings), to: &buffer)
        }
    }
}

/// A column of a table: its heading, and how much room it needs.
struct TableColumn {
    let heading: String
    /// The heading if another column has the same.
    var name: String?
    /// The width below which values are not cut; nil if they are shown whole or not at all.
    var minimum: Int?
    /// The columns with the highest ranks are left out first.
    var rank = 0
    var isNumber = false
    var isFaint = false

    /// The columns of matches. Through a pipe headings are keywords.
    static func columns(_ layout: MatchLayout) -> [TableColumn] {
        let style = layout.table
        return layout.columns.enumerated().map { index, column in
            TableColumn(
                heading: style.isForTerminal ? column.heading : column.title,
                name: style.isForTerminal ? column.name : nil, minimum: column.minimumWidth,
                rank: style.keepsOrder ? index : column.rank(in: layout),
                isNumber: column.isNumber && style.isForTerminal,
                isFaint: column.vr == .UI)
        }
    }
}

/// Lines of cells below their headings.
///
/// The first lines are held back until columns and widths are decided by their values; later ones are written as they come.
final class Table {
    /// The number of lines that decide the widths.
    private static let sampleCount = 500
    /// The time after the first line when the widths are decided by those that are there, as a slow server must not look like a
    /// dead one.
    private static let maximumDelay = Duration.milliseconds(500)

    private let columns: [TableColumn]
    private let style: TableStyle
    private var headings: [String]
    private var decided: TableLayout?
    private var held: [[String]] = []
    private var sinceFirstLine: Stopwatch?
    /// True for a column that is not shown although a line has a value for it.
    private var isHidden: [Bool]

    init(_ columns: [TableColumn], _ style: TableStyle) {
        self.columns = columns
        self.style = style
        headings = columns.map(\.heading)
        isHidden = columns.map { _ in false }
    }

    /// The headings of the columns that have values and are not shown.
    var hiddenHeadings: [String] { zip(headings, isHidden).filter(\.1).map(\.0) }

    func append(_ line: [String], to buffer: inout [UInt8]) {
        guard let decided else {
            held.append(line)
            sinceFirstLine = sinceFirstLine ?? Stopwatch()
            if held.count >= Self.sampleCount { decide(&buffer) }
            return
        }
        append(line, decided, to: &buffer)
    }

    func flush(to buffer: inout [UInt8]) {
        if decided == nil, let sinceFirstLine, sinceFirstLine.elapsed >= Self.maximumDelay { decide(&buffer) }
    }

    func finish(_ buffer: inout [UInt8]) {
        if decided == nil, !held.isEmpty { decide(&buffer) }
    }

    func appendSummary(_ text: String, to buffer: inout [UInt8]) {
        let text = style.terminalWidth.map { TextWidth.lines(text, $0).joined(separator: "\n") } ?? text
        buffer.append(contentsOf: (style.usesColor ? Self.faint + text + Self.plain : text).utf8)
        buffer.append(UInt8(ascii: "\n"))
    }

    private func decide(_ buffer: inout [UInt8]) {
        // Through a pipe a column stays, whether it has values or not, and so does one that was chosen.
        let least = style.isForTerminal && !style.keepsOrder ? 0 : 1
        let widths = columns.indices.map { index in held.reduce(least) { max($0, TextWidth.of($1[index])) } }
        let decided = layOut(widths)
        self.decided = decided
        appendHeadings(decided, to: &buffer)
        for line in held { append(line, decided, to: &buffer) }
        held = []
    }

    /// Chooses the columns. Of those that are shown, none has the short heading of another.
    private func layOut(_ widths: [Int]) -> TableLayout {
        while true {
            let needs = columns.indices.map { index in
                TableLayout.Need(
                    values: widths[index], heading: TextWidth.of(headings[index]),
                    word: headings[index].split(separator: " ").map { TextWidth.of(String($0)) }.max(),
                    minimum: columns[index].minimum, rank: columns[index].rank)
            }
            let layout = TableLayout(needs, room: style.room)
            let ambiguous = layout.shown.filter { index in
                headings[index] != (columns[index].name ?? headings[index])
                    && layout.shown.contains { $0 != index && headings[$0] == headings[index] }
            }
            guard !ambiguous.isEmpty else { return layout }
            for index in ambiguous { headings[index] = columns[index].name ?? headings[index] }
        }
    }

    /// Headings end on one line; those that are longer begin above it.
    private func appendHeadings(_ decided: TableLayout, to buffer: inout [UInt8]) {
        var lines = headings.map { [$0] }
        for (index, width) in zip(decided.shown, decided.widths) {
            lines[index] = TextWidth.lines(headings[index], width)
        }
        let count = decided.shown.map { lines[$0].count }.max() ?? 1
        for line in 0..<count {
            let cells = lines.map { own in
                let number = line - (count - own.count)
                return number >= 0 ? own[number] : ""
            }
            append(cells, decided, isHeading: true, to: &buffer)
        }
    }

    private func append(_ cells: [String], _ decided: TableLayout, isHeading: Bool = false, to buffer: inout [UInt8]) {
        var line = ""
        for (index, width) in zip(decided.shown, decided.widths) {
            var text = TextWidth.fit(cells[index], width, atRight: columns[index].isNumber)
            if index == decided.shown.last { while text.last == " " { text.removeLast() } }
            if style.usesColor, !isHeading, columns[index].isFaint { text = Self.faint + text + Self.plain }
            if index != decided.shown.first { line += String(repeating: " ", count: TableLayout.gap) }
            line += text
        }
        if !isHeading {
            for index in cells.indices where !cells[index].isEmpty && !decided.shown.contains(index) {
                isHidden[index] = true
            }
        }
        while line.last == " " { line.removeLast() }
        if style.usesColor, isHeading { line = Self.bold + line + Self.plain }
        buffer.append(contentsOf: line.utf8)
        buffer.append(UInt8(ascii: "\n"))
    }

    // MARK: Colour, ECMA-48 SGR

    private static let bold = "\u{1B}[1m"
    private static let faint = "\u{1B}[2m"
    private static let plain = "\u{1B}[0m"
}

extension TableStyle {
    /// A value as the table shows it: on a terminal, dates and times are those of a person.
    func text(_ value: String, of column: MatchColumn) -> String {
        guard isForTerminal else { return value }
        switch column.vr {
        case .DA: return QueryMoment.readableDate(value) ?? value
        case .TM: return QueryMoment.readableTime(value) ?? value
        default: return value
        }
    }
}

/// The last line of a table on a terminal: `14 studies, 84 images, 0.02 s`.
struct TableSummary {
    /// What a match is, such as `study`.
    let noun: String
    /// The attribute by which a match counts what it contains, with the noun for that.
    var counted: (tag: Tag, noun: String)?
    let watch: Stopwatch

    init(_ model: InformationModel, _ level: QueryLevel, watch: Stopwatch) {
        self.watch = watch
        switch (model, level) {
        case (.modalityWorklist, _): noun = "step"
        case (_, .patient):
            noun = "patient"
            counted = (.numberOfPatientRelatedStudies, "study")
        case (_, .study):
            noun = "study"
            counted = (.numberOfStudyRelatedInstances, "image")
        case (_, .series):
            noun = "series"
            counted = (.numberOfSeriesRelatedInstances, "image")
        case (_, .image): noun = "image"
        }
    }

    func line(count: Int, contained: Int?, hidden: [String]) -> String {
        var parts = [Quantity.count(count, noun)]
        if let counted, let contained, contained > 0 { parts.append(Quantity.count(contained, counted.noun)) }
        parts.append("\(Decimal.text(watch.seconds, digits: 2)) s")
        let line = parts.joined(separator: ", ")
        guard !hidden.isEmpty else { return line }
        return "\(line); not shown: \(hidden.joined(separator: ", ")) (\(OptionName.wide))"
    }
}
