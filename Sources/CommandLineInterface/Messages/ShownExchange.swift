import DICOM
import DICOMNode
import DICOMweb

/// An exchange over HTTP as it is shown in a capture or a transcript: secrets never, patient data as logs hide them.
struct ShownExchange {
    struct Body {
        let type: String
        let length: UInt64
        /// Nil if it is not shown.
        var text: String?
        /// What is left out, and why.
        var comment: String?
    }

    let record: HTTPRecord
    let url: String
    let fields: [(name: String, value: String)]
    let body: Body?
    let answerFields: [(name: String, value: String)]
    let answer: Body

    init(_ record: HTTPRecord, _ redaction: Redaction) {
        self.record = record
        url = Self.url(record.url, hides: redaction.isOn)
        fields = record.fields.filter { !$0.value.isEmpty }.map { Self.field($0, redaction) }
        body = record.body.map { Self.shown($0, redaction, isOfFailure: false) }
        answerFields = record.head.all.map { Self.field($0, redaction) }
        answer = Self.shown(record.answer, redaction, isOfFailure: record.head.status >= 300)
    }

    /// The parameters of the query with the values that are shown.
    var query: [(name: String, value: String)] { Self.parameters(url) }

    // MARK: URLs and header fields

    private static func parameters(_ url: String) -> [(name: String, value: String)] {
        guard let start = url.firstIndex(of: "?") else { return [] }
        return url[url.index(after: start)...].prefix { $0 != "#" }.split(separator: "&").map { part in
            let equals = part.firstIndex(of: "=") ?? part.endIndex
            return (String(part[..<equals]), String(part[equals...].dropFirst()))
        }
    }

    private static let plainParameters: Set<String> = [
        "limit", "offset", "includefield", "fuzzymatching", "since", "expand",
    ]

    /// A URL with the values that are shown. A parameter that is no attribute may be a secret, such as the signature of a URL that a
    /// redirect leads to, and is never shown; nor is a fragment.
    ///
    /// - Parameter hides: true if patient data are hidden.
    static func url(_ url: String, hides: Bool) -> String {
        let path = url.prefix { $0 != "?" && $0 != "#" }
        let fragment = url.contains("#") ? "#\(DataSet.hiddenValue)" : ""
        guard url[path.endIndex...].first == "?" else { return "\(path)\(fragment)" }
        let shown = parameters(url).map { name, value in
            "\(name)=\(isHidden(name, value, hides) ? DataSet.hiddenValue : value)"
        }
        return "\(path)?\(shown.joined(separator: "&"))\(fragment)"
    }

    /// True if the value of a parameter is not shown.
    private static func isHidden(_ name: String, _ value: String, _ hides: Bool) -> Bool {
        if plainParameters.contains(name.lowercased()) { return false }
        let last = name.split(separator: ".").last.map { String($0) } ?? ""
        let number = last.count == 8 ? UInt32(last, radix: 16).map { Tag($0) } : nil
        guard let tag = DataDictionary.tag(forKeyword: last) ?? number else { return true }
        guard hides else { return false }
        guard !value.isEmpty else { return true }
        var dataSet = DataSet()
        dataSet.set(tag, DataDictionary.vr(of: tag), "1")
        return dataSet.hidingPatientData != dataSet
    }

    /// The header fields that hold no secret: all others may.
    private static let plainFields: Set<String> = [
        "accept", "accept-encoding", "accept-ranges", "age", "allow", "cache-control", "connection",
        "content-disposition",
        "content-encoding", "content-language", "content-length", "content-type", "date", "expires", "host",
        "keep-alive",
        "last-modified", "mime-version", "pragma", "retry-after", "server", "strict-transport-security", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "vary", "via", "x-content-type-options",
    ]

    private static func field(_ field: (name: String, value: String), _ redaction: Redaction) -> (
        name: String, value: String
    ) {
        let name = field.name.lowercased()
        if plainFields.contains(name) { return field }
        switch name {
        case "location", "content-location": return (field.name, url(field.value, hides: redaction.isOn))
        // The scheme says what is wanted; the rest may be a challenge for one exchange.
        case "www-authenticate", "proxy-authenticate", "authorization", "proxy-authorization":
            let scheme = field.value.prefix { $0 != " " }
            return (field.name, "\(scheme.count < field.value.count ? scheme : "") \(DataSet.hiddenValue)")
        case "warning": return (field.name, redaction.peerText(field.value))
        default: return (field.name, DataSet.hiddenValue)
        }
    }

    // MARK: Bodies

    private static let secretWords = ["token", "secret", "passw", "assertion", "signature", "credential"]
    /// Of what is no DICOM, in bytes.
    private static let longestText = 4_096

    /// - Parameter isOfFailure: true for the words of a failure; of success, text that is no data set may be about patients.
    private static func shown(_ body: HTTPRecord.Body, _ redaction: Redaction, isOfFailure: Bool) -> Body {
        let name = body.type.name
        var shown = Body(type: name, length: body.length)
        guard body.length > 0 else { return shown }
        if name.hasSuffix("json"), let text = redaction.isOn ? MaskedJSON.text(of: body.beginning) : whole(body) {
            (shown.text, shown.comment) = (text, body.isWhole ? nil : cut(body, "matches that lie within"))
            return shown
        }
        let isText =
            name.hasPrefix("text/") || name.hasSuffix("json") || name.hasSuffix("xml") || name.hasSuffix("html")
        guard isText, !name.hasPrefix("multipart/") else {
            shown.comment = "\(Quantity.size(body.length)) of \(name.isEmpty ? "no media type" : name), not kept"
            return shown
        }
        guard isOfFailure || !redaction.isOn else {
            shown.comment = "\(Quantity.size(body.length)) of \(name), not kept: it may be about patients"
            return shown
        }
        let text = String(decoding: body.beginning.prefix(longestText), as: UTF8.self)
        let lower = text.lowercased()
        guard !secretWords.contains(where: { lower.contains($0) }) else {
            shown.comment = "\(Quantity.size(body.length)), not kept: it may hold a secret"
            return shown
        }
        shown.text = redaction.peerText(text)
        if body.length > UInt64(longestText) { shown.comment = cut(body, "what lies within") }
        return shown
    }

