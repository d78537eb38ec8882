import DICOMProtocol
import Testing

struct AETitleTests {
    @Test(arguments: ["A", "DCMSCU", "A B", "1234567890123456", "x-y_z.~!"])
    func `a title of allowed characters is taken`(_ text: String) {
        #expect(AETitle(text)?.string == text)
    }

    @Test(arguments: ["", " ", "                ", "12345678901234567", "A\\B", "A\tB", "A\0", "Ä", "A\u{7F}", "🩻"])
    func `a title that the standard does not allow is refused`(_ text: String) {
        #expect(AETitle(text) == nil)
    }

    @Test func `spaces around a title do not count`() {
        #expect(AETitle("  ARCHIVE ")?.string == "ARCHIVE")
        #expect(AETitle(wire: "  ARCHIVE       ".utf8) == AETitle("ARCHIVE"))
        #expect(AETitle(wire: "ARCHIVE\0\0\0\0\0\0\0\0\0".utf8) == AETitle("ARCHIVE"))
    }

    @Test func `case counts`() {
        #expect(AETitle("archive") != AETitle("ARCHIVE"))
    }

    @Test func `a title is padded to sixteen bytes with spaces`() {
        #expect(AETitle(wire: "AE".utf8).wireBytes == Array("AE              ".utf8))
        #expect(AETitle(wire: "1234567890123456".utf8).wireBytes == Array("1234567890123456".utf8))
    }

    @Test func `a title of spaces only is read as empty`() {
        #expect(AETitle(wire: "                ".utf8).isEmpty)
        #expect(AETitle(wire: [] as [UInt8]).wireBytes == [UInt8](repeating: 0x20, count: 16))
    }

    @Test func `what a peer sent goes back as it came, but is shown harmless`() {
        let wire: [UInt8] = [0x1B, 0x5B, 0x32, 0x4A, 0xC4, 0x00, 0x41] + [UInt8](repeating: 0x20, count: 9)
        let title = AETitle(wire: wire)
        #expect(title.wireBytes == wire)
        #expect(title.description == "?[2J??A")
    }
}
