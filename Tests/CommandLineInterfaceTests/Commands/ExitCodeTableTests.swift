import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import CommandLineInterface
@testable import DICOMNode

/// One exit code for one cause, whatever the operation: each operation against each of the things that can happen to it.
struct ExitCodeTableTests {
    enum Work: String, CaseIterable, Sendable {
        case echo, find, worklist, store, get, move, stgcmt

        func arguments(_ folder: TestSupport.TemporaryFolder) throws -> [String] {
            let study = ["-k", "StudyInstanceUID=\(SampleInstance.studyInstanceUID)", "-o", folder["out"].text]
            switch self {
            case .echo: return ["--echo"]
            case .find: return ["--find", "--patient", "-k", "PatientID"]
            case .worklist: return ["--worklist", "-k", "PatientID"]
            case .get: return ["--get", "--no-check"] + study
            case .move: return ["--move", "--no-check", "--grace", "0", "--port-scp", "\(try freePort())"] + study
            case .store, .stgcmt:
                try folder.write(SampleInstance.file(), to: "one.dcm")
                let wait = self == .stgcmt ? ["--wait", "0"] : []
                return ["--\(rawValue)"] + wait + ["-i", folder["one.dcm"].text]
            }
        }

        /// What a server does that does what is asked for; the association stays.
        var done: [PeerStep] {
            let one = SuboperationCounts(remaining: 0, completed: 1, failed: 0, warning: 0)
            switch self {
            case .get: return [.hearMessage] + ScriptedServer.instance + [ScriptedServer.got(.success, one)]
            default: return [.hearMessage, .reply { ScriptedServer.response(to: $0, .success) }]
            }
        }
    }

    struct Cause: Sendable, CustomTestStringConvertible {
        let name: String
        let exitCode: ExitCode
        let words: String
        let script: [PeerStep]

        var testDescription: String { name }
    }

    static let causes: [Cause] = [
        Cause(
            name: "closed at once", exitCode: .unreachable, words: "before any answer",
            script: [.hear(.associateRequest), .close]),
        Cause(
            name: "rejected", exitCode: .association, words: "association rejected",
            script: ScriptedServer.rejects(.callingAETitleNotRecognized)),
        Cause(
            name: "no answer to the association request", exitCode: .timeLimit, words: "time limit passed",
            script: [.hear(.associateRequest), .hold]),
        Cause(
            name: "contexts refused", exitCode: .noPresentationContext, words: "accept",
            script: ScriptedServer.refusesContexts + PeerStep.release),
        Cause(
            name: "cut instead of a response", exitCode: .unreachable, words: "connection",
            script: ScriptedServer.accepts + [.hearMessage, .reset]),
        Cause(
            name: "aborted instead of a response", exitCode: .association, words: "aborted by the peer",
            script: ScriptedServer.accepts + [.hearMessage] + ScriptedServer.aborts),
        Cause(
            name: "silence instead of a response", exitCode: .timeLimit, words: "time limit passed",
            script: ScriptedServer.accepts + [.hearMessage, .hold]),
        Cause(
            name: "a failure status", exitCode: .failureStatus, words: "processing failure (0110H)",
            script: ScriptedServer.accepts + [ScriptedServer.answers(.processingFailure)]),
    ]

    private func run(
        _ work: Work, _ scripts: [[PeerStep]], timeout: String, _ more: [String] = []
    ) throws -> CommandResult {
        let folder = try TestSupport.TemporaryFolder()
        let peer = try ScriptedPeer(scripts)
        defer { peer.stop() }
        return CommandResult(
            try work.arguments(folder) + ["-H", "127.0.0.1", "-p", "\(peer.port)", "--timeout", timeout] + more)
    }

    @Test(arguments: Work.allCases, causes)
    func `a cause has one exit code`(_ work: Work, _ cause: Cause) throws {
        let result = try run(
            work, [cause.script], timeout: cause.exitCode == .timeLimit ? "0.5" : "20")
        // A request for commitment that is refused leaves each instance without it, which has a code of its own.
        let isRefusedCommitment = work == .stgcmt && cause.exitCode == .failureStatus
        #expect(result.exitCode == (isRefusedCommitment ? .commitmentFailed : cause.exitCode), "\(result.messages)")
        #expect(result.messages.contains(cause.words), "\(result.messages)")
    }

    @Test(arguments: Work.allCases) func `nothing listens`(_ work: Work) throws {
        let folder = try TestSupport.TemporaryFolder()
        let result = CommandResult(try work.arguments(folder) + ["-H", "127.0.0.1", "-p", "\(closedPort)"])
        #expect(result.exitCode == .unreachable, "\(result.messages)")
        #expect(result.messages.contains("connection refused"), "\(result.messages)")
    }

    @Test(arguments: [Work.echo, .find, .worklist, .store, .get, .stgcmt])
    func `a release that is never answered is a note, as all was done`(_ work: Work) throws {
        let script = ScriptedServer.accepts + work.done + [.hear(.releaseRequest), .hold]
        let result = try run(work, [script], timeout: "1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("note: "), "\(result.messages)")
        #expect(result.messages.contains("the release of the association was not answered"), "\(result.messages)")
    }

    /// Part of the work is done, and then something ends it.
    @Test(
        arguments: [Work.find, .get, .store],
        [
            Cause(name: "cut", exitCode: .unreachable, words: "connection", script: [.reset]),
            Cause(name: "silence", exitCode: .timeLimit, words: "time limit passed", script: [.hold]),
            Cause(name: "abort", exitCode: .association, words: "aborted by the peer", script: ScriptedServer.aborts),
        ])
    func `what ends a connection has its code also when a part was done`(_ work: Work, _ cause: Cause) throws {
        let folder = try TestSupport.TemporaryFolder()
        var identifier = DataSet()
        identifier.set(.patientID, .LO, "P1")
        let part: [PeerStep] =
            switch work {
            case .get: [.hearMessage] + ScriptedServer.instance
            case .find: [.hearMessage, ScriptedServer.match(identifier)]
            default: [.hearMessage, .reply { ScriptedServer.response(to: $0, .success) }, .hearMessage]
            }
        try folder.write(SampleInstance.file(pixels: 128), to: "two.dcm")
        let peer = try ScriptedPeer([ScriptedServer.accepts + part + cause.script])
        defer { peer.stop() }
        let more = work == .store ? ["-i", folder["two.dcm"].text] : []
        let result = CommandResult(
            try work.arguments(folder) + more + [
                "-H", "127.0.0.1", "-p", "\(peer.port)", "--timeout", cause.exitCode == .timeLimit ? "0.5" : "20",
            ])
        #expect(result.exitCode == cause.exitCode, "\(result.messages)")
        #expect(result.messages.contains(cause.words), "\(result.messages)")
    }

    @Test func `a refusal of one part makes the whole incomplete, and no other cause does`() {
        for code in ExitCode.allCases {
            let isOfPart = code == .failureStatus || code == .noPresentationContext
            #expect(code.ofWhole(isPartlyDone: true) == (isOfPart ? .incomplete : code))
            #expect(code.ofWhole(isPartlyDone: false) == code)
        }
    }
}
