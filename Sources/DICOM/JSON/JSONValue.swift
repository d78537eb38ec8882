/// A value of JSON and the line on which it begins, so that whoever reads a configuration can name the place of a mistake.
package struct JSONValue: Sendable, Equatable {
    package let content: Content
    /// Counted from 1; 0 for a value that was never text.
    package let line: Int

    package enum Content: Sendable, Equatable {
        case null
        case bool(Bool)
        /// As it is spelt, since a number need not fit any type: `1.10` and 2^70 stay what they are.
        case number(String)
        case string(String)
        case array([JSONValue])
        /// In the order of the text; no key twice.
        case object([Member])
    }

    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSONValue
        /// The line of the key, which may be another than that of the value.
        package let line: Int

        package init(_ key: String, _ value: JSONValue, line: Int = 0) {
            self.key = key
            self.value = value
            self.line = line
        }

        package static func == (left: Member, right: Member) -> Bool {
            left.key == right.key && left.value == right.value
        }
    }

    package init(_ content: Content, line: Int = 0) {
        self.content = content
        self.line = line
    }

    /// The place where a value was read makes no difference.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        left.content == right.content
    }

    /// Reads one value with nothing but white space around it.
    ///
    /// - Throws: a `JSONError` with the line if the text is anything else or exceeds the limits.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
        var parser = try JSONParser(bytes, limits: limits)
        return try parser.parseOnly()
    }
}

extension JSONValue {
    package static let null = JSONValue(.null)
    package static func bool(_ value: Bool) -> JSONValue { JSONValue(.bool(value)) }
    package static func string(_ value: String) -> JSONValue { JSONValue(.string(value)) }
    package static func number(_ value: some FixedWidthInteger) -> JSONValue { JSONValue(.number(String(value))) }
    package static func array(_ values: [JSONValue]) -> JSONValue { JSONValue(.array(values)) }
    package static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        JSONValue(.object(members.map { Member($0.0, $0.1) }))
    }

    /// A number; NaN and the infinities, which JSON lacks, become null.
    package static func number(_ value: Double) -> JSONValue {
        guard value.isFinite else { return .null }
        var text: [UInt8] = []
        ASCIIText.append(value, to: &text)
        return JSONValue(.number(String(decoding: text, as: UTF8.self)))
    }

    package var isNull: Bool { content == .null }

    package var bool: Bool? {
        guard case .bool(let value) = content else { return nil }
        return value
    }

    package var string: String? {
        guard case .string(let value) = content else { return nil }
        return value
    }

    /// A number that is whole and fits.
    package var integer: Int? {
        guard case .number(let text) = content else { return nil }
        return Int(text)
    }

    package var double: Double? {
        guard case .number(let text) = content else { return nil }
        return Double(text)
    }

    package var array: [JSONValue]? {
        guard case .array(let values) = content else { return nil }
        return values
    }

    package var members: [Member]? {
        guard case .object(let members) = content else { return nil }
        return members
    }

    /// The value of a key; nil too where this is no object.
    package subscript(key: String) -> JSONValue? {
        members?.first { $0.key == key }?.value
    }
}

extension JSONValue {
    package var kind: Kind {
        switch content {
        case .null: .null
        case .bool: .bool
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    /// What a value is; described in words for a message.
    package enum Kind: Sendable, CustomStringConvertible {
        case null, bool, number, string, array, object

        package var description: String {
            switch self {
            case .null: "null"
            case .bool: "true or false"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        }
    }
}

extension JSONValue {
    /// Appends the value as text on one line, without a line feed behind it.
    package func append(to output: inout [UInt8]) {
        switch content {
        case .null: ASCIIText.append("null", to: &output)
        case .bool(let value): ASCIIText.append(value ? "true" : "false", to: &output)
        case .number(let text): output.append(contentsOf: text.utf8)
        case .string(let text): JSONText.appendString(text, to: &output)
        case .array(let values):
            output.append(0x5B)
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(0x2C) }
                value.append(to: &output)
            }
            output.append(0x5D)
        case .object(let members):
            output.append(0x7B)
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(0x2C) }
                JSONText.appendString(member.key, to: &output)
                output.append(0x3A)
                member.value.append(to: &output)
            }
            output.append(0x7D)
        }
    }

    /// Appends a key of an object and the colon behind it.
    ///
    /// - Parameter key: of letters and digits alone, which are never escaped.
    package static func appendKey(_ key: String, to output: inout [UInt8]) {
        output.append(0x22)
        output.append(contentsOf: key.utf8)
        ASCIIText.append("\":", to: &output)
    }

    package func serialized() -> [UInt8] {
        var output: [UInt8] = []
        append(to: &output)
        return output
    }
}

/// The reason why a text is not JSON (RFC 8259), and its line.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// Counted from 1.
    package let line: Int
    package let detail: String

    package enum Code: Sendable, Equatable {
        case unexpectedEnd
        case unexpectedCharacter
        case invalidNumber
        case invalidString
        case invalidEscape
        case invalidUTF8
        case duplicateKey
        case nestingTooDeep
        case tooLong
        case tooManyValues
    }

    package var description: String { "line \(line): \(detail)" }
}

/// The limits beyond which a text is refused.
package struct JSONLimits: Sendable, Equatable {
    /// In bytes. A whole answer with pixels inline is far above what this program needs to read.
    package var maximumLength = 256 << 20
    /// A data set takes three levels for each level of its sequences, which are limited to 64; and the parser calls itself
    /// once a level, which has to fit the stack of a thread.
    package var maximumDepth = 200
    /// Each value takes some 64 bytes of memory, though it may take only two of text.
    package var maximumValues = 8 << 20

    package static let standard = JSONLimits()

    package init() {}
}
