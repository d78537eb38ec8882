import Testing

@testable import DICOM

struct DataDictionaryTests {
    @Test(arguments: [
        (Tag.patientName, "PatientName", "Patient's Name", ValueRepresentation.PN, "1", false),
        (Tag(0x0000_0000), "CommandGroupLength", "Command Group Length", .UL, "1", false),
        (Tag(0x0028_0010), "Rows", "Rows", .US, "1", false),
        (Tag(0x7FE0_0010), "PixelData", "Pixel Data", .OW, "1", false),
        (Tag(0x0028_0106), "SmallestImagePixelValue", "Smallest Image Pixel Value", .US, "1", false),
        (Tag(0x0028_3006), "LUTData", "LUT Data", .OW, "1-n", false),
        (Tag(0x0028_0040), "ImageFormat", "Image Format", .CS, "1", true),
    ])
    func `an element is found with all that the standard says of it`(
        tag: Tag, keyword: String, name: String, vr: ValueRepresentation, vm: String, isRetired: Bool
    ) throws {
        let entry = try #require(DataDictionary.entry(for: tag))
        #expect(entry.tag == tag)
        #expect(entry.keyword == keyword)
        #expect(entry.name == name)
        #expect(entry.vr == vr)
        #expect(entry.vm == vm)
        #expect(entry.isRetired == isRetired)
        #expect(DataDictionary.vr(of: tag) == vr)
        #expect(DataDictionary.tag(forKeyword: keyword) == tag)
    }

    @Test(arguments: [
        (UInt32(0x6000_0010), "OverlayRows", ValueRepresentation.US), (0x601E_3000, "OverlayData", .OW),
        (0x5002_0005, "CurveDimensions", .US), (0x0020_3105, "SourceImageIDs", .CS),
        (0x0028_0410, "RowsForNthOrderCoefficients", .US), (0x0028_0400, "TransformLabel", .LO),
        (0x1000_0010, "EscapeTriplet", .US), (0x1010_0004, "ZonalMap", .US),
        (0x7F02_0010, "VariablePixelData", .OW),
    ])
    func `a repeating group is found in each of its places`(raw: UInt32, keyword: String, vr: ValueRepresentation) {
        #expect(DataDictionary.entry(for: Tag(raw))?.keyword == keyword)
        #expect(DataDictionary.entry(for: Tag(raw))?.tag == Tag(raw))
        #expect(DataDictionary.vr(of: Tag(raw)) == vr)
    }

    @Test(arguments: [
        (UInt32(0x0009_0010), ValueRepresentation.LO), (0x0009_00FF, .LO), (0x0009_0000, .UL), (0x0009_1001, .UN),
        (0x0009_0001, .UN), (0x0008_0000, .UL), (0x0008_FFFE, .UN), (0xFFFF_FFFF, .UN), (0xFFFE_E000, .UN),
        (0x60FF_0010, .LO), (0x60FF_1010, .UN), (0x0028_04F0, .US),
    ])
    func `what the dictionary does not list has the representation of the rules`(raw: UInt32, vr: ValueRepresentation) {
        #expect(DataDictionary.vr(of: Tag(raw)) == vr)
    }

    @Test func `unknown tags and keywords are not found`() {
        #expect(DataDictionary.entry(for: Tag(0x0008_FFFE)) == nil)
        #expect(DataDictionary.entry(for: Tag(0x0009_1001)) == nil)
        #expect(DataDictionary.tag(forKeyword: "") == nil)
        #expect(DataDictionary.tag(forKeyword: "patientname") == nil)
        #expect(DataDictionary.tag(forKeyword: "ZZZ") == nil)
    }

    @Test func `a keyword of a repeating group gives its first tag`() {
        #expect(DataDictionary.tag(forKeyword: "OverlayRows") == Tag(0x6000_0010))
        #expect(DataDictionary.tag(forKeyword: "SourceImageIDs") == Tag(0x0020_3100))
        #expect(DataDictionary.tag(forKeyword: "EscapeTriplet") == Tag(0x1000_0010))
    }

    @Test func `every keyword leads to a tag whose entry has that keyword`() {
        let keywords = Array(DataDictionary.keywords)
        #expect(keywords.count > 5_000)
        #expect(keywords == keywords.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        for keyword in keywords {
            let entry = DataDictionary.tag(forKeyword: keyword).flatMap { DataDictionary.entry(for: $0) }
            #expect(entry?.keyword == keyword)
        }
    }

    @Test func `only US or SS depends on the pixel representation`() {
        #expect(DataDictionary.dependsOnPixelRepresentation(Tag(0x0028_0106)))
        #expect(!DataDictionary.dependsOnPixelRepresentation(Tag(0x0028_0010)))
        #expect(!DataDictionary.dependsOnPixelRepresentation(Tag(0x0028_3006)))
        #expect(!DataDictionary.dependsOnPixelRepresentation(.pixelData))
        #expect(!DataDictionary.dependsOnPixelRepresentation(Tag(0x0029_0106)))
    }
}
