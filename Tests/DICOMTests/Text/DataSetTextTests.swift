import Testing

@testable import DICOM

private func lines(_ dataSet: DataSet, inherited: SpecificCharacterSet = .defaultRepertoire) -> [String] {
    var output: [UInt8] = []
    DataSetText.appendLines(dataSet, to: &output, inheritedCharacterSet: inherited)
    return String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        .map { String($0) }
}

private func line(_ tag: UInt32, _ vr: ValueRepresentation, _ bytes: [UInt8]) -> String {
    var set = DataSet()
    set.append(DataElement(tag: Tag(tag), vr: vr, value: .bytes(bytes[...])))
    let all = lines(set, inherited: .utf8)
    #expect(all.count == 1)
    return all.first ?? ""
}

@Suite struct DataSetTextTests {
    @Test func `hidden values keep their lengths`() {
        var item = DataSet()
        item.set(Tag(0x0010_0020), .LO, "12345678")
        var set = DataSet()
        set.set(Tag(0x0010_0020), .LO, "1234")
        set.set(Tag(0x0010_1002), items: [item])
        var output: [UInt8] = []
        DataSetText.appendLines(set.hidingPatientData, to: &output, lengthsOf: set)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains("LO [***]") && text.contains("# 4,1 Patient ID"), "\(text)")
        #expect(!text.contains("# 3,") && !text.contains("1234"), "\(text)")
    }

    @Test(arguments: [
        (
            UInt32(0x0008_0005), ValueRepresentation.CS, "ISO_IR 100",
            "(0008,0005) CS [ISO_IR 100]                                       # 10,1-n Specific Character Set"
        ),
        (
            0x0008_0008, .CS, "DERIVED\\PRIMARY ",
            "(0008,0008) CS [DERIVED\\PRIMARY ]                                 # 16,2-n Image Type"
        ),
        (
            0x0010_0030, .DA, "",
            "(0010,0030) DA (no value)                                         # 0,1 Patient's Birth Date"
        ),
        (
            0x0020_000D, .UI, "1.2.3\0",
            "(0020,000d) UI [1.2.3]                                            # 6,1 Study Instance UID"
        ),
        (
            0x0008_0018, .UI, "1.3.51.0.7.11267079384.54094.16836.47802.41082.29308.17461",
            "(0008,0018) UI [1.3.51.0.7.11267079384.54094.16836.47802.41082.29308.17461]         # 58,1 SOP Instance UID"
        ),
        (
            0x0020_4000, .LT, "a\\b",
            "(0020,4000) LT [a\\b]                                              # 3,1 Image Comments"
        ),
        (
            0x0010_0020, .LO, "a\\b",
            "(0010,0020) LO [a\\b]                                              # 3,1 (2)  Patient ID"
        ),
    ])
    func `a string is as gdcmdump shows it`(tag: UInt32, vr: ValueRepresentation, value: String, expected: String) {
        #expect(line(tag, vr, Array(value.utf8)) == expected)
    }

    @Test(
        arguments: [
            (UInt32(0x0028_0010), ValueRepresentation.US, [0x00, 0x02], "512", "2,1 Rows"),
            (0x0028_0120, .SS, [0x30, 0xF8], "-2000", "2,1 Pixel Padding Value"),
            (
                0x0028_0009, .AT, [0x18, 0x00, 0x63, 0x10, 0x54, 0x00, 0x16, 0x00], "(0018,1063)\\(0054,0016)",
                "8,1-n Frame Increment Pointer"
            ),
            (
                0x0018_9322, .FD, [0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 0, 0, 0, 0, 0, 0x02, 0x40], "1.5\\2.25",
                "16,2 Reconstruction Pixel Spacing"
            ),
            (0x0072_0076, .FL, [0xCD, 0xCC, 0xCC, 0x3D, 0, 0, 0xC0, 0x7F], "0.1\\nan", "8,1-n Selector FL Value"),
            (0x0009_1010, .UN, [0x61, 0x62], "61\\62", "2,? (1)  Private Element"),
            (0x0009_1010, .OB, [], "(no value)", "0,? Private Element"),
            (0x0072_006D, .UN, [0x61, 0x62], "61\\62", "2,1 Selector UN Value"),
            (0x0002_0001, .OB, [0x00, 0x01], "00\\01", "2,1 File Meta Information Version"),
        ] as [(UInt32, ValueRepresentation, [UInt8], String, String)])
    func `a binary value is as gdcmdump shows it`(
        tag: UInt32, vr: ValueRepresentation, bytes: [UInt8], value: String, comment: String
    ) {
        let text = line(tag, vr, bytes)
        let start = "\(Tag(tag)) \(vr) \(value)"
        #expect(text.hasPrefix(start + " "))
        #expect(text.hasSuffix(" # " + comment))
        #expect(text.utf8.count == max(66, start.utf8.count + 9) + 2 + comment.utf8.count)
    }

    @Test func `an element that only its sender did not know is shown by the dictionary`() {
        #expect(line(0x0028_0010, .UN, [0x00, 0x02]).hasPrefix("(0028,0010) US 512 "))
        #expect(line(0x0010_0020, .UN, [0x41, 0x20]).hasPrefix("(0010,0020) LO [A ] "))
    }

    @Test func `of many bytes the first are shown`() {
        let text = line(0x7FE0_0010, .OW, [UInt8](repeating: 0xAB, count: 200))
        let shown = [String](repeating: "ab", count: 64).joined(separator: "\\")
        #expect(text == "(7fe0,0010) OW \(shown)         # 200,1 Pixel Data")
    }

    @Test func `items are indented between their delimiters`() {
        var item = DataSet()
        item.set(.patientID, .LO, "x ")
        var set = DataSet()
        set.set(.referencedStudySequence, items: [])
        set.set(.referencedSOPSequence, items: [item, DataSet()])
        #expect(
            lines(set) == [
                "(0008,1110) SQ (Sequence with defined length)                     # 0,1 Referenced Study Sequence",
                "(0008,1199) SQ (Sequence with undefined length)                   # u/l,1 Referenced SOP Sequence",
                "  (fffe,e000) na (Item with undefined length)",
                "    (0010,0020) LO [x ]                                           # 2,1 Patient ID",
                "  (fffe,e00d)",
                "  (fffe,e000) na (Item with undefined length)",
                "  (fffe,e00d)",
                "(fffe,e0dd)",
            ])
    }

    @Test func `fragments are listed`() {
        var set = DataSet()
        set.append(DataElement(tag: .pixelData, vr: .OB, value: .fragments([[], [0xFF, 0xD8]])))
        #expect(
            lines(set) == [
                "(7fe0,0010) OB                                                    # u/l,1 Pixel Data",
                "  (fffe,e000) na (no value)                                       # 0,1 Item",
                "  (fffe,e000) na ff\\d8                                            # 2,1 Item",
                "(fffe,e0dd)",
            ])
    }

    @Test func `text is decoded, that of items by the set around them, and columns are characters`() {
        var item = DataSet()
        item.append(DataElement(tag: .patientName, vr: .PN, value: .bytes([0xE9, 0x20][...])))
        var set = DataSet()
        set.set(.specificCharacterSet, .CS, "ISO_IR 100")
        set.set(.referencedSOPSequence, items: [item])
        set.append(DataElement(tag: .patientName, vr: .PN, value: .bytes([0x4A, 0xE9][...])))
        let all = lines(set)
        #expect(all.contains("    (0010,0010) PN [é ]                                           # 2,1 Patient's Name"))
        #expect(all.last == "(0010,0010) PN [Jé]                                               # 2,1 Patient's Name")
    }

    @Test func `a value cannot write a line of its own`() {
        let text = line(0x0010_4000, .LT, Array("a\r\n(0010,0020) LO [1]\u{85}\u{2028}\u{1B}[2J".utf8))
        #expect(text.hasPrefix("(0010,4000) LT [a␍␊(0010,0020) LO [1]<U+0085><U+2028>␛[2J]"))
        for vr in ValueRepresentation.allCases {
            var generator = Xorshift(state: UInt64(vr.rawValue))
            for _ in 0..<50 {
                let bytes = (0..<16).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 24) }
                let text = line(0x0009_1001, vr, bytes)
                #expect(text.unicodeScalars.allSatisfy { !DisplayText.isHarmful($0) })
            }
        }
    }

    @Test(arguments: [
        (1, "1", true), (2, "1", false), (0, "1", false), (7, "1-n", true), (2, "2", true), (1, "2-n", false),
        (5, "2-n", true),
        (4, "2-2n", true), (3, "2-2n", false), (3, "1-3", true), (4, "1-3", false), (6, "3-3n", true),
        (1, "1-n or 1", true),
        (1, "", false), (1, "n", false),
    ])
    func `a multiplicity is read as PS3.6 writes it`(count: Int, text: String, isAllowed: Bool) {
        #expect(ValueMultiplicity.allows(count, by: text) == isAllowed)
    }
}

