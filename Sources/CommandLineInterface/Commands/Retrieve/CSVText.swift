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
        var scanner = Scanner()
        for byte in bytes { scanner.take(byte, separator: separator) }
        return try scanner.finish()
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

    private struct Scanner {
        private var records: [Record] = []
        private var fields: [String] = []
        private var field: [UInt8] = []
        private var line = 1
        private var start = 1
        private var quoted = 1
        private var isQuoted = false
        private var wasQuoted = false
        /// The byte before was a quote inside of a quoted field: the end of it, or the first of two.
        private var mayEnd = false

        mutating func take(_ byte: UInt8, separator: UInt8) {
            if byte == UInt8(ascii: "\n") { line += 1 }
            if isQuoted {
                let isQuote = byte == UInt8(ascii: "\"")
                if mayEnd, !isQuote {
                    isQuoted = false
                } else {
                    if !isQuote || mayEnd { field.append(byte) }
                    mayEnd = isQuote && !mayEnd
                    return
                }
            }
            mayEnd = false
            switch byte {
            case UInt8(ascii: "\"") where field.allSatisfy(Self.isBlank) && !wasQuoted:
                field.removeAll(keepingCapacity: true)
                (isQuoted, wasQuoted, quoted) = (true, true, line)
            case separator: endField()
            case UInt8(ascii: "\n"):
                endRecord()
                start = line
            case UInt8(ascii: "\r"): break
            default: if !wasQuoted || !Self.isBlank(byte) { field.append(byte) }
            }
        }

        mutating func finish() throws(UnclosedQuote) -> [Record] {
            guard !isQuoted || mayEnd else { throw UnclosedQuote(line: quoted) }
            endRecord()
            return records
        }

        private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

        private mutating func endField() {
            var content = field[...]
            if !wasQuoted {
                while let first = content.first, Self.isBlank(first) { content.removeFirst() }
                while let last = content.last, Self.isBlank(last) { content.removeLast() }
            }
            fields.append(String(decoding: content, as: UTF8.self))
            field.removeAll(keepingCapacity: true)
            wasQuoted = false
        }

        private mutating func endRecord() {
            if fields.isEmpty, !wasQuoted, field.allSatisfy({ $0 <= 0x20 }) {
                field.removeAll(keepingCapacity: true)
                return
            }
            endField()
            records.append(Record(number: start, fields: fields))
            fields.removeAll(keepingCapacity: true)
        }
    }

    /// The value of a field before which an apostrophe keeps spreadsheets from taking it for a formula, as the CSV of a query has.
    static func withoutApostrophe(_ field: String) -> String {
        let rest = field.dropFirst()
        guard field.first == "'", let next = rest.first, "=+-@'".contains(next) else { return field }
        return String(rest)
    }

    static func line(_ fields: [String]) -> String { fields.map(quoted).joined(separator: ",") + "\n" }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
