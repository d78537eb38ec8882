import DICOM
package import DICOMNode

/// A request over HTTP to the services below a base URL.
package struct HTTPRequest {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    package let method: Method
    /// What follows the base URL: `/studies?limit=1`.
    package let target: String
    /// The base URL, where it is not that of the client.
    package var base: WebAddress?
    package var headers: [(name: String, value: String)] = []
    package var body: (any RequestBody)?
    /// False if the server may have done by it what is not to be done twice: a body that has gone wholly is not sent again before
    /// somebody has asked what became of it.
    var isRepeatable = true

    package init(_ method: Method, _ target: String, at base: WebAddress? = nil, accept: String) {
        self.method = method
        self.base = base
        self.target = target
        headers = [("Accept", accept)]
    }

    /// For messages: without the values of a query, which are of patients.
    package var name: String { "\(method.rawValue) \(base?.description ?? "")\(target.prefix { $0 != "?" })" }
}

/// The bytes that a request sends, read when the connection takes them, and once more where it has to be sent again.
package protocol RequestBody: AnyObject {
    var length: UInt64 { get }

    /// Goes back to the first byte.
    func rewind()

    /// Reads the next bytes; 0 at the end.
    ///
    /// - Throws: `AssociationError` if they cannot be read: the request is given up.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AssociationError) -> Int
}

/// A short body.
final class BytesBody: RequestBody {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var length: UInt64 { UInt64(bytes.count) }

    func rewind() { offset = 0 }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AssociationError) -> Int {
        let count = min(buffer.count, bytes.count - offset)
        buffer.copyBytes(from: bytes[offset..<(offset + count)])
        offset += count
        return count
    }
}

/// Takes the body of an answer of success while it arrives.
package protocol ResponseReader: AnyObject {
    /// The head is there, and the body follows.
    ///
    /// - Throws: `AssociationError` if the body is of no use: it is not read.
    func begin(_ head: HTTPHead) throws(AssociationError)

    /// Takes the next bytes.
    ///
    /// - Throws: `AssociationError` if they are not what they should be: no more are read.
    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError)

    /// True once the rest of the body is of no use: it is not read, and that is no failure.
    var needsNoMore: Bool { get }
}

extension ResponseReader {
    package var needsNoMore: Bool { false }
}

/// Status and header fields of an answer.
package struct HTTPHead: Sendable {
    package internal(set) var status = 0
    /// `HTTP/1.1`, `HTTP/2`.
    package private(set) var version = ""
    /// The names in lower case.
    private var fields: [(name: String, value: String)] = []
    private var length = 0

    /// In bytes, and in lines: an endless head ends the exchange.
    private static let maximumLength = 64 * 1024
    private static let maximumFields = 200

    package init() {}

    /// Takes a line of the head; a status line begins another head. Returns false if it is too long.
    mutating func accept(line: UnsafeRawBufferPointer) -> Bool {
        length += line.count
        guard length <= Self.maximumLength, fields.count < Self.maximumFields else { return false }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            fields = []
            // What came before was an interim answer, which counts as well: there may be no end of them.
            let parts = text.split(separator: " ", maxSplits: 2)
            version = String(parts.first?.prefix(8) ?? "")
            status = parts.dropFirst().first.flatMap { Int($0.prefix(3)) } ?? 0
        } else if let colon = text.firstIndex(of: ":") {
            let value = text[text.index(after: colon)...].trimmedOfSpace
            fields.append((text[..<colon].lowercased(), String(value)))
        }
        return true
    }

    /// The first field of a name in lower case.
    package func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// All fields of a name in lower case.
    package func fields(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// All fields, the names in lower case.
    package var all: [(name: String, value: String)] { fields }

    /// The media type of the body.
    package var mediaType: MediaType { MediaType(field("content-type") ?? "") }

    /// The seconds of Retry-After, which is a number or a date; nil if there is none.
    func retryAfter(now: Int64) -> Double? {
        guard let text = field("retry-after") else { return nil }
        if let seconds = Int(text), seconds >= 0 { return Double(min(seconds, Self.longestPause)) }
        guard let date = HTTPDate.seconds(text) else { return nil }
        return Double(min(max(date - now, 0), Int64(Self.longestPause)))
    }

    /// A server that wants to be left alone for longer is asked no more.
    private static let longestPause = 3600
}

