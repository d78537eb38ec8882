import DICOM
import Testing

@testable import CommandLineInterface

struct ArgumentTextTests {
    private func decode(_ bytes: [UInt8], _ encoding: LocaleEncoding? = nil) -> String {
        bytes.withUnsafeBytes { ArgumentText.decode($0, encoding) }
    }

    @Test(arguments: [
        [UInt8](), Array("plain".utf8), Array("Müller".utf8), [0x4D, 0xFC, 0x6C], [0xFF, 0x80, 0x41], [0xC3],
    ])
    func `bytes become text and the same bytes again, whatever they are`(_ bytes: [UInt8]) {
        let text = decode(bytes)
        #expect(ArgumentText.encode(text, nil) == bytes)
        #expect(ArgumentText.hasStandIns(text) == (String(validating: bytes, as: UTF8.self) == nil))
    }

    @Test func `in another locale a name is text, and its bytes when it is opened`() throws {
        let latin1 = try #require(LocaleEncoding(codeset: "ISO-8859-1"))
        #expect(decode([0x4D, 0xFC, 0x6C], latin1) == "Mül")
        #expect(ArgumentText.encode("Mül", latin1) == [0x4D, 0xFC, 0x6C])
    }
}
