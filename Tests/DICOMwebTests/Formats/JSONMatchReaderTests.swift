import Testing

@testable import DICOMweb

struct JSONMatchReaderTests {
    private func read(_ text: [UInt8], pieces: Int = 7) throws(JSONMatchReader.Problem) -> [String] {
        var reader = JSONMatchReader()
        var found: [String] = []
        for start in stride(from: 0, to: text.count, by: pieces) {
            let piece = Array(text[start..<min(start + pieces, text.count)])
            try piece.withUnsafeBufferPointer { pointer throws(JSONMatchReader.Problem) in
                try reader.read(UnsafeRawBufferPointer(pointer), problem: { $0 }) {
                    bytes throws(JSONMatchReader.Problem) in
                    found.append(String(decoding: bytes, as: UTF8.self))
                }
            }
        }
        try reader.finish()
        return found
    }

    private func read(_ text: String, pieces: Int = 7) throws(JSONMatchReader.Problem) -> [String] {
        try read(Array(text.utf8), pieces: pieces)
    }

    @Test(arguments: 1...30)
    func `an array is divided into its elements wherever it is cut`(pieces: Int) throws {
        let text = #" [ {"a":[1,{"b":"]}\"\\"}]} , {} ,{"c":"{["}] "# + "\r\n"
        #expect(try read(text, pieces: pieces) == [#"{"a":[1,{"b":"]}\"\\"}]}"#, "{}", #"{"c":"{["}"#])
    }

    @Test(arguments: ["", #"\""#, #"\\"#, "é", "#]", "\u{1}!"])
    func `a string ends where its quotation mark is, whatever stands before it and how far`(within: String) throws {
        for (before, after) in (0...17).flatMap({ before in (0...17).map { (before, $0) } }) {
            let element =
                #"{"a":""# + String(repeating: "{", count: before) + within + String(repeating: "[", count: after)
                + #""}"#
            #expect(try read("[\(element),\(element)]", pieces: 1000) == [element, element])
        }
    }

    @Test
    func `an empty array, no bytes at all and one object without an array are lists`() throws {
        #expect(try read("[]").isEmpty)
        #expect(try read("").isEmpty)
        #expect(try read("\u{FEFF} [ ]\n").isEmpty)
        #expect(try read(#" {"a":1} "#) == [#"{"a":1}"#])
    }

    @Test(arguments: ["x", "[1]", "[{}{}]", "[,{}]", "[{}]x", "{} {}", "[]]", "null", "<html>", "[null]"])
    func `what is no array of objects is refused`(text: String) {
        #expect(throws: JSONMatchReader.Problem.notAnArray) { try read(text) }
    }

    @Test(arguments: ["[", "[{}", "[{}, ", #"[{"a"#, #"{"a":"\"#])
    func `an array that ends in the middle is cut off`(text: String) {
        #expect(throws: JSONMatchReader.Problem.cutOff) { try read(text) }
    }

    @Test
    func `depth, length and white space have limits`() throws {
        let deep = [UInt8](repeating: 0x5B, count: 100_000)
        #expect(throws: JSONMatchReader.Problem.tooDeep) { try read(Array(#"[{"a":"#.utf8) + deep, pieces: 4096) }
        let long = [UInt8](repeating: 0x61, count: JSONMatchReader.maximumElement)
        #expect(throws: JSONMatchReader.Problem.tooLong) { try read(Array(#"[{"a":""#.utf8) + long, pieces: 65536) }
        let spaces = [UInt8](repeating: 0x20, count: JSONMatchReader.maximumElement + 1)
        #expect(throws: JSONMatchReader.Problem.tooLong) { try read(spaces, pieces: 65536) }
        let marks = [[UInt8]](repeating: [0xEF, 0xBB, 0xBF], count: JSONMatchReader.maximumElement / 3 + 1).flatMap(
            \.self)
        #expect(throws: JSONMatchReader.Problem.tooLong) { try read(marks, pieces: 65536) }
    }
}