/// A date of HTTP in its usual form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
enum HTTPDate {
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil for another form.
    static func seconds(_ text: String) -> Int64? {
        let parts = text.split { " ,:".contains($0) }
        guard parts.count == 8, parts[7] == "GMT", let day = Int64(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(where: { $0 == parts[2] }), let year = Int64(parts[3]),
            (1970...9999).contains(year), let hour = Int64(parts[4]), (0...23).contains(hour),
            let minute = Int64(parts[5]), (0...59).contains(minute), let second = Int64(parts[6]),
            (0...60).contains(second)
        else { return nil }
        // Days of the civil calendar: years that begin in March have their leap day at the end.
        let moved = Int64(month) + 1 > 2 ? year : year - 1
        let era = moved / 400
        let yearOfEra = moved - era * 400
        let monthOfYear = (Int64(month) + 10) % 12
        let dayOfYear = (153 * monthOfYear + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era * 146_097 + dayOfEra - 719_468) * 86_400 + hour * 3600 + minute * 60 + second
    }
}

/// A media type with its parameters, RFC 9110 8.3.1.
package struct MediaType: Sendable, Equatable {
    /// `type/subtype` in lower case.
    package let name: String
    private let parameters: [(name: String, value: String)]

    package init(_ text: String) {
        var parts = text.divided(at: ";")[...]
        name = (parts.popFirst() ?? "").lowercased()
        parameters = parts.compactMap { part in
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let value = part[part.index(after: equals)...].trimmedOfSpace
            return (part[..<equals].trimmedOfSpace.lowercased(), Self.unquoted(value))
        }
    }

    package static func == (left: MediaType, right: MediaType) -> Bool {
        left.name == right.name && left.parameters.elementsEqual(right.parameters) { $0 == $1 }
    }

    /// The value of a parameter, named in lower case, without its quotation marks.
    package func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return String(text) }
        var value = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                value.append(character)
                isEscaped = false
            }
        }
        return value
    }
}

extension String {
    /// The parts between the separators outside of quotation marks, without white space around them.
    func divided(at separator: Character) -> [Substring] {
        var parts: [Substring] = []
        var (start, isQuoted, isEscaped) = (startIndex, false, false)
        for index in indices {
            let character = self[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == separator, !isQuoted {
                parts.append(self[start..<index].trimmedOfSpace)
                start = self.index(after: index)
            }
        }
        return parts + [self[start...].trimmedOfSpace]
    }
}

extension StringProtocol {
    /// Without the white space at both ends.
    var trimmedOfSpace: Substring {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }
}

/// What a server says about a failure: JSON of Orthanc's or dcm4chee's, HTML of a proxy, or text.
package enum ErrorPage {
    /// The most that is shown, in characters.
    private static let maximumShown = 200

    /// The first line that tells something; nil if there is none. A page of HTML is told by its title.
    package static func text(_ body: [UInt8]) -> String? {
        let text = String(decoding: body.prefix(16 * 1024), as: UTF8.self)
        let shown =
            member(of: body) ?? (isHTML(body) ? title(text).map { "a page named \"\($0)\"" } : firstLine(text))
        guard let shown, !shown.isEmpty else { return nil }
        return String(shown.prefix(maximumShown))
    }

    /// True for HTML: a proxy or a web server speaks, and no archive.
    package static func isHTML(_ body: [UInt8]) -> Bool {
        let start = String(decoding: body.prefix(512), as: UTF8.self).lowercased()
        return start.contains("<html") || start.contains("<!doctype html")
    }

    private static func member(of body: [UInt8]) -> String? {
        guard let json = JSONObject.members(body) else { return nil }
        for key in ["Details", "errorMessage", "Message", "message", "error"] {
            if let text = json[key], !text.isEmpty { return text }
        }
        return nil
    }

    private static func title(_ text: String) -> String? {
        let lower = text.lowercased()
        guard let start = lower.firstRange(of: "<title>"),
            let end = lower[start.upperBound...].firstRange(of: "</title>")
        else { return nil }
        let length = lower.distance(from: start.upperBound, to: end.lowerBound)
        let skipped = lower.distance(from: lower.startIndex, to: start.upperBound)
        return String(text.dropFirst(skipped).prefix(length).trimmedOfSpace)
    }

    private static func firstLine(_ text: String) -> String? {
        text.split { $0.isNewline }.lazy.map { String($0.trimmedOfSpace) }.first { !$0.isEmpty }
    }
}
