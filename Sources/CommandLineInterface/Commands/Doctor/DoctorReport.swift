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

    /// The first bytes of every report.
    private static let start = "<!DOCTYPE html>\n<!-- dcmscu: doctor -->\n"

    private let file: RecordFile
    private var pages: [Page] = []

    /// Opens the file before anything is sent; it keeps what it holds until the first page is written.
    ///
    /// - Throws: `FileProblem` if it cannot be written, or exists and is no report of the doctor.
    init(_ path: FilePath) throws(FileProblem) {
        file = try RecordFile(path, .report(start: Self.start))
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
        var text = Self.start
        text += """
            <html lang="en"><head><meta charset="utf-8"><title>\(HTMLText.escaped(title))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <style>\(Self.style)</style></head><body>

            """
        for page in pages { text += Self.html(page) }
        text += "<footer>dcmscu \(ImplementationIdentity.version)</footer></body></html>\n"
        try file.replaceContent(Array(text.utf8))
    }

    // MARK: Pages

    private static func html(_ page: Page) -> String {
        let isWell = !page.findings.contains { $0.mark == .failed }
        return """
            <section><h1>\(HTMLText.escaped(page.peer))</h1>
            <p class="sub">\(HTMLText.escaped((page.callingAETitle.map { "as \($0), " } ?? "") + page.time))</p>
            <p class="verdict \(isWell ? "passed" : "failed")">\(HTMLText.escaped(page.summary))</p>
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

    private static let style = """
        :root{color-scheme:light dark}
        body{font:15px/1.45 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.4rem;margin:0}.sub,footer{margin:.2rem 0 1rem}section{margin-bottom:3rem}
        .sub,footer,.time,.skipped,.checks>thead th{color:#6a737d}
        .verdict{font-weight:600;padding:.6rem .8rem;background:#f3f5f7;border-left:.3rem solid #1a7f37}
        .verdict.failed{border-color:#b3261e}
        table.checks{border-collapse:collapse;width:100%}
        .checks>thead th{text-align:left;font-weight:400;font-size:.85rem}
        .checks>tbody>tr>*{border-top:1px solid #d5dae0;padding:.5rem .6rem .5rem 0;text-align:left;vertical-align:top}
        .mark{font-weight:700;white-space:nowrap}.time{white-space:nowrap;text-align:right!important}
        .passed .mark{color:#1a7f37}.noted .mark{color:#9a6700}.failed .mark{color:#b3261e}.skipped th{font-weight:400}
        .remedy{margin:.4rem 0 0;padding-left:.7rem;border-left:.2rem solid #9a6700}.failed .remedy{border-color:#b3261e}
        pre{white-space:pre-wrap;font-size:.85rem;margin:.4rem 0 0}
        svg{display:block;margin-top:.5rem;max-width:100%}svg rect{fill:#4078c0}svg text{fill:#6a737d;font-size:11px}
        .grid{border-collapse:collapse;margin-top:.5rem;font-size:.8rem}
        .grid th,.grid td{border:1px solid #d5dae0;padding:.15rem .4rem;text-align:center}
        .grid th[scope=row]{text-align:left;font-weight:400}
        .grid thead th{writing-mode:vertical-rl;transform:rotate(180deg);font-weight:400;text-align:left;max-height:13rem}
        .grid .yes{background:#1a7f37;color:#fff}
        @media screen and (prefers-color-scheme:dark){
        body{color:#e4e8ec;background:#15191e}.verdict{background:#1e242b;border-color:#57c46f}
        .sub,footer,.time,.skipped,.checks>thead th{color:#98a2ad}
        .checks>tbody>tr>*,.grid th,.grid td{border-color:#343c45}
        .passed .mark{color:#57c46f}.noted .mark{color:#e0b040}.failed .mark{color:#ff7b72}
        .remedy{border-color:#e0b040}.failed .remedy,.verdict.failed{border-color:#ff7b72}
        svg rect{fill:#6ea8fe}svg text{fill:#98a2ad}.grid .yes{background:#57c46f;color:#15191e}}
        @media print{body{margin:0;max-width:none;font-size:11pt}tr,svg{break-inside:avoid}
        section{break-after:page}section:last-of-type{break-after:auto}
        .grid .yes{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
        """
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
        let longest = max(times.max() ?? 0, 1e-9)
        let (step, height) = (28, 60)
        var text =
            "<svg role=\"img\" aria-label=\"times of the echoes\" width=\"\(times.count * step + 90)\" height=\"\(height + 18)\">"
        for (index, time) in times.enumerated() {
            let size = max(1, Int((time / longest * Double(height)).rounded()))
            text +=
                "<rect x=\"\(index * step)\" y=\"\(height - size)\" width=\"\(step - 8)\" height=\"\(size)\">"
                + "<title>\(Quantity.milliseconds(seconds: time)) ms</title></rect>"
                + "<text x=\"\(index * step + 6)\" y=\"\(height + 14)\">\(index + 1)</text>"
        }
        let words = "\(Quantity.milliseconds(seconds: longest)) ms"
        return text + "<text x=\"\(times.count * step + 6)\" y=\"11\">\(words)</text></svg>"
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
