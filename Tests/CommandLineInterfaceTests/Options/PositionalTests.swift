import System
import Testing

@testable import CommandLineInterface

struct PositionalTests {
    struct Line: Sendable, CustomTestStringConvertible {
        let line: String
        let peer: String
        var files: [String] = []
        var called = "ANY-SCP"

        var testDescription: String { line }
    }

    static let lines: [Line] = [
        Line(line: "h", peer: "h:104"),
        Line(line: "h 1", peer: "h:1"),
        Line(line: "h 65535", peer: "h:65535"),
        Line(line: "--store h 1 a b", peer: "h:1", files: ["a", "b"]),
        // They win over options, and files over -i.
        Line(line: "-H x h 2", peer: "h:2"),
        Line(line: "-p 9 h", peer: "h:9"),
        Line(line: "-p 9 h 2", peer: "h:2"),
        Line(line: "--store -i z h 2 a", peer: "h:2", files: ["a"]),
        Line(line: "--store -i z h 2", peer: "h:2", files: ["z"]),
        // With both options, positionals are files.
        Line(line: "--store -H x -p 9 a b", peer: "x:9", files: ["a", "b"]),
        Line(line: "--store a -p 9 b -H x", peer: "x:9", files: ["a", "b"]),
        Line(line: "--store -H x:9 a b", peer: "x:9", files: ["a", "b"]),
        // Peers in one word.
        Line(line: "h:11112", peer: "h:11112"),
        Line(line: "--store h:11112 a", peer: "h:11112", files: ["a"]),
        Line(line: "-p 9 h:11112", peer: "h:11112"),
        Line(line: "PACS@h:11112", peer: "h:11112", called: "PACS"),
        Line(line: "PACS@h 11112", peer: "h:11112", called: "PACS"),
        Line(line: "PACS@h", peer: "h:104", called: "PACS"),
        Line(line: "A@B@h:1", peer: "h:1", called: "A@B"),
        Line(line: "--call PACS PACS@h:1", peer: "h:1", called: "PACS"),
        Line(line: "[::1]:11112", peer: "[::1]:11112"),
        Line(line: "[::1] 11112", peer: "[::1]:11112"),
        Line(line: "::1 11112", peer: "[::1]:11112"),
        Line(line: "::1", peer: "[::1]:104"),
        Line(line: "fe80::1%eth0 4242", peer: "[fe80::1%eth0]:4242"),
        Line(line: "--store P@[2001:db8::5]:4242 a", peer: "[2001:db8::5]:4242", files: ["a"], called: "P"),
    ]

    @Test(arguments: lines)
    func `host, port and files are told apart`(_ line: Line) throws {
        let invocation = try invocation(line.line)
        #expect(invocation.peer.description == line.peer)
        #expect(invocation.input.paths == line.files.map { FilePath($0) })
        #expect(invocation.calledAETitle.string == line.called)
    }

    static let errors: [(String, UsageError.Code, String)] = [
        ("--echo", .missingHost, "HOST"),
        ("-p 104", .missingHost, "HOST"),
        ("h 0", .outOfRange, "PORT"),
        ("h 70000", .outOfRange, "PORT"),
        ("h -1", .unknownOption, "-1"),
        ("h port", .invalidValue, "PORT"),
        ("h:0", .outOfRange, "HOST"),
        ("h:70000", .outOfRange, "HOST"),
        ("h:", .invalidValue, "HOST"),
        ("h:port", .invalidValue, "HOST"),
        (":104", .invalidValue, "HOST"),
        ("@h", .unknownNode, "HOST"),
        ("@", .invalidValue, "HOST"),
        ("ABCDEFGHIJKLMNOPQ@h", .invalidValue, "HOST"),
        ("[::1", .invalidValue, "HOST"),
        ("[::1]x", .invalidValue, "HOST"),
        ("'a b' 104", .invalidValue, "HOST"),
        ("''", .invalidValue, "HOST"),
        ("http://h/ 104", .invalidValue, "HOST"),
        ("-H ''", .invalidValue, "--hostname"),
        ("--echo h 104 file", .unexpectedArgument, "file"),
        ("--find h:104 file", .unexpectedArgument, "file"),
        ("-H h -p 104 file", .unexpectedArgument, "file"),
        ("--call A B@h", .conflictingOptions, "--call"),
        ("--store h 104", .missingInput, "FILE"),
        ("--stgcmt h 104", .missingInput, "FILE"),
    ]

    @Test(arguments: errors)
    func `what is no host, port or file is named`(_ line: String, _ code: UsageError.Code, _ option: String) throws {
        let error = try usageError(line)
        #expect(error.code == code)
        #expect(error.option == option)
        #expect(error.problem.contains(option) || code == .missingInput || code == .missingHost)
    }
}
