import DICOM
import DICOMNode
import Glibc
import System
import Testing

@testable import CommandLineInterface

/// `--log-file`, `--log-format`, `--log-time`, and the journal of systemd.
struct LogTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Returns true if a line begins as `2026-11-29T18:05:09.120+01:00 dcmscu[4711]: `.
    private func hasStamp(_ line: String) -> Bool {
        let end = " dcmscu[\(getpid())]: "
        let shape = "dddd-dd-ddTdd:dd:dd.dddzdd:dd"
        guard line.dropFirst(shape.count).hasPrefix(end) else { return false }
        return zip(line, shape).allSatisfy { character, kind in
            switch kind {
            case "d": character.isASCII && character.isNumber
            case "z": character == "+" || character == "-"
            default: character == kind
            }
        }
    }

    private func lines(_ text: some StringProtocol) -> [String] { text.split(separator: "\n").map { String($0) } }

    @Test func `every line of a log has time, zone and process, and a run has a start and an end`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = CommandResult(["--echo"] + archive.peer + ["-V", "-L", folder["log"]])
        #expect(result.exitCode == .success)
        #expect(result.messages.isEmpty, "\(result.messages)")
        let log = try folder.lines("log")
        for line in log { #expect(hasStamp(line), "\(line)") }
        let first = try #require(log.first)
        #expect(first.contains("start: dcmscu --echo 127.0.0.1"), "\(first)")
        let last = try #require(log.last)
        #expect(last.contains("end: exit code 0 (done), "), "\(last)")
        #expect(last.hasSuffix(" s"), "\(last)")
        #expect(log.contains { $0.contains("A-ASSOCIATE-AC") })
    }

    @Test func `the log is a copy: errors reach the standard error too`() throws {
        let arguments = ["--echo", "127.0.0.1", "\(closedPort)", "-L", folder["log"]]
        let result = CommandResult(arguments)
        #expect(result.exitCode == .unreachable)
        #expect(result.messages.hasPrefix("dcmscu: cannot connect to "), "\(result.messages)")
        #expect(result.messages.contains("\nhint: nothing listens"), "\(result.messages)")
        let log = try folder.lines("log")
        #expect(log.contains { $0.contains("]: cannot connect to ") })
        #expect(log.contains { $0.contains("]: hint: nothing listens") })
        #expect(log.last?.contains("end: exit code 4 (unreachable)") == true)
    }

    @Test func `a second run adds to the log`() throws {
        let archive = try TestArchive()
        for _ in 1...2 { _ = CommandResult(["--echo"] + archive.peer + ["-L", folder["log"]]) }
        #expect(try folder.lines("log").count { $0.contains("]: note: start: ") } == 2)
    }

    @Test func `a log of JSON has an object on each line`() throws {
        let result = CommandResult(
            ["--echo", "127.0.0.1", "\(closedPort)", "-L", folder["log"], "--log-format", "json"])
        #expect(result.exitCode == .unreachable)
        let objects = try folder.lines("log").map { try JSONValue.parse(Array($0.utf8)) }
        for object in objects {
            #expect(object["time"]?.string?.contains("T") == true)
            #expect(object["pid"]?.integer == Int(getpid()))
            #expect(object["message"]?.string != nil)
        }
        #expect(objects.first?["event"]?.string == "start")
        #expect(objects.first?["commandLine"]?.string?.hasPrefix("dcmscu --echo ") == true)
        let failure = try #require(objects.first { $0["level"]?.string == "error" })
        #expect(failure["hint"]?.string?.hasPrefix("nothing listens") == true)
        #expect(objects.last?["event"]?.string == "end")
        #expect(objects.last?["exitCode"]?.integer == 4)
        #expect(objects.last?["seconds"] != nil)
    }

    @Test func `with --log-time the standard error has times too, and without it none`() throws {
        let archive = try TestArchive()
        let timed = lines(CommandResult(["--echo"] + archive.peer + ["--log-time"]).messages)
        #expect(timed.count == 2)
        for line in timed { #expect(hasStamp(line), "\(line)") }
        #expect(CommandResult(["--echo"] + archive.peer).messages.isEmpty)
    }

    @Test func `a form of the log without a log is a usage error`() {
        let result = CommandResult(["--echo", "127.0.0.1", "104", "--log-format", "json"])
        #expect(result.exitCode == .usage)
        #expect(result.messages.contains("--log-file"))
    }

    static let masked: [(String, String)] = [
        ("PatientName=DOE^JOHN", "PatientName=***"), ("-kPatientID=4711", "-kPatientID=***"),
        ("--key=0010,0030=1960-01-31", "--key=0010,0030=***"), ("10,20,4711", "10,20,***"),
        ("8,90=HOUSE", "8,90=***"), ("AccessionNumber=A1", "AccessionNumber=***"),
        ("StudyInstanceUID=1.2.3", "StudyInstanceUID=1.2.3"), ("StudyDate=20260131", "StudyDate=20260131"),
        ("PatientID", "PatientID"), ("--verbose", "--verbose"), ("file.dcm", "file.dcm"),
    ]

    @Test(arguments: masked) func `the command line of a log has no patient data`(_ argument: String, _ shown: String) {
        #expect(CommandLineText.masked(argument) == shown)
    }

    @Test func `arguments are quoted where a shell would need it`() {
        #expect(CommandLineText.quoted("a/b-c_1.dcm") == "a/b-c_1.dcm")
        #expect(CommandLineText.quoted("two words") == "'two words'")
        #expect(CommandLineText.quoted("it's") == "'it'\\''s'")
        #expect(CommandLineText.quoted("") == "''")
    }

    @Test func `the journal of systemd gets priorities`() {
        let style = LogLine.Style(hasPriority: true)
        func text(_ level: Diagnostics.Level) -> String {
            String(
                decoding: LogLine(level: level, text: "x", hint: level == .error ? "y" : nil).bytes(style),
                as: UTF8.self)
        }
        #expect(text(.error) == "<3>dcmscu: x\n<3>hint: y\n")
        #expect(text(.warning) == "<4>dcmscu: warning: x\n")
        #expect(text(.note) == "<5>dcmscu: note: x\n")
        #expect(text(.verbose) == "<6>dcmscu: x\n")
        #expect(text(.debug) == "<7>dcmscu: debug: x\n")
    }
}
