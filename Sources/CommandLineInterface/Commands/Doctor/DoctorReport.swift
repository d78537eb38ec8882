import DICOM
import DICOMNode
import System

/// What a report shows as a picture beside the words of a check.
enum DoctorPicture {
    /// The seconds of each echo, in their order.
    case times([Double])
    /// What is accepted: a row for each SOP class, a column for each transfer syntax.
    case table(columns: [String], rows: [(name: String, isAccepted: [Bool])])
}

/// The file of `--report`: the pages of all peers as one HTML file that needs nothing else.
final class DoctorReport {
    /// What was found of one peer.
    private struct Page {
        let peer: String
        let callingAETitle: String?
        let time: String
        var findings: [DoctorFinding] = []
        var summary = ""
    }

    private static let kind = "doctor"

    private let file: RecordFile
    private var pages: [Page] = []

    /// Opens the file before anything is sent; it keeps what it holds until the first page is written.
    ///
    /// - Throws: `FileProblem` if it cannot be written, or exists and is no report of the doctor.
    init(_ path: FilePath) throws(FileProblem) {
        file = try RecordFile(path, .report(start: HTMLPage.start(Self.kind)))
    }

    func begin(_ peer: String, callingAETitle: String?) {
        pages.append(Page(peer: peer, callingAETitle: callingAETitle, time: LogTime.now))
    }

    func add(_ finding: DoctorFinding) { pages[pages.count - 1].findings.append(finding) }

    /// Writes all pages so far.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    func end(_ summary: String) throws(FileProblem) {
        pages[pages.count - 1].summary = summary
        let title = "dcmscu doctor: " + pages.map(\.peer).joined(separator: ", ")
        let body = pages.map(Self.html).joined()
        try file.replaceContent(HTMLPage.text(Self.kind, title: title, body: body))
    }

    // MARK: Pages

    private static func html(_ page: Page) -> String {
        let isWell = !page.findings.contains { $0.mark == .failed }
        return "<section>"
            + HTMLPage.heading(
                page.peer, (page.callingAETitle.map { "as \($0), " } ?? "") + page.time, verdict: page.summary,
                isWell: isWell)
                + """
                <table class="checks"><thead><tr><th></th><th>Check</th><th>Found</th><th>Time</th></tr></thead><tbody>

                """ + page.findings.map(row).joined() + "</tbody></table></section>\n"
    }

    private static func row(_ finding: DoctorFinding) -> String {
        let time = finding.seconds.map { "\(Quantity.milliseconds(seconds: $0)) ms" } ?? ""
        var found = HTMLText.escaped(finding.text)
        if let remedy = finding.remedy {
            found += "<p class=\"remedy\">\(HTMLText.escaped(remedy))</p>"
        }
        switch finding.picture {
        case .times(let times): found += DoctorPictureHTML.bars(times)
        case .table(let columns, let rows): found += DoctorPictureHTML.grid(columns, rows)
        case nil:
            if !finding.details.isEmpty {
                found += "<pre>\(HTMLText.escaped(finding.details.joined(separator: "\n"), keepsLines: true))</pre>"
            }
        }
        let mark = finding.mark
        return """
            <tr class="\(mark.styleName)"><td class="mark">\(HTMLText.escaped(mark.rawValue))</td>\
            <th scope="row">\(HTMLText.escaped(finding.check.rawValue))</th><td>\(found)</td><td class="time">\(time)</td></tr>

            """
    }
}

extension DoctorFinding.Mark {
    fileprivate var styleName: String {
        switch self {
        case .passed: "passed"
        case .noted: "noted"
        case .failed: "failed"
        case .skipped: "skipped"
        }
    }
}

/// The pictures of a report, in markup alone.
enum DoctorPictureHTML {
    /// A bar for each time, with the longest one in words.
    static func bars(_ times: [Double]) -> String {
        HTMLPage.bars(
            times, label: "times of the echoes", step: 28, words: { "\(Quantity.milliseconds(seconds: $0)) ms" },
            below: { "\($0 + 1)" })
    }

    /// A cell for each SOP class and transfer syntax; columns that no row has are left out.
    static func grid(_ columns: [String], _ rows: [(name: String, isAccepted: [Bool])]) -> String {
        let used = columns.indices.filter { index in rows.contains { $0.isAccepted[index] } }
        guard !used.isEmpty else { return "" }
        let head = used.map { "<th scope=\"col\">\(HTMLText.escaped(columns[$0]))</th>" }.joined()
        let body = rows.map { row in
            let cells = used.map { row.isAccepted[$0] ? "<td class=\"yes\">yes</td>" : "<td>\u{B7}</td>" }.joined()
            return "<tr><th scope=\"row\">\(HTMLText.escaped(row.name))</th>\(cells)</tr>"
        }
        return "<table class=\"grid\"><thead><tr><td></td>\(head)</tr></thead><tbody>\(body.joined())</tbody></table>"
    }
}
