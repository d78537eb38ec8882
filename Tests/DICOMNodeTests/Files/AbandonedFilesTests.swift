import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

@Suite struct AbandonedFilesTests {
    /// Process numbers end at 2^22 on Linux.
    private static let nobody = 99_999_999

    @Test func `what a killed run has left is removed by the next one`() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: ".dcmscu-\(Self.nobody)-1.part")
        try folder.makeFolder("CT")
        try folder.write([1], to: "CT/.dcmscu-\(Self.nobody)-2.part")
        let output = try OutputFolder(folder.path)
        _ = try output.directory(for: [Array("CT".utf8)])
        #expect(try folder.names() == ["CT/"])
    }

    @Test func `what is being written stays, whoever writes it`() throws {
        let folder = try TemporaryFolder()
        let name = ".dcmscu-\(Self.nobody)-1.part"
        try folder.write([1], to: name)
        let descriptor = FileDescriptor(owning: folder[name].withCString { open($0, O_RDONLY | O_CLOEXEC) })
        AbandonedFiles.claim(descriptor)
        _ = try OutputFolder(folder.path)
        #expect(try folder.names() == [name])
    }

    @Test func `a fresh file of a process that runs stays, an old one that nobody holds goes`() throws {
        let folder = try TemporaryFolder()
        let name = ".dcmscu-\(getpid())-1.part"
        try folder.write([1], to: name)
        _ = try OutputFolder(folder.path)
        #expect(try folder.names() == [name])
        let times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
        _ = folder[name].withCString { utimensat(AT_FDCWD, $0, times, 0) }
        _ = try OutputFolder(folder.path)
        #expect(try folder.names() == [])
    }

    @Test(arguments: [".dcmscu-1.dcm", "dcmscu-99999999-1.part", ".dcmscu-x-1.part", ".part", "1.2.3.dcm"])
    func `other files stay`(_ name: String) throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: name)
        _ = try OutputFolder(folder.path)
        #expect(try folder.names() == [name])
    }

    @Test func `a link with such a name is neither followed nor removed`() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "target")
        try folder.link(".dcmscu-\(Self.nobody)-1.part", to: "target")
        _ = try OutputFolder(folder.path)
        #expect(try folder.names().contains("target"))
    }
}
