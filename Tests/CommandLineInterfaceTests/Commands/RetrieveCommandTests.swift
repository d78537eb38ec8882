import DICOM
import DICOMNode
import System
import Testing

@testable import CommandLineInterface

/// `--get` and `--move` against an archive in the process.
struct RetrieveCommandTests {
    private let folder: TestFolder
    /// The generated images: the first study has eight, the second four, the third one.
    private static let keys = ["-k", "PatientID=SELFTEST-1"]
    private static let count = 8

    init() throws { folder = try TestFolder() }

    private func get(
        _ archive: TestArchive, _ options: String..., cancellation: Cancellation = .never
    ) -> CommandResult {
        CommandResult(
            ["--get", "--studyroot"] + archive.peer + Self.keys + ["-o", folder["out"]] + options,
            cancellation: cancellation)
    }

    private func move(_ archive: TestArchive, port: UInt16, _ options: String...) -> CommandResult {
        CommandResult(
            ["--move", "--studyroot"] + archive.peer + Self.keys
                + ["-o", folder["out"], "--port-scp", "\(port)", "--grace", "1"] + options)
    }

    @Test func `C-GET brings all that the server lists`() throws {
        let result = get(try TestArchive(holdsImages: true))
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
        #expect(result.output.isEmpty)
    }

    @Test func `what fails at the server is requested again`() throws {
        let result = get(try TestArchive(faults: ["retrieve-failure=3"], holdsImages: true))
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
    }

    @Test func `what never comes is missing: an error, and a list for another run`() throws {
        let archive = try TestArchive(faults: ["retrieve-failure=1"], holdsImages: true)
        let result = get(archive)
        #expect(result.exitCode != .success, "\(result.messages)")
        #expect(result.messages.contains("\(Self.count) of \(Self.count) instances"))
        #expect(result.lines.count == Self.count + 1)
        #expect(result.lines.first == "StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID", "\(result.output)")
        try folder.write(result.output, to: "missing.csv")
        let other = try TestArchive(holdsImages: true)
        let again = CommandResult(
            ["--get", "--studyroot"] + other.peer + ["-o", folder["out"], "--from-list", folder["missing.csv"]])
        // The images of each archive have UIDs of their own.
        #expect(again.exitCode == .incomplete, "\(again.messages)")
    }

    @Test func `a failure status has its code and remedy`() throws {
        let result = get(try TestArchive(faults: ["get-status=A702"], holdsImages: true))
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(result.messages.contains("C-GET failed"))
        #expect(result.messages.contains("(A702H)"))
        #expect(result.messages.contains("hint: the server accepted contexts to send in, and could not"))
    }

    @Test func `an output that cannot be written ends the run, and none of the server's remedies is given`() throws {
        let archive = try TestArchive(holdsImages: true)
        let folder = try TestFolder()
        try folder.write("in the way", to: "taken")
        let result = CommandResult(
            ["--get", "--studyroot"] + archive.peer + Self.keys
                + ["-o", folder.path, "--name", "taken/{SOPInstanceUID}.dcm"])
        #expect(result.exitCode == .localFiles, "\(result.messages)")
        #expect(!result.messages.contains("hint: "), "\(result.messages)")
        #expect(result.lines.count == Self.count + 1)
    }

    @Test func `a request to stop keeps what came and lists the rest`() throws {
        let cancellation = try Cancellation()
        let archive = try TestArchive(holdsImages: true)
        let stopper = try PosixThread(name: "stop") { [folder] in
            let (end, pause) = (Deadline.after(seconds: 60), try? Cancellation())
            while folder.fileCount("out") == 0, !end.isPast { _ = pause?.wait(until: .after(seconds: 0.01)) }
            cancellation.raise(to: .graceful)
        }
        let result = get(archive, "--max-rate", "20KB/s", cancellation: cancellation)
        stopper.join()
        #expect(result.exitCode == .interrupted, "\(result.messages)")
        let count = folder.fileCount("out")
        #expect((1..<Self.count).contains(count))
        #expect(result.lines.count == 1 + Self.count - count, "\(result.output)")
    }

    @Test func `a second run requests nothing that the journal has`() throws {
        let archive = try TestArchive(holdsImages: true)
        #expect(get(archive, "--journal", folder["journal"]).exitCode == .success)
        let again = get(archive, "--journal", folder["journal"], "--resume")
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(folder.fileCount("out") == Self.count)
    }

    @Test(arguments: ["StudyInstanceUID=1.2.3.4", "PatientID=NOBODY", "StudyDate=18000101"])
    func `keys that match nothing are one rule, whether they are unique or not`(_ key: String) throws {
        let archive = try TestArchive(holdsImages: true)
        func get(_ options: String...) -> CommandResult {
            CommandResult(["--get", "--studyroot"] + archive.peer + ["-o", folder["out"]] + options)
        }
        let result = get("-k", key)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("note: ") && result.output.isEmpty, "\(result.messages)")
        if key.hasPrefix("StudyInstanceUID") {
            #expect(result.messages.contains("study 1.2.3.4: not found on the server"), "\(result.messages)")
        }
        #expect(get("-k", key, "--fail-if-none").exitCode == .incomplete)
        #expect(folder.fileCount("out") == 0)
    }

    @Test func `C-MOVE brings all that the server lists`() throws {
        let port = try freePort()
        let result = move(try TestArchive(receiverPort: port, holdsImages: true), port: port)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
    }

    @Test func `a move destination that the server does not know has its code and remedy`() throws {
        let port = try freePort()
        let result = move(try TestArchive(holdsImages: true), port: port)
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(result.messages.contains("(A801H)"))
        #expect(result.messages.contains("must register the AE title \"TESTER\""))
        #expect(result.messages.contains("port \(port)"))
    }

    @Test func `a server that calls another port never called back`() throws {
        let port = try freePort()
        let result = move(try TestArchive(receiverPort: try freePort(), holdsImages: true), port: port)
        #expect(result.exitCode != .success, "\(result.messages)")
        #expect(result.messages.contains("the server never called back"), "\(result.messages)")
        #expect(result.lines.count > 1)
    }

    @Test func `a port that is taken is a matter of local files, with a remedy`() throws {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let result = CommandResult(
            ["--move", "--studyroot"] + (try TestArchive(holdsImages: true)).peer + Self.keys
                + ["-o", folder["out"], "--port-scp", "\(listener.port)", "--bind", "127.0.0.1"])
        #expect(result.exitCode == .localFiles, "\(result.messages)")
        #expect(result.messages.contains("hint: another program uses port \(listener.port)"))
    }

    @Test func `a dry run shows what would be requested`() throws {
        let result = get(try TestArchive(holdsImages: true), "--dry-run")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count == 2)
        #expect(result.lines.last?.hasSuffix(",\(Self.count)") == true)
        #expect(folder.fileCount("out") == 0)
    }

    @Test func `an output that takes no more lines is a matter of local files`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = CommandResult(
            ["--get", "--studyroot"] + archive.peer + Self.keys + ["-o", folder["out"], "--dry-run"],
            output: FullSink())
        #expect(result.exitCode == .localFiles, "\(result.messages)")
        #expect(result.messages.contains("standard output: No space left on device"))
    }
}
