import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import CommandLineInterface
@testable import DICOMNode

/// `--retries` means the same for every operation that has it.
struct RetryTests {
    private static let cut: [PeerStep] = ScriptedServer.accepts + [.hearMessage, .reset]
    private static let busy: [PeerStep] = ScriptedServer.rejects(.localLimitExceeded)
    private static let retries = ["--retries", "2", "--retry-delay", "0.01", "--timeout", "20"]

    private static func matches(_ ids: String...) -> [PeerStep] {
        ids.map { id in
            var identifier = DataSet()
            identifier.set(.patientID, .LO, id)
            return ScriptedServer.match(identifier)
        }
    }

    private func run(_ arguments: [String], _ scripts: [[PeerStep]]) throws -> CommandResult {
        let peer = try ScriptedPeer(scripts)
        defer { peer.stop() }
        return CommandResult(arguments + Self.retries + ["-H", "127.0.0.1", "-p", "\(peer.port)"])
    }

    @Test(arguments: [ExitCodeTableTests.Work.find, .worklist, .store, .get, .move, .stgcmt], [busy, cut])
    func `a server that is lost or busy twice is asked a third time`(
        _ work: ExitCodeTableTests.Work, _ failure: [PeerStep]
    ) throws {
        let folder = try TestSupport.TemporaryFolder()
        let done = ScriptedServer.accepts + work.done + PeerStep.release
        let result = try run(try work.arguments(folder), [failure, failure, done])
        // Of a C-MOVE that nothing sends for nothing comes.
        #expect(result.exitCode == (work == .move ? .incomplete : .success), "\(result.messages)")
        #expect(result.messages.contains("note: trying "), "\(result.messages)")
    }

    @Test(arguments: [ExitCodeTableTests.Work.find, .store, .get, .stgcmt])
    func `after the last retry the cause has its code`(_ work: ExitCodeTableTests.Work) throws {
        let folder = try TestSupport.TemporaryFolder()
        let result = try run(try work.arguments(folder), [Self.cut])
        #expect(result.exitCode == .unreachable, "\(result.messages)")
    }

    @Test func `a permanent refusal is not retried`() throws {
        let folder = try TestSupport.TemporaryFolder()
        for work in [ExitCodeTableTests.Work.find, .move, .stgcmt] {
            let result = try run(
                try work.arguments(folder), [ScriptedServer.rejects(.calledAETitleNotRecognized)])
            #expect(result.exitCode == .association)
            #expect(!result.messages.contains("trying again"), "\(result.messages)")
        }
    }

    @Test func `a match that was printed is not printed again`() throws {
        let scripts: [[PeerStep]] = [
            ScriptedServer.accepts + [.hearMessage] + Self.matches("P1", "P2", "P2") + [.reset],
            ScriptedServer.accepts + [.hearMessage] + Self.matches("P1", "P2", "P2", "P3", "P3") + [
                .reply { ScriptedServer.response(to: $0, .success) }
            ] + PeerStep.release,
        ]
        // Of studies: equal responses with the unique key of the level would be one match.
        let result = try run(["--find", "-k", "PatientID", "--format", "csv"], scripts)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.lines == ["PatientID", "P1", "P2", "P2", "P3", "P3"], "\(result.output)")
    }

    @Test func `an instance that came is not asked for again`() throws {
        let folder = try TestSupport.TemporaryFolder()
        let first = ScriptedServer.accepts + [.hearMessage] + ScriptedServer.instance + [.reset]
        let result = try run(
            ["--get", "-k", "StudyInstanceUID=\(SampleInstance.studyInstanceUID)", "-o", folder["out"].text],
            [Self.listing, first])
        // The list has one instance, and that one is here: how its association ended is a warning.
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(!result.messages.contains("trying again"), "\(result.messages)")
    }

    /// Lists one series with the sample instance.
    private static let listing: [PeerStep] =
        ScriptedServer.accepts
        + ["SERIES", "IMAGE"].flatMap { level -> [PeerStep] in
            var identifier = DataSet()
            identifier.set(.queryRetrieveLevel, .CS, level)
            identifier.set(.studyInstanceUID, SampleInstance.studyInstanceUID)
            identifier.set(.seriesInstanceUID, "1.2.3.7")
            if level == "IMAGE" {
                identifier.set(.sopClassUID, SampleInstance.sopClassUID)
                identifier.set(.sopInstanceUID, SampleInstance.sopInstanceUID)
            }
            return [
                .hearMessage, ScriptedServer.match(identifier), .reply { ScriptedServer.response(to: $0, .success) },
            ]
        } + PeerStep.release
}
