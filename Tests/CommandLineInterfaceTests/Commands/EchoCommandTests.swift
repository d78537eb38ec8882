import DICOMNode
import System
import Testing

@testable import CommandLineInterface

/// `--echo` against an archive in the process.
struct EchoCommandTests {
    @Test func `each echo is answered and summed up`() throws {
        let archive = try TestArchive()
        let result = CommandResult(["--echo"] + archive.peer + ["--count", "3", "--interval", "0"])
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count { $0.contains("C-ECHO") } == 3)
        #expect(result.output.contains("3 answered"), "\(result.output)")
    }

    @Test func `a rejected association has its code and remedy`() throws {
        let archive = try TestArchive(faults: ["reject=2"])
        let result = CommandResult(["--echo"] + archive.peer + ["--count", "2", "--interval", "0"])
        #expect(result.exitCode == .association, "\(result.messages)")
        #expect(result.messages.contains("(PS3.8 9.3.4"))
        #expect(result.messages.contains("hint: the server is at its limit of associations"))
    }

    @Test func `a port without answer passes the time limit, with a remedy`() throws {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let result = CommandResult(["--echo", "127.0.0.1", "\(listener.port)", "--timeout", "0.2"])
        #expect(result.exitCode == .timeLimit, "\(result.messages)")
        #expect(result.messages.contains("hint: connected, but no answer"))
    }

    @Test func `a request to stop ends the waiting for the next echo`() throws {
        let cancellation = try Cancellation()
        let archive = try TestArchive { text in
            if text.contains("C-ECHO") { cancellation.raise(to: .graceful) }
        }
        let stopper = try PosixThread(name: "stop") {
            _ = try? Cancellation().wait(until: .after(seconds: 1))
            cancellation.raise(to: .graceful)
        }
        let result = CommandResult(
            ["--echo"] + archive.peer + ["--count", "5", "--interval", "30"], cancellation: cancellation)
        stopper.join()
        #expect(result.exitCode == .interrupted, "\(result.messages)")
    }
}
