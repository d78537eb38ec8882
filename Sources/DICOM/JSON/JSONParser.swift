/// Reads JSON text strictly by RFC 8259: no comments, no commas at the end, no key twice, UTF-8 and nothing else.
///
/// A byte order mark in front is passed over, as editors of Windows write it. Values are read one after the other as they stand,
/// by ``begin()`` and what follows from the kind that it finds, or as a whole by ``parseValue()``. Who reads an object by
/// ``nextKey(_:)`` sees itself to keys that are there twice.
struct JSONParser {
    /// A string or key, whose bytes the parser has: to hold them here would cost more than to read them.
    struct Text {
        /// In the text, or in `unescaped`.
        fileprivate let range: Range<Int>
        /// The line on which it begins.
        let line: Int
        /// True if it is without its escapes, too.
        let isASCII: Bool
        let hadEscapes: Bool

        var isEmpty: Bool { range.isEmpty }
    }

    /// A place to return to. Texts that were read behind it are gone then, and values that are read again count again.
    struct Place {
        fileprivate let index: Int
        fileprivate let line: Int
        fileprivate let depth: Int
        fileprivate let unescaped: Int
    }

    private let bytes: [UInt8]
    /// The strings with escapes, without them, one after the other.
    private var unescaped: [UInt8] = []
    private let limits: JSONLimits
    private var index = 0
    /// Of the next character, counted from 1.
    private(set) var line = 1
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
        guard findsValue() else { throw error(.unexpectedEnd, "there is no value") }
        let value = try parseValue()
        guard !findsValue() else {
            throw error(.unexpectedCharacter, "there is more behind the end of the value")
        }
        return value
    }

    /// Passes over the white space before the next of several values, as in JSON lines; false at the end.
    mutating func findsValue() -> Bool {
        skipWhiteSpace()
        return index < bytes.count
    }

    var place: Place { Place(index: index, line: line, depth: depth, unescaped: unescaped.count) }

    mutating func move(to place: Place) {
        (index, line, depth) = (place.index, place.line, place.depth)
        forgetTexts(behind: place)
    }

    /// A parser that stands at a place, without the texts that were read.
    func restarted(at place: Place) -> JSONParser {
        var parser = self
        parser.unescaped = []
        parser.move(to: place)
        return parser
    }

    /// Gives up the texts that were read behind a place.
    mutating func forgetTexts(behind place: Place) {
        if unescaped.count > place.unescaped { unescaped.removeLast(unescaped.count - place.unescaped) }
    }

    /// The bytes of a text, UTF-8 without its escapes.
    @inline(__always)
    func withBytes<Result>(of text: Text, _ read: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        // A buffer does not check its bounds in a release.
        if text.hadEscapes {
            precondition(text.range.upperBound <= unescaped.count)
            return unescaped.withUnsafeBufferPointer { read(UnsafeBufferPointer(rebasing: $0[text.range])) }
        }
        precondition(text.range.upperBound <= bytes.count)
        return bytes.withUnsafeBufferPointer { read(UnsafeBufferPointer(rebasing: $0[text.range])) }
    }

    func append(_ text: Text, to output: inout [UInt8]) { withBytes(of: text) { output.append(contentsOf: $0) } }

    func string(_ text: Text) -> String { withBytes(of: text) { String(decoding: $0, as: UTF8.self) } }

    @inline(__always)
    func `is`(_ text: Text, _ word: StaticString) -> Bool {
        guard text.range.count == word.utf8CodeUnitCount else { return false }
        return withBytes(of: text) { bytes in
            word.withUTF8Buffer { word in
                for index in 0..<word.count where bytes[index] != word[index] { return false }
                return true
            }
        }
    }

    /// That an object has a key twice.
    func duplicate(_ key: Text) -> JSONError {
        JSONError(
            code: .duplicateKey, line: key.line,
            detail: "the key \"\(DisplayText.harmless(string(key)))\" is there twice")
    }

    private func error(_ code: JSONError.Code, _ detail: String) -> JSONError {
        JSONError(code: code, line: line, detail: detail)
    }

    @inline(__always)
    private mutating func skipWhiteSpace() {
        // Most JSON has none.
        if index < bytes.count, bytes[index] > 0x20 { return }
        passWhiteSpace()
    }

    private mutating func passWhiteSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x0A: line += 1
            case 0x20, 0x09, 0x0D: break
            default: return
            }
            index += 1
        }
    }

    /// Begins the value that stands here, behind white space: of an object or array the opening is passed over, of all others
    /// nothing.
    mutating func begin() throws(JSONError) -> JSONValue.Kind {
        values += 1
        guard values <= limits.maximumValues else {
            throw error(.tooManyValues, "more than \(limits.maximumValues) values")
        }
        guard index < bytes.count else { throw error(.unexpectedEnd, "the text ends where a value is expected") }
        switch bytes[index] {
        case 0x7B:
            try open()
            return .object
        case 0x5B:
            try open()
            return .array
        case 0x22: return .string
        case 0x2D, 0x30...0x39: return .number
        case 0x74, 0x66: return .bool
        case 0x6E: return .null
        default: throw unexpected("a value")
        }
    }

    /// The value that stands here, with all that it holds.
    mutating func parseValue() throws(JSONError) -> JSONValue {
        let line = line
        return JSONValue(try parseContent(of: try begin()), line: line)
    }

    /// What follows of a value that was begun.
    mutating func parseContent(of kind: JSONValue.Kind) throws(JSONError) -> JSONValue.Content {
        switch kind {
        case .object: .object(try parseMembers())
        case .array: .array(try parseElements())
        case .string: .string(try parseString())
        case .number: .number(String(decoding: try parseNumber(), as: UTF8.self))
        case .bool: .bool(try parseBool())
        case .null: try parseNull()
        }
    }

    /// Passes over what follows of a value that was begun. That no key of it is there twice is not checked.
    mutating func pass(_ kind: JSONValue.Kind) throws(JSONError) {
        switch kind {
        case .object:
            var isFirst = true
            while try nextKey(&isFirst) != nil { try pass(try begin()) }
        case .array:
            var isFirst = true
            while try nextElement(&isFirst) { try pass(try begin()) }
        case .string: _ = try parseText()
        case .number: _ = try parseNumber()
        case .bool: _ = try parseBool()
        case .null: _ = try parseNull()
        }
    }

    /// The next key of an object that was begun; its value stands here then. Nil behind the last member, and behind the closing brace.
    mutating func nextKey(_ isFirst: inout Bool) throws(JSONError) -> Text? {
        guard try continues(closing: 0x7D, &isFirst, "a key or '}'", "',' or '}'") else { return nil }
        guard index < bytes.count, bytes[index] == 0x22 else { throw unexpected("a key in quotation marks") }
        let key = try parseText()
        skipWhiteSpace()
        guard index < bytes.count, bytes[index] == 0x3A else { throw unexpected("':'") }
        index += 1
        skipWhiteSpace()
        return key
    }

    /// True if another element of an array that was begun stands here; false behind the last and behind the closing bracket.
    mutating func nextElement(_ isFirst: inout Bool) throws(JSONError) -> Bool {
        try continues(closing: 0x5D, &isFirst, "a value or ']'", "',' or ']'")
    }

    private mutating func continues(
        closing: UInt8, _ isFirst: inout Bool, _ expectedFirst: String, _ expected: String
    ) throws(JSONError) -> Bool {
        skipWhiteSpace()
        guard index < bytes.count else { throw unexpected(isFirst ? expectedFirst : expected) }
        if bytes[index] == closing {
            index += 1
            depth -= 1
            return false
        }
        if !isFirst {
            guard bytes[index] == 0x2C else { throw unexpected(expected) }
            index += 1
            skipWhiteSpace()
        }
        isFirst = false
        return true
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
    @inline(__always)
    private mutating func open() throws(JSONError) {
        guard depth < limits.maximumDepth else {
            throw error(.nestingTooDeep, "values are nested more than \(limits.maximumDepth) deep")
        }
        depth += 1
        index += 1
        skipWhiteSpace()
    }

    private mutating func parseElements() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        var isFirst = true
        while try nextElement(&isFirst) { elements.append(try parseValue()) }
        return elements
    }

    private mutating func parseMembers() throws(JSONError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        var keys = SeenKeys()
        var isFirst = true
        while let key = try nextKey(&isFirst) {
            let name = string(key)
            guard keys.insert(name, members) else { throw duplicate(key) }
            members.append(JSONValue.Member(name, try parseValue(), line: key.line))
        }
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

    private mutating func parseString() throws(JSONError) -> String {
        let before = place
        let text = try parseText()
        defer { forgetTexts(behind: before) }
        return string(text)
    }

    private mutating func parseBool() throws(JSONError) -> Bool {
        let isTrue = bytes[index] == 0x74
        try passWord(isTrue ? "true" : "false")
        return isTrue
    }

    private mutating func parseNull() throws(JSONError) -> JSONValue.Content {
        try passWord("null")
        return .null
    }

    private mutating func passWord(_ word: StaticString) throws(JSONError) {
        let isThere = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard isThere else { throw unexpected("a value") }
        index += word.utf8CodeUnitCount
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    mutating func parseNumber() throws(JSONError) -> ArraySlice<UInt8> {
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
        return bytes[start..<index]
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
        return index - start
    }

    /// A string or key, whose opening quotation mark stands here.
    mutating func parseText() throws(JSONError) -> Text {
        index += 1
        let start = index
        let isASCII = passPlainText()
        guard index < bytes.count, bytes[index] == 0x22 else { return try parseEscapedText(from: start) }
        let text = Text(range: start..<index, line: line, isASCII: isASCII, hadEscapes: false)
        index += 1
        return try validated(text)
    }

    /// A text that was begun, up to a backslash or to what may not be there; it is put together from pieces.
    private mutating func parseEscapedText(from start: Int) throws(JSONError) -> Text {
        let first = unescaped.count
        unescaped += bytes[start..<index]
        while true {
            guard index < bytes.count else { throw error(.unexpectedEnd, "the text ends in a string") }
            switch bytes[index] {
            case 0x22:
                index += 1
                let isASCII = unescaped[first...].allSatisfy { $0 < 0x80 }
                return try validated(
                    Text(range: first..<unescaped.count, line: line, isASCII: isASCII, hadEscapes: true))
            case 0x5C: try parseEscape()
            default: throw error(.invalidString, "a control character in a string; it has to be escaped")
            }
            let start = index
            _ = passPlainText()
            unescaped += bytes[start..<index]
        }
    }

    /// Goes to the next quotation mark, backslash or control character, or the end; returns true if all before it is ASCII.
    @inline(__always)
    private mutating func passPlainText() -> Bool {
        let start = index
        var found: UInt8 = 0
        index = bytes.withUnsafeBufferPointer { bytes in
            var place = start
            while place < bytes.count {
                let byte = bytes[place]
                if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
                found |= byte
                place &+= 1
            }
            return place
        }
        return found < 0x80
    }

    @inline(__always)
    private func validated(_ text: Text) throws(JSONError) -> Text {
        // Nearly all strings are ASCII, and need not be validated as what they may be.
        guard text.isASCII || withBytes(of: text, { String(validating: $0, as: UTF8.self) }) != nil else {
            throw error(.invalidUTF8, "a string that is not UTF-8")
        }
        return text
    }

    private mutating func parseEscape() throws(JSONError) {
        index += 1
        guard index < bytes.count else { throw error(.unexpectedEnd, "the text ends in a string") }
        let letter = bytes[index]
        index += 1
        switch letter {
        case 0x22, 0x5C, 0x2F: unescaped.append(letter)
        case 0x62: unescaped.append(0x08)
        case 0x66: unescaped.append(0x0C)
        case 0x6E: unescaped.append(0x0A)
        case 0x72: unescaped.append(0x0D)
        case 0x74: unescaped.append(0x09)
        case 0x75: unescaped.append(contentsOf: String(try parseScalar()).utf8)
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
