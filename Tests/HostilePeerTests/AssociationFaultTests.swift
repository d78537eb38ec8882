import CommandLineInterface
import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import DICOMNode

/// What peers do before and around an association, and what we make of it.
@Suite struct AssociationFaultTests {
    @Test(arguments: silence) func `a peer that falls silent or goes costs a limit and no more`(_ row: FaultCase)
        throws
    {
        try row.check()
    }

    @Test(arguments: answers) func `an answer to A-ASSOCIATE that is wrong ends it with a reason`(_ row: FaultCase)
        throws
    {
        try row.check()
    }

    @Test(arguments: rejections) func `every rejection is told in its own words`(_ row: FaultCase) throws {
        try row.check()
    }

    @Test(arguments: data) func `presentation data that is wrong ends in A-ABORT and a message`(_ row: FaultCase)
        throws
    {
        try row.check()
    }

    @Test(arguments: releases) func `whatever answers A-RELEASE the run ends`(_ row: FaultCase) throws {
        try row.check()
    }

    @Test(arguments: [0, 1, 7, 8, 128, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32])
    func `any maximum length that a peer announces can be worked with`(_ length: UInt32) throws {
        try FaultCase(
            "maximum length \(length)", by: "--find --patient -k 0010,0010=\(String(repeating: "A", count: 60))",
            PeerStep.answerRequest { PDU.associateAccept($0.fullAcceptance(maximumLength: length)).encode() }
                + PeerStep.answerMessage { PeerBytes.findSuccess($0) } + PeerStep.release, .success
        ).check()
    }

    // MARK: Rows

    private static let accepted = PeerStep.answerRequest { PDU.associateAccept($0.fullAcceptance()).encode() }

    private static func acceptance(_ change: @escaping @Sendable (inout AssociateAccept) -> Void) -> [PeerStep] {
        PeerStep.answerRequest { heard in
            var accept = heard.fullAcceptance()
            change(&accept)
            return PDU.associateAccept(accept).encode()
        }
    }

    private static func acceptanceBytes(_ change: @escaping @Sendable ([UInt8]) -> [UInt8]) -> [PeerStep] {
        PeerStep.answerRequest { change(PDU.associateAccept($0.fullAcceptance()).encode()) }
    }

    /// Appends an item to the A-ASSOCIATE-AC, with the PDU's length made right.
    private static func acceptance(with item: [UInt8]) -> [PeerStep] {
        acceptanceBytes { bytes in PeerBytes.pdu(2, Array(bytes[6...]) + item) }
    }

    private static let echoAnswer = PeerStep.echo

    static let silence: [FaultCase] = [
        FaultCase("no word after the connection", [.hold], .timeLimit, "while waiting for the answer to A-ASSOCIATE"),
        FaultCase(
            "closed at once", [.hear(.associateRequest), .close], .unreachable, "closed"),
        FaultCase("reset at once", [.hear(.associateRequest), .reset], .unreachable, "connection"),
        FaultCase("reset before the request", [.reset], .unreachable, "connection"),
        FaultCase(
            "half closed after the request", [.hear(.associateRequest), .closeWriting, .hearAll], .unreachable,
            "closed"),
        FaultCase(
            "half an answer, then nothing", acceptanceBytes { Array($0.prefix($0.count / 2)) } + [.hold], .timeLimit,
            "while waiting for the answer to A-ASSOCIATE"),
        FaultCase(
            "half an answer, then closed", acceptanceBytes { Array($0.prefix($0.count / 2)) } + [.close], .unreachable,
            "closed"),
        FaultCase(
            "half an answer, then reset", acceptanceBytes { Array($0.prefix($0.count / 2)) } + [.reset], .unreachable,
            "connection"),
        FaultCase(
            "a byte of an endless answer now and then",
            [.hear(.associateRequest), .send([2, 0, 0, 0, 0xFF, 0]), .drip([0], seconds: 0.1)], .timeLimit,
            "while waiting for the answer to A-ASSOCIATE"),
        FaultCase(
            "no answer to the message", accepted + [.hearMessage, .hold], .timeLimit,
            "waiting for the peer's next message"),
        FaultCase(
            "a byte of an endless message now and then",
            accepted + [
                .hearMessage, .send([4, 0, 0, 1, 0, 0, 0, 0, 0xFF, 0, 1, 1]), .drip([0], seconds: 0.1),
            ], .timeLimit, "time limit"),
        FaultCase(
            "a command set that never ends, piece by piece",
            accepted + [.hearMessage, .drip(PeerBytes.data(context: 1, control: 1, [0]), seconds: 0.02)], .timeLimit,
            "time limit"),
        FaultCase(
            "closed instead of an answer", accepted + [.hearMessage, .close], .unreachable, "closed"),
        FaultCase("reset instead of an answer", accepted + [.hearMessage, .reset], .unreachable, "connection"),
        FaultCase(
            "reset in the middle of an answer",
            accepted
                + PeerStep.answerMessage {
                    Array(PeerBytes.message(.echoResponse(to: $0.command), context: $0.contextID).prefix(30))
                } + [.reset], .unreachable, "connection"),
        FaultCase(
            "the answer a byte at a time", accepted + [.hearMessage] + echoByteByByte + PeerStep.release, .success),
    ]

