import DICOM
import DICOMNode
import System
import Testing

@testable import CommandLineInterface

/// `--store` against an archive in the process.
struct StoreCommandTests {
    private let folder: TestFolder
    private let count: Int

    init() throws {
        folder = try TestFolder()
        count = try folder.makeImages().reduce(0) { $0 + $1.files.count }
    }

    private func store(_ archive: TestArchive, _ options: String..., cancellation: Cancellation = .never)
        -> CommandResult
    {
        CommandResult(
            ["--store"] + archive.peer + [folder["images"], "-r"] + options, cancellation: cancellation)
    }

    @Test func `all files are stored`() throws {
        let archive = try TestArchive()
        let result = store(archive)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(archive.count == count)
        #expect(result.messages.contains("\(count) stored"))
    }

    @Test func `what the server refuses is listed, with status and remedy`() throws {
        let archive = try TestArchive(faults: ["store-status=A700/4"])
        let result = store(archive, "--failed-out", folder["failed"])
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(archive.count == count - count / 4)
        #expect(try folder.lines("failed").count == count / 4)
        #expect(result.messages.contains("(A700H; files in "))
        #expect(result.messages.contains("\(count - count / 4) stored"))
        #expect(result.messages.contains("\(count / 4) failed"))
    }

    @Test func `if nothing is stored the exit code is that of the cause`() throws {
        let archive = try TestArchive(faults: ["store-status=A700"])
        let result = store(archive)
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(archive.count == 0)
    }

    @Test func `instances that went with their connection are sent again`() throws {
        let archive = try TestArchive(faults: ["close-in-file=5"])
        let result = store(archive, "--retries", "9", "--retry-delay", "0.01")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(archive.count == count)
    }

    @Test func `without retries the loss of the connection ends the run, and what was not sent is listed`() throws {
        let archive = try TestArchive(faults: ["close-in-file=5"])
        let result = store(archive, "--failed-out", folder["failed"], "--jobs", "1")
        #expect(result.exitCode != .success, "\(result.messages)")
        #expect(archive.count + (try folder.lines("failed").count) == count)
    }

    @Test func `the first request to stop ends in order, and what was not sent is listed`() throws {
        let cancellation = try Cancellation()
        let events = Locked(0)
        let archive = try TestArchive(faults: ["delay=0.02"]) { text in
            guard text.contains("C-STORE") else { return }
            let isThird = events.withLock { count in
                count += 1
                return count == 3
            }
            if isThird { cancellation.raise() }
        }
        let result = store(archive, "--failed-out", folder["failed"], cancellation: cancellation)
        #expect(result.exitCode == .interrupted, "\(result.messages)")
        #expect((3..<count).contains(archive.count))
        #expect(archive.count + (try folder.lines("failed").count) == count)
    }

    @Test func `the second request to stop does not wait for the response`() throws {
        let cancellation = try Cancellation()
        let archive = try TestArchive(faults: ["delay=20"])
        let watch = Stopwatch()
        let stopper = try PosixThread(name: "stop") {
            _ = try? Cancellation().wait(until: .after(seconds: 0.5))
            cancellation.raise()
            _ = try? Cancellation().wait(until: .after(seconds: 0.2))
            cancellation.raise()
        }
        let result = store(archive, cancellation: cancellation)
        stopper.join()
        #expect(result.exitCode == .interrupted, "\(result.messages)")
        #expect(watch.seconds < 10)
        #expect(result.messages.contains("0 stored"))
    }

    @Test func `a list of failures that cannot be written is a matter of local files`() throws {
        let archive = try TestArchive(faults: ["store-status=A700/4"])
        let result = store(archive, "--failed-out", "/dev/full")
        #expect(result.exitCode == .localFiles, "\(result.messages)")
        #expect(result.messages.contains("/dev/full"))
    }

    @Test func `a run that goes on leaves out what its journal says is stored`() throws {
        let archive = try TestArchive(faults: ["store-status=A700/4"])
        #expect(store(archive, "--journal", folder["journal"]).exitCode == .incomplete)
        let other = try TestArchive()
        // The journal is that of the other peer's port: a peer is known by its name.
        #expect(store(other, "--journal", folder["journal"], "--resume").exitCode == .success)
        #expect(other.count == count)
        let again = store(other, "--journal", folder["journal"], "--resume")
        #expect(again.exitCode == .success)
        #expect(again.messages.contains("\(count) skipped"))
    }

    @Test func `the load that a server takes is found out, and told`() throws {
        let archive = try TestArchive(faults: ["delay=0.02"])
        let result = store(archive, "--jobs", "auto", "--window", "auto", "--format", "jsonl")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(archive.count == count)
        #expect(result.messages.contains(" with a window of "))
        let summary = try #require(result.lines.last.flatMap { try? JSONValue.parse(Array($0.utf8)) })
        #expect((1...8).contains(summary["associations"]?.integer ?? 0))
        #expect((1...8).contains(summary["window"]?.integer ?? 0))
    }

    @Test func `a server that rejects the second association gets one, and all is stored`() throws {
        let archive = try TestArchive(faults: ["delay=0.02", "reject=2"])
        let result = store(archive, "--jobs", "auto")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(archive.count == count)
        #expect(result.messages.contains(", over 1 association\n"))
    }

    @Test func `a number that is given is not told again`() throws {
        let archive = try TestArchive()
        let result = store(archive, "--jobs", "2", "--window", "auto", "--format", "jsonl")
        #expect(result.messages.contains(", with a window of "))
        #expect(result.lines.last?.contains("\"associations\"") == false)
    }

    @Test func `stored instances are confirmed by C-FIND`() throws {
        let archive = try TestArchive()
        let result = store(archive, "--verify", "find")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("\(count) of \(count) instances confirmed by C-FIND"))
    }

    @Test func `committed instances are safe to delete`() throws {
        let archive = try TestArchive(faults: ["commit-report=same"])
        let result = store(archive, "--verify", "commit", "--wait", "20")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count { $0.hasPrefix("safe to delete  ") } == count)
    }

    @Test func `a server that nobody runs is unreachable, with a remedy`() throws {
        let port = closedPort
        let result = CommandResult(["--store", "127.0.0.1", "\(port)", folder["images"], "-r"])
        #expect(result.exitCode == .unreachable, "\(result.messages)")
        #expect(result.messages.contains("hint: nothing listens at 127.0.0.1 port \(port)"))
        #expect(result.messages.contains("\(count) files not sent"))
    }
}
