import DICOM
import DICOMNode
import System
import Testing

@testable import CommandLineInterface

/// One failure is one line; failures of one cause are one block.
struct StoreFailuresTests {
    private func told(
        _ level: Diagnostics.Level = .note, list: FilePath? = nil, by record: (StoreFailures) -> Void
    ) -> String {
        let sink = MemorySink()
        let outcome = RunOutcome(diagnostics: Diagnostics(sink: sink, level: level))
        let failures = StoreFailures(outcome, listPath: list)
        record(failures)
        failures.report()
        return sink.text
    }

    private static let refused = "JPEG Lossless not accepted for CT Image Storage"

    private func refuse(_ count: Int) -> (StoreFailures) -> Void {
        { failures in
            for number in 1...count {
                failures.record(
                    .notSent, .noPresentationContext,
                    Message(
                        "\(number).dcm", Self.refused, hint: .syntaxNotAccepted("JPEG Lossless", accepted: "RLE")))
            }
        }
    }

    private static let hint =
        "hint: the server accepts RLE: send converted copies (gdcmconv -w IN OUT makes an uncompressed one), or have "
        + "JPEG Lossless allowed there\n"

    @Test func `one failure is one line with the name of its file`() {
        #expect(told(by: refuse(1)) == "dcmscu: 1.dcm: \(Self.refused)\n\(Self.hint)")
        #expect(told(.verbose, by: refuse(1)) == "dcmscu: 1.dcm: \(Self.refused)\n\(Self.hint)")
    }

    @Test func `failures of one cause are one block with one remedy`() {
        #expect(
            told(by: refuse(32))
                == "dcmscu: 32 files not sent: \(Self.refused) (--verbose shows each)\n\(Self.hint)")
        #expect(
            told(list: "failed.txt", by: refuse(32))
                == "dcmscu: 32 files not sent: \(Self.refused) (files in failed.txt)\n\(Self.hint)")
    }

    @Test func `each is shown alone to a person who wants it`() {
        let lines = told(.verbose, by: refuse(3)).split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines.count { $0.hasPrefix("hint: ") } == 2)
        #expect(lines.last?.hasPrefix("hint: ") == true)
    }

    @Test func `different causes are different blocks, in the order in which they were met`() {
        let text = told { failures in
            for name in ["a", "b"] {
                failures.record(.notRead, .incomplete, cause: "truncated", Message(name, "truncated: 3 bytes"))
                failures.record(.notStored, .failureStatus, Message(name, "out of resources", code: "A700H"))
                failures.record(.notStored, .failureStatus, Message(name, "out of resources", code: "A701H"))
            }
        }
        #expect(
            text == """
                dcmscu: 2 files not read: truncated (a, b)
                dcmscu: 2 files not stored: out of resources (A700H; a, b)
                dcmscu: 2 files not stored: out of resources (A701H; a, b)

                """)
    }

    @Test func `many files that the server refuses are one block`() throws {
        let folder = try TestFolder()
        _ = try folder.makeImages()
        let archive = try TestArchive(faults: ["store-status=A900"])
        let result = CommandResult(
            ["--store"] + archive.peer + ["-r", folder["images"], "--failed-out", folder["failed"]])
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        let errors = result.messages.split(separator: "\n").filter { !$0.hasPrefix("dcmscu: note: ") }
        #expect(errors.count == 1, "\(result.messages)")
        #expect(
            errors.first?.contains("files not stored: data set does not match the SOP class (A900H; files in ") == true)
        #expect(try folder.lines("failed").count == 13)
    }

    @Test func `an error that repeats is told once, with its number at the end`() {
        let sink = MemorySink()
        let outcome = RunOutcome(diagnostics: Diagnostics(sink: sink))
        for _ in 1...300 {
            outcome.fail(.unreachable, Message("cannot connect to pacs:104", "refused", hint: "is it on?"))
        }
        outcome.finish(.echo, peer: "pacs")
        #expect(
            sink.text == """
                dcmscu: cannot connect to pacs:104: refused
                hint: is it on?
                dcmscu: cannot connect to pacs:104: refused: 300 times in all

                """)
        #expect(outcome.exitCode == .unreachable)
    }

    @Test func `of many parts with one kind of error a few are shown`() {
        let sink = MemorySink()
        let outcome = RunOutcome(diagnostics: Diagnostics(sink: sink))
        for number in 1...300 {
            outcome.report(
                Message("study \(number)", "not found on the server"), kind: "requests not found on the server")
        }
        outcome.finish(.get, peer: "pacs")
        let lines = sink.text.split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines.last == "dcmscu: 300 requests not found on the server: --verbose shows each")
    }
}