    private static func whole(_ body: HTTPRecord.Body) -> String? {
        let text = String(decoding: body.beginning, as: UTF8.self)
        return secretWords.contains(where: { text.lowercased().contains($0) }) ? nil : text
    }

    private static func cut(_ body: HTTPRecord.Body, _ what: String) -> String {
        "of \(Quantity.size(body.length)), \(what) the first \(Quantity.size(UInt64(body.beginning.count)))"
    }

    // MARK: Text

    /// As lines of text: what was sent behind `>`, what came behind `<`.
    var lines: [String] {
        var lines = ["> \(record.method) \(url)"]
        lines += fields.map { "> \($0.name): \($0.value)" }
        if let body { lines += Self.lines(body, ">") }
        guard record.head.status > 0 else { return lines + ["< no answer"] }
        let time = Quantity.milliseconds(seconds: record.timings.answer)
        lines.append("< \(record.head.version) \(record.head.status), after \(time) ms")
        lines += answerFields.map { "< \($0.name): \($0.value)" }
        return lines + Self.lines(answer, "<")
    }

    private static func lines(_ body: Body, _ mark: String) -> [String] {
        let text = (body.text ?? "").split { $0.isNewline }.map { "\(mark)   \($0)" }
        return text + (body.comment.map { ["\(mark)   (\($0))"] } ?? [])
    }

    // MARK: HAR

    /// An entry of HAR 1.2.
    var entry: JSONValue {
        let timings = record.timings
        let waited = max(0, timings.answer)
        let security = timings.security ?? 0
        let total = max(record.seconds, timings.lookup + timings.connect + security + waited)
        let rest = total - timings.lookup - timings.connect - security - waited
        var members: [(String, JSONValue)] = [
            (
                "startedDateTime",
                .string(LogTime.text(seconds: record.time.seconds, nanoseconds: record.time.nanoseconds))
            ),
            ("time", Self.milliseconds(total)), ("request", request), ("response", response), ("cache", .object([])),
            (
                "timings",
                .object([
                    ("dns", Self.milliseconds(timings.lookup)),
                    ("connect", Self.milliseconds(timings.connect + security)),
                    ("ssl", timings.security.map(Self.milliseconds) ?? .number(-1)), ("send", .number(0)),
                    ("wait", Self.milliseconds(waited)), ("receive", Self.milliseconds(max(0, rest))),
                ])
            ),
        ]
        if record.head.status == 0 { members.append(("comment", .string("no answer came"))) }
        return .object(members)
    }

    private static func milliseconds(_ seconds: Double) -> JSONValue {
        .number(Decimal.rounded(seconds * 1e3, digits: 3))
    }

    private static func list(_ pairs: [(name: String, value: String)]) -> JSONValue {
        .array(pairs.map { .object([("name", .string($0.name)), ("value", .string($0.value))]) })
    }

    private var request: JSONValue {
        var members: [(String, JSONValue)] = [
            ("method", .string(record.method)), ("url", .string(url)),
            ("httpVersion", .string(record.head.version)), ("cookies", .array([])), ("headers", Self.list(fields)),
            ("queryString", Self.list(query)), ("headersSize", .number(-1)),
            ("bodySize", .number(record.body?.length ?? 0)),
        ]
        if let body {
            members.append(
                (
                    "postData",
                    .object(
                        [("mimeType", .string(body.type)), ("params", .array([])), ("text", .string(body.text ?? ""))]
                            + Self.comment(body))
                ))
        }
        return .object(members)
    }

    private var response: JSONValue {
        let location = answerFields.first { $0.name == "location" }?.value ?? ""
        let content: [(String, JSONValue)] = [
            ("size", .number(answer.length)), ("mimeType", .string(answer.type)),
        ]
        return .object([
            ("status", .number(record.head.status)),
            ("statusText", .string(Self.meaning(of: record.head.status))),
            ("httpVersion", .string(record.head.version)), ("cookies", .array([])),
            ("headers", Self.list(answerFields)),
            (
                "content",
                .object(content + (answer.text.map { [("text", .string($0))] } ?? []) + Self.comment(answer))
            ),
            ("redirectURL", .string(location)), ("headersSize", .number(-1)), ("bodySize", .number(answer.length)),
        ])
    }

    /// The words for a status, those of success as RFC 9110 15.3 has them; none without an answer.
    static func meaning(of status: Int) -> String {
        switch status {
        case ..<200: ""
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 203: "Non-Authoritative Information"
        case 204: "No Content"
        case 205: "Reset Content"
        case 206: "Partial Content"
        case 207..<300: "success"
        default: WebError.meaning(of: status)
        }
    }

    private static func comment(_ body: Body) -> [(String, JSONValue)] {
        body.comment.map { [("comment", .string($0))] } ?? []
    }
}
