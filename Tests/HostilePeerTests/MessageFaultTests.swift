import CommandLineInterface
import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import DICOMNode

/// What peers say in an association that is as it should be, and what we make of it.
@Suite struct MessageFaultTests {
    @Test(arguments: responses) func `a response that is wrong is never taken for success`(_ row: FaultCase) throws {
        try row.check()
    }

    @Test(arguments: endless) func `a response that never comes or never ends costs a limit`(_ row: FaultCase) throws {
        try row.check()
    }

    @Test(arguments: answers) func `an answer that cannot be read is told, and the others are shown`(_ row: FaultCase)
        throws
    {
        try row.check()
    }

    @Test(arguments: stores) func `a file counts as stored only by a response that says so`(_ row: FaultCase) throws {
        let folder = try TemporaryFolder()
        try folder.write(SampleInstance.file(pixels: 100_000), to: "one.dcm")
        try row.check([folder["one.dcm"].text])
    }

    @Test func `a server that reads nothing while it is sent a file costs the limit of silence`() throws {
        let folder = try TemporaryFolder()
        // More than the buffers of both systems take.
        try folder.write(SampleInstance.file(pixels: 24 << 20), to: "large.dcm")
        try FaultCase("reads nothing", by: "--store", Self.accepted + [.hold], .timeLimit, "time limit passed")
            .check([folder["large.dcm"].text])
    }

    @Test func `a server that talks on and reads nothing fills no memory`() throws {
        let folder = try TemporaryFolder()
        try folder.write(SampleInstance.file(pixels: 24 << 20), to: "large.dcm")
        let before = residentMegabytes()
        let response = PeerBytes.data(context: 1, control: 1, [UInt8](repeating: 0, count: 16_000))
        try FaultCase("talks on", by: "--store", Self.accepted + [.flood(response)], .timeLimit, "time limit passed")
            .check([folder["large.dcm"].text])
        #expect(residentMegabytes() - before < 200)
    }

    // MARK: Rows

    private static let accepted = PeerStep.answerRequest { PDU.associateAccept($0.fullAcceptance()).encode() }
    private static let find = "--find --patient -k 0010,0020 -k 0010,0010"

    /// An echo answered with a command set of these elements.
    private static func echo(_ elements: [(UInt16, [UInt8])], groupLength: UInt32? = nil) -> [PeerStep] {
        accepted + [
            .hearMessage,
            .send(PeerBytes.data(context: 1, control: 3, PeerBytes.command(elements, groupLength: groupLength))),
        ]
    }

    private static func word(_ value: UInt16) -> [UInt8] { PeerBytes.littleEndian(value) }

    private static func row(
        _ sentence: String, _ elements: [(UInt16, [UInt8])], _ exitCode: ExitCode, _ message: String = "",
        groupLength: UInt32? = nil
    ) -> FaultCase {
        FaultCase(sentence, echo(elements, groupLength: groupLength) + PeerStep.release, exitCode, message)
    }

