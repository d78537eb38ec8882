import DICOM
import DICOMNode
import DICOMProtocol
import System
import Testing

@testable import CommandLineInterface

/// `--doctor` against an archive in the process.
struct DoctorCommandTests {
    @Test func `an archive that offers everything passes all checks`() throws {
        let archive = try TestArchive()
        let result = CommandResult(["--doctor"] + archive.peer)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(!result.output.contains("FAILED"), "\(result.output)")
        for words in ["10 of 10 answered", "C-MOVE", "25 of 25 storage SOP classes accepted", "all studies"] {
            #expect(result.output.contains(words), "\(result.output)")
        }
    }

    @Test func `what was asked for alone is checked, with what it needs`() throws {
        let archive = try TestArchive()
        let result = CommandResult(["--doctor"] + archive.peer + ["--only", "echo"])
        let marks = result.lines.filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
        #expect(marks.count == 6, "\(result.output)")
        #expect(!result.output.contains("storage"))
    }

    @Test func `a probe is one document of what is accepted, limited to the classes that are named`() throws {
        let archive = try TestArchive()
        let classes = ["1.2.840.10008.5.1.4.1.1.9", "--format", "json"]
        let result = CommandResult(["--probe", "CT"] + archive.peer + classes)
        #expect(result.exitCode == .success, "\(result.messages)")
        let peers = try #require(try JSONValue.parse(Array(result.output.utf8)).array)
        #expect(peers.count == 1)
        #expect(peers[0]["services"]?["worklist"] == .array([]))
        #expect(peers[0]["services"]?["verification"] == .array([.string("1.2.840.10008.1.1")]))
        let syntaxes = try #require(peers[0]["classes"]?["1.2.840.10008.5.1.4.1.1.2"]?.array)
        #expect(syntaxes.contains(.string("1.2.840.10008.1.2")))
        #expect(peers[0]["classes"]?["1.2.840.10008.5.1.4.1.1.9"] != nil)
        #expect(peers[0]["classes"]?["1.2.840.10008.5.1.4.1.1.4"] == nil)
    }

    @Test func `a probe fails where what it demands is not accepted`() throws {
        let archive = try TestArchive()
        for word in ["worklist", "1.2.840.10008.1.9"] {
            let result = CommandResult(["--probe"] + archive.peer + ["--only", "find,\(word)", "--format", "json"])
            #expect(result.exitCode == .noPresentationContext, "\(result.output)")
            let peer = try #require(try JSONValue.parse(Array(result.output.utf8)).array?.first)
            #expect(peer["cause"]?.string == "not-offered")
            #expect(peer["error"]?.string?.contains("is not accepted") == true)
        }
    }

    @Test func `a failure names its cause once, and ends what has no meaning after it`() throws {
        let archive = try TestArchive(faults: ["reject=1"])
        let result = CommandResult(["--doctor"] + archive.peer + ["--format", "jsonl"])
        #expect(result.exitCode == .association)
        let events = try result.lines.map { try JSONValue.parse(Array($0.utf8)) }
        let outcomes = events.compactMap { event in
            event["check"]?.string.map { ($0, event["outcome"]?.string ?? "", event["cause"]?.string) }
        }
        #expect(outcomes.count { $0.1 == "failed" } == 1)
        #expect(outcomes.first { $0.1 == "failed" }?.2 == "association-limit")
        #expect(outcomes.count { $0.1 == "skipped" } == DoctorCheck.ofPeer.count - 5)
    }

    @Test(
        arguments: [
            // What the server said, and what it says of made-up titles: of ours, of its own.
            (.calledAETitleNotRecognized, .rejected(.callingAETitleNotRecognized), .unclear, .called),
            (
                .calledAETitleNotRecognized, .rejected(.calledAETitleNotRecognized),
                .rejected(.calledAETitleNotRecognized), .calledAtLeast
            ),
            (.calledAETitleNotRecognized, .accepted, .rejected(.calledAETitleNotRecognized), .calling),
            (.calledAETitleNotRecognized, .rejected(.calledAETitleNotRecognized), .accepted, .called),
            (
                .callingAETitleNotRecognized, .rejected(.callingAETitleNotRecognized),
                .rejected(.calledAETitleNotRecognized), .calling
            ),
            (
                .callingAETitleNotRecognized, .rejected(.callingAETitleNotRecognized),
                .rejected(.callingAETitleNotRecognized), .callingAtLeast
            ),
            (
                .noReasonGiven, .rejected(.callingAETitleNotRecognized), .rejected(.calledAETitleNotRecognized),
                .neither
            ),
            (.noReasonGiven, .rejected(.noReasonGiven), .rejected(.noReasonGiven), .unknown),
            (.noReasonGiven, .accepted, .rejected(.noReasonGiven), .calling),
            (.noReasonGiven, .accepted, .accepted, .neither), (.noReasonGiven, .unclear, .unclear, .unknown),
        ] as [(AssociateReject, TitleAnswer, TitleAnswer, WrongTitle)])
    func `made-up AE titles show which one is wrong`(
        _ refusal: AssociateReject, _ calling: TitleAnswer, _ called: TitleAnswer, _ expected: WrongTitle
    ) {
        let wrong = WrongTitle(refusal, madeUpCalling: calling, madeUpCalled: called)
        #expect(wrong == expected)
        for title in ["OURS", "THEIRS"] { #expect(wrong.words(own: "OURS", server: "THEIRS").contains(title)) }
        #expect(!wrong.remedy(own: "OURS", server: "THEIRS").isEmpty)
    }

    @Test func `each cause has words, and names stay apart from each other`() {
        for cause in FailureCause.allCases { #expect(!cause.meaning.isEmpty) }
        let names = DoctorCheck.allCases.map(\.rawValue) + DoctorService.allCases.map(\.rawValue)
        #expect(Set(names).count == names.count)
        #expect(StorageClassName.usual.allSatisfy { UIDRegistry.name(of: $0.uid) != nil })
        #expect(Set(StorageClassName.usual.map(\.uid)).count == 25)
    }

    @Test(arguments: [
        (AssociationError.unreachable(.refused), "connection-refused"),
        (.unreachable(.timedOut(.connect)), "connect-time-limit"),
        (.unreachable(.tls(TLSError(.certificateDates, ""))), "certificate-dates"),
        (.unreachable(.tls(TLSError(.certificateName, ""))), "certificate-name"),
        (.unreachable(.tls(TLSError(.certificateRefusedByPeer, ""))), "own-certificate-refused"),
        (.timedOut(waitingFor: .associateResponse), "no-response"),
        (.connectionLost(.reset), "connection-lost"), (.releasedByPeer, "released"),
    ])
    func `errors have stable names`(_ error: AssociationError, _ name: String) {
        #expect(FailureCause(error).rawValue == name)
    }
}
