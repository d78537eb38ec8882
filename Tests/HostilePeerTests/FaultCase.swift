import CommandLineInterface
import TestSupport
import Testing

@testable import DICOMNode

/// A row of the table of expectations: what a server does, and what the user is told.
struct FaultCase: Sendable, CustomTestStringConvertible {
    let sentence: String
    let arguments: [String]
    let scripts: [[PeerStep]]
    let exitCode: ExitCode
    /// A part of the messages; of the output where `output` says so.
    let message: String
    let output: String?
    /// The most that the run may take, with many others beside it and under a sanitizer. Limits in the command line are far
    /// below; what counts is that it ends.
    let seconds: Double

    init(
        _ sentence: String, by line: String = "--echo", _ script: [PeerStep], _ exitCode: ExitCode,
        _ message: String = "",
        output: String? = nil, seconds: Double = 60
    ) {
        self.init(sentence, by: line, scripts: [script], exitCode, message, output: output, seconds: seconds)
    }

    init(
        _ sentence: String, by line: String, scripts: [[PeerStep]], _ exitCode: ExitCode, _ message: String = "",
        output: String? = nil, seconds: Double = 60
    ) {
        self.sentence = sentence
        arguments = line.split(separator: " ").map(String.init)
        self.scripts = scripts
        self.exitCode = exitCode
        self.message = message
        self.output = output
        self.seconds = seconds
    }

    var testDescription: String { sentence }

    func check(_ more: [String] = []) throws {
        let peer = try ScriptedPeer(scripts)
        defer { peer.stop() }
        // Where no limit is to pass none does, however busy the machine is.
        let limits =
            arguments.contains("--timeout")
            ? [] : ["--timeout", exitCode == .timeLimit || message.contains("was not answered") ? "1" : "20"]
        let result = CommandLineRun(arguments + limits + ["-H", "127.0.0.1", "-p", "\(peer.port)"] + more)
        #expect(result.exitCode == exitCode, "\(sentence): \(result.messages)")
        #expect(result.messages.contains(message), "\(sentence): \(result.messages)")
        if let output { #expect(result.output.contains(output), "\(sentence): \(result.output)") }
        #expect(result.seconds < seconds, "\(sentence)")
        // Nothing that a peer says reaches the terminal as a control character or makes a line of its own.
        for line in result.messages.split(separator: "\n") {
            #expect(line.hasPrefix("dcmscu: ") || line.hasPrefix("hint: "), "\(sentence): \(line)")
        }
        #expect(!(result.messages + result.output).utf8.contains { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 })
    }
}
