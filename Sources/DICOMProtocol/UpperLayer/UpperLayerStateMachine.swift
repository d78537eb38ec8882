/// The protocol machine of PS3.8 9.2, for both roles. It never reads a clock and never sends: its input is events, its
/// output the actions that the association has to carry out, in their order.
package struct UpperLayerStateMachine: Sendable {
    package enum Role: Sendable, Hashable {
        case requestor
        case acceptor
    }

    /// PS3.8 tables 9-1 to 9-5. The raw value is the standard's number.
    package enum State: Int, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// No association, no connection.
        case idle = 1
        /// Acceptor: the connection is open, waiting for the request.
        case awaitingAssociateRequest = 2
        /// Acceptor: the local user is to accept or reject.
        case awaitingAssociateResponse = 3
        /// Requestor: the connection is being opened.
        case awaitingTransportConnection = 4
        /// Requestor: waiting for the A-ASSOCIATE-AC or -RJ.
        case awaitingAssociateAnswer = 5
        /// Established, ready for data.
        case dataTransfer = 6
        /// Release requested, waiting for the A-RELEASE-RP.
        case awaitingReleaseAnswer = 7
        /// The peer requested release, the local user is to respond.
        case awaitingReleaseResponse = 8
        /// Release collision, requestor: the local user is to respond.
        case collisionRequestorAwaitingResponse = 9
        /// Release collision, acceptor: waiting for the A-RELEASE-RP.
        case collisionAcceptorAwaitingAnswer = 10
        /// Release collision, requestor: waiting for the A-RELEASE-RP.
        case collisionRequestorAwaitingAnswer = 11
        /// Release collision, acceptor: the local user is to respond.
        case collisionAcceptorAwaitingResponse = 12
        /// The association has ended, waiting for the peer to close the connection.
        case awaitingTransportClose = 13

        package var description: String { "Sta\(rawValue)" }
    }

    package let role: Role
    package private(set) var state: State = .idle

    package init(_ role: Role) {
        self.role = role
    }

    /// Handles an event and returns the actions to carry out.
    ///
    /// An event for which table 9-10 has no entry changes nothing and returns no action: a timer that expired too late,
    /// a connection closed twice, or a request of the local user that `permits(_:)` would have refused.
    package mutating func handle(_ event: Event) -> [Action] {
        guard let action = Self.transition(on: event, in: state) else { return Self.nothing }
        return perform(action, for: event)
    }

    /// True if table 9-10 has an entry for the event in the present state.
    package func permits(_ event: Event) -> Bool {
        Self.transition(on: event, in: state) != nil
    }

    /// True from the establishment of the association to the end of its release: Sta6 to Sta12.
    package var isEstablished: Bool { (6...12).contains(state.rawValue) }

    // Made once: they are returned for every fragment of data, where an allocation would cost time.
    private static let nothing: [Action] = []
    private static let indicateData: [Action] = [.issue(.presentationData)]
    private static let sendData: [Action] = [.sendPDU(.presentationData)]

    /// Carries out an action of PS3.8 tables 9-6 to 9-9 and enters its next state.
    private mutating func perform(_ action: ActionName, for event: Event) -> [Action] {
        switch action {
        // Table 9-6, association establishment
        case .AE1:
            state = .awaitingTransportConnection
            return [.connect]
        case .AE2:
            state = .awaitingAssociateAnswer
            return [.sendPDU(.associateRequest)]
        case .AE3:
            state = .dataTransfer
            return [.issue(.associateAccepted)]
        case .AE4:
            state = .idle
            return [.issue(.associateRejected), .closeTransport]
        case .AE5:
            // TCP has answered the connection request by the time it can be seen.
            state = .awaitingAssociateRequest
            return [.startARTIM]
        case .AE6:
            guard case .associateRequestPDU(isAcceptable: true) = event else {
                state = .awaitingTransportClose
                return [.stopARTIM, .sendPDU(.associateReject), .startARTIM]
            }
            state = .awaitingAssociateResponse
            return [.stopARTIM, .issue(.associateRequested)]
        case .AE7:
            state = .dataTransfer
            return [.sendPDU(.associateAccept)]
        case .AE8:
            state = .awaitingTransportClose
            return [.sendPDU(.associateReject), .startARTIM]
        // Table 9-7, data transfer
        case .DT1:
            return Self.sendData
        case .DT2:
            return Self.indicateData
        // Table 9-8, release
        case .AR1:
            state = .awaitingReleaseAnswer
            return [.sendPDU(.releaseRequest)]
        case .AR2:
            state = .awaitingReleaseResponse
            return [.issue(.releaseRequested)]
        case .AR3:
            state = .idle
            return [.issue(.releaseConfirmed), .closeTransport]
        case .AR4:
            state = .awaitingTransportClose
            return [.sendPDU(.releaseResponse), .startARTIM]
        case .AR5:
            state = .idle
            return [.stopARTIM]
        case .AR6:
            return Self.indicateData
        case .AR7:
            return Self.sendData
        case .AR8:
            state = role == .requestor ? .collisionRequestorAwaitingResponse : .collisionAcceptorAwaitingAnswer
            return [.issue(.releaseCollision)]
        case .AR9:
            state = .collisionRequestorAwaitingAnswer
            return [.sendPDU(.releaseResponse)]
        case .AR10:
            state = .collisionAcceptorAwaitingResponse
            return [.issue(.releaseConfirmed)]
        // Table 9-9, abort
        case .AA1:
            state = .awaitingTransportClose
            return [.sendAbort(source: .serviceUser, reason: .notSpecified), .restartARTIM]
        case .AA2:
            state = .idle
            return [.stopARTIM, .closeTransport]
        case .AA3:
            state = .idle
            guard case .abortPDU(let source) = event, source == .serviceUser else {
                return [.issue(.providerAborted), .closeTransport]
            }
            return [.issue(.userAborted), .closeTransport]
        case .AA4:
            state = .idle
            return [.issue(.providerAborted)]
        case .AA5:
            state = .idle
            return [.stopARTIM]
        case .AA6:
            return Self.nothing
        case .AA7:
            return [.sendAbort(source: .serviceProvider, reason: Self.abortReason(for: event))]
        case .AA8:
            state = .awaitingTransportClose
            let abort = Action.sendAbort(source: .serviceProvider, reason: Self.abortReason(for: event))
            return [abort, .issue(.providerAborted), .startARTIM]
        }
    }

    /// The reason of an A-ABORT: that of an invalid PDU; a valid PDU in the wrong state is unexpected.
    private static func abortReason(for event: Event) -> Abort.Reason {
        if case .invalidPDU(let reason) = event { reason } else { .unexpectedPDU }
    }
}

