import DICOM
import DICOMProtocol

/// A table: headings in words, then one line for each match, fitted to the terminal's width.
///
/// The first matches are held back until columns and widths are decided by their values; later ones are written as they arrive.
final class TableMatchWriter: MatchWriter {
    /// The number of matches that decide the widths.
    private static let sampleCount = 500
    /// The time after the first match when the widths are decided by the matches received so far, as a slow server must not
    /// look like a dead one.
    private static let maximumDelay = Duration.milliseconds(500)

    private let style: TableStyle
    private let layout: MatchLayout
    private let headings: [String]
    private var decided: TableLayout?
    private var held: [[String]] = []
    private var firstMatch: ContinuousClock.Instant?
    private var cell: [UInt8] = []
    private var count = 0
    /// The sum of what the matches contain; nil if one does not say it.
    private var contained: Int? = 0
    /// True for a column that is not shown although a match has a value for it.
    private var isHidden: [Bool]

    init(_ layout: MatchLayout) {
        self.layout = layout
        style = layout.table
        headings =
            layout.table.isForTerminal ? MatchColumn.headings(of: layout.columns) : layout.columns.map(\.title)
        isHidden = layout.columns.map { _ in false }
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        count += 1
        if let counted = style.summary?.counted {
            let value = match.dataSet.string(counted.tag).flatMap { Int($0) }
            contained = contained.flatMap { sum in value.map { sum + $0 } }
        }
        let row = layout.columns.map { text(of: $0, match.dataSet) }
        guard let decided else {
            held.append(row)
            firstMatch = firstMatch ?? .now
            if held.count >= Self.sampleCount { decide(&buffer) }
            return
        }
        append(row, decided, to: &buffer)
    }

    func flush(to buffer: inout [UInt8]) {
        if decided == nil, let firstMatch, firstMatch.duration(to: .now) >= Self.maximumDelay { decide(&buffer) }
    }

    func finish(_ buffer: inout [UInt8]) {
        if decided == nil, !held.isEmpty { decide(&buffer) }
        guard let summary = style.summary, count > 0 else { return }
        let hidden = zip(headings, isHidden).filter(\.1).map(\.0)
        let line = summary.line(count: count, contained: contained, hidden: hidden)
        buffer.append(contentsOf: (style.usesColor ? Self.faint + line + Self.plain : line).utf8)
        buffer.append(UInt8(ascii: "\n"))
    }

    // MARK: Lines

    private func text(of column: MatchColumn, _ dataSet: DataSet) -> String {
        cell.removeAll(keepingCapacity: true)
        ElementText.append(
            column.path[...], of: dataSet, inheritedCharacterSet: layout.assumedCharacterSet, to: &cell)
        let text = String(decoding: cell, as: UTF8.self)
        guard style.isForTerminal else { return text }
        switch column.vr {
        case .DA: return QueryMoment.readableDate(text) ?? text
        case .TM: return QueryMoment.readableTime(text) ?? text
        default: return text
        }
    }

    private func decide(_ buffer: inout [UInt8]) {
        let needs = layout.columns.enumerated().map { index, column in
            TableLayout.Need(
                values: held.reduce(style.isForTerminal ? 0 : 1) { max($0, TextWidth.of($1[index])) },
                heading: TextWidth.of(headings[index]),
                minimum: column.minimumWidth, rank: style.keepsOrder ? index : column.rank)
        }
        let decided = TableLayout(needs, room: style.room)
        self.decided = decided
        append(headings, decided, isHeading: true, to: &buffer)
        for row in held { append(row, decided, to: &buffer) }
        held = []
    }

    private func append(_ row: [String], _ decided: TableLayout, isHeading: Bool = false, to buffer: inout [UInt8]) {
        var line = ""
        for (index, width) in zip(decided.shown, decided.widths) {
            let column = layout.columns[index]
            var text = TextWidth.fit(row[index], width, atRight: column.isNumber && style.isForTerminal)
            if index == decided.shown.last { text = String(text.reversed().drop { $0 == " " }.reversed()) }
            if style.usesColor, !isHeading, column.vr == .UI { text = Self.faint + text + Self.plain }
            if index != decided.shown.first { line += String(repeating: " ", count: TableLayout.gap) }
            line += text
        }
        if !isHeading {
            for index in row.indices where !row[index].isEmpty && !decided.shown.contains(index) {
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

/// The last line of a table on a terminal: `14 studies, 84 images, 0.02 s`.
struct TableSummary {
    /// What a match is, such as `study`.
    let noun: String
    /// The attribute by which a match counts what it contains, with the noun for that.
    var counted: (tag: Tag, noun: String)?
    let start: ContinuousClock.Instant

    init(_ model: InformationModel, _ level: QueryLevel, start: ContinuousClock.Instant) {
        self.start = start
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
        let elapsed = start.duration(to: .now).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        parts.append("\(Decimal.text(seconds, digits: 2)) s")
        let line = parts.joined(separator: ", ")
        guard !hidden.isEmpty else { return line }
        return "\(line); not shown: \(hidden.joined(separator: ", ")) (\(OptionName.wide))"
    }
}
