import DICOMProtocol
import Testing

struct UpperLayerStateMachineTests {
    typealias Machine = UpperLayerStateMachine
    typealias Event = UpperLayerStateMachine.Event

    /// PS3.8 table 9-10: a row an event, a column a state from Sta1 to Sta13, `.` an empty cell.
    static let table = """
        Evt1   AE-1  .     .     .     .     .     .     .     .     .     .     .     .
        Evt2   .     .     .     AE-2  .     .     .     .     .     .     .     .     .
        Evt3   .     AA-1  AA-8  .     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        Evt4   .     AA-1  AA-8  .     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        Evt5   AE-5  .     .     .     .     .     .     .     .     .     .     .     .
        Evt6   .     AE-6  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
        Evt7   .     .     AE-7  .     .     .     .     .     .     .     .     .     .
        Evt8   .     .     AE-8  .     .     .     .     .     .     .     .     .     .
        Evt9   .     .     .     .     .     DT-1  .     AR-7  .     .     .     .     .
        Evt10  .     AA-1  AA-8  .     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        Evt11  .     .     .     .     .     AR-1  .     .     .     .     .     .     .
        Evt12  .     AA-1  AA-8  .     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        Evt13  .     AA-1  AA-8  .     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
        Evt14  .     .     .     .     .     .     .     AR-4  AR-9  .     .     AR-4  .
        Evt15  .     .     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  .
        Evt16  .     AA-2  AA-3  .     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-2
        Evt17  .     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
        Evt18  .     AA-2  .     .     .     .     .     .     .     .     .     .     AA-2
        Evt19  .     AA-1  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
        """

    /// PS3.8 tables 9-6 to 9-9: what each action does and the next state, for a requestor where the roles differ.
    static let actions: [String: (next: Int, actions: [Machine.Action])] = [
        "AE-1": (4, [.connect]),
        "AE-2": (5, [.sendPDU(.associateRequest)]),
        "AE-3": (6, [.issue(.associateAccepted)]),
        "AE-4": (1, [.issue(.associateRejected), .closeTransport]),
        "AE-5": (2, [.startARTIM]),
        "AE-6": (3, [.stopARTIM, .issue(.associateRequested)]),
        "AE-7": (6, [.sendPDU(.associateAccept)]),
        "AE-8": (13, [.sendPDU(.associateReject), .startARTIM]),
        "DT-1": (6, [.sendPDU(.presentationData)]),
        "DT-2": (6, [.issue(.presentationData)]),
        "AR-1": (7, [.sendPDU(.releaseRequest)]),
        "AR-2": (8, [.issue(.releaseRequested)]),
        "AR-3": (1, [.issue(.releaseConfirmed), .closeTransport]),
        "AR-4": (13, [.sendPDU(.releaseResponse), .startARTIM]),
        "AR-5": (1, [.stopARTIM]),
        "AR-6": (7, [.issue(.presentationData)]),
        "AR-7": (8, [.sendPDU(.presentationData)]),
        "AR-8": (9, [.issue(.releaseCollision)]),
        "AR-9": (11, [.sendPDU(.releaseResponse)]),
        "AR-10": (12, [.issue(.releaseConfirmed)]),
        "AA-1": (13, [.sendAbort(source: 0, reason: 0), .restartARTIM]),
        "AA-2": (1, [.stopARTIM, .closeTransport]),
        "AA-3": (1, [.issue(.userAborted), .closeTransport]),
        "AA-4": (1, [.issue(.providerAborted)]),
        "AA-5": (1, [.stopARTIM]),
        "AA-6": (13, []),
        "AA-7": (13, [.sendAbort(source: 2, reason: 2)]),
        "AA-8": (13, [.sendAbort(source: 2, reason: 2), .issue(.providerAborted), .startARTIM]),
    ]

