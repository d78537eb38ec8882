import DICOM
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// Files that the user names for what is written beside the instances.
struct RecordFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let image = SampleInstance.file()
    private static let journal = Array("{\"journal\":\"dcmscu\",\"version\":1}\n".utf8)
    private static let transactions = Array("{\"event\":\"requested\",\"transactionUID\":\"1.2\"}\n".utf8)
    private static let list = Array("/data/a.dcm\n/data/b.dcm\n".utf8)
    private static let listWithNULs = Array("/data/a\nb.dcm\0/data/b.dcm\0".utf8)
    private static let log = Array("2026-11-29T03:00:00.000Z dcmscu[7]: note: 1 stored\n".utf8)
    /// As JSON, of version 0.1, of gdcmscu; cut by a full disk; without the first half of its first line.
    private static let logs: [[UInt8]] = [
        #"{"time":"2026-11-29T18:05:09.120+01:00","pid":7,"level":"note","message":"start: dcmscu --echo"}"# + "\n",
        "dcmscu: note: 1 stored\nhint: none\n",
        "Warning: In ./Source/gdcmULConnection.cxx, line 182, function bool f()\nUnable to open connection\n\n",
        "Debug: In gdcmULConnectionManager.cxx, line 891, function f\nLast system error was: Success\n", "2026-11-2",
        "cmscu[7]: note: 1 stored\n2026-11-29T18:05:09.120+01:00 dcmscu[7]: end: exit code 0 (done), 1 s\n",
    ].map { Array($0.utf8) }
    /// Of files that have gone; relative; cut by a full disk; with a long name; of version 0.2, whose folder is there.
    private static let lists: [[UInt8]] = [
        "/gone/a.dcm\n", "./gone/a.dcm\n../gone\n", "/gone/a.dcm\n.", "/gone/a.d",
        "/gone/" + String(repeating: "x", count: 4000) + "\n/gone/b\n",
        "./" + String(repeating: "\n", count: 4094) + "\0",
    ].map { Array($0.utf8) }
    /// None of them is a list or a log.
    private static let strangers: [[UInt8]] = [
        "#!/bin/sh\nrm -rf x\n", "PatientID,Name\n1,DOE\n", "{\"nodes\":{}}\n", "# dcmscu\n\nA client.\n",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", "1.2.3\n1.2.4\n", "dear diary\nnot a log\n",
        "a note\nof mine", "{\"time\":\"noon\"}\n", "Warning: this is a note\n", "2026-11-29T18:05:09 dentist\n", "x",
        "\n",
        "/gone/a.dcm\nand then a note\n", "\u{FF}\u{D8} and so on",
    ].map { Array($0.utf8) }
    private static let report = Array("line,outcome,listed\r\n".utf8)
    private static let query: [UInt8] = {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: "1.2.840.10008.5.1.4.1.2.2.1", mediaStorageSOPInstanceUID: "1.2.3",
            transferSyntax: .implicitVRLittleEndian)
        var dataSet = DataSet()
        dataSet.set(.queryRetrieveLevel, .CS, "STUDY")
        return meta.encode() + DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
    }()
    /// As gdcmscu writes it, without group 0002.
    private static let otherQuery: [UInt8] =
        [UInt8](repeating: 0, count: 128) + Array("DICM".utf8)
        + [0x08, 0, 0x05, 0, 10, 0, 0, 0] + Array("ISO_IR 192".utf8)
        + [0x08, 0, 0x52, 0, 6, 0, 0, 0] + Array("STUDY ".utf8)

    private static let reportKind = RecordFile.Kind.report(start: "line,outcome,")
    private static let samples: [(kind: RecordFile.Kind, own: [[UInt8]])] = [
        (.journal, [journal, Array(journal[..<5]), [0, 0, 0]]), (.transactions, [transactions]),
        (.log, [log] + logs),
        (.list, [list, listWithNULs] + lists), (reportKind, [report]), (.query, [query, otherQuery]),
    ]

    private func refusal(of content: [UInt8], _ kind: RecordFile.Kind) throws -> FileProblem.Code? {
        try folder.write(content, to: "file")
        let failure: FileProblem
        do throws(FileProblem) {
            let isRegular = try RecordFile(folder["file"], kind).isRegular
            #expect(isRegular)
            return nil
        } catch {
            failure = error
        }
        #expect(try folder.read(folder["file"]) == content)
        return failure.code
    }

    @Test(arguments: samples.indices) func `each kind takes its own and nothing else`(index: Int) throws {
        let (kind, own) = Self.samples[index]
        for content in own + [[]] { #expect(try refusal(of: content, kind) == nil) }
        let whole = DataSetEncoder(.implicitVRLittleEndian).encode(SampleInstance.dataSet())
        #expect(try refusal(of: Self.image, kind) == .otherKind)
        for content in [whole, Array(Self.image.dropFirst(132))] where kind != .transactions {
            #expect(try refusal(of: content, kind) == .otherKind)
        }
        let others = Self.samples.indices.filter { $0 != index }.flatMap { Self.samples[$0].own.prefix(1) }
        for content in others where !own.contains(content) {
            // The lines of a file of transactions are looked at by its reader.
            let isText = content == Self.log || content == Self.report || content == Self.list
            let isTaken = isText && kind == .transactions
            #expect(try refusal(of: content, kind) == (isTaken ? nil : .otherKind))
        }
    }

    @Test(arguments: [RecordFile.Kind.list, .log]) func `no text of another kind is taken for a list or a log`(
        kind: RecordFile.Kind
    ) throws {
        for content in Self.strangers {
            #expect(try refusal(of: content, kind) == .otherKind, "\(String(decoding: content, as: UTF8.self))")
        }
    }

    @Test func `relative names of an earlier version are a list as long as their folder is there`() throws {
        let name = "dcmscu-list-\(getpid())"
        let names = Array("\(name)/a.dcm\n\(name)/b.dcm\n".utf8)
        #expect(try refusal(of: names, .list) == .otherKind)
        #expect(name.withCString { mkdir($0, 0o700) } == 0)
        defer { _ = name.withCString { rmdir($0) } }
        #expect(try refusal(of: names, .list) == nil)
    }

    private func mode(_ name: String) -> mode_t {
        var status = stat()
        _ = folder[name].withCString { stat($0, &status) }
        return status.st_mode & 0o7777
    }

    @Test func `a new one is the owner's alone, and one that exists keeps its mode when it is replaced`() throws {
        try RecordFile(folder["new"], .list).replaceContent(Self.list)
        #expect(mode("new") == 0o600)
        try folder.write(Self.list, to: "old")
        _ = folder["old"].withCString { chmod($0, 0o640) }
        try RecordFile(folder["old"], .list).replaceContent([])
        #expect(mode("old") == 0o640)
        #expect(try folder.read(folder["old"]) == [])
        #expect(try folder.names() == ["new", "old"])
    }

    @Test func `a link stays one, and a file with two names keeps both`() throws {
        try folder.write(Self.list, to: "target")
        try folder.link("link", to: "target")
        try RecordFile(folder["link"], .list).replaceContent([0x2F, 0x61, 0x0A])
        #expect(try folder.read(folder["target"]) == [0x2F, 0x61, 0x0A])
        _ = folder["target"].withCString { old in folder["second"].withCString { link(old, $0) } }
        try RecordFile(folder["target"], .list).replaceContent([0x62, 0x0A])
        #expect(try folder.read(folder["second"]) == [0x62, 0x0A])
        #expect(try folder.names() == ["link", "second", "target"])
    }

    @Test func `a pipe takes text, and is no journal`() throws {
        _ = folder["pipe"].withCString { mkfifo($0, 0o600) }
        for kind in [RecordFile.Kind.journal, .transactions] {
            let problem = #expect(throws: FileProblem.self) { _ = try RecordFile(folder["pipe"], kind) }
            #expect(problem?.code == .notAFile)
        }
        let reader = try FileDescriptor.open(folder["pipe"], [.notWaiting])
        let file = try RecordFile(folder["pipe"], .list)
        let isRegular = file.isRegular
        #expect(!isRegular)
        try file.replaceContent(Self.list)
        var bytes = [UInt8](repeating: 0, count: 1000)
        let count = try bytes.withUnsafeMutableBytes { try reader.read(into: $0) }
        #expect(Array(bytes[..<count]) == Self.list)
        #expect(throws: FileProblem.self) { _ = try RecordFile(folder.path, .list) }
    }
}
