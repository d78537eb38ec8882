import DICOMNode
import Testing

@testable import CommandLineInterface

/// `--find` against an archive in the process.
struct FindCommandTests {
    private func find(_ archive: TestArchive, _ options: String...) -> CommandResult {
        CommandResult(
            ["--find", "--studyroot"] + archive.peer + ["-k", "PatientID", "-k", "StudyInstanceUID"] + options)
    }

    @Test func `each match is printed`() throws {
        let result = find(try TestArchive(holdsImages: true), "--format", "csv")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count == 4, "\(result.output)")
        #expect(result.output.contains("SELFTEST-2"))
    }

    @Test func `a query without matches has succeeded`() throws {
        let result = find(try TestArchive(), "--format", "jsonl")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.output.isEmpty)
    }

    @Test func `a limit cancels the query`() throws {
        let result = find(try TestArchive(holdsImages: true), "--format", "jsonl", "--limit", "1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count == 1)
    }

    @Test func `a failure status has its code and remedy`() throws {
        let result = find(try TestArchive(faults: ["find-status=A700"], holdsImages: true))
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(result.messages.contains("C-FIND failed"))
        #expect(result.messages.contains("(A700H)\nhint: "))
    }

    @Test func `an output that takes no more is a matter of local files`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = CommandResult(
            ["--find", "--studyroot"] + archive.peer + ["-k", "PatientID"], output: FullSink())
        #expect(result.exitCode == .localFiles, "\(result.messages)")
    }
}
