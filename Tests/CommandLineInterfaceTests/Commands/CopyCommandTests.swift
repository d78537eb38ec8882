import DICOM
import DICOMNode
import DICOMProtocol
import System
import Testing

@testable import CommandLineInterface

/// `--copy` between two archives in the process.
struct CopyCommandTests {
    private let folder: TestFolder
    /// The generated images: the first study has eight, the second four, the third one.
    private static let count = 13

    init() throws { folder = try TestFolder() }

    private func copy(
        _ old: TestArchive, _ new: TestArchive, _ options: String..., keys: [String] = ["-k", "StudyDate=20260102"],
        cancellation: Cancellation = .never
    ) -> CommandResult {
        CommandResult(
            ["--copy", "PRACTICE@127.0.0.1:\(old.archive.port)", "PRACTICE@127.0.0.1:\(new.archive.port)"] + keys
                + ["--aetitle", TestArchive.aeTitle] + options,
            cancellation: cancellation)
    }

    private func summary(_ result: CommandResult) throws -> JSONValue {
        try JSONValue.parse(Array(try #require(result.lines.last).utf8))
    }

    private func number(_ result: CommandResult, _ key: String) throws -> Int? {
        guard case .object(let members) = try summary(result).content else { return nil }
        return members.first { $0.key == key }?.value.integer
    }

    @Test func `all that the old archive lists is confirmed at the new one`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive())
        let result = copy(old, new, "--format", "jsonl")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(new.count == Self.count)
        #expect(try number(result, "confirmed") == Self.count)
        #expect(try number(result, "expected") == Self.count)
        #expect(try number(result, "skipped") == 0)
        #expect(result.messages.contains("\(Self.count) received, \(Self.count) sent, \(Self.count) confirmed"))
    }

