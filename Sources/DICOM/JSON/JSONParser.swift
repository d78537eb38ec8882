/// Reads JSON text strictly by RFC 8259: no comments, no commas at the end, no key twice, UTF-8 and nothing else.
///
/// A byte order mark in front is passed over, as editors of Windows write it.
struct JSONParser {
    private let bytes: [UInt8]
    private let limits: JSONLimits
    private var index = 0
    private var line = 1
    private var depth = 0
    private var values = 0

    init(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
        self.bytes = bytes
        self.limits = limits
        guard bytes.count <= limits.maximumLength else {
            throw JSONError(code: .tooLong, line: 1, detail: "more than \(limits.maximumLength) bytes")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
    }

    /// The one value of the text.
    mutating func parseOnly() throws(JSONError) -> JSONValue {
        guard let value = try parseNext() else {
            throw error(.unexpectedEnd, "there is no value")
        }
        skipWhiteSpace()
        guard index == bytes.count else {
            throw error(.unexpectedCharacter, "there is more behind the end of the value")
        }
        return value
    }

    /// The next of several values with white space between them, as in JSON lines; nil at the end.
    mutating func parseNext() throws(JSONError) -> JSONValue? {
        skipWhiteSpace()
        return index == bytes.count ? nil : try parseValue()
    }

    private func error(_ code: JSONError.Code, _ detail: String) -> JSONError {
        JSONError(code: code, line: line, detail: detail)
    }

    private mutating func skipWhiteSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x0A: line += 1
            case 0x20, 0x09, 0x0D: break
            default: return
            }
            index += 1
        }
    }

    private mutating func parseValue() throws(JSONError) -> JSONValue {
        values += 1
        guard values <= limits.maximumValues else {
            throw error(.tooManyValues, "more than \(limits.maximumValues) values")
        }
        guard index < bytes.count else { throw error(.unexpectedEnd, "the text ends where a value is expected") }
        let line = line
        switch bytes[index] {
        case 0x7B:
            try open()
            defer { depth -= 1 }
            return JSONValue(.object(try parseMembers()), line: line)
        case 0x5B:
            try open()
            defer { depth -= 1 }
            return JSONValue(.array(try parseElements()), line: line)
        case 0x22: return JSONValue(.string(try parseString()), line: line)
        case 0x2D, 0x30...0x39: return JSONValue(.number(try parseNumber()), line: line)
        case 0x74: return JSONValue(try parseWord("true", .bool(true)), line: line)
        case 0x66: return JSONValue(try parseWord("false", .bool(false)), line: line)
        case 0x6E: return JSONValue(try parseWord("null", .null), line: line)
        default: throw unexpected("a value")
        }
    }

    private func unexpected(_ expected: String) -> JSONError {
        guard index < bytes.count else {
            return error(.unexpectedEnd, "the text ends where \(expected) is expected")
        }
        let byte = bytes[index]
        let shown = (0x21...0x7E).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte 0x\(String(byte, radix: 16))"
        return error(.unexpectedCharacter, "\(shown) where \(expected) is expected")
    }

    /// Passes over an opening bracket or brace.
    private mutating func open() throws(JSONError) {
        guard depth < limits.maximumDepth else {
            throw error(.nestingTooDeep, "values are nested more than \(limits.maximumDepth) deep")
        }
        depth += 1
        index += 1
        skipWhiteSpace()
    }

    /// Behind an opening bracket.
    private mutating func parseElements() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        if try closes(0x5D, "a value or ']'") { return elements }
        repeat {
            skipWhiteSpace()
            elements.append(try parseValue())
            skipWhiteSpace()
        } while try continues(closing: 0x5D, "',' or ']'")
        return elements
    }

    /// Behind an opening brace.
    private mutating func parseMembers() throws(JSONError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        var keys = SeenKeys()
        if try closes(0x7D, "a key or '}'") { return members }
        repeat {
            skipWhiteSpace()
            guard index < bytes.count, bytes[index] == 0x22 else { throw unexpected("a key in quotation marks") }
            let line = line
            let key = try parseString()
            guard keys.insert(key, members) else {
                throw error(.duplicateKey, "the key \"\(DisplayText.harmless(key))\" is there twice")
            }
            skipWhiteSpace()
            guard index < bytes.count, bytes[index] == 0x3A else { throw unexpected("':'") }
            index += 1
            skipWhiteSpace()
            members.append(JSONValue.Member(key, try parseValue(), line: line))
            skipWhiteSpace()
        } while try continues(closing: 0x7D, "',' or '}'")
        return members
    }

    /// The keys of an object so far: most have few, for which a set costs more than it saves.
    private struct SeenKeys {
        private static let fewKeys = 16
        private var keys: Set<String> = []

        /// False if the key is there already.
        mutating func insert(_ key: String, _ members: [JSONValue.Member]) -> Bool {
            if members.count < SeenKeys.fewKeys { return !members.contains { $0.key == key } }
            if keys.isEmpty { keys = Set(members.map(\.key)) }
            return keys.insert(key).inserted
        }
    }

    private mutating func closes(_ closing: UInt8, _ expected: String) throws(JSONError) -> Bool {
        guard index < bytes.count else { throw unexpected(expected) }
        guard bytes[index] == closing else { return false }
        index += 1
        return true
    }

    private mutating func continues(closing: UInt8, _ expected: String) throws(JSONError) -> Bool {
        if try closes(closing, expected) { return false }
        guard bytes[index] == 0x2C else { throw unexpected(expected) }
        index += 1
        return true
    }

    private mutating func parseWord(
        _ word: StaticString, _ content: JSONValue.Content
    ) throws(JSONError) -> JSONValue.Content {
        let isThere = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard isThere else { throw unexpected("a value") }
        index += word.utf8CodeUnitCount
        return content
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    private mutating func parseNumber() throws(JSONError) -> String {
        let start = index
        if bytes[index] == 0x2D { index += 1 }
        let integer = skipDigits()
        guard integer == 1 || (integer > 1 && bytes[index - integer] != 0x30) else {
            throw error(.invalidNumber, integer == 0 ? "a number without digits" : "a number with leading zeros")
        }
        if index < bytes.count, bytes[index] == 0x2E {
            index += 1
            guard skipDigits() > 0 else { throw error(.invalidNumber, "a number without digits behind its point") }
        }
        if index < bytes.count, bytes[index] | 0x20 == 0x65 {
            index += 1
            if index < bytes.count, bytes[index] == 0x2B || bytes[index] == 0x2D { index += 1 }
            guard skipDigits() > 0 else { throw error(.invalidNumber, "a number without digits in its exponent") }
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
        return index - start
    }

    private mutating func parseString() throws(JSONError) -> String {
        index += 1
        var start = index
        // Only a string with escapes is put together from pieces.
        var pieces: [UInt8] = []
        while true {
            guard index < bytes.count else { throw error(.unexpectedEnd, "the text ends in a string") }
            switch bytes[index] {
            case 0x22:
                defer { index += 1 }
                guard !pieces.isEmpty else { return try text(bytes[start..<index]) }
                pieces.append(contentsOf: bytes[start..<index])
                return try text(pieces[...])
            case 0x5C:
                pieces.append(contentsOf: bytes[start..<index])
                try parseEscape(into: &pieces)
                start = index
            case 0x00..<0x20:
                throw error(.invalidString, "a control character in a string; it has to be escaped")
            default:
                index += 1
            }
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(JSONError) -> String {
        // Nearly all strings are ASCII, and need not be validated as what they may be.
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw error(.invalidUTF8, "a string that is not UTF-8")
        }
        return text
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(JSONError) {
        index += 1
        guard index < bytes.count else { throw error(.unexpectedEnd, "the text ends in a string") }
        let letter = bytes[index]
        index += 1
        switch letter {
        case 0x22, 0x5C, 0x2F: text.append(letter)
        case 0x62: text.append(0x08)
        case 0x66: text.append(0x0C)
        case 0x6E: text.append(0x0A)
        case 0x72: text.append(0x0D)
        case 0x74: text.append(0x09)
        case 0x75: text.append(contentsOf: String(try parseScalar()).utf8)
        default: throw error(.invalidEscape, "an escape that JSON does not have")
        }
    }

    /// Behind `\u`: one code unit, or two that are a surrogate pair.
    private mutating func parseScalar() throws(JSONError) -> Unicode.Scalar {
        let first = try parseCodeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        if first < 0xDC00, bytes[index...].starts(with: [0x5C, 0x75]) {
            index += 2
            let second = try parseCodeUnit()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
        }
        throw error(.invalidEscape, "half of a surrogate pair")
    }

    private mutating func parseCodeUnit() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        guard index + 4 <= bytes.count else { throw error(.unexpectedEnd, "the text ends in a string") }
        for _ in 0..<4 {
            let byte = bytes[index]
            switch byte {
            case 0x30...0x39: unit = unit << 4 | UInt32(byte - 0x30)
            case 0x41...0x46, 0x61...0x66: unit = unit << 4 | UInt32(byte | 0x20 - 0x57)
            default: throw error(.invalidEscape, "an escape without four hexadecimal digits")
            }
            index += 1
        }
        return unit
    }
}
