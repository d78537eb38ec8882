import CommandLineInterface
import DICOMProtocol
import TestSupport
import Testing

@testable import DICOMNode

/// The same faults at each moment of a query: before and in the middle of every PDU that a server sends.
@Suite struct TimingFaultTests {
    @Test(arguments: rows) func `a server that goes in the middle of its say ends the run with the reason`(
        _ row: FaultCase
    ) throws {
        try row.check()
    }

    @Test(arguments: lengths) func `a PDU of a length that cannot be ends in A-ABORT and a message`(_ row: FaultCase)
        throws
    {
        try row.check()
    }

    // MARK: A query with two answers

    /// What a server sends after which word of ours.
    private struct Part: Sendable {
        let name: String
        let hears: PeerStep?
        let says: @Sendable (Heard) -> [UInt8]
    }

    private static let find = "--find --patient -k 0010,0020 -k 0010,0010"

    private static let parts: [Part] = [
        Part(name: "A-ASSOCIATE-AC", hears: .hear(.associateRequest)) {
            PDU.associateAccept($0.fullAcceptance()).encode()
        },
        Part(name: "a first answer", hears: .hearMessage) { PeerBytes.match($0, identifier("Nightingale")) },
        Part(name: "a pending response", hears: nil) { pending($0) },
        Part(name: "its identifier", hears: nil) {
            PeerBytes.data(context: $0.contextID, control: 2, identifier("Seacole"))
        },
        Part(name: "the final response", hears: nil) { PeerBytes.findSuccess($0) },
        Part(name: "A-RELEASE-RP", hears: .hear(.releaseRequest)) { _ in PDU.releaseResponse.encode() },
    ]

    private static func identifier(_ name: String) -> [UInt8] {
        PeerBytes.explicit(0x0010_0010, "PN", Array(name.utf8) + (name.utf8.count % 2 == 0 ? [] : [0x20]))
    }

    private static func pending(_ heard: Heard) -> [UInt8] {
        PeerBytes.message(
            .findResponse(to: heard.command, status: .pending, hasIdentifier: true), context: heard.contextID)
    }

    private static func played(_ part: Part) -> [PeerStep] { (part.hears.map { [$0] } ?? []) + [.reply(part.says)] }

    /// The dialogue up to this part, and of it only what `cut` leaves.
    private static func dialogue(_ number: Int, cut: @escaping @Sendable ([UInt8]) -> [UInt8]) -> [PeerStep] {
        let part = parts[number]
        return parts[..<number].flatMap(played) + (part.hears.map { [$0] } ?? []) + [.reply { cut(part.says($0)) }]
    }

    static let rows: [FaultCase] =
        parts.indices.flatMap { number -> [FaultCase] in
            let name = parts[number].name
            // After the last answer nothing is lost any more; before it the run has failed, and keeps what it has.
            let isOver = number == parts.count - 1
            let output = number > 1 ? "Nightingale" : nil
            func row(_ how: String, _ steps: [PeerStep], _ exitCode: ExitCode, _ message: String) -> FaultCase {
                FaultCase("\(how) \(name)", by: find, steps, exitCode, message, output: output)
            }
            let half: @Sendable ([UInt8]) -> [UInt8] = { Array($0.prefix($0.count / 2)) }
            let abort = PeerBytes.pdu(7, [0, 0, 2, 0])
            return [
                row(
                    "A-ABORT in place of", dialogue(number) { _ in abort } + [.hearAll],
                    isOver ? .success : .association,
                    isOver ? "" : "aborted by the peer"),
                row(
                    "closed in the middle of", dialogue(number, cut: half) + [.close], isOver ? .success : .unreachable,
                    isOver ? "" : "closed"),
                row(
                    "reset in the middle of", dialogue(number, cut: half) + [.reset], isOver ? .success : .unreachable,
                    isOver ? "" : "connection"),
                row(
                    "silent in the middle of", dialogue(number, cut: half) + [.hold], isOver ? .success : .timeLimit,
                    isOver ? "the release of the association was not answered" : "time limit passed"),
            ]
        } + [
            FaultCase(
                "abort before a word", by: find, [.send(PeerBytes.pdu(7, [0, 0, 2, 0])), .hearAll], .association,
                "abort"),
            FaultCase(
                "everything a byte at a time", by: find,
                parts.flatMap { part in (part.hears.map { [$0] } ?? []) + [.replyByteByByte(part.says)] } + [.hearAll],
                .success, output: "Seacole"),
        ]

    // MARK: Lengths

    private static let types: [(UInt8, String)] = [
        (1, "A-ASSOCIATE-RQ"), (2, "A-ASSOCIATE-AC"), (3, "A-ASSOCIATE-RJ"), (4, "P-DATA-TF"), (5, "A-RELEASE-RQ"),
        (6, "A-RELEASE-RP"), (7, "A-ABORT"), (0, "type 0"), (8, "type 8"), (255, "type 255"),
    ]

    /// Of every type, in place of the acceptance and of an answer.
    static let lengths: [FaultCase] = types.flatMap { type, name -> [FaultCase] in
        [(0, [] as [UInt8]), (UInt32.max, [0, 0, 0, 0]), (2, [0, 0])].flatMap { length, body -> [FaultCase] in
            let bytes = PeerBytes.pdu(type, length: length, body)
            return [
                FaultCase(
                    "\(name) of \(length) bytes for an acceptance", [.hear(.associateRequest), .send(bytes), .hearAll],
                    .association),
                FaultCase(
                    "\(name) of \(length) bytes for an answer",
                    played(parts[0]) + [.hearMessage, .send(bytes), .hearAll], .association),
            ]
        }
    }
}
