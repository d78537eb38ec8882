/// Comma-separated values (RFC 4180), both ways: fields in double quotes may hold commas, quotes (doubled) and line ends.
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

    /// All records but empty lines.
    static func records(_ bytes: [UInt8]) throws(UnclosedQuote) -> [Record] {
        var records: [Record] = []
        var fields: [String] = []
        var field: [UInt8] = []
        var line = 1
        var start = 1
        var quoted = 1
        var isQuoted = false
        var wasQuoted = false
        func text() -> String {
            let text = String(decoding: field, as: UTF8.self)
            return wasQuoted
                ? text
                : String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
        func endField() {
            fields.append(text())
            field.removeAll(keepingCapacity: true)
            wasQuoted = false
        }
        func endRecord() {
            let isEmpty = fields.isEmpty && field.allSatisfy { $0 <= 0x20 } && !wasQuoted
            if isEmpty {
                field.removeAll()
            } else {
                endField()
                records.append(Record(number: start, fields: fields))
                fields.removeAll()
            }
        }
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\n") { line += 1 }
            if isQuoted {
                guard byte == UInt8(ascii: "\"") else {
                    field.append(byte)
                    continue
                }
                if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                    field.append(byte)
                    index += 1
                } else {
                    isQuoted = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\"") where field.isEmpty:
                isQuoted = true
                wasQuoted = true
                quoted = line
            case UInt8(ascii: ","): endField()
            case UInt8(ascii: "\n"):
                endRecord()
                start = line
            case UInt8(ascii: "\r"): break
            default: field.append(byte)
            }
        }
        guard !isQuoted else { throw UnclosedQuote(line: quoted) }
        endRecord()
        return records
    }

    static func line(_ fields: [String]) -> String { fields.map(quoted).joined(separator: ",") + "\n" }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
