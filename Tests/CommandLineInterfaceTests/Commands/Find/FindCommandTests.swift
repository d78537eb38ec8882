import DICOM
import DICOMNode
import System
import TestSupport
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

    @Test func `a query without matches is a failure if asked for`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = find(archive, "-k", "AccessionNumber=NONE", "--fail-if-none")
        #expect(result.exitCode == .incomplete)
        #expect(result.messages.contains("no match\nhint: "), "\(result.messages)")
        #expect(find(archive, "--fail-if-none").exitCode == .success)
        let get = ["--get"] + archive.peer + ["-k", "AccessionNumber=NONE", "-o", archive.folder["none"]]
        #expect(CommandResult(get).exitCode == .success)
        let failed = CommandResult(get + ["--fail-if-none"])
        #expect(failed.exitCode == .incomplete)
        #expect(failed.messages.contains("nothing matches"), "\(failed.messages)")
        #expect(CommandResult(get + ["--fail-if-none", "--dry-run"]).exitCode == .incomplete)
    }

    @Test func `a limit cancels the query`() throws {
        let result = find(try TestArchive(holdsImages: true), "--format", "jsonl", "--limit", "1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count == 1)
    }

    @Test func `an order holds for all formats, and a limit cuts what it has sorted`() throws {
        let archive = try TestArchive(holdsImages: true)
        for (order, expected) in [("PatientID", "SELFTEST-1"), ("-PatientID", "SELFTEST-3")] {
            let result = CommandResult(
                ["--find"] + archive.peer
                    + ["--columns", "PatientID", "--format", "tsv", "--sort", order, "--limit", "1"])
            #expect(result.lines == ["PatientID", expected], "\(result.messages)")
            #expect(result.messages.isEmpty, "\(result.messages)")
        }
    }

    @Test func `matches are counted, as a whole and by values`() throws {
        let archive = try TestArchive(holdsImages: true)
        func output(_ options: String...) -> String { CommandResult(["--find"] + archive.peer + options).output }
        #expect(output("--format", "count") == "3\n")
        #expect(output("--format", "count", "-k", "PatientID=NONE") == "0\n")
        #expect(output("--format", "csv", "--group-by", "StudyDate") == "StudyDate,Count\n20260102,3\n")
        #expect(
            output("--format", "jsonl", "--group-by", "PatientID", "-k", "PatientID=SELFTEST-2")
                == "{\"PatientID\":\"SELFTEST-2\",\"count\":1}\n")
        #expect(output("--group-by", "StudyDate") == "StudyDate  Count\n20260102   3\n")
        #expect(
            CommandResult(["--find"] + archive.peer + ["--format", "text", "--group-by", "StudyDate"]).exitCode
                == .usage)
    }

    @Test func `several peers are queried in one run, each match with its node`() throws {
        let (first, second) = (try TestArchive(holdsImages: true), try TestArchive(holdsImages: true))
        let peers = [first, second].flatMap { ["127.0.0.1", "\($0.archive.port)"] }
        let nodes = [first, second].map { "PRACTICE@127.0.0.1:\($0.archive.port)" }
        func result(_ options: String...) -> CommandResult {
            CommandResult(["--find"] + peers + ["--call", "PRACTICE", "-k", "PatientID=SELFTEST-1"] + options)
        }
        let csv = result("--format", "csv", "--return", "PatientID")
        #expect(csv.lines == ["Node,PatientID"] + nodes.map { "\($0),SELFTEST-1" }, "\(csv.messages)")
        #expect(result("--format", "count").output == "2\n")
        #expect(result("--limit", "1", "--format", "count").output == "1\n")
        #expect(result("--group-by", "PatientID", "--format", "csv").lines.count == 3)
        let text = result()
        #expect(text.output.contains("Find Response: 1 (\(nodes[0]))\n") && text.output.contains("2 (\(nodes[1]))\n"))
        #expect(result("--format", "jsonl").output.contains("\"00080054\":{\"vr\":\"AE\",\"Value\":[\"PRACTICE\"]}"))
    }

    @Test func `one peer that is not there does not keep the others from being asked`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = CommandResult(
            ["--find", "127.0.0.1", "\(try freePort())"] + archive.peer + ["--format", "csv", "--columns", "PatientID"])
        #expect(result.exitCode == .unreachable, "\(result.messages)")
        #expect(result.lines.count == 4, "\(result.output)")
    }

    @Test func `the newest study is retrieved alone`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = CommandResult(
            ["--get"] + archive.peer
                + ["-k", "StudyDate=20200101-", "--sort", "-PatientID", "--limit", "1", "--dry-run"])
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines.count == 2, "\(result.output)")
        #expect(result.messages.contains("the first of 3 to be retrieved"), "\(result.messages)")
        let all = CommandResult(
            ["--find"] + archive.peer + ["--sort", "PatientID", "--format", "csv", "--columns", "StudyInstanceUID"])
        #expect(result.lines[1].contains(all.lines[3]), "\(result.output)")
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

    @Test func `a warning status is a failure only if asked for`() throws {
        let archive = try TestArchive(faults: ["find-status=B000"], holdsImages: true)
        let result = find(archive)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("warning: "), "\(result.messages)")
        #expect(find(archive, "--fail-on", "warning").exitCode == .incomplete)
    }

    @Test func `the copy of the query holds what is sent, and is a query again`() throws {
        let archive = try TestArchive(holdsImages: true)
        let copy = archive.folder["query.dcm"]
        let first = find(archive, "--format", "csv", "--store-query", copy)
        let again = CommandResult(["--find"] + archive.peer + ["--query", copy, "--format", "csv"])
        #expect(first.exitCode == .success && again.exitCode == .success, "\(again.messages)")
        #expect(again.lines.count == first.lines.count)
    }

    @Test func `a query file that is not there is a matter of local files, and nothing is sent`() throws {
        let archive = try TestArchive()
        let result = CommandResult(["--find"] + archive.peer + ["--query", archive.folder["none.txt"]])
        #expect(result.exitCode == .localFiles)
        #expect(result.messages.contains("cannot read the query from"), "\(result.messages)")
    }

    @Test func `matches are files if asked for`() throws {
        let archive = try TestArchive(holdsImages: true)
        let result = find(archive, "--format", "dcm", "--output", archive.folder["matches"])
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(archive.folder.fileCount("matches") == 3)
    }

    @Test func `a match in another syntax than the agreed one is read and told`() throws {
        var identifier = DataSet()
        identifier.set(.patientID, .LO, "P1")
        identifier.set(.studyInstanceUID, "1.2.3")
        for syntax in [TransferSyntax.implicitVRLittleEndian, .explicitVRBigEndian] {
            let match = DataSetEncoder(syntax).encode(identifier)
            let peer = try ScriptedPeer([
                ScriptedServer.accepts + [
                    .hearMessage, .reply { PeerBytes.match($0, match) + PeerBytes.findSuccess($0) },
                ] + PeerStep.release
            ])
            defer { peer.stop() }
            let result = CommandResult([
                "--find", "-k", "PatientID", "--format", "csv", "127.0.0.1", "\(peer.port)",
            ])
            #expect(result.exitCode == .success, "\(result.messages)")
            #expect(result.output.contains("P1"), "\(result.output)")
            #expect(
                result.messages.contains("the server answers in \(syntax), although Explicit VR Little Endian was"),
                "\(result.messages)")
        }
    }

    @Test func `an interruption before the query ends it`() throws {
        let archive = try TestArchive(holdsImages: true)
        let cancellation = try Cancellation()
        cancellation.raise(to: .graceful)
        let result = CommandResult(
            ["--find"] + archive.peer + ["-k", "PatientID"], cancellation: cancellation)
        #expect(result.exitCode == .interrupted, "\(result.messages)")
        #expect(result.output.isEmpty)
    }
}