extension UpperLayerStateMachine {
    /// The rows of PS3.8 table 9-10, in its order.
    package enum Event: Sendable, Hashable {
        /// Evt1: the local user requests an association.
        case associateRequest
        /// Evt2: the connection that this side requested is open.
        case transportConnected
        /// Evt3
        case associateAcceptPDU
        /// Evt4
        case associateRejectPDU
        /// Evt5: a peer has opened a connection to this side.
        case transportAccepted
        /// Evt6: a request that is not acceptable, such as one for another protocol version, is rejected by the service
        /// provider without asking its user.
        case associateRequestPDU(isAcceptable: Bool)
        /// Evt7: the local user accepts.
        case associateResponseAccept
        /// Evt8: the local user rejects.
        case associateResponseReject
        /// Evt9: the local user has data to send.
        case presentationDataRequest
        /// Evt10: a P-DATA-TF PDU, or a part of one.
        case presentationDataPDU
        /// Evt11: the local user requests release.
        case releaseRequest
        /// Evt12
        case releaseRequestPDU
        /// Evt13
        case releaseResponsePDU
        /// Evt14: the local user answers a release request.
        case releaseResponse
        /// Evt15: the local user requests an abort.
        case abortRequest
        /// Evt16
        case abortPDU(source: Abort.Source)
        /// Evt17: the connection is closed, or lost, or could not be opened.
        case transportClosed
        /// Evt18: the ARTIM timer expired (PS3.8 9.1.5).
        case artimExpired
        /// Evt19: an unrecognized or invalid PDU, with `ProtocolError.abortReason`.
        case invalidPDU(reason: Abort.Reason)

        /// The event of a received PDU. A request is acceptable if it supports version 1 of the protocol.
        package static func received(_ pdu: PDU) -> Event {
            switch pdu {
            case .associateRequest(let request): .associateRequestPDU(isAcceptable: request.supportsProtocolVersion)
            case .associateAccept: .associateAcceptPDU
            case .associateReject: .associateRejectPDU
            case .releaseRequest: .releaseRequestPDU
            case .releaseResponse: .releaseResponsePDU
            case .abort(let abort): .abortPDU(source: abort.source)
            }
        }

        package static func received(_ error: ProtocolError) -> Event {
            .invalidPDU(reason: error.abortReason)
        }
    }

