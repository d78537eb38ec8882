import DICOM

/// The reason why a request is not answered with what it asks for: a status of HTTP, and words for a person.
package struct Refusal: Error, Sendable, Equatable {
    package let status: Int
    /// A sentence without its full stop, which goes into the answer.
    package let words: String
    /// Header fields that belong to the status, such as Allow.
    let fields: [HTTPField]

    package init(_ status: Int, _ words: String) { self.init(status, words, fields: []) }

    init(_ status: Int, _ words: String, fields: [HTTPField]) {
        self.status = status
        self.words = words
        self.fields = fields
    }
}

/// A header field that we send, or have received with its name in lower case.
struct HTTPField: Sendable, Equatable {
    let name: String
    let value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// Fields as they are sent, each with the end of its line. One that would be several lines is left out, whoever has written it.
    static func lines(_ fields: [HTTPField]) -> String {
        fields.lazy.filter { !($0.name + $0.value).utf8.contains { [0x0D, 0x0A, 0x00].contains($0) } }
            .map { "\($0.name): \($0.value)\r\n" }.joined()
    }
}

/// Request line and header fields (RFC 9112 3 and 5), read strictly: what two readers could understand in two ways is refused.
struct RequestHead: Sendable {
    /// The length of the body, RFC 9112 6.3.
    enum BodyLength: Sendable, Equatable {
        case none
        case bytes(UInt64)
        case chunked
    }

    let method: String
    let target: RequestTarget
    /// True for HTTP/1.0, which has neither chunks nor connections that stay.
    let isOld: Bool
    let body: BodyLength
    let expectsContinue: Bool
    let keepsAlive: Bool
    private let fields: [HTTPField]

    /// In bytes, with the empty line.
    static let maximumLength = 32 * 1024
    static let maximumFields = 100
    private static let maximumTarget = 16 * 1024
    private static let longestMethod = 20

    /// The host that the request is meant for, which a target in the form for proxies says in place of Host (RFC 9112 3.2.2); nil if
    /// it is left open.
    var host: String? { target.authority ?? field("host").flatMap { $0.isEmpty ? nil : $0 } }

    /// The first field of a name in lower case.
    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// All fields of a name in lower case as one list (RFC 9110 5.3); nil if there is none.
    func list(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// Reads a head, up to and with its empty line.
    ///
    /// - Throws: the reason why it is no request that is answered.
    init(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
        var lines = try Self.lines(bytes)[...]
        guard let line = lines.popFirst() else { throw Refusal(400, "the request has no first line") }
        let first = String(decoding: line, as: UTF8.self)
        let parts = first.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].utf8.count <= Self.longestMethod,
            parts[0].utf8.allSatisfy(Self.isTokenByte)
        else { throw Refusal(400, "the first line is not METHOD TARGET HTTP/1.1") }
        switch parts[2] {
        case "HTTP/1.1": isOld = false
        case "HTTP/1.0": isOld = true
        case let other where other.hasPrefix("HTTP/"):
            throw Refusal(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        default: throw Refusal(400, "the first line does not end in HTTP/1.1")
        }
        method = String(parts[0])
        guard parts[1].utf8.count <= Self.maximumTarget else { throw Refusal(414, "the URL is too long") }
        target = try RequestTarget(String(parts[1]))
        var found: [HTTPField] = []
        for line in lines { found.append(try Self.field(line)) }
        fields = found
        try Self.checkHost(found, isOld: isOld)
        body = try Self.bodyLength(found, isOld: isOld)
        switch found.filter({ $0.name == "expect" }).map({ $0.value.lowercased() }) {
        case []: expectsContinue = false
        case ["100-continue"]: expectsContinue = !isOld
        default: throw Refusal(417, "only Expect: 100-continue is known here")
        }
        let connection = found.filter { $0.name == "connection" }.flatMap { Self.tokens($0.value) }
        keepsAlive = !connection.contains("close") && (!isOld || connection.contains("keep-alive"))
    }

    /// The lines of a head without their ends and without the empty one.
    private static func lines(_ bytes: ArraySlice<UInt8>) throws(Refusal) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex
        var index = start
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == 0x0D {
                guard index + 1 < bytes.endIndex, bytes[index + 1] == 0x0A else {
                    throw Refusal(400, "a carriage return without its line feed")
                }
                guard lines.count <= maximumFields else {
                    throw Refusal(431, "more than \(maximumFields) header fields")
                }
                if index > start { lines.append(bytes[start..<index]) }
                start = index + 2
                index = start
                continue
            }
            // A line feed alone, and other control characters.
            guard !isControl(byte) else { throw Refusal(400, "a control character in the header") }
            index += 1
        }
        return lines
    }

    /// True for control characters, of which a line may have none but the tab.
    static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }

    /// A field of a header or a trailer. Only spaces and tabs belong to nobody (RFC 9110 5.6.3): what Unicode has of white space and of
    /// letters that look alike is read otherwise by the next reader.
    ///
    /// - Throws: 400 if the line is none.
    static func field(_ line: ArraySlice<UInt8>) throws(Refusal) -> HTTPField {
        guard let first = line.first, !isSpace(first) else {
            throw Refusal(400, "a header field goes on in a second line, which is obsolete")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw Refusal(400, "a header field without a colon")
        }
        guard colon > line.startIndex, line[..<colon].allSatisfy(isTokenByte) else {
            throw Refusal(400, "the name of a header field is none")
        }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        var value = line[(colon + 1)...].drop(while: isSpace)
        while let last = value.last, isSpace(last) { value.removeLast() }
        guard !value.contains(where: isControl) else { throw Refusal(400, "a control character in the header") }
        guard !fieldsOfASCII.contains(name) || value.allSatisfy({ $0 < 0x80 }) else {
            throw Refusal(400, "a character in the header field \(name) that it cannot have")
        }
        return HTTPField(name, String(decoding: value, as: UTF8.self))
    }

    /// The fields that say where a request ends, and whether another one follows.
    private static let fieldsOfASCII: Set = [
        "connection", "content-length", "expect", "host", "trailer", "transfer-encoding",
    ]

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func checkHost(_ fields: [HTTPField], isOld: Bool) throws(Refusal) {
        let hosts = fields.filter { $0.name == "host" }.map(\.value)
        guard hosts.count == 1 || (isOld && hosts.isEmpty) else {
            throw Refusal(400, hosts.isEmpty ? "the header field Host is missing" : "Host is there more than once")
        }
        guard hosts.allSatisfy({ isHost($0) }) else { throw Refusal(400, "Host is no host") }
    }

    fileprivate static func isHost(_ text: some StringProtocol) -> Bool {
        text.utf8.count <= 255 && text.utf8.allSatisfy { isAlphanumeric($0) || hostMarks.contains($0) }
    }

    private static func bodyLength(_ fields: [HTTPField], isOld: Bool) throws(Refusal) -> BodyLength {
        let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
        let codings = fields.filter { $0.name == "transfer-encoding" }.map(\.value)
        guard lengths.isEmpty || codings.isEmpty else {
            throw Refusal(400, "Content-Length and Transfer-Encoding at once")
        }
        if let coding = codings.first {
            guard codings.count == 1, !isOld else { throw Refusal(400, "Transfer-Encoding is not understood") }
            guard coding.lowercased() == "chunked" else {
                throw Refusal(501, "of transfer encodings only chunked is known here")
            }
            return .chunked
        }
        guard let length = lengths.first else { return .none }
        guard lengths.count == 1, DecimalDigits.areAll(length), (1...18).contains(length.utf8.count),
            let bytes = UInt64(length)
        else { throw Refusal(400, "Content-Length is no number") }
        return .bytes(bytes)
    }

    private static func tokens(_ list: String) -> [String] {
        list.split(separator: ",").map { $0.trimmedOfSpace.lowercased() }
    }

    private static let hostMarks = Array("-._~:[]%".utf8)
    private static let tokenMarks = Array("!#$%&'*+-.^_`|~".utf8)

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    /// A character of a token, RFC 9110 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || tokenMarks.contains(byte) }
}

