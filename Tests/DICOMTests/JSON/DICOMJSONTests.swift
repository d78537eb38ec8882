import Testing

@testable import DICOM

/// A data set of one element.
private func dataSet(_ tag: UInt32, _ vr: ValueRepresentation, _ bytes: [UInt8]) -> DataSet {
    var result = DataSet()
    result.append(DataElement(tag: Tag(tag), vr: vr, value: .bytes(bytes[...])))
    return result
}

private func json(
    _ dataSet: DataSet, inherited: SpecificCharacterSet = .defaultRepertoire
) -> String {
    var output: [UInt8] = []
    DICOMJSON.append(dataSet, to: &output, inheritedCharacterSet: inherited)
    return String(decoding: output, as: UTF8.self)
}

/// What stands behind `"vr":"XX"` for a value.
private func member(_ vr: ValueRepresentation, _ bytes: [UInt8]) -> String {
    let text = json(dataSet(0x0072_0001, vr, bytes))
    let prefix = "{\"00720001\":{\"vr\":\"\(vr)\""
    #expect(text.hasPrefix(prefix) && text.hasSuffix("}}"))
    return String(text.dropFirst(prefix.count).dropLast(2))
}

private func member(_ vr: ValueRepresentation, _ text: String) -> String { member(vr, Array(text.utf8)) }

@Suite struct DICOMJSONTests {
    @Test func `a data set without elements is an empty object`() {
        #expect(json(DataSet()) == "{}")
    }