    /// What happened at an event: the change of the state, and the entry of table 9-10.
    package struct Transition: Sendable, Equatable, CustomStringConvertible {
        package let event: Event
        package let from: State
        package let to: State
        /// Nil where table 9-10 has no entry.
        package let action: ActionName?

        package init(_ event: Event, from: State, to: State, _ action: ActionName?) {
            self.event = event
            self.from = from
            self.to = to
            self.action = action
        }

        /// True for data in the state for it, which is no news.
        package var isOrdinaryData: Bool { action == .DT1 || action == .DT2 }

        package var description: String {
            guard let action else { return "\(event): nothing to do in \(from)" }
            return "\(event): \(from) to \(to) by \(action.rawValue)"
        }
    }

    /// An action for the association to carry out.
    package enum Action: Sendable, Hashable {
        /// Open the connection; then `transportConnected` or `transportClosed`.
        case connect
        /// Send the PDU of this type. The content of an accept, a reject and data is the association's.
        case sendPDU(PDUType)
        case sendAbort(source: Abort.Source, reason: Abort.Reason)
        /// Issue a primitive to the local user.
        case issue(Primitive)
        case startARTIM
        case stopARTIM
        /// Start the ARTIM timer anew, even if it does not run.
        case restartARTIM
        case closeTransport
    }

    /// The indication and confirmation primitives of PS3.8 section 7.
    package enum Primitive: Sendable, Hashable {
        /// A-ASSOCIATE indication.
        case associateRequested
        /// A-ASSOCIATE confirmation, accepted.
        case associateAccepted
        /// A-ASSOCIATE confirmation, rejected.
        case associateRejected
        /// P-DATA indication.
        case presentationData
        /// A-RELEASE indication.
        case releaseRequested
        /// A-RELEASE indication while this side has requested release, too.
        case releaseCollision
        /// A-RELEASE confirmation.
        case releaseConfirmed
        /// A-ABORT indication: the peer's user has aborted.
        case userAborted
        /// A-P-ABORT indication: a protocol error on either side, or the connection is lost.
        case providerAborted
    }

    /// The entries of PS3.8 table 9-10, by the standard's names.
    package enum ActionName: String, Sendable, Hashable, CaseIterable {
        case AE1 = "AE-1", AE2 = "AE-2", AE3 = "AE-3", AE4 = "AE-4", AE5 = "AE-5", AE6 = "AE-6", AE7 = "AE-7"
        case AE8 = "AE-8"
        case DT1 = "DT-1", DT2 = "DT-2"
        case AR1 = "AR-1", AR2 = "AR-2", AR3 = "AR-3", AR4 = "AR-4", AR5 = "AR-5", AR6 = "AR-6", AR7 = "AR-7"
        case AR8 = "AR-8", AR9 = "AR-9", AR10 = "AR-10"
        case AA1 = "AA-1", AA2 = "AA-2", AA3 = "AA-3", AA4 = "AA-4", AA5 = "AA-5", AA6 = "AA-6", AA7 = "AA-7"
        case AA8 = "AA-8"
    }
}

