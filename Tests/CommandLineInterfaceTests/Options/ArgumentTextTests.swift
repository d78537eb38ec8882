import DICOM
import Glibc
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

    @Test(arguments: [["dcmscu"], ["dcmscu", "--echo", "host"], ["dcmscu", "", "\u{E4}"]])
    func `arguments are found before the environment`(arguments: [String]) {
        // As on the stack of a new process.
        let strings = arguments.map { strdup($0) }
        defer { for string in strings { free(string) } }
        let stack = [UnsafeMutablePointer(bitPattern: strings.count)] + strings + [nil, strdup("HOME=/"), nil]
        stack.withUnsafeBufferPointer { stack in
            let found = ArgumentText.beforeEnvironment(stack.baseAddress.map { $0 + strings.count + 2 })
            #expect(found.map { String(cString: $0) } == arguments)
        }
        free(stack[strings.count + 2])
    }

    @Test func `without a null pointer before the environment there are none`() {
        let moved: [UnsafeMutablePointer<CChar>?] = [UnsafeMutablePointer(bitPattern: 8), nil]
        moved.withUnsafeBufferPointer { moved in
            #expect(ArgumentText.beforeEnvironment(moved.baseAddress.map { $0 + 1 }).isEmpty)
        }
        #expect(ArgumentText.beforeEnvironment(nil).isEmpty)
    }
}