    private static let echoByteByByte: [PeerStep] = [
        .sendByteByByte(
            PeerBytes.message(.echoResponse(to: .echoRequest(messageID: 1)), context: 1))
    ]

    static let rejections: [FaultCase] = [
        (1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 1, 7), (1, 2, 1), (1, 2, 2), (2, 3, 1), (2, 3, 2), (0, 0, 0), (9, 9, 9),
        (255, 255, 255),
    ].map { (result: UInt8, source: UInt8, reason: UInt8) in
        FaultCase(
            "rejection \(result), \(source), \(reason)",
            [
                .hear(.associateRequest),
                .send(
                    PDU.associateReject(
                        AssociateReject(.init(rawValue: result), .init(.init(rawValue: source), reason))
                    ).encode()),
                .hearAll,
            ], .association, "result \(result), source \(source), reason \(reason)")
    }

    static let answers: [FaultCase] = [
        FaultCase(
            "A-ABORT", [.hear(.associateRequest), .send(PeerBytes.pdu(7, [0, 0, 2, 1])), .hearAll], .association,
            "aborted by the peer"),
        FaultCase(
            "A-ABORT and more bytes",
            [.hear(.associateRequest), .send(PeerBytes.pdu(7, [0, 0, 0, 0]) + Array("more".utf8)), .hearAll],
            .association, "aborted by the peer"),
        FaultCase(
            "an unknown item is passed over",
            acceptance(with: [0x77, 0, 0, 4, 1, 2, 3, 4]) + echoAnswer + PeerStep.release, .success),
        FaultCase(
            "a context answered twice", acceptance { $0.presentationContexts += $0.presentationContexts }, .association,
            "broke the protocol"),
        FaultCase(
            "an item longer than the PDU", acceptance(with: [0x21, 0, 0xFF, 0xFF, 1, 0, 0, 0]), .association,
            "broke the protocol"),
        FaultCase("an item cut short", acceptance(with: [0x21, 0, 0]), .association, "broke the protocol"),
        FaultCase(
            "a context without its fields", acceptance(with: [0x21, 0, 0, 1, 9]), .association, "broke the protocol"),
        FaultCase(
            "the application context twice", acceptance(with: [0x10, 0, 0, 3, 0x31, 0x2E, 0x32]), .association,
            "broke the protocol"),
        FaultCase("user information twice", acceptance(with: [0x50, 0, 0, 0]), .association, "broke the protocol"),
        FaultCase(
            "a context that was never proposed",
            acceptance {
                $0.presentationContexts.append(
                    PresentationContextResult(id: 77, result: .acceptance, transferSyntax: "1.2.840.10008.1.2"))
            }, .association, "presentation context 77"),
        FaultCase(
            "a transfer syntax that was never proposed",
            acceptance { $0.presentationContexts[0].transferSyntax = "1.2.840.10008.1.2.4.70" }, .association,
            "never proposed"),
        FaultCase(
            "accepted without a transfer syntax", acceptance { $0.presentationContexts[0].transferSyntax = nil },
            .association, "broke the protocol"),
        FaultCase(
            "a transfer syntax with an escape sequence",
            acceptance { $0.presentationContexts[0].transferSyntax = "1.2\u{1B}[31m\ndcmscu: all is well" },
            .association,
            "broke the protocol"),
        FaultCase(
            "no context at all", acceptance { $0.presentationContexts = [] } + PeerStep.release, .noPresentationContext,
            "no presentation context accepted"),
        FaultCase(
            "every context refused",
            acceptance {
                $0.presentationContexts[0] = PresentationContextResult(
                    id: 1, result: .abstractSyntaxNotSupported, transferSyntax: nil)
            } + PeerStep.release, .noPresentationContext, "abstract syntax not supported"),
        FaultCase(
            "another protocol version is not looked at, as with others",
            acceptance { $0.protocolVersion = 0x8000 } + echoAnswer + PeerStep.release, .success),
        FaultCase(
            "an empty A-ASSOCIATE-AC", [.hear(.associateRequest), .send([2, 0, 0, 0, 0, 0])], .association,
            "broke the protocol"),
        FaultCase(
            "a length of 4 GiB", [.hear(.associateRequest), .send([2, 0, 255, 255, 255, 255])], .association,
            "4294967295 bytes"),
        FaultCase(
            "a length shorter than the items", acceptanceBytes { [2, 0, 0, 0, 0, 80] + $0[6...] }, .association,
            "broke the protocol"),
        FaultCase(
            "a length longer than the items", acceptanceBytes { [2, 0, 0, 0, 1, 255] + $0[6...] } + [.hold], .timeLimit,
            "while waiting for the answer to A-ASSOCIATE"),
        FaultCase(
            "an unknown PDU type", [.hear(.associateRequest), .send([0x42, 0, 0, 0, 0, 4, 1, 2, 3, 4])], .association,
            "66"),
        FaultCase(
            "HTTP", [.hear(.associateRequest), .send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)), .close],
            .association, "is not a DICOM peer: it speaks HTTP, not DICOM"),
        FaultCase(
            "SSH", [.send(Array("SSH-2.0-OpenSSH_9.6\r\n".utf8)), .hearAll], .association,
            "is not a DICOM peer: it speaks SSH, not DICOM"),
        FaultCase(
            "TLS", [.send([0x16, 3, 3, 0, 2, 2, 40]), .hearAll], .association,
            "is not a DICOM peer: it speaks TLS, not DICOM"),
        FaultCase(
            "a request instead of an answer",
            PeerStep.answerRequest { PDU.associateRequest($0.request).encode() } + [.hearAll], .association,
            "A-ASSOCIATE-RQ"),
        FaultCase(
            "a release instead of an answer", [.hear(.associateRequest), .send(PDU.releaseRequest.encode()), .hearAll],
            .association, "broke the protocol"),
        FaultCase(
            "data instead of an answer",
            [.hear(.associateRequest), .send(PeerBytes.data(context: 1, control: 3, [0, 0])), .hearAll], .association,
            "P-DATA-TF before"),
        FaultCase(
            "garbage without an end", [.hear(.associateRequest), .flood([UInt8](repeating: 0x41, count: 65_536))],
            .association, "broke the protocol"),
        FaultCase(
            "all at once, before it was asked",
            [
                .send(PeerBytes.pdu(2, [UInt8](repeating: 0, count: 70)) + PDU.releaseRequest.encode()), .hearAll,
            ], .association, ""),
    ]

    static let data: [FaultCase] = [
        FaultCase(
            "a value of no bytes at all", accepted + [.hearMessage, .send([4, 0, 0, 0, 0, 4, 0, 0, 0, 0])],
            .association, "broke the protocol"),
        FaultCase(
            "a value without its control byte", accepted + [.hearMessage, .send([4, 0, 0, 0, 0, 5, 0, 0, 0, 1, 1])],
            .association, "broke the protocol"),
        FaultCase(
            "a value beyond its PDU",
            accepted + [.hearMessage, .send(PeerBytes.data(context: 1, control: 3, [1, 2], valueLength: 400))],
            .association,
            "value of 400 bytes"),
        FaultCase(
            "a value of 4 GiB",
            accepted + [.hearMessage, .send(PeerBytes.data(context: 1, control: 3, [1, 2], valueLength: .max))],
            .association,
            "value of 4294967295 bytes"),
        FaultCase(
            "a PDU of 4 GiB",
            accepted + [.hearMessage, .send(PeerBytes.data(context: 1, control: 3, [1, 2], pduLength: .max))],
            .association, "4294967295 bytes"),
        FaultCase(
            "an empty PDU", accepted + [.hearMessage, .send([4, 0, 0, 0, 0, 0])], .association, "no room for a value"),
        FaultCase(
            "a PDU with bytes after its last value",
            accepted + [
                .hearMessage, .send(PeerBytes.pdu(4, PeerBytes.value(context: 1, control: 1, [0, 0]) + [0, 0])),
            ],
            .association, "broke the protocol"),
        FaultCase(
            "a context that was not accepted",
            accepted + [.hearMessage, .send(PeerBytes.data(context: 9, control: 3, [1, 2]))], .association,
            "presentation context 9"),
        FaultCase(
            "a data set without a command",
            accepted + [.hearMessage, .send(PeerBytes.data(context: 1, control: 2, [1, 2]))], .association,
            "without a command"),
        FaultCase(
            "a data set before the end of its command",
            accepted + [
                .hearMessage,
                .send(PeerBytes.data(context: 1, control: 1, [1, 2]) + PeerBytes.data(context: 1, control: 0, [1])),
            ],
            .association, "before the end of the command"),
        FaultCase(
            "fragments of two contexts interleaved", by: "--find --patient -k 0010,0020",
            PeerStep.answerRequest { heard in
                var accept = heard.fullAcceptance()
                accept.presentationContexts[0].transferSyntax =
                    heard.request.presentationContexts[0].transferSyntaxes.first
                return PDU.associateAccept(accept).encode()
            } + [
                .hearMessage,
                .send(
                    PeerBytes.data(context: 1, control: 1, [0, 0]) + PeerBytes.data(context: 3, control: 1, [0, 0])),
            ], .association, "broke the protocol"),
        FaultCase(
            "a command set of more than any needs",
            accepted + [
                .hearMessage, .flood(PeerBytes.data(context: 1, control: 1, [UInt8](repeating: 0, count: 4096))),
            ],
            .association, "broke the protocol"),
        FaultCase(
            "empty fragments without an end",
            accepted + [.hearMessage, .flood(PeerBytes.data(context: 1, control: 1, []))], .association,
            "empty fragments"),
        FaultCase(
            "a command set that is noise",
            accepted + [
                .hearMessage, .send(PeerBytes.data(context: 1, control: 3, [UInt8](repeating: 0xA5, count: 99))),
            ],
            .association, "broke the protocol"),
        FaultCase(
            "A-ABORT by the user", accepted + [.hearMessage, .send(PeerBytes.pdu(7, [0, 0, 0, 0]))], .association,
            "aborted by the peer"),
        FaultCase(
            "A-ABORT, then bytes without an end",
            accepted + [
                .hearMessage, .send(PeerBytes.pdu(7, [0, 0, 0, 0])), .flood([UInt8](repeating: 4, count: 65_536)),
            ],
            .association, "aborted by the peer"),
        FaultCase(
            "A-ABORT with an unknown reason", accepted + [.hearMessage, .send(PeerBytes.pdu(7, [0, 0, 77, 99]))],
            .association, "reason 99"),
        FaultCase(
            "A-ABORT without its fields", accepted + [.hearMessage, .send(PeerBytes.pdu(7, []))], .association, ""),
        FaultCase(
            "release instead of an answer", accepted + [.hearMessage, .send(PDU.releaseRequest.encode()), .hearAll],
            .association, "released by the peer"),
        FaultCase(
            "a second acceptance",
            accepted + PeerStep.answerMessage { PDU.associateAccept($0.fullAcceptance()).encode() },
            .association, "A-ASSOCIATE-AC"),
    ]

    private static let served = accepted + echoAnswer

    static let releases: [FaultCase] = [
        FaultCase(
            "no answer", served + [.hear(.releaseRequest), .hold], .success,
            "the release of the association was not answered"),
        FaultCase("closed", served + [.hear(.releaseRequest), .close], .success),
        FaultCase("reset", served + [.hear(.releaseRequest), .reset], .success),
        FaultCase("closed before it is asked for", served + [.close], .success),
        FaultCase("aborted", served + [.hear(.releaseRequest), .send(PeerBytes.pdu(7, [0, 0, 0, 0]))], .success),
        FaultCase(
            "collision",
            served + [
                .hear(.releaseRequest), .send(PDU.releaseRequest.encode()), .hear(.releaseResponse),
                .send(PDU.releaseResponse.encode()), .hearAll,
            ], .success),
        FaultCase(
            "collision, then nothing", served + [.hear(.releaseRequest), .send(PDU.releaseRequest.encode()), .hold],
            .success, "the release of the association was not answered"),
        FaultCase(
            "collision without an end", served + [.hear(.releaseRequest), .flood(PDU.releaseRequest.encode())],
            .association, "broke the protocol"),
        FaultCase(
            "an answer that nobody waits for, then the right one",
            served + [.hear(.releaseRequest)]
                + [
                    .reply {
                        PeerBytes.message(.echoResponse(to: $0.command), context: 1) + PDU.releaseResponse.encode()
                    }, .hearAll,
                ],
            .success),
        FaultCase(
            "data without an end",
            served + [
                .hear(.releaseRequest),
                .flood(PeerBytes.data(context: 1, control: 0, [UInt8](repeating: 0, count: 8192))),
            ],
            .success, "the release of the association was not answered"),
        FaultCase(
            "half an answer", served + [.hear(.releaseRequest), .send([6, 0, 0]), .hold], .success,
            "the release of the association was not answered"),
        FaultCase(
            "HTTP", served + [.hear(.releaseRequest), .send(Array("HTTP/1.1 200 OK".utf8)), .hearAll], .association, ""),
    ]
}