extension UpperLayerStateMachine {
    /// PS3.8 table 9-10, row by row; nil is an empty cell.
    package static func transition(on event: Event, in state: State) -> ActionName? {
        let established = 6...12
        switch (event, state.rawValue) {
        // Evt1, A-ASSOCIATE request
        case (.associateRequest, 1): return .AE1
        // Evt2, transport connect confirmation
        case (.transportConnected, 4): return .AE2
        // Evt3, A-ASSOCIATE-AC PDU
        case (.associateAcceptPDU, 2): return .AA1
        case (.associateAcceptPDU, 3): return .AA8
        case (.associateAcceptPDU, 5): return .AE3
        case (.associateAcceptPDU, established): return .AA8
        case (.associateAcceptPDU, 13): return .AA6
        // Evt4, A-ASSOCIATE-RJ PDU
        case (.associateRejectPDU, 2): return .AA1
        case (.associateRejectPDU, 3): return .AA8
        case (.associateRejectPDU, 5): return .AE4
        case (.associateRejectPDU, established): return .AA8
        case (.associateRejectPDU, 13): return .AA6
        // Evt5, transport connection indication
        case (.transportAccepted, 1): return .AE5
        // Evt6, A-ASSOCIATE-RQ PDU
        case (.associateRequestPDU, 2): return .AE6
        case (.associateRequestPDU, 3), (.associateRequestPDU, 5): return .AA8
        case (.associateRequestPDU, established): return .AA8
        case (.associateRequestPDU, 13): return .AA7
        // Evt7, A-ASSOCIATE response, accept
        case (.associateResponseAccept, 3): return .AE7
        // Evt8, A-ASSOCIATE response, reject
        case (.associateResponseReject, 3): return .AE8
        // Evt9, P-DATA request
        case (.presentationDataRequest, 6): return .DT1
        case (.presentationDataRequest, 8): return .AR7
        // Evt10, P-DATA-TF PDU
        case (.presentationDataPDU, 2): return .AA1
        case (.presentationDataPDU, 3), (.presentationDataPDU, 5): return .AA8
        case (.presentationDataPDU, 6): return .DT2
        case (.presentationDataPDU, 7): return .AR6
        case (.presentationDataPDU, 8...12): return .AA8
        case (.presentationDataPDU, 13): return .AA6
        // Evt11, A-RELEASE request
        case (.releaseRequest, 6): return .AR1
        // Evt12, A-RELEASE-RQ PDU
        case (.releaseRequestPDU, 2): return .AA1
        case (.releaseRequestPDU, 3), (.releaseRequestPDU, 5): return .AA8
        case (.releaseRequestPDU, 6): return .AR2
        case (.releaseRequestPDU, 7): return .AR8
        case (.releaseRequestPDU, 8...12): return .AA8
        case (.releaseRequestPDU, 13): return .AA6
        // Evt13, A-RELEASE-RP PDU
        case (.releaseResponsePDU, 2): return .AA1
        case (.releaseResponsePDU, 3), (.releaseResponsePDU, 5), (.releaseResponsePDU, 6): return .AA8
        case (.releaseResponsePDU, 7): return .AR3
        case (.releaseResponsePDU, 8), (.releaseResponsePDU, 9): return .AA8
        case (.releaseResponsePDU, 10): return .AR10
        case (.releaseResponsePDU, 11): return .AR3
        case (.releaseResponsePDU, 12): return .AA8
        case (.releaseResponsePDU, 13): return .AA6
        // Evt14, A-RELEASE response
        case (.releaseResponse, 8): return .AR4
        case (.releaseResponse, 9): return .AR9
        case (.releaseResponse, 12): return .AR4
        // Evt15, A-ABORT request
        case (.abortRequest, 3): return .AA1
        case (.abortRequest, 4): return .AA2
        case (.abortRequest, 5): return .AA1
        case (.abortRequest, established): return .AA1
        // Evt16, A-ABORT PDU
        case (.abortPDU, 2): return .AA2
        case (.abortPDU, 3), (.abortPDU, 5): return .AA3
        case (.abortPDU, established): return .AA3
        case (.abortPDU, 13): return .AA2
        // Evt17, transport connection closed
        case (.transportClosed, 2): return .AA5
        case (.transportClosed, 3...5): return .AA4
        case (.transportClosed, established): return .AA4
        case (.transportClosed, 13): return .AR5
        // Evt18, ARTIM timer expired
        case (.artimExpired, 2), (.artimExpired, 13): return .AA2
        // Evt19, unrecognized or invalid PDU
        case (.invalidPDU, 2): return .AA1
        case (.invalidPDU, 3), (.invalidPDU, 5): return .AA8
        case (.invalidPDU, established): return .AA8
        case (.invalidPDU, 13): return .AA7
        default: return nil
        }
    }
}

extension UpperLayerStateMachine.Event: CustomStringConvertible {
    /// The name of the standard, and what it is.
    package var description: String {
        switch self {
        case .associateRequest: "Evt1, association requested here"
        case .transportConnected: "Evt2, connection open"
        case .associateAcceptPDU: "Evt3, A-ASSOCIATE-AC received"
        case .associateRejectPDU: "Evt4, A-ASSOCIATE-RJ received"
        case .transportAccepted: "Evt5, connection of the peer"
        case .associateRequestPDU(isAcceptable: true): "Evt6, A-ASSOCIATE-RQ received"
        case .associateRequestPDU(isAcceptable: false): "Evt6, A-ASSOCIATE-RQ of another version received"
        case .associateResponseAccept: "Evt7, accepted here"
        case .associateResponseReject: "Evt8, rejected here"
        case .presentationDataRequest: "Evt9, data to be sent"
        case .presentationDataPDU: "Evt10, P-DATA-TF received"
        case .releaseRequest: "Evt11, release requested here"
        case .releaseRequestPDU: "Evt12, A-RELEASE-RQ received"
        case .releaseResponsePDU: "Evt13, A-RELEASE-RP received"
        case .releaseResponse: "Evt14, release answered here"
        case .abortRequest: "Evt15, aborted here"
        case .abortPDU: "Evt16, A-ABORT received"
        case .transportClosed: "Evt17, connection closed"
        case .artimExpired: "Evt18, ARTIM timer expired"
        case .invalidPDU: "Evt19, invalid PDU received"
        }
    }
}