    @Test(arguments: [1, 4])
    func `what the new archive has is not copied again`(_ jobs: Int) throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive())
        #expect(copy(old, new, "--limit", "1").exitCode == .success)
        let before = new.count
        #expect(before > 0 && before < Self.count)
        let result = copy(old, new, "--jobs", "\(jobs)", "--format", "jsonl")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(new.count == Self.count)
        #expect(try number(result, "skipped") == before)
        #expect(try number(result, "confirmed") == Self.count - before)
    }

    @Test func `a run that goes on believes the journal`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive())
        #expect(copy(old, new, "--limit", "2", "--journal", folder["journal"]).exitCode == .success)
        let before = new.count
        let result = copy(old, new, "--journal", folder["journal"], "--resume", "--format", "jsonl")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(try number(result, "skipped") == before)
        let again = copy(old, new, "--journal", folder["journal"], "--resume")
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(again.messages.contains("\(Self.count) confirmed in an earlier run"), "\(again.messages)")
    }

    @Test func `what the new archive drops without a word has failed, and is listed for another run`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive(faults: ["silent-drop=6"]))
        let result = copy(old, new, "--grace", "0", "--journal", folder["journal"])
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(new.count == Self.count - Self.count / 6)
        #expect(result.lines.count == 1 + Self.count / 6, "\(result.output)")
        #expect(result.messages.contains("not listed there"), "\(result.messages)")
        let again = copy(old, new, "--grace", "0", "--journal", folder["journal"], "--resume")
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `an instance that the new archive refuses has failed, with its status`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive(faults: ["store-status=0122/4"]))
        let result = copy(old, new, "--format", "jsonl")
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(try number(result, "failures") == Self.count / 4)
        #expect(result.lines.contains { $0.contains("\"event\":\"copy\"") && $0.contains("0122H") })
        #expect(result.lines.count { $0.contains("\"event\":\"missing\"") } == Self.count / 4)
        #expect(new.count == Self.count - Self.count / 4)
    }

    @Test func `an archive that is full for a moment gets it by retries`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive(faults: ["store-status=A700/3"]))
        let result = copy(old, new, "--retries", "5", "--retry-delay", "0.1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `what the new archive does not take as it is is not converted`() throws {
        let (old, new) = (
            try TestArchive(holdsImages: true),
            try TestArchive(faults: ["refuse-syntax=ExplicitVRLittleEndian", "refuse-syntax=ImplicitVRLittleEndian"])
        )
        let result = copy(old, new)
        #expect(result.exitCode != .success)
        #expect(new.count < Self.count)
        #expect(result.messages.contains("not accepted"), "\(result.messages)")
        // What else it takes is known only where the association had a context for it.
        let hint = Hint.copyConvertsNothing(accepted: "Explicit VR Big Endian").text
        #expect(hint.hasPrefix("the new archive takes it in Explicit VR Big Endian alone, and a copy converts nothing"))
        let hints = ["a copy converts nothing", "at all, and from us"]
        #expect(hints.contains { result.messages.contains($0) }, "\(result.messages)")
        #expect(!result.messages.contains("gdcmconv"), "\(result.messages)")
        #expect(!result.messages.contains("/dcmscu-copy-"), "\(result.messages)")
    }

    @Test func `what fails at the old archive is requested again`() throws {
        let (old, new) = (try TestArchive(faults: ["retrieve-failure=3"], holdsImages: true), try TestArchive())
        let result = copy(old, new)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `what never leaves the old archive is missing`() throws {
        let (old, new) = (try TestArchive(faults: ["retrieve-failure=1"], holdsImages: true), try TestArchive())
        let result = copy(old, new)
        #expect(result.exitCode != .success)
        #expect(new.count == 0)
        #expect(result.lines.count == Self.count + 1, "\(result.output)")
    }

    @Test func `an archive without C-GET is asked by C-MOVE to ourselves`() throws {
        let port = try freePort()
        let (old, new) = (
            try TestArchive(faults: ["get-status=0122"], receiverPort: port, holdsImages: true), try TestArchive()
        )
        let result = copy(old, new, "--or-move", "--port-scp", "\(port)", "--grace", "1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `a new archive that is not there ends the run, and nothing is lost`() throws {
        let old = try TestArchive(holdsImages: true)
        let result = CommandResult([
            "--copy", "PRACTICE@127.0.0.1:\(old.archive.port)", "127.0.0.1:\(closedPort)", "-k", "StudyDate=20260102",
        ])
        #expect(result.exitCode == .unreachable, "\(result.messages)")
        #expect(result.lines.count > 1, "\(result.output)")
    }

    @Test func `a small buffer holds all up and loses nothing`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive(faults: ["delay=0.02"]))
        let result = copy(old, new, "--buffer", "1000", "--jobs", "3")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `the new archive commits to what it got, on the same association and on one of its own`() throws {
        let port = try freePort()
        for (report, options) in [("same", []), ("new", ["--port-scp", "\(port)"])] {
            let old = try TestArchive(holdsImages: true)
            let new = try TestArchive(faults: ["commit-report=\(report)"], receiverPort: port)
            let result = CommandResult(
                [
                    "--copy", "PRACTICE@127.0.0.1:\(old.archive.port)", "PRACTICE@127.0.0.1:\(new.archive.port)", "-k",
                    "StudyDate=20260102", "--aetitle", TestArchive.aeTitle, "--verify", "commit", "--wait", "20",
                    "--jobs", "2",
                    "--journal", folder[report],
                ] + options)
            #expect(result.exitCode == .success, "\(result.messages)")
            #expect(result.messages.contains("\(Self.count) committed"), "\(result.messages)")
            #expect(try folder.lines(report).count { $0.contains("\"outcome\":\"committed\"") } == Self.count)
        }
    }

    @Test func `what the new archive does not commit to has failed`() throws {
        let old = try TestArchive(holdsImages: true)
        let new = try TestArchive(faults: ["commit-report=same", "commit-failure=0110/4"])
        let result = copy(old, new, "--verify", "commit", "--journal", folder["journal"])
        #expect(result.exitCode == .commitmentFailed, "\(result.messages)")
        #expect(result.messages.contains("not committed: "), "\(result.messages)")
        #expect(result.lines.count == 1 + Self.count / 4, "\(result.output)")
        #expect(try folder.lines("journal").count { $0.contains("\"outcome\":\"uncommitted\"") } == Self.count / 4)
    }

    @Test func `a request to stop ends it in order`() throws {
        let cancellation = try Cancellation()
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive(faults: ["delay=0.2"]))
        let stopper = try PosixThread(name: "stop") {
            _ = try? Cancellation().wait(until: .after(seconds: 1))
            cancellation.raise(to: .graceful)
        }
        let result = copy(old, new, "--journal", folder["journal"], cancellation: cancellation)
        stopper.join()
        #expect(result.exitCode == .interrupted, "\(result.messages)")
        #expect(new.count < Self.count)
        let again = copy(old, new, "--journal", folder["journal"], "--resume")
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `a dry run shows what would be copied`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive())
        let result = copy(old, new, "--dry-run")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count == 4)
        #expect(new.count == 0)
    }

    @Test func `it needs two peers and keys`() throws {
        #expect(CommandResult(["--copy", "127.0.0.1:104", "-k", "PatientID=1"]).exitCode == .usage)
        let result = CommandResult(["--copy", "127.0.0.1:104", "127.0.0.1:105"])
        #expect(result.exitCode == .usage)
        #expect(result.messages.contains("--copy needs a key"), "\(result.messages)")
        let size = CommandResult(["--copy", "127.0.0.1:104", "127.0.0.1:105", "-k", "PatientID=1", "--buffer", "big"])
        #expect(size.exitCode == .usage)
    }
}
