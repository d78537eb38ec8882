import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

struct FileScannerTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func scan(_ given: [FilePath], recursive: Bool) -> [FileScanner.Finding] {
        var scanner = FileScanner(given, recursive: recursive)
        var findings: [FileScanner.Finding] = []
        while let finding = scanner.next() { findings.append(finding) }
        return findings
    }

    @Test func `a folder is listed one level deep, bytewise by name`() throws {
        for name in ["b", "a", "B", "ä", ".hidden"] { try folder.write([1], to: name) }
        try folder.makeFolder("c")
        try folder.write([1], to: "c/below")
        #expect(
            scan([folder.path], recursive: false) == [
                .file(folder[".hidden"]), .file(folder["B"]), .file(folder["a"]), .file(folder["b"]),
                .passedOver(folder["c"], .directory), .file(folder["ä"]),
            ])
    }

    @Test func `recursion descends in the order of names`() throws {
        try folder.makeFolder("b")
        try folder.makeFolder("b/empty")
        for name in ["a", "b/x", "c"] { try folder.write([1], to: name) }
        #expect(
            scan([folder.path], recursive: true) == [
                .file(folder["a"]), .file(folder["b/x"]), .file(folder["c"]),
            ])
    }

    @Test func `what is given comes in the order given`() throws {
        for name in ["a", "b"] { try folder.write([1], to: name) }
        let given = [folder["b"], folder["missing"], folder["a"]]
        #expect(
            scan(given, recursive: false) == [
                .file(folder["b"]), .problem(FileProblem(folder["missing"], .notFound)), .file(folder["a"]),
            ])
    }

    @Test func `links are followed, but never round and round`() throws {
        try folder.makeFolder("a")
        try folder.makeFolder("a/deep")
        try folder.write([1], to: "a/file")
        try folder.link("a/deep/up", to: "../..")
        try folder.link("a/deep/self", to: ".")
        try folder.link("b", to: "a/file")
        #expect(
            scan([folder.path], recursive: true) == [
                .passedOver(folder["a/deep/self"], .loop), .passedOver(folder["a/deep/up"], .loop),
                .file(folder["a/file"]), .file(folder["b"]),
            ])
    }

    @Test func `a folder that several links lead to is walked for one of them`() throws {
        let elsewhere = try TemporaryFolder()
        try elsewhere.write([1], to: "file")
        let target = elsewhere.path.text
        try folder.link("one", to: target)
        try folder.link("two", to: target)
        #expect(
            scan([folder.path], recursive: true) == [
                .file(folder["one/file"]), .passedOver(folder["two"], .walkedAlready),
            ])
    }

    @Test func `a dangling link is a problem and no end`() throws {
        try folder.link("a", to: "nowhere")
        try folder.write([1], to: "b")
        #expect(
            scan([folder.path], recursive: true) == [
                .problem(FileProblem(folder["a"], .notFound)), .file(folder["b"]),
            ])
    }

    @Test func `what is neither file nor folder is passed over, and not opened`() throws {
        #expect(folder["pipe"].withCString { mkfifo($0, 0o600) } == 0)
        #expect(
            scan([folder.path, "/dev/null"], recursive: true) == [
                .passedOver(folder["pipe"], .pipe), .passedOver("/dev/null", .device),
            ])
    }

    @Test func `names are bytes, whatever they mean to people`() throws {
        let names: [[UInt8]] = [[0x0A], [0x1B, 0x5B], [0x66, 0xFF, 0xFE]]
        for name in names { try folder.write([1], to: folder.path.appending(name)) }
        #expect(scan([folder.path], recursive: false) == names.map { .file(folder.path.appending($0)) })
        #expect(folder.path.appending(names[1]).displayed.hasSuffix("/\\x1b["))
        #expect(folder.path.appending(names[2]).displayed.hasSuffix("/f\u{FFFD}\u{FFFD}"))
    }
}