    static let events: [Event] = [
        .associateRequest, .transportConnected, .associateAcceptPDU, .associateRejectPDU, .transportAccepted,
        .associateRequestPDU(isAcceptable: true), .associateResponseAccept, .associateResponseReject,
        .presentationDataRequest, .presentationDataPDU, .releaseRequest, .releaseRequestPDU, .releaseResponsePDU,
        .releaseResponse, .abortRequest, .abortPDU(source: 0), .transportClosed, .artimExpired,
        .invalidPDU(reason: 2),
    ]

    /// A way from the beginning to each state; those that only one role can reach are reached by it.
    static let ways: [Int: (role: Machine.Role, events: [Event])] = {
        let requested: [Event] = [.associateRequest, .transportConnected, .associateAcceptPDU]
        let accepted: [Event] = [
            .transportAccepted, .associateRequestPDU(isAcceptable: true), .associateResponseAccept,
        ]
        return [
            1: (.requestor, []),
            2: (.acceptor, Array(accepted[..<1])),
            3: (.acceptor, Array(accepted[..<2])),
            4: (.requestor, Array(requested[..<1])),
            5: (.requestor, Array(requested[..<2])),
            6: (.requestor, requested),
            7: (.requestor, requested + [.releaseRequest]),
            8: (.requestor, requested + [.releaseRequestPDU]),
            9: (.requestor, requested + [.releaseRequest, .releaseRequestPDU]),
            10: (.acceptor, accepted + [.releaseRequest, .releaseRequestPDU]),
            11: (.requestor, requested + [.releaseRequest, .releaseRequestPDU, .releaseResponse]),
            12: (.acceptor, accepted + [.releaseRequest, .releaseRequestPDU, .releaseResponsePDU]),
            13: (.requestor, requested + [.abortRequest]),
        ]
    }()

    struct Cell: Sendable, CustomTestStringConvertible {
        let state: Int
        let event: Event
        let action: String?
        var testDescription: String { "Sta\(state), Evt\(event.number): \(action ?? "nothing")" }
    }

    static let cells: [Cell] = table.split(separator: "\n").enumerated().flatMap { row, line in
        line.split(separator: " ").dropFirst().enumerated().map { column, name in
            Cell(state: column + 1, event: events[row], action: name == "." ? nil : String(name))
        }
    }

    static func machine(in state: Int) throws -> Machine {
        let way = try #require(ways[state])
        var machine = Machine(way.role)
        for event in way.events { _ = machine.handle(event) }
        #expect(machine.state.rawValue == state)
        return machine
    }

    @Test func `the table has 19 rows of 13 cells`() {
        #expect(Self.cells.count == 19 * 13)
        #expect(Self.events.map(\.number) == Array(1...19))
        #expect(Machine.State.allCases.map(\.rawValue) == Array(1...13))
        #expect(Set(Self.actions.keys) == Set(Machine.ActionName.allCases.map(\.rawValue)))
        #expect(Set(Self.cells.compactMap(\.action)) == Set(Self.actions.keys))
    }

    @Test(arguments: cells)
    func `every cell of table 9-10 is as in the standard`(_ cell: Cell) throws {
        var machine = try Self.machine(in: cell.state)
        #expect(Machine.transition(on: cell.event, in: machine.state)?.rawValue == cell.action)
        #expect(machine.permits(cell.event) == (cell.action != nil))
        let actions = machine.handle(cell.event)
        if let name = cell.action {
            let expected = try #require(Self.actions[name])
            #expect(machine.state.rawValue == expected.next)
            #expect(actions == expected.actions)
        } else {
            #expect(machine.state.rawValue == cell.state)
            #expect(actions == [])
        }
    }

    @Test func `a request that is not acceptable is rejected without asking the user`() throws {
        var machine = try Self.machine(in: 2)
        let actions = machine.handle(.associateRequestPDU(isAcceptable: false))
        #expect(actions == [.stopARTIM, .sendPDU(.associateReject), .startARTIM])
        #expect(machine.state == .awaitingTransportClose)
    }

