package import DICOMProtocol
package import System

extension Association {
    /// Connects, requests the association and waits for the answer.
    ///
    /// - Throws: `unreachable`, `rejected`, `abortedByPeer`, `timedOut` and the like. An association of which no
    ///   presentation context was accepted is not an error here: the caller knows what it needs.
    package static func request(
        _ parameters: AssociationParameters, at endpoint: Endpoint, connector: Connector = Connector(),
        cancellation: Cancellation = .never, observer: AssociationObserver? = nil
    ) throws(AssociationError) -> Association {
        let connection: any Connection
        let watch = Stopwatch()
        observer?(.connecting(endpoint))
        do throws(TransportError) {
            let deadline = Deadline.after(seconds: parameters.limits.connect ?? .infinity)
                .earlier(parameters.limits.end)
            var wait = WaitLimits(total: deadline, cancellation: cancellation)
            wait.notice = parameters.limits.notice(nil)
            connection = try connector.connect(to: endpoint, wait: wait)
        } catch .cancelled {
            throw .interrupted(cancellation.level)
        } catch {
            throw .unreachable(error)
        }
        let connected = watch.seconds
        let channel = channel(.requestor, connection, parameters, cancellation, observer)
        let agreement = try AssociationEstablishing(channel).request(parameters.request)
        let timings = Timings(
            connection.timings, isSecured: connection.securityDescription != nil, connected: connected,
            established: watch.seconds)
        return Association(channel, agreement, timings: timings)
    }

    /// Requests the association over a connection that is open.
    ///
    /// - Throws: as ``request(_:at:connector:cancellation:observer:)``.
    package static func request(
        _ parameters: AssociationParameters, over connection: any Connection, cancellation: Cancellation = .never,
        observer: AssociationObserver? = nil
    ) throws(AssociationError) -> Association {
        let channel = channel(.requestor, connection, parameters, cancellation, observer)
        return Association(channel, try AssociationEstablishing(channel).request(parameters.request))
    }

    private static func channel(
        _ role: UpperLayerStateMachine.Role, _ connection: any Connection, _ parameters: AssociationParameters,
        _ cancellation: Cancellation, _ observer: AssociationObserver?
    ) -> AssociationChannel {
        channel(
            role, connection, maximumPDULength: parameters.maximumPDULength, limits: parameters.limits, cancellation,
            observer)
    }

    private static func channel(
        _ role: UpperLayerStateMachine.Role, _ connection: any Connection, maximumPDULength: UInt32,
        limits: AssociationLimits, _ cancellation: Cancellation, _ observer: AssociationObserver?
    ) -> AssociationChannel {
        observer?(
            .connected(
                peer: connection.peerDescription, local: connection.localDescription,
                security: connection.securityDescription))
        return AssociationChannel(
            role: role, connection: connection, maximumPDULength: maximumPDULength, limits: limits,
            cancellation: cancellation, observer: observer)
    }

    /// The acceptor's answer to an A-ASSOCIATE-RQ.
    package enum Decision: Sendable {
        case accept(AssociateAccept)
        case reject(AssociateReject)
    }

    /// Reads the A-ASSOCIATE-RQ of a peer that has connected, and answers it; returns nil after a rejection.
    ///
    /// - Parameter memory: the limit of all that the associations of the receiver hold of messages; nil: none.
    /// - Throws: `timedOut`, `connectionLost`, `abortedByPeer`, `protocolViolation`, `interrupted`.
    package static func accept(
        _ connection: any Connection, maximumPDULength: UInt32, limits: AssociationLimits, memory: MemoryBudget? = nil,
        cancellation: Cancellation = .never, observer: AssociationObserver? = nil,
        decide: (AssociateRequest) -> Decision
    ) throws(AssociationError) -> Association? {
        let channel = channel(
            .acceptor, connection, maximumPDULength: maximumPDULength, limits: limits, cancellation, observer)
        return try AssociationEstablishing(channel).accept(decide).map { Association(channel, $0, memory: memory) }
    }

    /// The durations of the steps to an established association, in seconds.
    package struct Timings: Sendable {
        package let lookup: Double
        package let connect: Double
        /// The TLS handshake; nil over plain TCP.
        package let security: Double?
        /// From A-ASSOCIATE-RQ to its answer.
        package let association: Double

        init(_ transport: TCPConnection.Timings?, isSecured: Bool, connected: Double, established: Double) {
            lookup = transport?.lookup ?? 0
            connect = transport?.connect ?? connected
            // The rest of the time until the connection was open, after look-up and connect.
            security = isSecured ? max(0, connected - lookup - connect) : nil
            association = established - connected
        }
    }
}

