import DICOM
import Testing

@testable import CommandLineInterface

struct MessageTests {
    private func shown(_ level: Diagnostics.Level, at verbosity: Diagnostics.Level = .debug, _ message: Message)
        -> String
    {
        let sink = MemorySink()
        Diagnostics(sink: sink, level: verbosity).report(level, message)
        return sink.text
    }

    @Test func `a message says what, why and the code, and the hint on the next line`() {
        #expect(
            shown(
                .error, Message("pacs:104", "called AE title not recognized", code: "PS3.8 9.3.4", hint: "use --call"))
                == "dcmscu: pacs:104: called AE title not recognized (PS3.8 9.3.4)\nhint: use --call\n")
        #expect(shown(.warning, Message("a.dcm", "truncated")) == "dcmscu: warning: a.dcm: truncated\n")
        #expect(shown(.note, Message("b")) == "dcmscu: note: b\n")
        #expect(shown(.verbose, Message("connected")) == "dcmscu: connected\n")
        #expect(shown(.debug, Message("PDU")) == "dcmscu: debug: PDU\n")
    }

    @Test func `each level shows itself and those before it`() {
        for verbosity in Diagnostics.Level.allCases {
            for level in Diagnostics.Level.allCases {
                #expect(shown(level, at: verbosity, Message("x")).isEmpty == (level > verbosity))
            }
        }
    }

    @Test func `a message that is not shown is not made`() {
        let diagnostics = Diagnostics(sink: MemorySink(), level: .error)
        var made = 0
        func message() -> Message {
            made += 1
            return Message("x")
        }
        diagnostics.warning(message())
        diagnostics.error(message())
        #expect(made == 1)
    }

    @Test func `text of a peer stays on its line and moves no cursor`() {
        let comment = "a\nhint: run this\r\u{1B}[2J\u{9B}31m\u{202E}b\u{0}\u{7F}\u{2028}c\u{FEFF}é山"
        let line = shown(.error, Message("pacs", comment))
        #expect(
            line
                == "dcmscu: pacs: a␊hint: run this␍␛[2J<U+009B>31m<U+202E>b␀␡<U+2028>c<U+FEFF>é山\n")
        #expect(line.utf8.count { $0 == 0x0A } == 1)
    }

    @Test func `a hint is made harmless too`() {
        #expect(shown(.error, Message("x", hint: "a\nb")) == "dcmscu: x\nhint: a␊b\n")
    }

    @Test func `endless text is cut`() {
        let line = DisplayText.line(String(repeating: "x", count: 1_000_000))
        #expect(line.utf8.count == DisplayText.maximumLineLength + 3)
        #expect(line.hasSuffix("..."))
    }

    @Test func `a usage error becomes a message with its hint`() {
        let error = UsageError(
            .unknownOption, option: "--prot", problem: "unknown option --prot", suggestion: "--port")
        #expect(shown(.error, Message(error)) == "dcmscu: unknown option --prot\nhint: did you mean --port?\n")
    }

    @Test func `a sink that fails does not end the program`() {
        let diagnostics = Diagnostics(sink: FullSink(), level: .debug)
        diagnostics.error(Message("x"))
    }

    @Test func `a descriptor that does not exist is an error`() {
        let error = #expect(throws: ByteSinkError.self) { try DescriptorSink(descriptor: -1).write("x") }
        #expect(error?.errorNumber != 0)
    }

    static let hints: [(Hint, [String])] = [
        (.calledAETitleNotRecognized(calling: "ME", called: "ANY-SCP"), ["ANY-SCP", "--call", "ME", "--aetitle"]),
        (.callingAETitleNotRecognized(calling: "DCMSCU"), ["DCMSCU", "--aetitle"]),
        (
            .moveDestinationUnknown(aeTitle: "STATION", host: "10.0.0.7", port: 11113),
            ["STATION", "11113", "10.0.0.7", "register"]
        ),
        (.connectionRefused(host: "pacs", port: 104), ["pacs", "104"]),
        (.nameNotFound(host: "pacs"), ["pacs"]),
        (.connectTimedOut(host: "pacs", port: 104, limit: .connectTimeout), ["pacs", "104", "--connect-timeout"]),
        (.abortedAfterRequest(service: "C-FIND", calling: "DCMSCU"), ["C-FIND", "DCMSCU", "--aetitle"]),
        (.noPresentationContext(service: "C-GET"), ["C-GET"]),
        (.commitment(.abortedByServer(calling: "ME", port: 5)), ["ME", "5"]),
        (.commitment(.neverCalledBack(calling: "ME", port: 5)), ["ME", "5"]),
        (.commitment(.calledByOtherAETitle("YOU", ours: "ME")), ["YOU", "ME", "--aetitle"]),
        (.commitment(.releasedWithoutReceiver(calling: "ME")), ["--port-scp", "ME"]),
        (.commitment(.otherTransaction("2.25.7")), ["2.25.7", "--transaction"]),
        (.commitment(.slow), ["--wait", "--transaction"]),
        (.commitment(.notBelieved(.otherAETitle("YOU", asked: "PACS"))), ["YOU", "PACS", "--accept-from YOU"]),
        (
            .commitment(.notBelieved(.otherAddress("10.0.0.7", asked: "10.0.0.1"))),
            ["10.0.0.7", "10.0.0.1", "--strict"]
        ),
        (.commitment(.otherAddress), ["--strict"]),
        (.commitment(.callerNotAccepted("YOU")), ["YOU", "--accept-from"]),
        (.commitment(.noReceiver(calling: "ME")), ["--port-scp", "ME"]),
        (.noIncomingAssociation(aeTitle: "ME", host: "10.0.0.7", port: 5), ["ME", "10.0.0.7", "5"]),
        (.receiverPortTaken(port: 5), ["5", "--port-scp"]),
        (.peerSpeaks(.tls, usesTLS: false), ["--tls"]),
        (.peerSpeaks(.http, usesTLS: false), ["web"]),
        (.peerSpeaks(.hl7, usesTLS: false), ["HL7"]),
        (.closedAtOnce(usesTLS: false), ["--tls"]),
        (.noRoute(host: "pacs"), ["pacs"]),
        (.associationUnanswered(usesTLS: false), ["--tls"]),
        (.silence, ["--timeout"]),
        (
            .rejectedWithoutReason(service: "C-FIND", calling: "ME", called: "YOU"),
            ["C-FIND", "--doctor", "ME", "YOU", "--aetitle", "--call"]
        ),
        (.notAuthorized, ["administrator"]),
        (.outOfResources, ["administrator"]),
    ]

    @Test(arguments: hints)
    func `a hint names what must be changed`(_ hint: Hint, _ parts: [String]) {
        for part in parts { #expect(hint.text.contains(part)) }
        #expect(!hint.text.contains("\n"))
    }
}
