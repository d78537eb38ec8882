/// The protocol machine of PS3.8 9.2, for both roles. It never reads a clock and never sends: what has happened comes in as
/// an event, and what the shell around it has to do goes out as actions, in the order in which to do it.
package struct UpperLayerStateMachine: Sendable {
    package enum Role: Sendable, Hashable {
        case requestor
        case acceptor
    }

    /// PS3.8 tables 9-1 to 9-5. The raw value is the standard's number.
    package enum State: Int, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// No association, no connection.
        case idle = 1
        /// Acceptor: connection open, the request is awaited.
        case awaitingAssociateRequest = 2
        /// Acceptor: the local user is to accept or reject.
        case awaitingAssociateResponse = 3
        /// Requestor: the connection is being opened.
        case awaitingTransportConnection = 4
        /// Requestor: the peer's answer to the request is awaited.
        case awaitingAssociateAnswer = 5
        /// Established, ready for data.
        case dataTransfer = 6
        /// Release asked for, the peer's answer is awaited.
        case awaitingReleaseAnswer = 7
        /// The peer asked for release, the local user is to answer.
        case awaitingReleaseResponse = 8
        /// Release collision, requestor: the local user is to answer.
        case collisionRequestorAwaitingResponse = 9
        /// Release collision, acceptor: the peer's answer is awaited.
        case collisionAcceptorAwaitingAnswer = 10
        /// Release collision, requestor: the peer's answer is awaited.
        case collisionRequestorAwaitingAnswer = 11
        /// Release collision, acceptor: the local user is to answer.
        case collisionAcceptorAwaitingResponse = 12
        /// The association is over, the peer is to close the connection.
        case awaitingTransportClose = 13

        package var description: String { "Sta\(rawValue)" }
    }

    package let role: Role
    package private(set) var state: State = .idle

    package init(_ role: Role) {
        self.role = role
    }

    /// Takes what has happened and tells what to do now.
    ///
    /// An event for which table 9-10 has no entry changes nothing and asks for nothing: a timer that ran out too late, a
    /// connection closed twice, or something asked for by the local user that `permits(_:)` would have refused.
    package mutating func handle(_ event: Event) -> [Action] {
        guard let action = Self.transition(on: event, in: state) else { return Self.nothing }
        return perform(action, for: event)
    }

    /// Whether table 9-10 has an entry for the event in the present state.
    package func permits(_ event: Event) -> Bool {
        Self.transition(on: event, in: state) != nil
    }

    /// Whether an association exists, from its establishment to the end of its release.
    package var isEstablished: Bool { (6...12).contains(state.rawValue) }

    // Made once: both are returned for every fragment of data, where an allocation would be felt.
    private static let nothing: [Action] = []
    private static let indicateData: [Action] = [.issue(.presentationData)]
    private static let sendData: [Action] = [.sendPDU(.presentationData)]

    /// PS3.8 tables 9-6 to 9-9: what each action does, and the state after it.
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
            return [
                .sendAbort(source: Abort.Source.serviceUser, reason: Abort.Reason.notSpecified), .restartARTIM,
            ]
        case .AA2:
            state = .idle
            return [.stopARTIM, .closeTransport]
        case .AA3:
            state = .idle
            guard case .abortPDU(let source) = event, source == Abort.Source.serviceUser else {
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
            return [.sendAbort(source: Abort.Source.serviceProvider, reason: Self.abortReason(for: event))]
        case .AA8:
            state = .awaitingTransportClose
            return [
                .sendAbort(source: Abort.Source.serviceProvider, reason: Self.abortReason(for: event)),
                .issue(.providerAborted), .startARTIM,
            ]
        }
    }

    /// A PDU that could be read but does not belong here is unexpected; one that could not be read says itself why.
    private static func abortReason(for event: Event) -> UInt8 {
        if case .invalidPDU(let reason) = event { reason } else { Abort.Reason.unexpectedPDU }
    }
}
