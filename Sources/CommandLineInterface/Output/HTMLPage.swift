import DICOM

/// A file of HTML that needs nothing else, in light, in dark and on paper.
enum HTMLPage {
    /// The first bytes of every page of a kind, by which it is known when it is written again.
    static func start(_ kind: String) -> String { "<!DOCTYPE html>\n<!-- dcmscu: \(kind) -->\n" }

    /// The whole file.
    ///
    /// - Parameter body: markup.
    static func text(_ kind: String, title: String, body: String) -> [UInt8] {
        Array(
            """
            \(start(kind))<html lang="en"><head><meta charset="utf-8"><title>\(HTMLText.escaped(title))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <style>\(style)</style></head><body>
            \(body)<footer>dcmscu \(ImplementationIdentity.version)</footer></body></html>

            """.utf8)
    }

    /// The beginning of a section: its subject, what is said below it, and how it went.
    static func heading(_ title: String, _ below: String, verdict: String, isWell: Bool) -> String {
        """
        <h1>\(HTMLText.escaped(title))</h1>
        <p class="sub">\(HTMLText.escaped(below))</p>
        <p class="verdict \(isWell ? "passed" : "failed")">\(HTMLText.escaped(verdict))</p>

        """
    }

    /// A table of texts.
    ///
    /// - Parameter numbers: the columns whose cells stand at the right.
    static func table(_ head: [String], _ rows: [[String]], numbers: Set<Int> = []) -> String {
        func cells(_ row: [String]) -> String {
            row.enumerated().map { index, text in
                "<td\(numbers.contains(index) ? " class=\"number\"" : "")>\(HTMLText.escaped(text))</td>"
            }.joined()
        }
        let names = head.enumerated().map { index, text in
            "<th scope=\"col\"\(numbers.contains(index) ? " class=\"number\"" : "")>\(HTMLText.escaped(text))</th>"
        }
        return "<table class=\"checks values\"><thead><tr>\(names.joined())</tr></thead><tbody>"
            + rows.map { "<tr>\(cells($0))</tr>\n" }.joined() + "</tbody></table>\n"
    }

    /// A picture with a bar for each value, and the largest one in words.
    ///
    /// - Parameters:
    ///   - step: the pixels from one bar to the next.
    ///   - words: of a value.
    ///   - below: what stands below a bar; nil for nothing.
    static func bars(
        _ values: [Double], label: String, step: Int, words: (Double) -> String, below: (Int) -> String?
    ) -> String {
        let largest = max(values.max() ?? 0, 1e-9)
        let (height, gap) = (60, step > 12 ? 8 : 1)
        let width = values.count * step + 90
        var text =
            "<svg role=\"img\" aria-label=\"\(HTMLText.escaped(label))\" width=\"\(width)\" height=\"\(height + 18)\">"
        for (index, value) in values.enumerated() {
            let size = value > 0 ? max(1, Int((value / largest * Double(height)).rounded())) : 0
            text +=
                "<rect x=\"\(index * step)\" y=\"\(height - size)\" width=\"\(step - gap)\" height=\"\(size)\">"
                + "<title>\(HTMLText.escaped(words(value)))</title></rect>"
            if let below = below(index) {
                text += "<text x=\"\(index * step + gap - 2)\" y=\"\(height + 14)\">\(HTMLText.escaped(below))</text>"
            }
        }
        return text
            + "<text x=\"\(values.count * step + 6)\" y=\"11\">\(HTMLText.escaped(words(largest)))</text></svg>\n"
    }

    private static let style = """
        :root{color-scheme:light dark}
        body{font:15px/1.45 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:62rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
        .sub,footer{margin:.2rem 0 1rem}section{margin-bottom:3rem}
        .sub,footer,.time,.skipped,.checks>thead th{color:#6a737d}
        .verdict{font-weight:600;padding:.6rem .8rem;background:#f3f5f7;border-left:.3rem solid #1a7f37}
        .verdict.failed{border-color:#b3261e}
        table.checks{border-collapse:collapse;width:100%}
        .checks>thead th{text-align:left;font-weight:400;font-size:.85rem}
        .checks>tbody>tr>*{border-top:1px solid #d5dae0;padding:.5rem .6rem .5rem 0;text-align:left;vertical-align:top}
        .values td{overflow-wrap:anywhere}.checks .number{text-align:right!important;white-space:nowrap}
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