    @Test func `an answer to a query`() {
        var answer = DataSet()
        answer.set(.specificCharacterSet, .CS, "ISO_IR 100")
        answer.set(.queryRetrieveLevel, .CS, "STUDY")
        answer.append(DataElement(tag: .patientName, vr: .PN, value: .bytes([0x4A, 0xE9, 0x5E, 0x41][...])))
        answer.set(.studyInstanceUID, UID("1.2.3"))
        answer.setEmpty(.studyID, .SH)
        answer.set(.numberOfStudyRelatedInstances, .IS, "12")
        #expect(
            json(answer) == """
                {"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080052":{"vr":"CS","Value":["STUDY"]},\
                "00100010":{"vr":"PN","Value":[{"Alphabetic":"Jé^A"}]},"0020000D":{"vr":"UI","Value":["1.2.3"]},\
                "00200010":{"vr":"SH"},"00201208":{"vr":"IS","Value":[12]}}
                """)
    }

    @Test func `plain text of any length is written alike`() {
        for length in 1...300 {
            let text = String(repeating: "x", count: length)
            #expect(member(.UT, text) == ",\"Value\":[\"\(text)\"]")
            #expect(member(.UC, text + "\"") == ",\"Value\":[\"\(text)\\\"\"]")
        }
    }

    @Test(arguments: [
        ("0", "0"), ("12", "12"), ("012", "12"), ("+3", "3"), ("-4", "-4"), ("1 2", "\"1 2\""),
        ("123456789012", "123456789012"), ("1234567890123", "1234567890123"), ("1a", "\"1a\""), (":", "\":\""),
        ("/", "\"/\""),
    ])
    func `a whole number is one in JSON, its zeros in front left out`(text: String, number: String) {
        #expect(member(.IS, text) == ",\"Value\":[\(number)]")
        #expect(member(.DS, text) == ",\"Value\":[\(number)]")
    }

    @Test func `text in UTF-8 is copied but for what is escaped`() {
        var answer = dataSet(0x0072_0001, .UC, Array("é\u{9C}\"\u{202E}日本\n\u{1F600}\u{7F}x".utf8))
        answer.set(.specificCharacterSet, .CS, "ISO_IR 192")
        #expect(json(answer).hasSuffix("[\"é\\u009C\\\"\\u202E日本\\n😀\\u007Fx\"]}}"))
    }

    @Test(arguments: [
        (ValueRepresentation.LO, "", ""), (.LO, "  ", ""), (.LO, "A", ",\"Value\":[\"A\"]"),
        (.LO, "A\\B ", ",\"Value\":[\"A\",\"B\"]"), (.LO, "A\\\\B", ",\"Value\":[\"A\",null,\"B\"]"),
        (.LO, "\\", ",\"Value\":[null,null]"), (.LT, "A\\B", ",\"Value\":[\"A\\\\B\"]"),
        (.ST, " a\r\nb\t", ",\"Value\":[\" a\\r\\nb\\t\"]"), (.UI, "1.2\0", ",\"Value\":[\"1.2\"]"),
        (.LO, "\"q\"", ",\"Value\":[\"\\\"q\\\"\"]"), (.LO, "\u{1B}[31m", ",\"Value\":[\"\\u001B[31m\"]"),
        (.LO, "a~b\u{7F}", ",\"Value\":[\"a~b\\u007F\"]"),
        (.CS, " ORIGINAL\\PRIMARY ", ",\"Value\":[\"ORIGINAL\",\"PRIMARY\"]"),
        (.PN, "A^B", ",\"Value\":[{\"Alphabetic\":\"A^B\"}]"),
        (.PN, "A=B=C", ",\"Value\":[{\"Alphabetic\":\"A\",\"Ideographic\":\"B\",\"Phonetic\":\"C\"}]"),
        (.PN, "==C", ",\"Value\":[{\"Phonetic\":\"C\"}]"), (.PN, "=B=", ",\"Value\":[{\"Ideographic\":\"B\"}]"),
        (.PN, "A=B=C=D", ",\"Value\":[{\"Alphabetic\":\"A\",\"Ideographic\":\"B\",\"Phonetic\":\"C=D\"}]"),
        (.PN, "A\\\\B", ",\"Value\":[{\"Alphabetic\":\"A\"},null,{\"Alphabetic\":\"B\"}]"),
        (.PN, "==", ",\"Value\":[null]"),
        (.UR, "http://x/~a\\b ", ",\"Value\":[\"http://x/~a\\\\b\"]"),
    ])
    func `a string value`(vr: ValueRepresentation, value: String, expected: String) {
        #expect(member(vr, value) == expected)
    }

    @Test(arguments: [
        (ValueRepresentation.DS, "1.5", "1.5"), (.DS, "-0", "-0"), (.DS, "+1", "1"), (.DS, "007.50", "7.50"),
        (.DS, ".5", "0.5"), (.DS, "-.5E-3", "-0.5E-3"), (.DS, "5.", "5"), (.DS, "1e+5", "1e+5"), (.DS, "000", "0"),
        (.DS, " 2.5 ", "2.5"), (.DS, "0.1234567890123456789", "0.1234567890123456789"),
        (.IS, "-2147483648", "-2147483648"),
        (.IS, "+3 ", "3"),
        // No numbers, or none that a reader could hold.
        (.DS, "abc", "\"abc\""), (.DS, "1,5", "\"1,5\""), (.DS, ".", "\".\""), (.DS, "-", "\"-\""),
        (.DS, "1e", "\"1e\""),
        (.DS, "1e999", "\"1e999\""), (.DS, "NaN", "\"NaN\""), (.DS, "0x1F", "\"0x1F\""), (.DS, "1 2", "\"1 2\""),
        (.DS, String(repeating: "9", count: 400), "\"" + String(repeating: "9", count: 400) + "\""),
        (.IS, "1.0", "\"1.0\""), (.IS, "1e3", "\"1e3\""), (.IS, "1-2", "\"1-2\""),
    ])
    func `a numeric string is a number if it is one`(vr: ValueRepresentation, value: String, expected: String) throws {
        #expect(member(vr, value) == ",\"Value\":[\(expected)]")
        _ = try JSONValue.parse(Array(expected.utf8))
    }

    @Test func `several numeric strings`() {
        #expect(member(.DS, "1\\\\+2.50 ") == ",\"Value\":[1,null,2.50]")
    }

    @Test(
        arguments: [
            (ValueRepresentation.US, [0x00, 0x02, 0xFF, 0xFF], "512,65535"),
            (.SS, [0xFF, 0xFF, 0x00, 0x80], "-1,-32768"),
            (.UL, [0xFF, 0xFF, 0xFF, 0xFF], "4294967295"), (.SL, [0x00, 0x00, 0x00, 0x80], "-2147483648"),
            (.UV, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "18446744073709551615"),
            (.SV, [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80], "-9223372036854775808"),
            (.AT, [0x10, 0x00, 0x10, 0x00, 0xFE, 0xFF, 0x0D, 0xE0], "\"00100010\",\"FFFEE00D\""),
            (.FL, [0xCD, 0xCC, 0xCC, 0x3D], "0.1"), (.FL, [0x00, 0x00, 0xC0, 0x7F], "\"NaN\""),
            (.FL, [0x00, 0x00, 0x80, 0x7F], "\"Infinity\""), (.FL, [0x00, 0x00, 0x80, 0xFF], "\"-Infinity\""),
            (.FD, [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x59, 0x40], "100"),
            (.FD, [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80], "-0"),
            // A number that the end cuts is not there.
            (.US, [0x01, 0x00, 0x02], "1"),
        ] as [(ValueRepresentation, [UInt8], String)])
    func `a binary number`(vr: ValueRepresentation, bytes: [UInt8], expected: String) {
        #expect(member(vr, bytes) == ",\"Value\":[\(expected)]")
    }

    @Test func `binary numbers that are not there have no Value`() {
        #expect(member(.US, []) == "")
        #expect(member(.UL, [1, 2]) == "")
    }

    @Test(arguments: [
        ([0x00] as [UInt8], "AA=="), ([0x01, 0x02], "AQI="), ([0x01, 0x02, 0x03], "AQID"),
        ([0xFB, 0xFF, 0xBF], "+/+/"),
    ])
    func `bytes are InlineBinary`(bytes: [UInt8], expected: String) {
        for vr in [ValueRepresentation.OB, .OD, .OF, .OL, .OV, .OW, .UN] {
            #expect(member(vr, bytes) == ",\"InlineBinary\":\"\(expected)\"")
            #expect(member(vr, [] as [UInt8]) == "")
        }
    }

    @Test func `an element that only its sender did not know has the representation of the dictionary`() {
        #expect(
            json(dataSet(0x0028_0009, .UN, [0x04, 0x30, 0x0C, 0x00]))
                == "{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"3004000C\"]}}")
        #expect(json(dataSet(0x0008_1199, .UN, [0, 0])) == "{\"00081199\":{\"vr\":\"UN\",\"InlineBinary\":\"AAA=\"}}")
        #expect(json(dataSet(0x0009_1001, .UN, [0, 0])) == "{\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAA=\"}}")
    }

    @Test func `base 64 comes back at every length`() {
        let bytes = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for length in [0, 1, 2, 3, 4, 767, 768, 769, 1537, 2000] {
            var text: [UInt8] = []
            bytes.prefix(length).withUnsafeBytes { Base64.append($0, to: &text) }
            #expect(Base64.decode(text) == Array(bytes.prefix(length)))
        }
        for broken in ["A", "AB=C", "A===", "====", "AA==AA==", "A A=", "AB-_"] {
            #expect(Base64.decode(Array(broken.utf8)) == nil, "\(broken)")
        }
    }

    @Test func `encapsulated pixel data keep their items`() {
        var pixels = DataSet()
        pixels.append(DataElement(tag: .pixelData, vr: .OB, value: .fragments([[], [0xFF, 0xD8]])))
        var expected: [UInt8] = []
        let items: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0x00, 0xE0, 2, 0, 0, 0, 0xFF, 0xD8]
        items.withUnsafeBytes { Base64.append($0, to: &expected) }
        #expect(
            json(pixels)
                == "{\"7FE00010\":{\"vr\":\"OB\",\"InlineBinary\":\"\(String(decoding: expected, as: UTF8.self))\"}}")
    }

    @Test func `items are objects, also empty ones`() {
        var item = DataSet()
        item.set(.patientID, .LO, "1")
        var outer = DataSet()
        outer.set(Tag(0x0008_1199), items: [item, DataSet()])
        outer.set(Tag(0x0008_1198), items: [])
        #expect(
            json(outer)
                == "{\"00081198\":{\"vr\":\"SQ\"},\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]}},{}]}}"
        )
    }

    @Test func `group lengths are left out`() {
        var set = dataSet(0x0008_0000, .UL, [1, 0, 0, 0])
        set.set(.patientID, .LO, "1")
        #expect(json(set) == "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]}}")
    }

    @Test func `text of an item is read by the set around it and by its own`() {
        var own = DataSet()
        own.set(.specificCharacterSet, .CS, "ISO_IR 144")
        own.append(DataElement(tag: .patientID, vr: .LO, value: .bytes([0xBB, 0xEE][...])))
        let inherits = dataSet(0x0010_0020, .LO, [0xE9, 0x21])
        var outer = DataSet()
        outer.set(.specificCharacterSet, .CS, "ISO_IR 100")
        outer.set(Tag(0x0008_1199), items: [inherits, own])
        let text = json(outer)
        #expect(text.contains("[\"é!\"]"))
        #expect(text.contains("[\"Лю\"]"))
        #expect(!text.contains("ISO_IR 1\(0)0") && !text.contains("144"))
    }

    @Test func `a set that was assumed is announced as UTF-8, in its place`() throws {
        let assumed = try SpecificCharacterSet(definedTerms: ["ISO_IR 100"])
        let announced = "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}"
        #expect(json(DataSet(), inherited: assumed) == "{\(announced)}")
        var set = dataSet(0x0010_0020, .LO, [0xE9, 0x21])
        #expect(json(set, inherited: assumed) == "{\(announced),\"00100020\":{\"vr\":\"LO\",\"Value\":[\"é!\"]}}")
        set.set(Tag(0x0008_0001), .CS, "A ")
        #expect(
            json(set, inherited: assumed).hasPrefix("{\"00080001\":{\"vr\":\"CS\",\"Value\":[\"A\"]},\(announced),"))
        set.set(.specificCharacterSet, .CS, "ISO_IR 6")
        #expect(json(set, inherited: assumed).contains("\"ISO_IR 6\""))
    }

    @Test func `the Yen sign of JIS X 0201 separates values and is a character of a text`() {
        var set = DataSet()
        set.set(.specificCharacterSet, .CS, "ISO_IR 13")
        set.append(DataElement(tag: .patientID, vr: .LO, value: .bytes([0x41, 0x5C, 0x7E, 0x20][...])))
        set.append(DataElement(tag: Tag(0x0010_4000), vr: .LT, value: .bytes([0x41, 0x5C][...])))
        #expect(json(set).contains("[\"A\",\"‾\"]"))
        #expect(json(set).contains("[\"A¥\"]"))
    }

    @Test func `text that acts on a terminal is escaped and not lost`() throws {
        let text = "a\u{9B}b\u{202E}c\u{FEFF}d\u{E0041}"
        let written = json(dataSet(0x0010_0020, .LO, Array(text.utf8)), inherited: .utf8)
        #expect(written.contains("a\\u009Bb\\u202Ec\\uFEFFd\\uDB40\\uDC41"))
        let read = try #require(try DICOMJSON.parse(Array(written.utf8)).first)
        #expect(SpecificCharacterSet.utf8.decodeValues(try #require(read.bytes(.patientID)), vr: .LO) == [text])
    }

    @Test func `whatever the bytes, the result is JSON and is read again`() throws {
        var generator = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
        for round in 0..<300 {
            var hostile = DataSet()
            for (index, vr) in ValueRepresentation.allCases.enumerated() {
                let bytes = (0..<(round % 21)).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 24) }
                hostile.append(
                    DataElement(tag: Tag(0x0009_1000 + UInt32(index)), vr: vr, value: .bytes(bytes[...])))
            }
            for set in [SpecificCharacterSet.defaultRepertoire, .utf8] {
                var output: [UInt8] = []
                DICOMJSON.append(hostile, to: &output, inheritedCharacterSet: set)
                let value = try JSONValue.parse(output)
                #expect(value.members?.count ?? 0 >= ValueRepresentation.allCases.count)
                #expect(output.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
            }
        }
    }
}
