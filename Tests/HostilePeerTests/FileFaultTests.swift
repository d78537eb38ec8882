import CommandLineInterface
import DICOM
import DICOMProtocol
import Glibc
import TestSupport
import Testing

@testable import DICOMNode

/// Files that are given to be sent, and what becomes of them: one that is not whole is never sent, and a good one beside it is.
@Suite struct FileFaultTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let sentence: String
        let bytes: [UInt8]
        let exitCode: ExitCode
        let message: String

        init(_ sentence: String, _ bytes: [UInt8], _ exitCode: ExitCode = .incomplete, _ message: String = "bad.dcm") {
            self.sentence = sentence
            self.bytes = bytes
            self.exitCode = exitCode
            self.message = message
        }

        var testDescription: String { sentence }
    }

    @Test(arguments: rows) func `a bad file is named and not sent, and a good one beside it is`(_ row: Row) throws {
        let folder = try TemporaryFolder()
        try folder.write(row.bytes, to: "bad.dcm")
        try folder.write(SampleInstance.file(), to: "good.dcm")
        let result = try Self.store([folder["bad.dcm"].text, folder["good.dcm"].text])
        #expect(result.exitCode == row.exitCode, "\(result.messages)")
        #expect(result.messages.contains(row.message), "\(result.messages)")
        #expect(result.messages.contains("1 stored") || row.exitCode == .success, "\(result.messages)")
        #expect(result.seconds < 20)
    }

    @Test func `a file that is changed before the peer has answered has failed, whatever the answer`() throws {
        let folder = try TemporaryFolder()
        try folder.write(SampleInstance.file(pixels: 600_000), to: "file.dcm")
        let change: PeerStep = .reply { heard in
            // A test that could not change the file would fail at what it expects.
            do { try folder.write(SampleInstance.file(pixels: 600_002), to: "file.dcm") } catch {}
            return PeerBytes.message(.storeResponse(to: heard.command, status: .success), context: heard.contextID)
        }
        let accept = PeerStep.answerRequest {
            PDU.associateAccept($0.fullAcceptance(maximumLength: 1 << 17)).encode()
        }
        let peer = try ScriptedPeer([accept + [.hearMessage, change] + PeerStep.release])
        defer { peer.stop() }
        let result = CommandLineRun([
            "--store", "--timeout", "20", "-H", "127.0.0.1", "-p", "\(peer.port)", folder["file.dcm"].text,
        ])
        #expect(result.exitCode == .localFiles, "\(result.messages)")
        #expect(result.messages.contains("mixture of old and new"), "\(result.messages)")
    }

    @Test(arguments: ["new\nline.dcm", "\u{1B}[31mred.dcm", "dcmscu: all is well"])
    func `a name that is an attack on the terminal is shown as harmless text`(_ name: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(Array(SampleInstance.file().dropLast(9)), to: name)
        let result = try Self.store([folder.path.text, "-r"])
        #expect(result.exitCode == .localFiles)
        #expect(!result.messages.utf8.contains { $0 < 0x20 && $0 != 0x0A })
        for line in result.messages.split(separator: "\n") {
            #expect(line.hasPrefix("dcmscu: ") || line.hasPrefix("hint: "), "\(line)")
        }
    }

    private static func store(_ arguments: [String]) throws -> CommandLineRun {
        let accept = PeerStep.answerRequest { PDU.associateAccept($0.fullAcceptance()).encode() }
        let serve = PeerStep.serve {
            PeerBytes.message(.storeResponse(to: $0.command, status: .success), context: $0.contextID)
        }
        let peer = try ScriptedPeer([accept + [serve]])
        defer { peer.stop() }
        return CommandLineRun(
            ["--store", "--timeout", "5", "-H", "127.0.0.1", "-p", "\(peer.port)"] + arguments)
    }

    private static let syntax = TransferSyntax.explicitVRLittleEndian
    private static let meta = SampleInstance.meta(syntax).encode()
    private static let head =
        PeerBytes.explicit(0x0008_0016, "UI", Array("1.2.840.10008.5.1.4.1.1.2\0".utf8))
        + PeerBytes.explicit(0x0008_0018, "UI", Array("1.2.3.77".utf8))

    /// The two elements in Implicit VR Little Endian.
    private static func implicit(_ explicit: [UInt8]) -> [UInt8] {
        var bytes = explicit
        for offset in [0, 8 + 26] {
            bytes.replaceSubrange(offset + 4..<offset + 8, with: [explicit[offset + 6], 0, 0, 0])
        }
        return bytes
    }

    private static func nested(_ depth: Int) -> [UInt8] {
        let level: [UInt8] =
            PeerBytes.explicitLong(0x0040_A730, "SQ", [], length: .max) + [0xFE, 0xFF, 0, 0xE0, 255, 255, 255, 255]
        return Array([[UInt8]](repeating: level, count: depth).joined())
    }

    private static let bomb: [UInt8] = {
        var deflated: [UInt8] = []
        var deflater = Deflater()
        deflater.consume(head.span.bytes, into: &deflated)
        deflater.consume(
            PeerBytes.explicitLong(0x7FE0_0010, "OW", [], length: 0xFFFF_FFF0).span.bytes, into: &deflated)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<64 { deflater.consume(zeros.span.bytes, into: &deflated) }
        deflater.finish(into: &deflated)
        return SampleInstance.meta(.deflatedExplicitVRLittleEndian).encode() + deflated
    }()

    static let rows: [Row] = [
        Row("empty", []),
        Row("one byte", [0]),
        Row("cut in the preamble", [UInt8](repeating: 0, count: 100)),
        Row("cut after DICM", Array(meta.prefix(132))),
        Row("cut in group 2", Array(meta.prefix(150))),
        Row("cut in an element's header", meta + head + [0x10, 0]),
        Row("cut in a value", meta + head + PeerBytes.explicit(0x0010_0010, "PN", [65], length: 900)),
        Row(
            "cut in a fragment",
            SampleInstance.meta(.jpegBaseline8Bit).encode() + head
                + PeerBytes.explicitLong(0x7FE0_0010, "OB", [], length: .max)
                + [0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0, 0xE0, 99, 0, 0, 0, 1, 2, 3]),
        Row("a length of 4 GiB", meta + head + PeerBytes.explicitLong(0x7FE0_0010, "OW", [1, 2], length: 0xFFFF_FFFE)),
        Row(
            "a sequence that is never closed", meta + head + PeerBytes.explicitLong(0x0040_A730, "SQ", [], length: .max)
        ),
        Row("100,000 sequences within each other", meta + head + nested(100_000)),
        Row("a deflate bomb that is cut", bomb),
        Row("implicit VR that says it is explicit", meta + implicit(head), .incomplete, "contradicts itself"),
        Row(
            "explicit VR that says it is implicit", SampleInstance.meta(.implicitVRLittleEndian).encode() + head,
            .incomplete, "bad.dcm: contradicts itself"),
        Row(
            "meta information with another UID than the data set: the data set's counts",
            SampleInstance.meta(syntax).encode() + head, .success, "2 stored"),
        Row(
            "no UIDs at all",
            SampleInstance.meta(syntax).encode().prefix(132) + PeerBytes.explicit(0x0010_0010, "PN", [65, 65])),
    ]
}