@Suite struct DisplayTextTests {
    @Test(arguments: [
        ("", ""), ("plain ~ text \\ [x]", "plain ~ text \\ [x]"), ("山田^太郎", "山田^太郎"), ("\u{1B}[31m", "␛[31m"),
        ("a\nb\r\tc\0", "a␊b␍␉c␀"), ("\u{7F}", "␡"), ("\u{9B}31m", "<U+009B>31m"), ("a\u{202E}b", "a<U+202E>b"),
        ("\u{2066}\u{2069}\u{200E}\u{200B}", "<U+2066><U+2069><U+200E><U+200B>"), ("\u{FFFD}", "\u{FFFD}"),
        ("\u{FEFF}a", "<U+FEFF>a"), ("\u{E0041}", "<U+E0041>"), ("\u{10FFFF}", "<U+10FFFF>"), ("e\u{301}", "e\u{301}"),
        ("می\u{200C}خواهم", "می\u{200C}خواهم"), ("😀", "😀"),
    ])
    func `text is made harmless`(text: String, expected: String) {
        #expect(DisplayText.harmless(text) == expected)
    }

    /// A comment that has to be made again for each match takes longer than all else of its line.
    @Test(
        arguments: [
            [
                0x0008_0005, 0x0008_0020, 0x0008_0030, 0x0008_0050, 0x0008_0052, 0x0008_0054, 0x0008_0061, 0x0008_1030,
                0x0010_0010, 0x0010_0020, 0x0010_0030, 0x0010_0040, 0x0020_000D, 0x0020_0010, 0x0020_1206, 0x0020_1208,
            ],
            [
                0x0008_0005, 0x0008_0021, 0x0008_0031, 0x0008_0052, 0x0008_0054, 0x0008_0060, 0x0008_103E, 0x0018_0015,
                0x0020_000D, 0x0020_000E, 0x0020_0011, 0x0020_1209,
            ],
            [
                0x0008_0005, 0x0008_0016, 0x0008_0018, 0x0008_0023, 0x0008_0033, 0x0008_0052, 0x0008_0054, 0x0020_000D,
                0x0020_000E, 0x0020_0013, 0x0028_0008, 0x0028_0010, 0x0028_0011,
            ],
            [
                0x0008_0005, 0x0008_0050, 0x0008_0060, 0x0010_0010, 0x0010_0020, 0x0010_0030, 0x0010_0040, 0x0020_000D,
                0x0032_1060, 0x0040_0001, 0x0040_0002, 0x0040_0003, 0x0040_0007, 0x0040_0009, 0x0040_0100, 0x0040_1001,
            ],
        ] as [[UInt32]])
    func `the attributes of one match have comments of their own`(tags: [UInt32]) {
        #expect(Set(tags.map { ElementComments.place(Tag($0)) }).count == tags.count)
    }
}
