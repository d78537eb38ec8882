import DICOM
import Glibc
import System
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

    @Test(
        arguments: [
            (["LC_ALL": "C", "LANG": "de_DE.UTF-8"], "ANSI_X3.4-1968"), ([:], "ANSI_X3.4-1968"),
            (["LC_ALL": "", "LC_CTYPE": "de_DE.utf8", "LANG": "C"], "UTF-8"), (["LANG": "C.UTF-8"], "UTF-8"),
            (["LANG": "de_DE@euro"], nil), (["LC_CTYPE": "de_DE.ISO-8859-1"], nil), (["LANG": "de_DE"], nil),
        ] as [([String: String], String?)])
    func `the encoding is that of the first variable that names one, or the system is asked`(
        variables: [String: String], codeset: String?
    ) {
        #expect(ArgumentText.codeset(ofLocale: ArgumentText.localeName { variables[$0] }) == codeset)
    }

    @Test func `the arguments of the process are those that the system shows`() throws {
        let shown = try FileDescriptor.contents(of: "/proc/self/cmdline", limit: 1 << 20)
        let arguments = shown.dropLast().split(separator: 0, omittingEmptySubsequences: false).dropFirst()
        #expect(ArgumentText.ofProcess() == arguments.map { String(decoding: $0, as: UTF8.self) })
    }
}