/// The path and the query of a request.
struct RequestTarget: Sendable, Equatable {
    /// The segments of the path, decoded; none for `/` and for `*`.
    let path: [String]
    /// The host and the port of a target in the form for proxies; nil in the usual form.
    let authority: String?
    /// As it stands, without its question mark.
    private let query: String

    /// - Throws: 400 if it is no path, or its encoding is none.
    init(_ text: String) throws(Refusal) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !text.contains("#") else {
            throw Refusal(400, "the URL has characters that it must have as %XX")
        }
        var rest = Substring(text)
        // The form for proxies, which every server has to take (RFC 9112 3.2.2).
        var authority: String?
        for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
            let named = rest.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
            guard !named.isEmpty, RequestHead.isHost(named) else { throw Refusal(400, "the URL has no host") }
            authority = String(named)
            rest = rest.dropFirst(scheme.count + named.count)
            if rest.first != "/" { rest = "/" + rest }
        }
        self.authority = authority
        guard rest.first == "/" || text == "*" else { throw Refusal(400, "the URL has no path") }
        let path = rest.prefix { $0 != "?" }
        query = String(rest.dropFirst(path.count + 1))
        var segments: [String] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            segments.append(try Self.decoded(segment))
        }
        // A slash at the end changes nothing.
        if segments.last == "" { segments.removeLast() }
        self.path = segments
    }

    /// The names and values of the query.
    ///
    /// - Parameter decodes: False to take values as they stand.
    /// - Throws: 400 if an encoding is none.
    func parameters(decodes: Bool = true) throws(Refusal) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        for part in query.split(separator: "&") {
            let name = part.prefix { $0 != "=" }
            let value = part.dropFirst(name.count + 1)
            found.append((try Self.decoded(name), decodes ? try Self.decoded(value) : String(value)))
        }
        return found
    }

    /// Percent-decoding, RFC 3986 2.1; a plus sign is one.
    private static func decoded(_ text: Substring) throws(Refusal) -> String {
        guard text.contains("%") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let decoded = Hexadecimal.bytes(String(decoding: rest.prefix(2), as: UTF8.self))
            else {
                throw Refusal(400, "a % of the URL is not followed by two hexadecimal digits")
            }
            bytes += decoded
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw Refusal(400, "the URL is not UTF-8 once it is decoded")
        }
        return text
    }
}
