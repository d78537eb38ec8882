import Testing

@testable import DICOM

struct LocaleEncodingTests {
    @Test(arguments: ["UTF-8", "utf8", "ANSI_X3.4-1968", "US-ASCII", "no such thing"])
    func `UTF-8, ASCII and the unknown need no conversion`(_ codeset: String) {
        #expect(LocaleEncoding(codeset: codeset) == nil)
    }

    @Test func `what the encoding lacks becomes a question mark, each character one`() throws {
        let latin1 = try #require(LocaleEncoding(codeset: "ISO-8859-1"))
        let bytes = Array("Mü山🎈x".utf8).withUnsafeBytes { latin1.encode($0) }
        #expect(bytes == [0x4D, 0xFC, 0x3F, 0x3F, 0x78])
    }

    @Test func `bytes that are no text of the encoding are none`() throws {
        let eucJP = try #require(LocaleEncoding(codeset: "EUC-JP"))
        #expect([UInt8]([0xBB, 0xB3]).withUnsafeBytes { eucJP.decode($0) } == "山")
        #expect([UInt8]([0xBB]).withUnsafeBytes { eucJP.decode($0) } == nil)
    }
}

struct ElementTextTests {
    private func text(_ path: [UInt32], of dataSet: DataSet) -> String {
        var output: [UInt8] = []
        ElementText.append(path.map { Tag($0) }[...], of: dataSet, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `values are trimmed and follow each other with backslashes`() {
        var dataSet = DataSet()
        dataSet.set(Tag(0x0008_0061), .CS, "CT \\SR ")
        dataSet.setUInt16(Tag(0x0028_0010), 512)
        #expect(text([0x0008_0061], of: dataSet) == "CT\\SR")
        #expect(text([0x0028_0010], of: dataSet) == "512")
        #expect(text([0x0010_0010], of: dataSet).isEmpty)
    }

    @Test func `a path leads into all items of a sequence`() {
        var first = DataSet()
        first.set(Tag(0x0008_0060), .CS, "CT")
        var second = DataSet()
        second.set(Tag(0x0008_0060), .CS, "MR")
        var dataSet = DataSet()
        dataSet.set(Tag(0x0040_0100), items: [first, second])
        #expect(text([0x0040_0100, 0x0008_0060], of: dataSet) == "CT\\MR")
        #expect(text([0x0040_0100], of: dataSet) == "[2 items]")
    }

    @Test func `what has no text shows its size, and control characters are harmless`() {
        var dataSet = DataSet()
        dataSet.append(DataElement(tag: Tag(0x7FE0_0010), vr: .OW, value: .bytes([1, 2, 3, 4])))
        dataSet.append(DataElement(tag: Tag(0x0010_4000), vr: .LT, value: .bytes(Array("a\nb".utf8)[...])))
        #expect(text([0x7FE0_0010], of: dataSet) == "[4 bytes]")
        #expect(text([0x0010_4000], of: dataSet) == "a␊b")
    }
}
