import DICOMNode
import Testing

@testable import CommandLineInterface

/// `--stgcmt` against an archive in the process.
struct CommitmentCommandTests {
    private let folder: TestFolder
    private let archive: (_ faults: [String]) throws -> TestArchive
    private let count: Int

    init() throws {
        let folder = try TestFolder()
        count = try folder.makeImages().reduce(0) { $0 + $1.files.count }
        self.folder = folder
        archive = { faults in
            let archive = try TestArchive(faults: faults)
            #expect(CommandResult(["--store"] + archive.peer + [folder["images"], "-r"]).exitCode == .success)
            return archive
        }
    }

    private func commit(_ archive: TestArchive, _ options: String...) -> CommandResult {
        CommandResult(["--stgcmt"] + archive.peer + [folder["images"], "-r"] + options)
    }

    @Test func `each instance that the server holds is committed`() throws {
        let result = commit(try archive(["commit-report=same"]))
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count { $0.hasPrefix("committed ") } == count)
    }

    @Test func `a report on an association of the server's is received at our port`() throws {
        let port = try freePort()
        let archive = try TestArchive(faults: ["commit-report=new"], receiverPort: port)
        #expect(CommandResult(["--store"] + archive.peer + [folder["images"], "-r"]).exitCode == .success)
        let result = commit(archive, "--port-scp", "\(port)")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count { $0.hasPrefix("committed ") } == count)
    }

    @Test func `what the server does not commit to has its reason`() throws {
        let result = commit(try archive(["commit-report=same", "commit-failure=0112/2"]))
        #expect(result.exitCode == .commitmentFailed, "\(result.messages)")
        #expect(result.lines.count { $0.hasPrefix("not committed ") } == count / 2)
        #expect(result.messages.contains("not committed: \(count / 2) of \(count) instances"))
        #expect(result.messages.contains("(0112H)"))
    }

    @Test func `without a report the time limit passes, with a remedy`() throws {
        let result = commit(try archive(["commit-report=never"]), "--wait", "0.2")
        #expect(result.exitCode == .timeLimit, "\(result.messages)")
        #expect(result.messages.contains("hint: most servers report on an association of their own"))
        #expect(result.lines.count { $0.hasPrefix("no answer ") } == count)
    }

    @Test func `nothing to ask for is a matter of local files`() throws {
        let result = CommandResult(["--stgcmt"] + (try TestArchive()).peer + [folder["nothing"]])
        #expect(result.exitCode == .localFiles, "\(result.messages)")
    }
}
