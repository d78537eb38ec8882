import DICOM

/// `--format count`: the number of matches, and nothing else.
final class CountMatchWriter: MatchWriter {
    private var count = 0

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) { count += 1 }

    func finish(_ buffer: inout [UInt8]) { buffer.append(contentsOf: "\(count)\n".utf8) }
}

/// `--group-by`: each combination of values once, with the number of matches that have it.
final class GroupedMatchWriter: MatchWriter {
    /// The heading of the numbers; in JSON the name of their member, in lower case.
    private static let countTitle = "Count"

    private let layout: MatchLayout
    private let format: ResultFormat
    private let keepsOrder: Bool
    private var groups: [[String]: (count: Int, values: [String])] = [:]
    /// The groups in the order of their first matches.
    private var order: [[String]] = []
    private var cell: [UInt8] = []

    /// - Parameter keepsOrder: true if groups stand in the order of their first matches; otherwise they are sorted.
    init(_ layout: MatchLayout, _ format: ResultFormat, keepsOrder: Bool) {
        self.layout = layout
        self.format = format
        self.keepsOrder = keepsOrder
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        let values = layout.columns.map { column in
            cell.removeAll(keepingCapacity: true)
            column.append(match, layout, to: &cell)
            return String(decoding: cell, as: UTF8.self)
        }
        if groups[values] == nil { order.append(values) }
        groups[values, default: (0, values)].count += 1
    }

    func finish(_ buffer: inout [UInt8]) {
        let keys = keepsOrder ? order : order.sorted { $0.lexicographicallyPrecedes($1) }
        let lines = keys.compactMap { groups[$0] }
        switch format {
        case .csv: appendSeparated(lines, .comma, to: &buffer)
        case .tsv: appendSeparated(lines, .tab, to: &buffer)
        case .json, .jsonl: appendJSON(lines, to: &buffer)
        case .text, .table, .dcm, .count, .nagios, .prometheus: appendTable(lines, to: &buffer)
        }
    }

    private func appendTable(_ lines: [(count: Int, values: [String])], to buffer: inout [UInt8]) {
        let columns =
            TableColumn.columns(layout) + [TableColumn(heading: Self.countTitle, isNumber: layout.table.isForTerminal)]
        let table = Table(columns, layout.table)
        for line in lines {
            let cells = zip(line.values, layout.columns).map { layout.table.text($0, of: $1) }
            table.append(cells + [String(line.count)], to: &buffer)
        }
        table.finish(&buffer)
        if let summary = layout.table.summary, !lines.isEmpty {
            let count = lines.reduce(0) { $0 + $1.count }
            table.appendSummary(summary.line(count: count, contained: nil, hidden: table.hiddenHeadings), to: &buffer)
        }
    }

    private func appendSeparated(
        _ lines: [(count: Int, values: [String])], _ separator: SeparatedMatchWriter.Separator, to buffer: inout [UInt8]
    ) {
        separator.append(layout.columns.map(\.title) + [Self.countTitle], to: &buffer)
        for line in lines { separator.append(line.values + [String(line.count)], to: &buffer) }
    }

    private func appendJSON(_ lines: [(count: Int, values: [String])], to buffer: inout [UInt8]) {
        let start = buffer.count
        for (index, line) in lines.enumerated() {
            var members = zip(layout.columns, line.values).map { ($0.title, JSONValue.string($1)) }
            members.append((Self.countTitle.lowercased(), .number(line.count)))
            if format == .json { buffer.append(contentsOf: (index == 0 ? "[\n" : ",\n").utf8) }
            buffer.append(contentsOf: JSONValue.object(members).serialized())
            if format == .jsonl { buffer.append(UInt8(ascii: "\n")) }
        }
        if format == .json { buffer.append(contentsOf: (lines.isEmpty ? "[]\n" : "\n]\n").utf8) }
        if layout.escapesNonASCII { DICOMJSON.escapeNonASCII(in: &buffer, from: start) }
    }
}
