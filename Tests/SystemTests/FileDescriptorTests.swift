import Glibc
import Testing

@testable import System

struct FileDescriptorTests {
    /// A file of this content that is gone when the test ends.
    private static func withFile(
        named name: [UInt8] = Array("plain".utf8), _ content: [UInt8], _ body: (FilePath) throws -> Void
    ) throws {
        var template = Array("/tmp/dcmscu-files-XXXXXX\0".utf8)
        let made = template.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { mkdtemp($0.assumingMemoryBound(to: CChar.self)) != nil } ?? false
        }
        try #require(made)
        let folder = FilePath(bytes: template)
        let path = folder.appending(name)
        defer {
            _ = path.withCString { unlink($0) }
            _ = folder.withCString { rmdir($0) }
        }
        let file = try FileDescriptor.open(path, for: .writing, [.creatingNew])
        try file.writeAll(content)
        try file.close()
        try body(path)
    }

    @Test(arguments: [Array("tab\there".utf8), Array("line\nfeed".utf8), Array("\u{1B}[31m".utf8), [0x63, 0xFF, 0xFE]])
    func `a file opens by the bytes of its name, whatever they are`(name: [UInt8]) throws {
        try Self.withFile(named: name, [1, 2, 3]) { path in
            let content = try FileDescriptor.contents(of: path, limit: 3)
            #expect(content == [1, 2, 3])
        }
    }

    @Test func `a file that is longer than the limit is not read`() throws {
        try Self.withFile([1, 2, 3]) { path in
            #expect(throws: FileReadError.tooLong(limit: 2)) { try FileDescriptor.contents(of: path, limit: 2) }
        }
    }

    @Test func `a file that is not there is named in the error`() {
        let missing = FilePath("/no/such\t")
        #expect(throws: FileReadError.system(SystemError(errno: ENOENT, operation: "open", path: missing))) {
            try FileDescriptor.contents(of: missing, limit: 1)
        }
    }

    @Test func `lines are given one by one, the last one without its end, and one that is too long is told`() throws {
        let long = [UInt8](repeating: 0x78, count: 1 << 17)
        try Self.withFile(Array("a\n\nb\n".utf8) + long + Array("\nlast".utf8)) { path in
            let file = try FileDescriptor.open(path)
            var reader = LineReader(descriptor: file.rawValue, maximumLength: 1 << 10)
            var found: [String] = []
            var tooLong = 0
            while let line = try reader.next() {
                switch line {
                case .whole(let bytes): found.append(String(decoding: bytes, as: UTF8.self))
                case .tooLong: tooLong += 1
                }
            }
            #expect(found.prefix(3) == ["a", "", "b"])
            #expect(found.last == "last")
            #expect(tooLong > 0)
        }
    }
}