/// Establishes an association over an open connection, PS3.8 7.1, on either side of it.
struct AssociationEstablishing {
    private let channel: AssociationChannel

    init(_ channel: AssociationChannel) { self.channel = channel }

    /// The result of the negotiation, known to both sides once the association is established.
    struct Agreement {
        let request: AssociateRequest
        let accept: AssociateAccept
        let contexts: NegotiatedContexts
    }

    /// Sends A-ASSOCIATE-RQ and waits for the answer.
    ///
    /// - Throws: `rejected`, `abortedByPeer`, `unreachable` if the peer closes before any answer, and what
    ///   ``AssociationEnding/act(on:)`` throws.
    func request(_ request: AssociateRequest) throws(AssociationError) -> Agreement {
        do throws(AssociationFault) {
            try channel.advance(.associateRequest)
            try channel.advance(.transportConnected, sending: .associateRequest(request))
            let answer = try awaitControl(.associateResponse)
            try channel.advance(.received(answer))
            switch answer {
            case .associateAccept(let accept): return try agree(request, accept)
            case .associateReject(let reject): throw .rejected(reject)
            case .abort(let abort): throw .abortedByPeer(abort)
            default: throw unexpected("\(answer.type) as the answer to A-ASSOCIATE-RQ")
            }
        } catch {
            do throws(AssociationError) {
                try act(on: error)
            } catch .connectionLost(let cause) where cause == .closed || cause == .reset {
                throw .unreachable(.closedAtOnce(byReset: cause == .reset))
            }
        }
    }

    /// Waits for an A-ASSOCIATE-RQ and answers it; returns nil if it was rejected.
    ///
    /// - Throws: `abortedByPeer`, `protocolViolation`, `timedOut`, and what else ``AssociationEnding/act(on:)`` throws.
    func accept(_ decide: (AssociateRequest) -> Association.Decision) throws(AssociationError) -> Agreement? {
        do throws(AssociationFault) {
            try channel.advance(.transportAccepted)
            let pdu = try awaitControl(.associateRequest)
            try channel.advance(.received(pdu), sending: .associateReject(.protocolVersionNotSupported))
            guard case .associateRequest(let request) = pdu else {
                if case .abort(let abort) = pdu { throw .abortedByPeer(abort) }
                throw unexpected("\(pdu.type) where A-ASSOCIATE-RQ belongs")
            }
            if channel.machine.state == .awaitingAssociateResponse {
                switch decide(request) {
                case .accept(let accept):
                    try channel.advance(.associateResponseAccept, sending: .associateAccept(accept))
                    return try agree(request, accept)
                case .reject(let reject):
                    try channel.advance(.associateResponseReject, sending: .associateReject(reject))
                }
            }
        } catch {
            try act(on: error)
        }
        channel.closeAfterFinalPDU()
        return nil
    }

    private func agree(
        _ request: AssociateRequest, _ accept: AssociateAccept
    ) throws(AssociationFault) -> Agreement {
        do throws(ProtocolError) {
            return Agreement(
                request: request, accept: accept, contexts: try NegotiatedContexts(request: request, accept: accept))
        } catch {
            throw .violation(error)
        }
    }

    /// The next PDU, which must be a control PDU: data does not belong there.
    private func awaitControl(_ awaited: AssociationError.Awaited) throws(AssociationFault) -> PDU {
        let wait = channel.controlWait(timeout: channel.limits.association, cancelledAt: .graceful)
            .within(channel.limits.end)
        switch try channel.nextStep(wait, waitingFor: awaited) {
        case .pdu(let pdu): return pdu
        case .fragment:
            throw .violation(
                ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", "P-DATA-TF before the association is established"))
        }
    }

    private func unexpected(_ detail: String) -> AssociationFault {
        .unexpectedPDU(ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", detail))
    }

    private func act(on fault: AssociationFault) throws(AssociationError) -> Never {
        let ending = AssociationEnding(channel)
        guard case .violation(let error) = fault, error.code == .unrecognizedPDU else { try ending.act(on: fault) }
        try ending.act(on: .violation(recognized(error)))
    }

    /// Names the protocol that the peer speaks, if its first bytes, which are no PDU, are known from another one.
    private func recognized(_ error: ProtocolError) -> ProtocolError {
        do throws(TransportError) {
            _ = try channel.readAvailable()
        } catch {
            // The bytes that are there may be enough.
        }
        guard let found = ForeignProtocol.recognize(channel.unusedBytes) else { return error }
        return ProtocolError(.foreignProtocol(found), section: error.section, "it speaks \(found.rawValue), not DICOM")
    }
}
