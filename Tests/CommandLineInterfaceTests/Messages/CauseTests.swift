import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import CommandLineInterface
@testable import DICOMNode
@testable import System

/// Each cause has its own remedy: provoked by a scripted server, with what the message must say and must not.
struct CauseTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let arguments: String
        let scripts: [[PeerStep]]
        let exitCode: ExitCode
        let says: [String]
        /// Remedies of other causes.
        var saysNot: [String] = ["must register", "disk or memory"]

        var testDescription: String { name }
    }

    private static let find = "--find --patient -k PatientID"
    private static let get = "--get --no-check -k StudyInstanceUID=\(SampleInstance.studyInstanceUID)"
    private static let one = SuboperationCounts(remaining: 0, completed: 1, failed: 0, warning: 0)

    private static func answered(_ status: DIMSEStatus) -> [PeerStep] {
        ScriptedServer.accepts + [ScriptedServer.answers(status)]
    }

    /// The instances are asked for before a C-GET; the server lists none.
    private static let listsNothing = answered(.success)

    /// Accepts, with a change to the acceptance.
    private static func accepts(
        _ change: @escaping @Sendable (inout AssociateAccept, AssociateRequest) -> Void
    ) -> [PeerStep] {
        PeerStep.answerRequest { heard in
            var accept = heard.fullAcceptance()
            change(&accept, heard.request)
            return PDU.associateAccept(accept).encode()
        }
    }

    private static let withoutStorage = accepts { accept, request in
        let service = InformationModel.studyRoot.getSOPClass
        accept.presentationContexts = request.presentationContexts.map {
            PresentationContextResult(
                id: $0.id, result: $0.abstractSyntax == service ? .acceptance : .abstractSyntaxNotSupported,
                transferSyntax: $0.transferSyntaxes[0])
        }
    }

    private static let withoutRoles = accepts { accept, _ in accept.userInformation.roleSelections = [] }

    private static func match(_ status: DIMSEStatus) -> [PeerStep] {
        var identifier = DataSet()
        identifier.set(.patientID, .LO, "P1")
        return ScriptedServer.accepts + [
            .hearMessage, ScriptedServer.match(identifier, status: status),
            .reply { ScriptedServer.response(to: $0, .success) },
        ] + PeerStep.release
    }

    static let rows: [Row] =
        [
            Row(
                name: "C-FIND A700H", arguments: find, scripts: [answered(.outOfResources)], exitCode: .failureStatus,
                says: ["(A700H)", "hint: servers answer like this when there are too many matches"]),
            Row(
                name: "C-FIND FE00H", arguments: find, scripts: [answered(.cancel)], exitCode: .failureStatus,
                says: ["(FE00H)", "hint: servers limit the number of matches"]),
            Row(
                name: "C-FIND that is aborted", arguments: find,
                scripts: [
                    ScriptedServer.accepts + [.hearMessage] + ScriptedServer.aborts
                ], exitCode: .association,
                says: [
                    "a key that they cannot take", "may not be used for C-FIND", "(--aetitle)", "\"ANY-SCP\" (--call)",
                ]),
            Row(
                name: "worklist that is aborted", arguments: "--worklist -k PatientID",
                scripts: [
                    ScriptedServer.accepts + [.hearMessage] + ScriptedServer.aborts
                ], exitCode: .association, says: ["try fewer keys", "Modality Worklist C-FIND"]),
            Row(
                name: "C-FIND FF01H", arguments: find, scripts: [match(.pendingWithUnsupportedKeys)],
                exitCode: .success,
                says: ["warning: ", "did not take all keys into account", "(FF01H)"]),
            Row(
                name: "C-GET A702H without contexts", arguments: get,
                scripts: [
                    withoutStorage + [ScriptedServer.answers(.unableToPerformSuboperations)]
                ], exitCode: .failureStatus,
                says: ["(A702H)", "accepted none of the 118 presentation contexts", "--or-move"]),
            Row(
                name: "C-GET A702H without roles", arguments: get,
                scripts: [
                    withoutRoles + [ScriptedServer.answers(.unableToPerformSuboperations)]
                ], exitCode: .failureStatus, says: ["(A702H)", "SCP role", "--or-move"]),
            Row(
                name: "C-GET A702H with all of it", arguments: get,
                scripts: [
                    answered(.unableToPerformSuboperations)
                ], exitCode: .failureStatus, says: ["(A702H)", "its log may say why"]),
            Row(
                name: "C-GET A701H", arguments: get, scripts: [answered(.unableToCalculateMatches)],
                exitCode: .failureStatus, says: ["(A701H)", "ask for less at a time"]),
            Row(
                name: "a C-FIND that is aborted before a C-GET that is not",
                arguments: "--get -k StudyInstanceUID=\(SampleInstance.studyInstanceUID)",
                scripts: [
                    ScriptedServer.accepts + [.hearMessage] + ScriptedServer.aborts,
                    ScriptedServer.accepts + [.hearMessage] + ScriptedServer.instance + [
                        ScriptedServer.got(.success, one)
                    ]
                        + PeerStep.release,
                ], exitCode: .success,
                says: ["note: ", "there is no list of the instances, as the server aborted the C-FIND for it"],
                saysNot: ["hint: "]),
            Row(
                name: "a C-FIND that is aborted and needed", arguments: "--get -k PatientName=DOE*",
                scripts: [
                    ScriptedServer.accepts + [.hearMessage] + ScriptedServer.aborts
                ], exitCode: .association, says: ["may not be used for C-FIND"], saysNot: ["C-GET"]),
            Row(
                name: "a C-GET that is aborted", arguments: get,
                scripts: [
                    ScriptedServer.accepts + [.hearMessage] + ScriptedServer.aborts
                ], exitCode: .association, says: ["may not use C-GET"], saysNot: ["C-FIND"]),
            Row(
                name: "what the server does not have, at a server that calls it C000H",
                arguments: "--get -k StudyInstanceUID=1.2.3",
                scripts: [listsNothing, answered(.unableToProcess)], exitCode: .success,
                says: ["study 1.2.3: not found on the server", "hint: are the keys right?"], saysNot: ["C000H"]),
        ] + moves

    /// C-MOVE by an address that nobody calls back.
    static let moves: [Row] = [
        (0xA900, "the server expects other keys"), (0xC000, "nothing connected to our port: does it know"),
        (0x0124, "must allow this for our AE title"), (0x0107, "attribute list error"),
        (0xFE00, "we did not cancel it"), (0xA702, "the server never called back"),
        (0xA700, "out of resources"), (0x0110, "nothing connected to our port: does it know"),
    ].map { code, words in
        let status = DIMSEStatus(rawValue: UInt16(code))
        return Row(
            name: "C-MOVE \(status)", arguments: "--move --no-check --grace 0 -k StudyInstanceUID=1.2.3 --port-scp",
            scripts: [answered(status)], exitCode: .failureStatus, says: ["(\(status))", words],
            saysNot: ["must register"])
    }

    @Test(arguments: rows) func `a cause has its own remedy`(_ row: Row) throws {
        let folder = try TestSupport.TemporaryFolder()
        let peer = try ScriptedPeer(row.scripts)
        defer { peer.stop() }
        var arguments = row.arguments.split(separator: " ").map(String.init)
        if arguments.last == "--port-scp" { arguments.append("\(try freePort())") }
        if !row.arguments.contains("--find"), !row.arguments.contains("--worklist") {
            arguments += ["-o", folder["out"].text]
        }
        let result = CommandResult(arguments + ["-H", "127.0.0.1", "-p", "\(peer.port)", "--timeout", "20"])
        #expect(result.exitCode == row.exitCode, "\(result.messages)")
        for words in row.says { #expect(result.messages.contains(words), "\(words): \(result.messages)") }
        for words in row.saysNot { #expect(!result.messages.contains(words), "\(words): \(result.messages)") }
    }

    /// A server that calls back with these titles, and says that it could send nothing.
    @Test(arguments: [
        ("WRONG", "SERVER", [], "the server called back, but called \"WRONG\", and our AE title is \"TESTER\""),
        (
            "TESTER", "SERVER", ["--accept-from", "OTHER"],
            "\"SERVER\" called back and was rejected, as --accept-from does not name it"
        ),
    ])
    func `a call-back that we reject ourselves is the cause`(
        _ called: String, _ calling: String, _ more: [String], _ words: String
    ) throws {
        let port = try freePort()
        let call: @Sendable (Heard) -> [UInt8] = { heard in
            Self.associate(port, called: called, calling: calling)
            return ScriptedServer.response(
                to: heard, .suboperationsCompleteWithFailures,
                SuboperationCounts(remaining: 0, completed: 0, failed: 3, warning: 0))
        }
        let peer = try ScriptedPeer([ScriptedServer.accepts + [.hearMessage, .reply(call)] + PeerStep.release])
        defer { peer.stop() }
        let folder = try TestSupport.TemporaryFolder()
        let result = CommandResult(
            [
                "--move", "--no-check", "--grace", "0", "-k", "StudyInstanceUID=1.2.3", "--port-scp", "\(port)",
                "--aetitle", "TESTER", "-H", "127.0.0.1", "-p", "\(peer.port)", "-o", folder["out"].text,
            ] + more)
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(result.messages.contains("hint: \(words)"), "\(result.messages)")
        #expect(!result.messages.contains("never called back"), "\(result.messages)")
    }

    /// Requests an association at our port, and waits for the answer.
    private static func associate(_ port: UInt16, called: String, calling: String) {
        let wait = WaitLimits(total: .after(seconds: 20))
        do {
            let connection = try TCPConnection.connect(host: "127.0.0.1", port: port, wait: wait)
            defer { connection.close() }
            let request = AssociateRequest(
                calledAETitle: AETitle(wire: called.utf8), callingAETitle: AETitle(wire: calling.utf8),
                presentationContexts: [
                    PresentationContextProposal(
                        id: 1, abstractSyntax: SampleInstance.sopClassUID,
                        transferSyntaxes: [TransferSyntax.explicitVRLittleEndian.uid])
                ], userInformation: UserInformation())
            try connection.write(PDU.associateRequest(request).encode(), wait: wait)
            _ = try connection.readBytes(10, wait: wait)
        } catch {
            Issue.record(error)
        }
    }
}
