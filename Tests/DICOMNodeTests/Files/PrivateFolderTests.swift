import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

struct PrivateFolderTests {
    private let place: TemporaryFolder

    init() throws { place = try TemporaryFolder() }

    private func names() -> [String] {
        var names: [String] = []
        _ = try? FileDescriptor.open(place.path, [.folder]).forEachEntry { name, _ in
            names.append(String(decoding: name, as: UTF8.self))
        }
        return names
    }

    @Test func `nobody else can read it, and nothing is left of it`() throws {
        let folder = try PrivateFolder(in: place.path, named: "copy")
        var status = stat()
        #expect(folder.path.withCString { stat($0, &status) } == 0)
        #expect(status.st_mode & 0o777 == 0o700)
        let output = try OutputFolder(folder.appending("below"), syncing: .none)
        _ = try output.write([1, 2], named: "file", existing: .fail)
        folder.remove()
        #expect(names().isEmpty)
    }

    @Test func `what a process has left that was killed is removed, and what one uses is not`() throws {
        // No process has such a number.
        let abandoned = place.path.appending("copy-2147483646-abcdef")
        _ = try OutputFolder(abandoned, syncing: .none).write([1], named: "image.dcm", existing: .fail)
        #expect(abandoned.withCString { chmod($0, 0o1700) } == 0)
        let other = place.path.appending("other-2147483646-abcdef")
        _ = try OutputFolder(other, syncing: .none)
        let first = try PrivateFolder(in: place.path, named: "copy")
        let second = try PrivateFolder(in: place.path, named: "copy")
        #expect(names().count == 3)
        #expect(!names().contains("copy-2147483646-abcdef"))
        first.remove()
        second.remove()
        #expect(names() == ["other-2147483646-abcdef"])
    }

    @Test(arguments: [
        ("copy-2147483646-abcdef", 0o700), ("copy-2147483646-results", 0o1700), ("copy-2147483646", 0o1700),
        ("copy-2147483646-a-bcde", 0o1700), ("copy-abcdef-2147483646", 0o1700), ("copy-2147483646-abcdef", 0o1755),
    ])
    func `a folder that only has such a name is left alone`(name: String, mode: Int) throws {
        let theirs = place.path.appending(name)
        _ = try OutputFolder(theirs, syncing: .none).write([1], named: "image.dcm", existing: .fail)
        #expect(theirs.withCString { chmod($0, mode_t(mode)) } == 0)
        let folder = try PrivateFolder(in: place.path, named: "copy")
        folder.remove()
        #expect(try place.names(below: theirs) == ["image.dcm"])
    }

    @Test func `a place that is not there is an error with its path`() throws {
        #expect(throws: FileProblem.self) { try PrivateFolder(in: place.path.appending("nowhere"), named: "copy") }
    }
}
