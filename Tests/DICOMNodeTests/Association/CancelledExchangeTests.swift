import DICOM
import DICOMProtocol
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// Reports these numbers one after the other, and then the last of each again and again.
final class Elsewhere: ReceptionElsewhere {
    private var numbers: [Int]
    private var counts: [Int]

    init(progress: [Int], arriving: [Int]) {
        numbers = progress
        counts = arriving
    }

    var isExhausted: Bool { numbers.count == 1 && counts.count == 1 }
    var progress: Int { numbers.count > 1 ? numbers.removeFirst() : numbers[0] }
    var messagesArriving: Int { counts.count > 1 ? counts.removeFirst() : counts[0] }
}

struct CancelledExchangeTests {
    private static let getSOPClass: UID = "1.2.840.10008.5.1.4.1.2.2.3"
    private static let ctImageStorage: UID = "1.2.840.10008.5.1.4.1.1.2"

    /// Waits until it is over; the number of questions, of which each but the last was answered by no.
    private func questions(_ exchange: CancelledExchange) -> Int {
        for number in 1... {
            while exchange.deadline(inInstance: false).secondsLeft != 0 { sched_yield() }
            if exchange.isOver() { return number }
        }
        return 0
    }

    @Test func `the final response is due when the limit has passed`() {
        let exchange = CancelledExchange(inactivity: 0.001)
        #expect(questions(exchange) == 1)
        #expect(exchange.isTooLateToBegin)
    }

    @Test func `the limit is two seconds, unless the peer may be silent for less`() {
        #expect(CancelledExchange(inactivity: nil).silence == 2)
        #expect(CancelledExchange(inactivity: 120).silence == 2)
        #expect(CancelledExchange(inactivity: 0.5).silence == 0.5)
    }

    @Test func `before the limit nothing is over, and an instance may begin`() {
        let exchange = CancelledExchange(inactivity: nil)
        #expect(!exchange.isOver())
        #expect(!exchange.isTooLateToBegin)
    }

    @Test func `an instance that has ended gives the final response its limit again, and lets no other begin`() {
        let exchange = CancelledExchange(inactivity: 0.001)
        while !exchange.isTooLateToBegin { sched_yield() }
        let before = exchange.deadline(inInstance: false)
        exchange.instanceEnded()
        #expect(exchange.deadline(inInstance: false) > before)
        #expect(exchange.isTooLateToBegin)
    }

    @Test func `an instance on its way has longer than the final response`() {
        let exchange = CancelledExchange(inactivity: nil)
        #expect(exchange.deadline(inInstance: true) > exchange.deadline(inInstance: false))
    }

    @Test func `instances that arrive elsewhere are waited for, and then the final response`() {
        // Two arrive; then one of them has ended and another has begun; then the second one has ended.
        let elsewhere = Elsewhere(progress: [10, 11, 12, 14], arriving: [2, 2, 2, 2, 2])
        let exchange = CancelledExchange(inactivity: 0.001, elsewhere: elsewhere)
        // The first question finds them, the fourth that they have ended, and then the final response does not come.
        #expect(questions(exchange) == 5)
        let none = CancelledExchange(inactivity: 0.001, elsewhere: Elsewhere(progress: [10], arriving: [2, 2, 1, 0]))
        #expect(questions(none) == 4)
    }

    // MARK: On an association

    private static func instance(_ number: UInt16) -> CommandSet {
        .storeRequest(messageID: number, sopClass: ctImageStorage, sopInstance: UID("1.2.3.\(number)"))
    }

    /// Of the storage class; the service itself has the first.
    private static let storageContext: UInt8 = 3

    private static func final(_ status: DIMSEStatus) -> [UInt8] {
        let request = CommandSet.getRequest(messageID: 1, sopClass: getSOPClass, priority: .medium)
        return PeerBytes.message(
            .getResponse(to: request, status: status, counts: SuboperationCounts(), hasIdentifier: false), context: 1)
    }

    private struct Got {
        let result: ExchangeResult
        let answered: [UID?]
        let isEstablished: Bool
    }

    /// Retrieves from a peer, and cancels when the first instance begins.
    private func get(from script: [PeerStep], inactivity: Double?) throws -> Got {
        let peer = try ScriptedPeer([AssociationTests.accept + [.hearMessage] + script])
        let cancellation = try Cancellation()
        var parameters = AssociationTests.parameters(Self.getSOPClass)
        parameters.presentationContexts.append(
            PresentationContextProposal(
                id: Self.storageContext, abstractSyntax: Self.ctImageStorage,
                transferSyntaxes: [TransferSyntax.explicitVRLittleEndian.uid]))
        parameters.limits.inactivity = inactivity
        let association = try Association.request(
            parameters, at: Endpoint(host: "127.0.0.1", port: peer.port), cancellation: cancellation)
        let context = try association.context(for: Self.getSOPClass)
        var answered: [UID?] = []
        let result = try association.exchange(
            .getRequest(messageID: 1, sopClass: Self.getSOPClass, priority: .medium), in: context,
            identifier: DataSet(),
            onPending: { _ in .goOn },
            destination: { command, _ in
                cancellation.raise(to: .graceful)
                return command.isResponse ? .memory : .discard
            },
            onRequest: { message throws(AssociationError) in
                answered.append(message.command.affectedSOPInstanceUID)
                try association.send(
                    .storeResponse(to: message.command, status: .success), contextID: message.contextID)
            })
        #expect(result.wasCancelled && result.wasInterrupted)
        return Got(result: result, answered: answered, isEstablished: association.isEstablished)
    }

    @Test func `instances without an end after C-CANCEL are not taken`() throws {
        let store = PeerBytes.message(Self.instance(1), context: Self.storageContext, dataSet: [0, 0])
        let got = try get(
            from: [.send(store), .serve { $0.command.commandField == .cCancelRQ ? [] : store }], inactivity: 0.5)
        #expect(got.result.final == nil)
        #expect(!got.answered.isEmpty)
        #expect(!got.isEstablished)
    }

    @Test func `silence after C-CANCEL ends the exchange without a final response`() throws {
        let store = PeerBytes.message(Self.instance(1), context: Self.storageContext, dataSet: [0, 0])
        let got = try get(from: [.send(store), .hearAll], inactivity: 0.5)
        #expect(got.result.final == nil)
        #expect(got.answered == ["1.2.3.1"])
        #expect(!got.isEstablished)
    }

    @Test func `an instance that has begun at C-CANCEL is received to its end, and the final response after it`() throws
    {
        let pieces = 10
        let script: [PeerStep] = (1...pieces).map { number in
            .reply { _ in
                usleep(250_000)
                return PeerBytes.data(
                    context: Self.storageContext, control: number == pieces ? 2 : 0, [UInt8](repeating: 0, count: 2000)
                )
            }
        }
        let command = PeerBytes.data(context: Self.storageContext, control: 3, Self.instance(1).encode())
        let got = try get(
            from: [.send(command)] + script + [.hearMessage, .send(Self.final(.cancel)), .hearAll], inactivity: nil)
        #expect(got.result.status == .cancel)
        #expect(got.answered == ["1.2.3.1"])
        #expect(got.isEstablished)
    }

    @Test func `silence in the middle of an instance after C-CANCEL ends the exchange`() throws {
        let command = PeerBytes.data(context: Self.storageContext, control: 3, Self.instance(1).encode())
        let got = try get(from: [.send(command), .hearAll], inactivity: 0.5)
        #expect(got.result.final == nil)
        #expect(got.answered.isEmpty)
    }
}
