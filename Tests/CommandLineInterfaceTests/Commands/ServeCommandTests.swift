import DICOMNode
import System
import Testing

@testable import CommandLineInterface

/// `--serve` with commands that call it.
struct ServeCommandTests {
    @Test func `the practice archive answers until it is stopped`() throws {
        let folder = try TestFolder()
        let count = try folder.makeImages("archive").reduce(0) { $0 + $1.files.count }
        let port = try freePort()
        let cancellation = try Cancellation()
        let messages = MemorySink()
        let exitCode = Locked<ExitCode?>(nil)
        let server = try PosixThread(name: "serve") {
            let result = CommandResult(
                ["--serve", folder["archive"], "--port-scp", "\(port)", "--bind", "127.0.0.1"],
                cancellation: cancellation, messages: messages)
            exitCode.withLock { $0 = result.exitCode }
        }
        let deadline = Deadline.after(seconds: 20)
        while !messages.text.contains("listens"), !deadline.isPast {
            _ = try Cancellation().wait(until: .after(seconds: 0.02))
        }
        let echo = CommandResult(["--echo", "127.0.0.1", "\(port)"])
        #expect(echo.exitCode == .success, "\(echo.messages)")
        let find = CommandResult(
            ["--find", "--studyroot", "127.0.0.1", "\(port)", "-k", "StudyInstanceUID", "--format", "jsonl"])
        #expect(find.lines.count == 3, "\(find.messages)")
        cancellation.raise()
        server.join()
        #expect(exitCode.withLock { $0 } == .success, "\(messages.text)")
        #expect(messages.text.contains("\(count) instances"))
    }
}