    static let responses: [FaultCase] = [
        row(
            "as it should be", [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0))],
            .success),
        row(
            "another message's id",
            [(0x0100, word(0x8030)), (0x0120, word(7)), (0x0800, word(0x0101)), (0x0900, word(0))], .association,
            "for message 7"),
        row(
            "no message id is forgiven", [(0x0100, word(0x8030)), (0x0800, word(0x0101)), (0x0900, word(0))], .success),
        row(
            "no status", [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101))], .association,
            "without a status"),
        row(
            "a status of one byte",
            [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, [0])], .association),
        row(
            "a status that nobody knows",
            [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0x1234))],
            .failureStatus, "1234"),
        row(
            "a failure",
            [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0x0110))],
            .failureStatus, "0110"),
        row(
            "a pending status",
            [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0xFF00))],
            .failureStatus, "FF00"),
        row(
            "the answer to another operation",
            [(0x0100, word(0x8001)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0))], .association,
            "in answer to"),
        row(
            "a request instead of an answer",
            [(0x0100, word(0x0030)), (0x0110, word(1)), (0x0800, word(0x0101))], .association, "in answer to"),
        row("no command field", [(0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0))], .association),
        row("nothing at all", [], .association),
        row(
            "a group length that lies is not believed",
            [(0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0))], .success,
            groupLength: 0xFFFF_FFF0),
        FaultCase(
            "an element longer than the command",
            accepted + [
                .hearMessage,
                .send(
                    PeerBytes.data(
                        context: 1, control: 3,
                        PeerBytes.command([(0x0100, word(0x8030))]) + [0, 0, 2, 9, 9, 0, 0, 0, 65])),
            ] + PeerStep.release, .association),
        row(
            "an escape sequence in the comment",
            [
                (0x0100, word(0x8030)), (0x0120, word(1)), (0x0800, word(0x0101)), (0x0900, word(0x0110)),
                (0x0902, Array("a\u{1B}[2J\r\ndcmscu: all is well ".utf8)),
            ], .failureStatus, ""),
        FaultCase(
            "a data set that was not announced",
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.message(.echoResponse(to: $0.command), context: 1, dataSet: [1, 2, 3, 4])
                } + PeerStep.release, .success),
        FaultCase(
            "an identifier that was not announced", by: find,
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.message(
                        .findResponse(to: $0.command, status: .pending, hasIdentifier: false), context: 1,
                        dataSet: [1, 2, 3, 4])
                } + [.hearAll], .association, "without a command"),
        FaultCase(
            "no identifier at all", by: find,
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.message(
                        .findResponse(to: $0.command, status: .pending, hasIdentifier: false), context: 1)
                        + PeerBytes.findSuccess($0)
                } + PeerStep.release, .incomplete, "match 1 has no data set"),
        FaultCase(
            "a fragment of an identifier after its last", by: find,
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.match($0, good) + PeerBytes.data(context: $0.contextID, control: 0, good)
                } + [.hearAll], .association, "without a command", output: "Nightingale"),
        FaultCase(
            "a fragment of a command after its last",
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.data(
                        context: 1, control: 3, Array(CommandSet.echoResponse(to: $0.command).encode().prefix(20)))
                        + PeerBytes.data(context: 1, control: 3, [0])
                } + [.hearAll], .association, "broke the protocol"),
        FaultCase(
            "answers after the final one", by: find,
            accepted + PeerStep.answerMessage { PeerBytes.findSuccess($0) + PeerBytes.findSuccess($0) }
                + PeerStep.release, .success),
        FaultCase(
            "a C-STORE in answer to a query", by: find,
            accepted
                + PeerStep.answerMessage { _ in
                    PeerBytes.message(
                        .storeRequest(messageID: 1, sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3"),
                        context: 1, dataSet: [0, 0])
                } + [.hearAll], .association, "in answer to"),
        FaultCase(
            "moved without counts", by: "--move --study -k 0020,000d=1.2.3 --move-destination ELSEWHERE --no-check",
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.message(
                        .moveResponse(to: $0.command, status: .success, counts: SuboperationCounts()), context: 1)
                } + PeerStep.release, .success),
    ]

    static let endless: [FaultCase] = [
        FaultCase(
            "an identifier is announced and never comes", by: find,
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.message(.findResponse(to: $0.command, status: .pending, hasIdentifier: true), context: 1)
                } + [.hold], .timeLimit, "time limit"),
        FaultCase(
            "pending without an end ends with the total limit", by: find + " --total-timeout 1",
            accepted + [.hearMessage, .flood(pending)], .timeLimit, "time limit"),
        FaultCase(
            "pending after C-CANCEL without an end", by: find + " --limit 3 --timeout 1",
            accepted + [.hearMessage, .flood(pending)], .success, ""),
        FaultCase(
            "silence after C-CANCEL", by: find + " --limit 1 --timeout 1",
            accepted
                + PeerStep.answerMessage { PeerBytes.match($0, good) } + [.hold], .success, ""),
        FaultCase(
            "a final answer that crosses C-CANCEL", by: find + " --limit 1",
            accepted
                + PeerStep.answerMessage { PeerBytes.match($0, good) + PeerBytes.findSuccess($0) } + PeerStep.release,
            .success, output: "Nightingale"),
        FaultCase(
            "a move that is pending without an end",
            by: "--move --study -k 0020,000d=1.2.3 --move-destination ELSEWHERE --no-check --total-timeout 1",
            accepted + [
                .hearMessage,
                .flood(
                    PeerBytes.message(
                        .moveResponse(
                            to: .moveRequest(
                                messageID: 1, sopClass: "1.2.840.10008.5.1.4.1.2.2.2", destination: AETitle(wire: [65])),
                            status: .pending, counts: SuboperationCounts()), context: 1)),
            ], .timeLimit, "time limit"),
        FaultCase(
            "an identifier of fragments without an end", by: find,
            accepted + [
                .hearMessage,
                .send(
                    PeerBytes.message(
                        .findResponse(
                            to: .findRequest(messageID: 1, sopClass: "1.2.840.10008.5.1.4.1.2.1.1"), status: .pending,
                            hasIdentifier: true), context: 1)),
                .flood(PeerBytes.data(context: 1, control: 0, [UInt8](repeating: 0, count: 1 << 20))),
            ], .association, "data set of more than", seconds: 60),
    ]

    private static let pending = PeerBytes.message(
        .findResponse(
            to: .findRequest(messageID: 1, sopClass: "1.2.840.10008.5.1.4.1.2.1.1"), status: .pending,
            hasIdentifier: true), context: 1, dataSet: good)

    /// An answer as it should be.
    private static let good =
        PeerBytes.explicit(0x0010_0010, "PN", Array("Nightingale^Florence".utf8))
        + PeerBytes.explicit(0x0010_0020, "LO", Array("ID 7".utf8))

    /// A query answered with one broken identifier and a good one.
    private static func broken(
        _ sentence: String, _ identifier: [UInt8], _ exitCode: ExitCode = .incomplete,
        _ message: String = "match 1 cannot be read"
    ) -> FaultCase {
        FaultCase(
            sentence, by: find,
            accepted
                + PeerStep.answerMessage {
                    PeerBytes.match($0, identifier) + PeerBytes.match($0, good) + PeerBytes.findSuccess($0)
                } + PeerStep.release, exitCode, message, output: "Nightingale")
    }

    private static func nested(_ depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<depth {
            bytes +=
                PeerBytes.explicitLong(0x0040_A730, "SQ", [], length: .max) + [0xFE, 0xFF, 0, 0xE0, 255, 255, 255, 255]
        }
        return bytes
    }

    static let answers: [FaultCase] = [
        broken("noise", [UInt8](repeating: 0xA5, count: 333)),
        broken("one byte", [0]),
        broken("a value longer than the data set", PeerBytes.explicit(0x0010_0010, "PN", [65, 65], length: 500)),
        broken("a value of 4 GiB", PeerBytes.explicitLong(0x0010_0010, "UT", [65, 65], length: 0xFFFF_FFFE)),
        broken("an undefined length that is never closed", PeerBytes.explicitLong(0x0040_A730, "SQ", [], length: .max)),
        broken("100,000 sequences within each other", nested(100_000)),
        broken("an item without a sequence", [0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0]),
        broken(
            "a representation that does not exist", PeerBytes.explicit(0x0010_0010, "\u{1B}Z", [65, 65]), .incomplete,
            "match 1 cannot be read"),
        broken(
            "another representation than the dictionary's", PeerBytes.explicit(0x0010_0010, "US", [1, 2]), .success, ""),
        broken(
            "17 MiB in one element",
            PeerBytes.explicitLong(0x7FE0_0010, "OB", [UInt8](repeating: 0, count: 17 << 20)), .incomplete,
            "match 1 cannot be read: it has 17825804 bytes, more than the 16777216 held"),
        broken(
            "more tiny elements than any answer has",
            [[UInt8]](repeating: PeerBytes.explicit(0x0009_0010, "LO", []), count: 100_001).flatMap { $0 }, .incomplete,
            "match 1 cannot be read: more than 100000 elements"),
        broken("an odd length", PeerBytes.explicit(0x0010_0010, "PN", [65, 66, 67]), .success, ""),
        broken(
            "an unknown character set",
            PeerBytes.explicit(0x0008_0005, "CS", Array("ISO_IR 999".utf8))
                + PeerBytes.explicit(0x0010_0010, "PN", [0xE4, 0xF6, 0xFC, 0x41]), .success, ""),
        broken(
            "text that is broken in its character set",
            PeerBytes.explicit(0x0008_0005, "CS", Array("ISO_IR 192".utf8))
                + PeerBytes.explicit(0x0010_0010, "PN", [0xFF, 0xFE, 0x80, 0xC0]), .success, ""),
        broken(
            "an escape sequence and a new line in a value",
            PeerBytes.explicit(0x0010_0010, "PN", Array("a\u{1B}]0;x\u{07}\u{1B}[2J\nFind Response: 9\r".utf8)),
            .success, ""),
    ]

    private static func storing(_ sentence: String, _ steps: [PeerStep], _ exitCode: ExitCode, _ message: String)
        -> FaultCase
    {
        FaultCase(sentence, by: "--store", accepted + steps, exitCode, message)
    }

    private static func storeAnswer(_ status: DIMSEStatus, id: UInt16? = nil) -> [PeerStep] {
        PeerStep.answerMessage {
            var answer = CommandSet.storeResponse(to: $0.command, status: status)
            if let id { answer.messageIDBeingRespondedTo = id }
            return PeerBytes.message(answer, context: $0.contextID)
        }
    }

    static let stores: [FaultCase] = [
        storing("as it should be", storeAnswer(.success) + PeerStep.release, .success, "1 stored"),
        storing("another id", storeAnswer(.success, id: 99) + PeerStep.release, .association, "0 stored"),
        storing("a failure", storeAnswer(.outOfResources) + PeerStep.release, .failureStatus, "0 stored"),
        storing("closed instead of an answer", [.hearMessage, .close], .unreachable, "0 stored"),
        storing("reset in the middle of the instance", [.reset], .unreachable, "0 stored"),
        storing(
            "aborted in the middle of the instance", [.send(PeerBytes.pdu(7, [0, 0, 0, 0])), .hearAll], .association,
            "0 stored"),
        storing(
            "released in the middle of the instance", [.send(PDU.releaseRequest.encode()), .hearAll], .association,
            "0 stored"),
        storing("no answer", [.hearMessage, .hold], .timeLimit, "0 stored"),
        storing(
            "an answer that names another instance",
            PeerStep.answerMessage {
                let other = CommandSet.storeRequest(
                    messageID: $0.command.messageID ?? 1, sopClass: SampleInstance.sopClassUID, sopInstance: "1.2.9")
                return PeerBytes.message(.storeResponse(to: other, status: .success), context: $0.contextID)
            } + PeerStep.release, .success, "stored with a warning: the response names the instance 1.2.9"),
        storing(
            "the answer before the instance has come",
            [
                .send(
                    PeerBytes.message(
                        .storeResponse(
                            to: .storeRequest(messageID: 1, sopClass: "1.2", sopInstance: "1.2.3"), status: .success),
                        context: 1)), .hearMessage,
            ] + PeerStep.release, .success, ""),
    ]
}

/// Resident memory of this process; the peak counts, too, since little is given back.
private func residentMegabytes() -> Int {
    guard let bytes = try? TemporaryFolder().read("/proc/self/statm") else { return 0 }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096 / 1_000_000
}
