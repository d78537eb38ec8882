import DICOM
import DICOMProtocol

/// The page for a person: what the archive holds, as plain HTML.
struct ArchivePage {
    let archive: any WebArchive

    private static let studiesOfPage = 100
    private static let seriesOfPage = 1000
    /// No archive has more studies.
    private static let maximumOffset = 1_000_000_000

    /// - Returns: what was answered, for the log.
    /// - Throws: `.refused` for a page that there is not, otherwise the error of the connection.
    func answer(
        _ parameters: [(name: String, value: String)], _ response: ResponseWriter
    ) throws(ExchangeFailure) -> String {
        let study = parameters.first { $0.name == "study" }.map { UID($0.value) }
        let offset = parameters.first { $0.name == "offset" }.map { Int($0.value) ?? -1 } ?? 0
        guard (0...Self.maximumOffset).contains(offset), study?.isValid != false else {
            throw .refused(Refusal(400, "no such page"))
        }
        var page = Page(title: archive.title)
        if let study {
            try appendSeries(of: study, to: &page)
        } else {
            try appendStudies(from: offset, to: &page)
        }
        let fields = [
            HTTPField("Content-Type", "text/html; charset=utf-8"), HTTPField("X-Content-Type-Options", "nosniff"),
            HTTPField(
                "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            HTTPField("Referrer-Policy", "no-referrer"), HTTPField("Cache-Control", "no-store"),
        ]
        try response.send(200, fields, page.bytes)
        return "the page"
    }

    private func appendStudies(from offset: Int, to page: inout Page) throws(ExchangeFailure) {
        let counts = archive.counts
        page.append(
            "<p>\(Self.count(counts.patients, "patient")), \(Self.count(counts.studies, "study", "studies")), "
                + "\(Self.count(counts.series, "series", "series")), \(Self.count(counts.instances, "instance")).</p>")
        guard counts.studies > 0 else { return }
        var rows: [[Page.Cell]] = []
        try matches(.study, study: nil, including: "StudyDescription", from: offset, Self.studiesOfPage) { match in
            let uid = match.string(.studyInstanceUID) ?? ""
            rows.append([
                .text(match, .patientName), .text(match, .patientID), .text(match, .studyDate),
                .link(Self.text(match, .studyDescription), empty: uid, to: "/?study=\(uid)"),
                .text(match, .modalitiesInStudy), .text(match, .numberOfStudyRelatedSeries),
                .text(match, .numberOfStudyRelatedInstances),
            ])
        }
        page.appendTable(["Patient", "Patient ID", "Date", "Study", "Modalities", "Series", "Instances"], rows)
        let next = offset + rows.count
        if !rows.isEmpty, next < counts.studies {
            page.append("<p><a href=\"/?offset=\(next)\">more studies, from number \(next + 1) on</a></p>")
        }
        if offset > 0 { page.append("<p><a href=\"/\">the first studies</a></p>") }
        page.append("<p>DICOMweb: the base URL is that of this page, <code>/studies</code> lists the studies.</p>")
    }

    private func appendSeries(of study: UID, to page: inout Page) throws(ExchangeFailure) {
        var rows: [[Page.Cell]] = []
        try matches(.series, study: study, including: "SeriesDescription", from: 0, Self.seriesOfPage) { match in
            rows.append([
                .text(match, .seriesNumber), .text(match, .modality), .text(match, .seriesDescription),
                .text(match, .numberOfSeriesRelatedInstances), .text(match, .seriesInstanceUID),
            ])
        }
        guard !rows.isEmpty else { throw .refused(Refusal(404, "no study \(study) here")) }
        page.append("<p>Study \(study)</p>")
        page.appendTable(["Number", "Modality", "Series", "Instances", "Series Instance UID"], rows)
        if rows.count == Self.seriesOfPage {
            page.append("<p>Only the first \(Self.seriesOfPage) series are shown.</p>")
        }
        page.append("<p><a href=\"/\">all studies</a></p>")
    }

    private func matches(
        _ level: QueryLevel, study: UID?, including field: String, from offset: Int, _ limit: Int,
        _ body: (DataSet) -> Void
    ) throws(ExchangeFailure) {
        var number = 0
        do throws(Refusal) {
            let search = try SearchRequest(level, study: study, series: nil, [("includefield", field)])
            try archive.search(search.identifier, includesAll: false).forEachMatch { match in
                if number >= offset { body(match) }
                number += 1
                return number - offset < limit
            }
        } catch {
            throw .refused(error)
        }
    }

    fileprivate static func text(_ match: DataSet, _ tag: Tag) -> String {
        guard let bytes = match.bytes(tag), let vr = match[tag]?.vr else { return "" }
        return SpecificCharacterSet(of: match).decodeValues(bytes, vr: vr).joined(separator: ", ")
    }

    private static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        "\(number) \(number == 1 ? one : many ?? one + "s")"
    }
}

/// A page of HTML, in which nothing of a data set is markup.
private struct Page {
    enum Cell {
        case plain(String)
        case linked(String, to: String)

        static func text(_ match: DataSet, _ tag: Tag) -> Cell { .plain(ArchivePage.text(match, tag)) }

        static func link(_ text: String, empty: String, to target: String) -> Cell {
            .linked(text.isEmpty ? empty : text, to: target)
        }
    }

    private var html: String

    init(title: String) {
        let title = HTMLText.escaped(title)
        html = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title)</title>
            <style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}\
            td,th{text-align:left;padding:.2em .8em;border-bottom:1px solid #ccc}</style></head>
            <body><h1>\(title)</h1>

            """
    }

    /// Takes markup.
    mutating func append(_ markup: String) { html += markup + "\n" }

    mutating func appendTable(_ headings: [String], _ rows: [[Cell]]) {
        html += "<table>\n<tr>" + headings.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
        for row in rows { html += "<tr>" + row.map { "<td>\(Self.markup($0))</td>" }.joined() + "</tr>\n" }
        html += "</table>\n"
    }

    var bytes: [UInt8] { Array((html + "</body></html>\n").utf8) }

    private static func markup(_ cell: Cell) -> String {
        switch cell {
        case .plain(let text): HTMLText.escaped(text)
        case .linked(let text, let target): "<a href=\"\(HTMLText.escaped(target))\">\(HTMLText.escaped(text))</a>"
        }
    }
}
