import Testing

@testable import DICOM

private func parse(_ text: String) throws(JSONError) -> JSONValue {
    try JSONValue.parse(Array(text.utf8))
}

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1.10", "-1.5e+10", "1E400", "\"\"", "\"a\"", "[]", "{}", "[1,[2,[3]],{}]",
        "{\"a\":1,\"b\":{\"c\":[true,null]}}", "\"\\\"\\\\\\n\"", "123456789012345678901234567890",
    ])
    func `a value is written as it was read`(text: String) throws {
        #expect(String(decoding: try parse(text).serialized(), as: UTF8.self) == text)
    }

    @Test(arguments: [
        ("\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"", "Aé€😀"), ("\"\\/\\b\\f\\n\\r\\t\"", "/\u{8}\u{C}\n\r\t"),
        ("\"é\"", "é"),
        ("\"\\u0000\"", "\0"), ("\"a\\\\u0041\"", "a\\u0041"),
    ])
    func `a string with escapes`(text: String, expected: String) throws {
        #expect(try parse(text).string == expected)
    }

    @Test func `values are got at by their kind`() throws {
        let value = try parse("{\"n\": 42, \"d\": 1.5, \"b\": true, \"s\": \"x\", \"a\": [1], \"z\": null}")
        #expect(value["n"]?.integer == 42)
        #expect(value["d"]?.double == 1.5)
        #expect(value["d"]?.integer == nil)
        #expect(value["b"]?.bool == true)
        #expect(value["s"]?.string == "x")
        #expect(value["a"]?.array?.count == 1)
        #expect(value["z"]?.isNull == true)
        #expect(value["none"] == nil)
        #expect(value["s"]?["x"] == nil)
    }

    @Test func `values know their lines`() throws {
        let value = try parse("{\r\n  \"a\":\n  [1,\n2]\n}")
        #expect(value.line == 1)
        #expect(value.members?.first?.line == 2)
        #expect(value["a"]?.line == 3)
        #expect(value["a"]?.array?.map(\.line) == [3, 4])
    }

    @Test func `a value is made and written`() {
        let value = JSONValue.object([
            ("a", .number(1)), ("b", .number(0.5)), ("c", .array([.null, .bool(false), .string("\u{1B}é")])),
            ("d", .number(Double.nan)),
        ])
        #expect(
            String(decoding: value.serialized(), as: UTF8.self)
                == "{\"a\":1,\"b\":0.5,\"c\":[null,false,\"\\u001Bé\"],\"d\":null}")
    }

    @Test(arguments: [
        ("", 1, JSONError.Code.unexpectedEnd), ("[1,\n]", 2, .unexpectedCharacter), ("[1 2]", 1, .unexpectedCharacter),
        ("{\"a\" 1}", 1, .unexpectedCharacter), ("{a:1}", 1, .unexpectedCharacter),
        ("{\"a\":1,}", 1, .unexpectedCharacter),
        ("{\"a\":1,\n\"a\":2}", 2, .duplicateKey), ("01", 1, .invalidNumber), ("-", 1, .invalidNumber),
        ("1.", 1, .invalidNumber),
        ("1e", 1, .invalidNumber), (".5", 1, .unexpectedCharacter), ("+1", 1, .unexpectedCharacter),
        ("NaN", 1, .unexpectedCharacter), ("tru", 1, .unexpectedCharacter), ("nulll", 1, .unexpectedCharacter),
        ("\"a\nb\"", 1, .invalidString), ("\"\\x\"", 1, .invalidEscape), ("\"\\u12G4\"", 1, .invalidEscape),
        ("\"\\uD83D\"", 1, .invalidEscape), ("\"\\uD83D\\u0041\"", 1, .invalidEscape),
        ("\"\\uDE00\"", 1, .invalidEscape),
        ("\"abc", 1, .unexpectedEnd), ("1 2", 1, .unexpectedCharacter), ("// x", 1, .unexpectedCharacter),
        ("'a'", 1, .unexpectedCharacter), ("[", 1, .unexpectedEnd), ("{\"a\":", 1, .unexpectedEnd),
        ("]", 1, .unexpectedCharacter),
    ])
    func `what is no JSON is told with its line`(text: String, line: Int, code: JSONError.Code) {
        let error = #expect(throws: JSONError.self) { try parse(text) }
        #expect(error?.code == code)
        #expect(error?.line == line)
    }

    @Test(
        arguments: [
            [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xFF, 0x22],
        ] as [[UInt8]])
    func `a string that is not UTF-8 is refused`(bytes: [UInt8]) {
        let error = #expect(throws: JSONError.self) { try JSONValue.parse(bytes) }
        #expect(error?.code == .invalidUTF8)
    }

    @Test func `strings with escapes keep apart`() throws {
        let value = try parse(#"{"a\u0062":["c\n","\u00e9","plain","\"\\\/\b\f\r\t"],"k\u00e9y":"\ud83d\ude00x"}"#)
        #expect(value["ab"]?.array?.map(\.string) == ["c\n", "é", "plain", "\"\\/\u{8}\u{C}\r\t"])
        #expect(value["kéy"]?.string == "😀x")
    }

    @Test func `a byte order mark is passed over`() throws {
        #expect(try JSONValue.parse([0xEF, 0xBB, 0xBF, 0x31]).integer == 1)
    }

    @Test func `limits hold`() {
        var limits = JSONLimits()
        limits.maximumDepth = 3
        limits.maximumValues = 5
        limits.maximumLength = 12
        func code(_ text: String) -> JSONError.Code? {
            do throws(JSONError) {
                _ = try JSONValue.parse(Array(text.utf8), limits: limits)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code("[[[]]]") == nil)
        #expect(code("[[[[]]]]") == .nestingTooDeep)
        #expect(code("[1,2,3,4]") == nil)
        #expect(code("[1,2,3,4,5]") == .tooManyValues)
        #expect(code("\"1234567890\"") == nil)
        #expect(code("\"12345678901\"") == .tooLong)
    }

    @Test func `the deepest nesting allowed is read`() throws {
        let depth = JSONLimits.standard.maximumDepth
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(String(decoding: try parse(text).serialized(), as: UTF8.self) == text)
        #expect(throws: JSONError.self) { try parse("[" + text + "]") }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func `many keys are told apart`() throws {
        let members = (0..<100).map { "\"k\($0)\":\($0)" }
        #expect(try parse("{" + members.joined(separator: ",") + "}")["k99"]?.integer == 99)
        let error = #expect(throws: JSONError.self) {
            try parse("{" + (members + ["\"k50\":0"]).joined(separator: ",") + "}")
        }
        #expect(error?.code == .duplicateKey)
    }
}
