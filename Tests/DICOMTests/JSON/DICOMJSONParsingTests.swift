import Testing

@testable import DICOM

private func parse(_ text: String) throws(DICOMJSONError) -> [DataSet] {
    try DICOMJSON.parse(Array(text.utf8))
}

/// The value field of an element that was written as JSON.
private func value(_ vr: ValueRepresentation, _ values: String) throws -> [UInt8] {
    let sets = try parse("{\"00720001\":{\"vr\":\"\(vr)\",\"Value\":[\(values)]}}")
    return Array(try #require(sets.first?.bytes(Tag(0x0072_0001))))
}

@Suite struct DICOMJSONParsingTests {
    @Test(arguments: ["{} {}", "[{},{}]", "{}\n{}\n", " [ { } ] \r\n [ { } ] "])
    func `one object, an array or an object a line`(text: String) throws {
        #expect(try parse(text) == [DataSet(), DataSet()])
    }

    @Test(arguments: ["", "[]", "\n"])
    func `nothing is no data set`(text: String) throws {
        #expect(try parse(text) == [])
    }

    @Test func `elements are put in the order of their tags and padded`() throws {
        let set = try #require(
            try parse(
                """
                {"00100020": {"vr": "LO", "Value": ["1", "23"]}, "00080060": {"vr": "CS", "Value": ["CT"]},
                 "0020000d": {"vr": "UI", "Value": ["1.2.3"]}, "00081199": {"vr": "SQ", "Value": [{}, null]},
                 "00200010": {"vr": "SH"}, "00080000": {"vr": "UL", "Value": [1]}}
                """
            ).first)
        #expect(
            set.elements.map(\.tag) == [.modality, .referencedSOPSequence, .patientID, .studyInstanceUID, .studyID])
        #expect(set.bytes(.patientID) == Array("1\\23".utf8)[...])
        #expect(set.bytes(.studyInstanceUID) == Array("1.2.3\0".utf8)[...])
        #expect(set.items(.referencedSOPSequence) == [DataSet(), DataSet()])
        #expect(set.bytes(.studyID) == [])
    }

    @Test func `text becomes UTF-8 and says so`() throws {
        let set = try #require(
            try parse("{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Jé\",\"Phonetic\":\"ジェ\"}]}}").first)
        #expect(set.string(.specificCharacterSet) == "ISO_IR 192")
        #expect(set.string(.patientName) == "Jé==ジェ")
        let told = try #require(try parse("{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 100\"]}}").first)
        #expect(told.string(.specificCharacterSet) == "ISO_IR 192")
        let plain = try #require(try parse("{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]}}").first)
        #expect(plain[.specificCharacterSet] == nil)
        let nested = try #require(
            try parse("{\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}]}}")
                .first)
        #expect(nested.string(.specificCharacterSet) == "ISO_IR 192")
        #expect(nested.items(.referencedSOPSequence)?.first?[.specificCharacterSet] == nil)
    }

    @Test(
        arguments: [
            (ValueRepresentation.US, "512,65535", [0x00, 0x02, 0xFF, 0xFF]), (.SS, "-1", [0xFF, 0xFF]),
            (.UL, "4294967295", [0xFF, 0xFF, 0xFF, 0xFF]), (.SL, "-2", [0xFE, 0xFF, 0xFF, 0xFF]),
            (.UV, "\"18446744073709551615\"", [UInt8](repeating: 0xFF, count: 8)),
            (.SV, "-1", [UInt8](repeating: 0xFF, count: 8)), (.AT, "\"7FE00010\"", [0xE0, 0x7F, 0x10, 0x00]),
            (.FL, "0.1", [0xCD, 0xCC, 0xCC, 0x3D]), (.FL, "\"-Infinity\"", [0x00, 0x00, 0x80, 0xFF]),
            (.FD, "100", [0, 0, 0, 0, 0, 0, 0x59, 0x40]), (.IS, "12", Array("12".utf8)),
            (.IS, "\"12 \",null", Array("12 \\".utf8)),
            (.DS, "1.50,-2", Array("1.50\\-2 ".utf8)), (.DS, "0.30000000000000004", Array("0.3 ".utf8)),
            (.PN, "\"A^B\"", Array("A^B ".utf8)), (.LO, "null,\"a\"", Array("\\a".utf8)),
            (.LT, "\"a\\\\b\"", Array("a\\b ".utf8)),
            (.US, "null", []),
        ] as [(ValueRepresentation, String, [UInt8])])
    func `a value`(vr: ValueRepresentation, values: String, expected: [UInt8]) throws {
        #expect(try value(vr, values) == expected)
    }

    @Test(arguments: [
        ("0.1234567890123456789", "0.12345678901235"), ("-0.1234567890123456789", "-0.1234567890123"),
        ("123456789012345678901", "1.23456789012E20"), ("-1.7976931348623157e-308", "-1.79769313E-308"),
        ("1.7976931348623157e308", "1.79769313E308"),
        ("99999999999999999", "1E17"), ("0.000000000000000000000", "0"), ("3.1415926535897931", "3.14159265358979"),
        ("1234567890123456", "1234567890123456"), ("-1234567890123456", "-1.2345678901E15"),
        ("0.00001234567890123456", "1.23456789012E-5"), ("0.30000000000000004", "0.3"),
    ])
    func `a number is rounded to the sixteen characters of DS`(number: String, expected: String) throws {
        let fitted = try #require(DecimalString.fitting(number))
        #expect(fitted == expected)
        #expect(fitted.utf8.count <= 16)
        let exact = try #require(Double(number))
        let read = try #require(Double(fitted))
        #expect(abs(read - exact) <= abs(exact) * 1e-8)
    }

    @Test(arguments: ["1e4000000000000000000", "-1.000000000000000e400"])
    func `a number beyond DS is none`(number: String) {
        #expect(DecimalString.fitting(number) == nil)
    }

    @Test(arguments: [
        ("{\n\"0010002\":{}}", 2, DICOMJSONError.Code.invalidTag), ("{\"PatientID\":{}}", 1, .invalidTag),
        ("{\"+0100020\":{}}", 1, .invalidTag),
        ("{\"00100020\":{\"vr\":\"LO\"},\n\"00100020\":{\"vr\":\"LO\"}}", 2, .syntax(.duplicateKey)),
        ("{\"0020000d\":{\"vr\":\"UI\"},\n\n\"0020000D\":{\"vr\":\"UI\"}}", 3, .invalidTag),
        // Out of order, too.
        ("{\"00100020\":{},\n\"00080060\":{},\n\"00100020\":{}}", 3, .syntax(.duplicateKey)),
        ("{\"00100020\":{},\n\"00080060\":{},\n\"00080060\":{}}", 3, .syntax(.duplicateKey)),
        ("{\"0020000d\":{},\"00100020\":{},\"00400000\":{},\n\"0020000D\":{}}", 2, .invalidTag),
        (
            "{\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"0020000D\":{},\"00100020\":{},\n\"00100020\":{}}]}}", 2,
            .syntax(.duplicateKey)
        ),
        ("{\"00100020\":\n[]}", 2, .invalidAttribute),
        ("{\"00100020\":{\"vr\":\"LO\",\n\"value\":[]}}", 2, .invalidAttribute),
        ("{\"00100020\":{\"vr\":\"LO\",\"Value\":[],\"InlineBinary\":\"\"}}", 1, .invalidAttribute),
        ("{\"00100020\":{\"vr\":\"XX\"}}", 1, .invalidVR), ("{\"00100020\":{\"vr\":1}}", 1, .invalidVR),
        ("{\"00091001\":{\"Value\":[]}}", 1, .invalidVR),
        ("{\"00100020\":{\"vr\":\"LO\",\"Value\":\"1\"}}", 1, .invalidValue),
        ("{\"00100020\":{\"vr\":\"LO\",\"Value\":[1]}}", 1, .invalidValue),
        ("{\"00100020\":{\"vr\":\"LO\",\"Value\":[\n\"a\\\\b\"]}}", 2, .invalidValue),
        ("{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"é\"]}}", 1, .invalidValue),
        ("{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a\",\"b\"]}}", 1, .invalidValue),
        ("{\"00280010\":{\"vr\":\"US\",\"Value\":[65536]}}", 1, .invalidValue),
        ("{\"00280010\":{\"vr\":\"US\",\"Value\":[1.5]}}", 1, .invalidValue),
        ("{\"00280010\":{\"vr\":\"US\",\"Value\":[1,null]}}", 1, .invalidValue),
        ("{\"00200013\":{\"vr\":\"IS\",\"Value\":[1.5]}}", 1, .invalidValue),
        ("{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"0018\"]}}", 1, .invalidValue),
        ("{\"00080000\":{},\"7FE00010\":{\"vr\":\"OW\",\"Value\":[1]}}", 1, .invalidValue),
        ("{\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"A\"}}", 1, .invalidValue),
        ("{\"00100020\":{\"vr\":\"LO\",\"InlineBinary\":\"AAAA\"}}", 1, .invalidValue),
        ("{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"http://x\"}}", 1, .bulkData),
        ("{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Latin\":\"A\"}]}}", 1, .invalidValue),
        ("{\"00081199\":{\"vr\":\"SQ\",\"Value\":[1]}}", 1, .notADataSet),
        ("1", 1, .notADataSet), ("[{},\n[]]", 2, .notADataSet), ("{", 1, .syntax(.unexpectedEnd)),
        ("{}\n{}\n}", 3, .syntax(.unexpectedCharacter)),
    ])
    func `what is wrong is told with its line`(text: String, line: Int, code: DICOMJSONError.Code) {
        let error = #expect(throws: DICOMJSONError.self) { try parse(text) }
        #expect(error?.code == code)
        #expect(error?.line == line)
    }

    @Test func `bytes come back as they were`() throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        var set = DataSet()
        set.append(DataElement(tag: .pixelData, vr: .OW, value: .bytes(bytes[...])))
        var output: [UInt8] = []
        DICOMJSON.append(set, to: &output)
        #expect(try DICOMJSON.parse(output) == [set])
        #expect(
            try parse("{\"7FE00010\":{\"vr\":\"OB\",\"InlineBinary\":[\"AQID\"]}}").first?.bytes(.pixelData) == [
                1, 2, 3, 0,
            ])
    }

    /// Servers write the members of an object in any order, most of them in that of the alphabet.
    @Test(arguments: [
        "\"vr\":\"LO\",\"Value\":[\"a\\u00e9\",null,\"b\"]", "\"vr\":\"US\",\"Value\":[1,65535]",
        "\"vr\":\"PN\",\"Value\":[{\"Ideographic\":\"C\",\"Alphabetic\":\"A\"},{\"Phonetic\":\"P\"}]",
        "\"vr\":\"SQ\",\"Value\":[{\"00100020\":{\"Value\":[\"1\"],\"vr\":\"LO\"}},null]",
        "\"vr\":\"OB\",\"InlineBinary\":\"AQI=\"",
    ])
    func `a value may stand before its representation`(members: String) throws {
        let comma = try #require(members.firstIndex(of: ","))
        let (first, second) = (members[..<comma], members[members.index(after: comma)...])
        let sets = try [members, "\(second),\(first)"].map { try parse("{\"00091001\":{\($0)},\"00100010\":{}}") }
        #expect(sets[0] == sets[1])
        #expect(sets[0].first?[Tag(0x0009_1001)]?.value != .bytes([]))
    }

    @Test(arguments: [
        (
            "{\"Value\":[{\"Alphabetic\":\"A\",\n\"Alphabetic\":\"B\"}],\"vr\":\"PN\"}", 2,
            DICOMJSONError.Code.syntax(.duplicateKey)
        ),
        ("{\"vr\":\"LO\",\n\"vr\":\"LO\"}", 2, .syntax(.duplicateKey)),
        ("{\"Value\":[],\n\"Value\":[]}", 2, .syntax(.duplicateKey)),
        ("{\"Value\":[\n\"a\",\n1],\"vr\":\"LO\"}", 3, .invalidValue),
        ("{\"vr\":\"US\",\"Value\":[\nnull,\n1]}", 2, .invalidValue),
        ("{\"Value\":[\"a\"\n\"b\"],\"vr\":\"LO\"}", 2, .syntax(.unexpectedCharacter)),
    ])
    func `what is wrong in an attribute is told with its line`(
        attribute: String, line: Int, code: DICOMJSONError.Code
    ) {
        let error = #expect(throws: DICOMJSONError.self) { try parse("{\"00100020\":\(attribute)}") }
        #expect(error?.code == code)
        #expect(error?.line == line)
    }

    @Test(arguments: [
        "{\"vr\":\"OW\",\"BulkDataURI\":\"http://x\"}", "{\"BulkDataURI\":\"http://x\",\"vr\":\"XX\",\"other\":[{}]}",
        "{\"Value\":[1],\"BulkDataURI\":\"http://x\"}", "{\"vr\":\"OW\",\"Value\":null,\"BulkDataURI\":\"http://x\"}",
        "{\"vr\":\"OB\",\"Value\":[1],\"BulkDataURI\":\"http://x\"}",
        "{\"vr\":\"LO\",\"Value\":[\"é\"],\"BulkDataURI\":\"http://x\"}",
    ])
    func `what is elsewhere is left out where that is asked for`(attribute: String) throws {
        let text = "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]},\"7FE00010\":\(attribute)}"
        let sets = try DICOMJSON.parse(Array(text.utf8), leavesOutBulkData: true)
        #expect(sets.map { $0.string(.patientID) } == ["1"])
        #expect(sets.first?[.pixelData] == nil)
        #expect(sets.first?[.specificCharacterSet] == nil)
        #expect(throws: DICOMJSONError.self) { try parse(text) }
    }

    @Test func `nothing is kept in memory of what is left out`() throws {
        let long = String(repeating: "x", count: 1000)
        let text =
            "{\"00081030\":{\"vr\":\"LT\",\"Value\":[\"\(long)\"],\"BulkDataURI\":\"x\"},"
            + "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"12\"]}}"
        let set = try #require(try DICOMJSON.parse(Array(text.utf8), leavesOutBulkData: true).first)
        #expect(set.bytes(.patientID)?.indices == 0..<2)
    }

    @Test func `of what is not wanted nothing is asked but that it is JSON`() throws {
        let text =
            "[{\"00080060\":{\"vr\":\"XX\"},\"00080061\":[1],\"00081199\":{\"vr\":\"SQ\",\"Value\":["
            + "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]}}]},\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"é\\u00e9\"}]},"
            + "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]}}]"
        let wanted: [Tag] = [.specificCharacterSet, .referencedSOPSequence, .patientID]
        let set = try #require(try DICOMJSON.parse(Array(text.utf8), only: wanted).first)
        #expect(set.elements.map(\.tag) == [.referencedSOPSequence, .patientID])
        #expect(set.string(.patientID) == "1")
        #expect(set.items(.referencedSOPSequence)?.first?.string(.modality) == "MR")
        for length in 1..<text.utf8.count {
            #expect(throws: DICOMJSONError.self) { try DICOMJSON.parse(Array(text.utf8.prefix(length)), only: wanted) }
        }
    }

    @Test func `the elements of each item are in order whatever those around it are`() throws {
        let text =
            "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]},\"00081199\":{\"vr\":\"SQ\",\"Value\":["
            + "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"2\"]},\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}},"
            + "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]}}]},\"00080060\":{\"vr\":\"CS\",\"Value\":[\"US\"]}}"
        let set = try #require(try parse(text).first)
        #expect(set.elements.map(\.tag) == [.modality, .referencedSOPSequence, .patientID])
        #expect(set.string(.modality) == "US" && set.string(.patientID) == "1")
        let items = try #require(set.items(.referencedSOPSequence))
        #expect(items.map { $0.elements.map(\.tag) } == [[.modality, .patientID], [.modality]])
        #expect(items.map { $0.string(.modality) } == ["CT", "MR"])
    }

    @Test func `what was left out is not taken from a second element`() {
        let text =
            "{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"x\"},\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"AQI=\"}}"
        let error = #expect(throws: DICOMJSONError.self) {
            try DICOMJSON.parse(Array(text.utf8), leavesOutBulkData: true)
        }
        #expect(error?.code == .syntax(.duplicateKey))
    }

    @Test(arguments: [
        #"{"0010001\u0030":{"\u0076r":"\u0050N","Val\u0075e":[{"Alph\u0061betic":"J\u00e9","Phonetic":"\ud83d\ude00\/"}]}}"#,
        #"{"00100010":{"Val\u0075e":[{"Phonetic":"\ud83d\ude00\/","Alphabetic":"J\u00e9"}],"vr":"\u0050N"}}"#,
        #"{"00100010":{"Value":[{"Alphabetic":"Jé","Phonetic":"😀/"}],"vr":"PN"}}"#,
    ])
    func `a text with escapes is what it is without them`(text: String) throws {
        let sets = try parse(text)
        #expect(sets.first?.bytes(.patientName).map { String(decoding: $0, as: UTF8.self) } == "Jé==😀/")
        #expect(sets.first?.string(.specificCharacterSet) == "ISO_IR 192")
    }

    @Test func `data sets within one another keep their own attributes, in their order`() throws {
        let text = #"""
            {"00400100":{"vr":"SQ","Value":[{"00400009":{"vr":"SH","Value":["S"]},"00400002":{"vr":"DA","Value":["20260101"]}},
            {"00321060":{"Value":["long"],"vr":"LO"},"00080100":{"vr":"SQ","Value":[{"00080102":{"vr":"SH","Value":["DCM"]}}]}},null]},
            "00100040":{"vr":"CS","Value":["M",null]},"00100020":{"vr":"LO","Value":["4711"]}}
            """#
        let set = try #require(try parse(text).first)
        #expect(set.elements.map(\.tag.rawValue) == [0x0010_0020, 0x0010_0040, 0x0040_0100])
        #expect(set.string(.patientID) == "4711")
        #expect(set.elements[1].value == .bytes(Array("M\\".utf8)[...]))
        let items = try #require(set.items(Tag(0x0040_0100)))
        let tags: [[UInt32]] = [[0x0040_0002, 0x0040_0009], [0x0008_0100, 0x0032_1060], []]
        #expect(items.map { $0.elements.map(\.tag.rawValue) } == tags)
        #expect(items[0].elements.map(\.value) == ["20260101", "S "].map { .bytes(Array($0.utf8)[...]) })
        #expect(items[1].string(Tag(0x0032_1060)) == "long")
        #expect(items[1].items(Tag(0x0008_0100))?.first?.bytes(Tag(0x0008_0102)) == Array("DCM ".utf8)[...])
    }

    @Test func `nothing stays of a sequence that is left out in its middle`() throws {
        let text = #"""
            {"00081115":{"vr":"SQ","Value":[{"00100020":{"vr":"LO","Value":["AB"]}},
            {"00100020":{"vr":"LO","Value":["CD"]},"00280010":{"vr":"US","Value":[70000]}}],"BulkDataURI":"u"},
            "00100020":{"vr":"LO","Value":["12"]}}
            """#
        let set = try #require(try DICOMJSON.parse(Array(text.utf8), leavesOutBulkData: true).first)
        #expect(set.elements.count == 1)
        #expect(set.string(.patientID) == "12")
    }

    @Test func `values that are read again count again`() {
        var limits = JSONLimits()
        limits.maximumValues = 40
        func nested(_ depth: Int) -> String {
            depth == 0 ? "{}" : "{\"00081199\":{\"Value\":[\(nested(depth - 1))],\"vr\":\"SQ\"}}"
        }
        #expect(throws: Never.self) { try DICOMJSON.parse(Array(nested(3).utf8), limits: limits) }
        let error = #expect(throws: DICOMJSONError.self) {
            try DICOMJSON.parse(Array(nested(8).utf8), limits: limits)
        }
        #expect(error?.code == .syntax(.tooManyValues))
    }

    @Test func `a text cut anywhere is an error and no trap`() throws {
        let text = Array(
            "[{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"J\\u00e9\"}]},\"00281052\":{\"vr\":\"DS\",\"Value\":[-1.5e3,null]}}]"
                .utf8)
        #expect(try DICOMJSON.parse(text).count == 1)
        for length in 1..<text.count {
            #expect(throws: DICOMJSONError.self) { try DICOMJSON.parse(Array(text.prefix(length))) }
        }
    }

    @Test func `a sequence nested too deep is refused`() {
        let depth = 100
        let text =
            String(repeating: "{\"00081199\":{\"vr\":\"SQ\",\"Value\":[", count: depth)
            + String(repeating: "]}}", count: depth)
        let error = #expect(throws: DICOMJSONError.self) { try parse(text) }
        #expect(error?.code == .syntax(.nestingTooDeep))
    }
}
