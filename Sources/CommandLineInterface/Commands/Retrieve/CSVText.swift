/// Comma-separated values (RFC 4180), both ways: fields in double quotes may hold commas, quotes (doubled) and line ends.
/// Spreadsheets separate by semicolons or tabs, too, which are read and not written.
enum CSVText {
    struct Record {
        /// The line on which it begins, from 1.
        let number: Int
        let fields: [String]
    }

    /// A quote that is never closed: all that follows would pass for one field.
    struct UnclosedQuote: Error {
        let line: Int
    }

    /// All records but empty lines. White space around a field that is not quoted does not belong to it.
    static func records(
        _ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")
    ) throws(UnclosedQuote) -> [Record] {
        var result: Result<[Record], UnclosedQuote> = .success([])
        bytes.withUnsafeBufferPointer { bytes in
            result = Result { () throws(UnclosedQuote) in
                var scanner = Scanner(bytes, separator: separator)
                return try scanner.records()
            }
        }
        return try result.get()
    }

    /// The separator of the first line that is not empty: the one of tab, semicolon and comma that stands there most
    /// often outside of quotes.
    static func separator(of bytes: [UInt8]) -> UInt8 {
        let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
        var counts = [0, 0, 0]
        var isQuoted = false
        var hasContent = false
        for byte in bytes {
            if byte == UInt8(ascii: "\n"), !isQuoted, hasContent { break }
            if byte > 0x20 { hasContent = true }
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            guard !isQuoted, let index = candidates.firstIndex(of: byte) else { continue }
            counts[index] += 1
        }
        let most = counts.max() ?? 0
        return counts.firstIndex(of: most).map { candidates[$0] } ?? candidates[0]
    }

    /// Reads field by field: most are copied from where they stand in one piece.
    private struct Scanner {
        private static let quote = UInt8(ascii: "\"")
        private static let lineFeed = UInt8(ascii: "\n")
        private static let carriageReturn = UInt8(ascii: "\r")

        private let bytes: UnsafeBufferPointer<UInt8>
        private let separator: UInt8
        private var position = 0
        private var line = 1

        init(_ bytes: UnsafeBufferPointer<UInt8>, separator: UInt8) {
            self.bytes = bytes
            self.separator = separator
        }

        mutating func records() throws(UnclosedQuote) -> [Record] {
            var records: [Record] = []
            var columns = 0
            while position < bytes.count {
                let start = line
                var fields: [String] = []
                fields.reserveCapacity(columns)
                var isEmpty = true
                while true {
                    let (text, wasQuoted) = try field()
                    fields.append(text)
                    isEmpty = isEmpty && !wasQuoted && text.utf8.allSatisfy { $0 <= 0x20 }
                    guard position < bytes.count, bytes[position] == separator else { break }
                    isEmpty = false
                    position += 1
                }
                if position < bytes.count {
                    position += 1
                    line += 1
                }
                if !isEmpty { records.append(Record(number: start, fields: fields)) }
                columns = fields.count
            }
            return records
        }

        /// The next field, up to its separator, the end of its line or of the text.
        private mutating func field() throws(UnclosedQuote) -> (text: String, wasQuoted: Bool) {
            while position < bytes.count, bytes[position] != separator,
                Self.isBlank(bytes[position]) || bytes[position] == Self.carriageReturn
            {
                position += 1
            }
            if position < bytes.count, bytes[position] == Self.quote { return (try quotedField(), true) }
            let start = position
            var end = position
            var hasReturn = false
            while position < bytes.count {
                let byte = bytes[position]
                if byte == separator || byte == Self.lineFeed { break }
                position += 1
                if byte == Self.carriageReturn {
                    hasReturn = true
                } else if !Self.isBlank(byte) {
                    end = position
                }
            }
            let content = UnsafeBufferPointer(rebasing: bytes[start..<end])
            guard hasReturn, content.contains(Self.carriageReturn) else {
                return (String(decoding: content, as: UTF8.self), false)
            }
            return (String(decoding: content.filter { $0 != Self.carriageReturn }, as: UTF8.self), false)
        }

        /// A field in quotes: a doubled quote stands for one, and what follows the last one belongs to the field, white space
        /// left out.
        private mutating func quotedField() throws(UnclosedQuote) -> String {
            let first = line
            var content: [UInt8] = []
            position += 1
            var isClosed = false
            while position < bytes.count, !isClosed {
                let byte = bytes[position]
                position += 1
                if byte == Self.lineFeed { line += 1 }
                if byte != Self.quote {
                    content.append(byte)
                } else if position < bytes.count, bytes[position] == Self.quote {
                    content.append(byte)
                    position += 1
                } else {
                    isClosed = true
                }
            }
            guard isClosed else { throw UnclosedQuote(line: first) }
            while position < bytes.count, bytes[position] != separator, bytes[position] != Self.lineFeed {
                let byte = bytes[position]
                if byte != Self.carriageReturn, !Self.isBlank(byte) { content.append(byte) }
                position += 1
            }
            return String(decoding: content, as: UTF8.self)
        }

        private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    }

    /// The value of a field before which an apostrophe keeps spreadsheets from taking it for a formula, as the CSV of a query has.
    static func withoutApostrophe(_ field: String) -> String {
        let bytes = field.utf8
        guard bytes.first == UInt8(ascii: "'"), let next = bytes.dropFirst().first,
            [UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), UInt8(ascii: "'")].contains(
                next)
        else { return field }
        return String(field.dropFirst())
    }

    static func line(_ fields: [String]) -> String {
        var bytes: [UInt8] = []
        append(fields, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the line with its line feed.
    static func append(_ fields: [String], to bytes: inout [UInt8]) {
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: quoted(field).utf8)
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func quoted(_ field: String) -> String {
        // Beyond ASCII, too, there are characters that end a line (U+0085, U+2028, U+2029).
        let isPlain = field.utf8.allSatisfy {
            $0 >= 0x20 && $0 < 0x80 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\"")
        }
        guard !isPlain, field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
