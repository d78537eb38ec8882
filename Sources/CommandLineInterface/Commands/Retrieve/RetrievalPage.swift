import DICOM
import DICOMNode
import System

/// The page of a run of retrievals: what was asked for, what came, and what is missing and why. It has nothing of patients but what
/// messages may have.
struct RetrievalPage {
    private let context: RetrievalContext
    private let rows: RetrievalRows
    /// Of the run, in a sentence.
    private let summary: String
    private let began: String

    /// Rows that a person reads; the list of what is missing has all.
    private static let mostRows = 1_000
    private static let widestPicture = 880

    init(_ context: RetrievalContext, _ rows: RetrievalRows, summary: String, began: String) {
        self.context = context
        self.rows = rows
        self.summary = summary
        self.began = began
    }

    private var network: Network { context.network }
    private var redaction: Redaction { context.outcome.diagnostics.redaction }

    var text: [UInt8] {
        let code = context.outcome.exitCode
        let title = (context.copyDestination == nil ? network.serviceName : "copy") + " from \(network.peerName)"
        let ending = "exit code \(code.rawValue)" + (code == .success ? "" : " (\(code.meaning))")
        var body = "<section>"
        body += HTMLPage.heading(
            title, "\(began) to \(LogTime.now)", verdict: "\(summary.isEmpty ? "" : summary + "; ")\(ending)",
            isWell: code == .success)
        body += "<h2>Asked for</h2>\n" + HTMLPage.table(["", ""], asked)
        body += counts + rate + unfinished
        return HTMLPage.text("retrieval", title: "dcmscu: \(title)", body: body + "</section>\n")
    }

    // MARK: Parts

    private var asked: [[String]] {
        let options = context.options
        var rows: [[String]] = []
        if let path = options.listPath { rows.append(["list", path.displayed]) }
        for key in options.query.keys {
            let tag = key.tags.last ?? key.tag
            rows.append([DataDictionary.keyword(of: tag), shown(key.value, of: tag)])
        }
        if let path = options.query.queryPath { rows.append(["query", path.displayed]) }
        if let shard = options.shard { rows.append(["share", "\(shard.number) of \(shard.count)"]) }
        if let limit = options.limit { rows.append(["limit", "\(limit)"]) }
        let number = context.jobs.found.map { "\($0.associations), as was found out" }
        rows.append(["associations at once", number ?? "\(options.jobs.maximum)"])
        let destination = options.isForThirdParty ? options.moveDestination.string : context.copyDestination
        rows.append(destination.map { ["destination", $0] } ?? ["folder", options.outputDirectory.displayed])
        if let path = options.journalPath { rows.append(["journal", path.displayed]) }
        return rows
    }

    private var counts: String {
        guard let history = context.reception?.history else { return "" }
        let counts = history.counts
        guard !counts.isEmpty else { return "<h2>Instances</h2>\n<p>None came.</p>\n" }
        let shown = ReceptionHistory.Outcome.allCases.filter { outcome in
            outcome == .received || counts.contains { $0.counts.instances[outcome.rawValue] > 0 }
        }
        func line(_ name: String, _ counts: [ReceptionHistory.Counts]) -> [String] {
            [name] + shown.map { outcome in "\(counts.reduce(0) { $0 + $1.instances[outcome.rawValue] })" }
                + [Quantity.size(counts.reduce(0) { $0 &+ $1.bytes })]
        }
        let lines =
            counts.map { line($0.modality, [$0.counts]) }
            + (counts.count > 1 ? [line("all", counts.map(\.counts))] : [])
        return "<h2>Instances by modality</h2>\n"
            + HTMLPage.table(
                ["Modality"] + shown.map(\.words) + ["size"], lines, numbers: Set(1...shown.count + 1))
    }

    private var rate: String {
        guard let rate = context.reception?.history?.rate, rate.bytes.contains(where: { $0 > 0 }) else { return "" }
        let step = max(4, min(28, Self.widestPicture / rate.bytes.count))
        // As many as fit below the bars.
        let every = max(1, 60 / step)
        return "<h2>Rate over time</h2>\n"
            + HTMLPage.bars(
                rate.perSecond, label: "bytes a second over time", step: step,
                words: { Quantity.rate(UInt64($0), seconds: 1) },
                below: { $0 % every == 0 ? Quantity.clock(seconds: Double($0) * rate.width) : nil })
    }

    private var unfinished: String {
        let unfinished = rows.rows.filter { $0.result.outcome != .complete }
        let complete = rows.rows.count - unfinished.count
        let noun = rows.isList ? "row" : "request"
        guard !rows.rows.isEmpty else { return "" }
        var text = "<h2>Outcomes</h2>\n<p>\(complete) of \(Quantity.count(rows.rows.count, noun)) complete.</p>\n"
        guard !unfinished.isEmpty else { return text }
        let place = context.options.isForThirdParty ? "sent" : "received"
        text += HTMLPage.table(
            ["Not complete", "outcome", "listed", place, "cause"],
            unfinished.prefix(Self.mostRows).map { row, result in
                [
                    name(of: row), result.outcome.words, result.listed.map { "\($0)" } ?? "",
                    result.received.map { "\($0)" } ?? "", result.cause.map(redaction.ownText) ?? "",
                ]
            }, numbers: [2, 3])
        let left = unfinished.count - Self.mostRows
        if left > 0 { text += "<p>\(Quantity.count(left, "further \(noun)")) not complete.</p>\n" }
        return text
    }

    private func shown(_ value: String, of tag: Tag) -> String {
        value.isEmpty ? value : redaction.shown(value, of: tag)
    }

    private func name(of row: RetrievalTarget.Row) -> String {
        let values = row.values.map { "\($0.name) \(shown($0.text, of: $0.tag))" }
        return ((row.line > 0 ? ["line \(row.line)"] : []) + values).joined(separator: ", ")
    }
}
