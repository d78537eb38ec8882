import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The outcomes of the rows of a list or, without one, of the targets: for the last line of a run and for `--report`.
struct RetrievalRows {
    enum Outcome: String, CaseIterable {
        // In the order of their weight, where several targets come of one row.
        case complete, invalid, notFound, incomplete, interrupted, notBegun

        /// In words: after a count, and in a report.
        var words: String {
            switch self {
            case .complete: "complete"
            case .invalid: "invalid"
            case .notFound: "not found"
            case .incomplete: "incomplete"
            case .interrupted: "interrupted"
            case .notBegun: "not begun"
            }
        }

        fileprivate var weight: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// The outcome of one row; of several targets the sum of their instances and the worst outcome.
    struct Result {
        var outcome: Outcome
        var listed: Int?
        /// Received here, or sent to a third party as the server counts it.
        var received: Int?
        var cause: String?
        var folder: FilePath?

        mutating func add(_ other: Result) {
            if other.outcome.weight > outcome.weight { outcome = other.outcome }
            listed = Self.sum(listed, other.listed)
            received = Self.sum(received, other.received)
            cause = cause ?? other.cause
            folder = folder.map { own in other.folder.map { own.commonFolder(with: $0) } ?? own } ?? other.folder
        }

        private static func sum(_ left: Int?, _ right: Int?) -> Int? {
            guard let left, let right else { return left ?? right }
            return left + right
        }
    }

    /// In the order of the list.
    private(set) var rows: [(row: RetrievalTarget.Row, result: Result)] = []
    private var indices: [Int: Int] = [:]
    /// True if there is a list; otherwise the rows are the targets.
    let isList: Bool

    init(_ plan: RetrievalPlan, _ outcomes: [TargetOutcome], notBegun: ArraySlice<RetrievalTarget>) {
        isList = plan.isList
        for failure in plan.rowFailures { add(failure.row, failure.result) }
        for outcome in outcomes {
            if !isList {
                rows.append((RetrievalTarget.Row(of: outcome.target), outcome.result))
                continue
            }
            for row in outcome.target.rows { add(row, outcome.result(for: row)) }
        }
        for target in notBegun {
            if !isList {
                rows.append((RetrievalTarget.Row(of: target), Result(outcome: .notBegun)))
                continue
            }
            for row in target.rows { add(row, Result(outcome: .notBegun)) }
        }
        if isList { rows.sort { $0.row.number < $1.row.number } }
        indices = [:]
    }

    private mutating func add(_ row: RetrievalTarget.Row, _ result: Result) {
        if let index = indices[row.number] {
            rows[index].result.add(result)
        } else {
            indices[row.number] = rows.count
            rows.append((row, result))
        }
    }

    /// `298 of 300 rows complete, 1 incomplete, 1 not found`.
    var summary: String {
        var counts: [Outcome: Int] = [:]
        for row in rows { counts[row.result.outcome, default: 0] += 1 }
        var parts = ["\(counts[.complete] ?? 0) of \(Quantity.count(rows.count, "row")) complete"]
        for outcome in [Outcome.incomplete, .notFound, .invalid, .interrupted, .notBegun] {
            if let count = counts[outcome] { parts.append("\(count) \(outcome.words)") }
        }
        return parts.joined(separator: ", ")
    }
}

extension RetrievalTarget.Row {
    /// A target that no row of a list asked for.
    init(of target: RetrievalTarget) {
        self.init(number: 0, line: 0, keys: [])
        values = InformationModel.studyRoot.levels.map(InformationModel.uniqueKey(of:)).compactMap { key in
            let text = target.identifier.strings(key).joined(separator: "\\")
            return text.isEmpty ? nil : Value(tag: key, text: text)
        }
        if target.level == .patient, let patient = target.identifier.string(.patientID) {
            values.insert(Value(tag: .patientID, text: patient), at: 0)
        }
    }
}

/// `--report`: a file with the outcome of each row, as CSV or JSON lines, or a page of the run, by the ending of its name.
final class RetrievalRowReport: Sendable {
    let form: RetrievalReportForm
    /// The time at which the run began.
    let began = LogTime.now
    private let file: RecordFile
    /// The AE title of the third party that the instances go to; nil if they come here.
    private let destination: String?

    /// The names of the counted instances and of the place where they are.
    private var names: (count: String, place: String) {
        destination == nil ? ("received", "folder") : ("sent", "destination")
    }

    /// Opens the file before anything is sent. It keeps what it holds until the end of the run.
    ///
    /// - Throws: `FileProblem` if it cannot be written, or holds something else than a report of the form.
    init(_ path: FilePath, destination: String? = nil) throws(FileProblem) {
        self.destination = destination
        let form = RetrievalReportForm(path) ?? .csv
        self.form = form
        file = try RecordFile(path, .report(start: form.start))
    }

    /// Writes the page.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    func write(_ page: RetrievalPage) throws(FileProblem) { try file.replaceContent(page.text) }

    /// Writes all rows.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    func write(_ rows: RetrievalRows) throws(FileProblem) {
        var bytes: [UInt8] = []
        let names = keywords(rows)
        if form == .csv {
            let own = ["line", "outcome", "listed", self.names.count, "cause", self.names.place]
            bytes += CSVText.line(own + names).utf8
        }
        for (row, result) in rows.rows {
            switch form {
            case .csv: bytes += line(row, result, names).utf8
            case .jsonLines:
                bytes += object(row, result).serialized()
                bytes.append(UInt8(ascii: "\n"))
            case .html: break
            }
        }
        try file.replaceContent(bytes)
    }

    /// The columns of the list, in their order.
    private func keywords(_ rows: RetrievalRows) -> [String] {
        var names: [String] = []
        for (row, _) in rows.rows {
            for value in row.values where !names.contains(value.name) { names.append(value.name) }
        }
        return names
    }

    private func line(_ row: RetrievalTarget.Row, _ result: RetrievalRows.Result, _ names: [String]) -> String {
        let values = names.map { name in row.values.first { $0.name == name }?.text ?? "" }
        let own = [
            row.line > 0 ? String(row.line) : "", result.outcome.words, result.listed.map { String($0) } ?? "",
            result.received.map { String($0) } ?? "", result.cause ?? "", destination ?? result.folder?.text ?? "",
        ]
        return CSVText.line(own + values)
    }

    private func object(_ row: RetrievalTarget.Row, _ result: RetrievalRows.Result) -> JSONValue {
        var members: [(String, JSONValue)] = row.line > 0 ? [("line", .number(row.line))] : []
        members.append(("outcome", .string(result.outcome.words)))
        if let listed = result.listed { members.append(("listed", .number(listed))) }
        if let received = result.received { members.append((names.count, .number(received))) }
        if let cause = result.cause { members.append(("cause", .string(cause))) }
        if let place = destination ?? result.folder?.text { members.append((names.place, .string(place))) }
        for value in row.values { members.append((value.name, .string(value.text))) }
        return .object(members)
    }
}
