import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

struct PathListTests {
    private func paths(_ text: [UInt8], _ separator: PathList.Separator?) throws -> [FilePath] {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "list")
        let file = FileDescriptor(owning: folder["list"].withCString { open($0, O_RDONLY | O_CLOEXEC) })
        var list = PathList(descriptor: file.rawValue, separator: separator)
        var paths: [FilePath] = []
        while let path = try list.next() { paths.append(path) }
        return paths
    }

    @Test(arguments: ["a\nb c\nd\n", "a\nb c\nd", "\n\na\n\nb c\nd\n\n"])
    func `lines are names, empty ones are none`(text: String) throws {
        #expect(try paths(Array(text.utf8), .newline) == ["a", "b c", "d"])
    }

    @Test func `names with newlines come separated by NULs`() throws {
        #expect(try paths(Array("a\nb\0c\0".utf8), .nul) == ["a\nb", "c"])
    }

    @Test func `a list says itself how it is separated`() throws {
        #expect(try paths(Array("a\nb\0c\0".utf8), nil) == ["a\nb", "c"])
        #expect(try paths(Array("a\nb\n".utf8), nil) == ["a", "b"])
        #expect(try paths(Array("a".utf8), nil) == ["a"])
        #expect(try paths([], nil) == [])
    }

    @Test func `a list longer than any buffer comes whole`() throws {
        let names = (0..<20_000).map { "/some/folder/file-\($0).dcm" }
        #expect(try paths(Array(names.joined(separator: "\n").utf8), .newline) == names.map { FilePath($0) })
    }

    @Test func `what is no list of names ends in an error, not in memory`() throws {
        let error = #expect(throws: FileProblem.self) {
            try paths([UInt8](repeating: 0x41, count: 200_000), .newline)
        }
        #expect(error?.code == .malformed)
    }
}