    @Test(arguments: [1, 2] as [UInt8])
    func `an abort of the peer's provider is told apart from one of its user`(_ source: UInt8) throws {
        var machine = try Self.machine(in: 6)
        #expect(
            machine.handle(.abortPDU(source: .init(rawValue: source))) == [.issue(.providerAborted), .closeTransport])
        #expect(machine.state == .idle)
    }

    @Test func `a PDU that cannot be read is answered with its own reason`() throws {
        let error = ProtocolError(.unrecognizedPDU, section: "PS3.8 9.3.1", "unknown")
        var established = try Self.machine(in: 6)
        #expect(established.handle(.received(error)).first == .sendAbort(source: 2, reason: 1))
        var closing = try Self.machine(in: 13)
        #expect(closing.handle(.received(error)) == [.sendAbort(source: 2, reason: 1)])
    }

    @Test func `a release collision ends for both sides`() {
        var requestor = Machine(.requestor)
        for event in Self.ways[6]?.events ?? [] { _ = requestor.handle(event) }
        var acceptor = Machine(.acceptor)
        for event: Event in [.transportAccepted, .associateRequestPDU(isAcceptable: true), .associateResponseAccept] {
            _ = acceptor.handle(event)
        }
        // Both ask at once, and each gets the other's request.
        #expect(requestor.handle(.releaseRequest) == [.sendPDU(.releaseRequest)])
        #expect(acceptor.handle(.releaseRequest) == [.sendPDU(.releaseRequest)])
        #expect(requestor.handle(.releaseRequestPDU) == [.issue(.releaseCollision)])
        #expect(acceptor.handle(.releaseRequestPDU) == [.issue(.releaseCollision)])
        #expect(acceptor.state == .collisionAcceptorAwaitingAnswer)
        // The requestor answers first, then the acceptor.
        #expect(requestor.handle(.releaseResponse) == [.sendPDU(.releaseResponse)])
        #expect(acceptor.handle(.releaseResponsePDU) == [.issue(.releaseConfirmed)])
        #expect(acceptor.handle(.releaseResponse) == [.sendPDU(.releaseResponse), .startARTIM])
        #expect(requestor.handle(.releaseResponsePDU) == [.issue(.releaseConfirmed), .closeTransport])
        #expect(acceptor.handle(.transportClosed) == [.stopARTIM])
        #expect(requestor.state == .idle)
        #expect(acceptor.state == .idle)
    }

    @Test func `an association is established from its acceptance to the end of its release`() throws {
        for state in 1...13 {
            #expect(try Self.machine(in: state).isEstablished == (6...12).contains(state))
        }
    }

    @Test func `each PDU is the event the table has for it`() throws {
        let numbers = try GoldenPDUs.all().map { Event.received($0.pdu).number }
        #expect(numbers == [6, 3, 4, 12, 13, 16])
        var request = try GoldenPDUs.everyItemRequest()
        #expect(Event.received(.associateRequest(request)) == .associateRequestPDU(isAcceptable: true))
        request.protocolVersion = 0x0002
        #expect(Event.received(.associateRequest(request)) == .associateRequestPDU(isAcceptable: false))
    }
}

extension UpperLayerStateMachine.Event {
    /// The standard's number of the event.
    fileprivate var number: Int {
        switch self {
        case .associateRequest: 1
        case .transportConnected: 2
        case .associateAcceptPDU: 3
        case .associateRejectPDU: 4
        case .transportAccepted: 5
        case .associateRequestPDU: 6
        case .associateResponseAccept: 7
        case .associateResponseReject: 8
        case .presentationDataRequest: 9
        case .presentationDataPDU: 10
        case .releaseRequest: 11
        case .releaseRequestPDU: 12
        case .releaseResponsePDU: 13
        case .releaseResponse: 14
        case .abortRequest: 15
        case .abortPDU: 16
        case .transportClosed: 17
        case .artimExpired: 18
        case .invalidPDU: 19
        }
    }
}
