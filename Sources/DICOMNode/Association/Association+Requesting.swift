import DICOMProtocol

/// The requestor's side of establishing an association, PS3.8 7.1.
extension Association {
    /// Connects, asks for the association and waits for the answer.
    ///
    /// - Throws: `unreachable`, `rejected`, `abortedByPeer`, `timedOut` and the like; an association of which no presentation
    ///   context was accepted is not an error here: the caller knows what it needs.
    package static func request(
        _ parameters: AssociationParameters, at endpoint: Endpoint, connector: Connector = Connector(),
        cancellation: Cancellation? = nil, observer: AssociationObserver? = nil
    ) throws(AssociationError) -> Association {
        let connection: any Connection
        let watch = Stopwatch()
        observer?(.connecting(endpoint))
        do throws(TransportError) {
            let wait = WaitLimits(
                total: parameters.limits.connect.map { .after(seconds: $0) } ?? .never, cancellation: cancellation)
            connection = try connector.connect(to: endpoint, wait: wait)
        } catch {
            switch error {
            case .cancelled: throw .interrupted(cancellation?.level ?? .graceful)
            default: throw .unreachable(error)
            }
        }
        let connected = watch.seconds
        let association = try request(
            parameters, over: connection, cancellation: cancellation, observer: observer)
        association.timings = Timings(
            connection.timings, isSecured: connection.securityDescription != nil, connected: connected,
            established: watch.seconds)
        return association
    }

    /// The same over a connection that is open.
    package static func request(
        _ parameters: AssociationParameters, over connection: any Connection, cancellation: Cancellation? = nil,
        observer: AssociationObserver? = nil
    ) throws(AssociationError) -> Association {
        observer?(
            .connected(
                peer: connection.peerDescription, local: connection.localDescription,
                security: connection.securityDescription))
        let association = Association(
            role: .requestor, connection: connection, maximumPDULength: parameters.maximumPDULength,
            limits: parameters.limits, cancellation: cancellation, observer: observer)
        try association.establish(parameters.request)
        return association
    }

    private func establish(_ request: AssociateRequest) throws(AssociationError) {
        self.request = request
        try advance(.associateRequest)
        try advance(.transportConnected, sending: .associateRequest(request))
        let answer = try awaitControl(waitingFor: .associateResponse)
        try advance(.received(answer))
        switch answer {
        case .associateAccept(let accept):
            try establish(request, accept)
        case .associateReject(let reject):
            close()
            throw .rejected(reject)
        case .abort(let abort):
            close()
            throw .abortedByPeer(abort)
        default:
            closeAfterLastWord()
            throw .protocolViolation(
                ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", "\(answer.type) as the answer to A-ASSOCIATE-RQ"))
        }
    }

    /// What both sides know from now on.
    func establish(_ request: AssociateRequest, _ accept: AssociateAccept) throws(AssociationError) {
        self.accept = accept
        do throws(ProtocolError) {
            contexts = try NegotiatedContexts(request: request, accept: accept)
        } catch {
            throw violation(error)
        }
        let peer = machine.role == .requestor ? accept.userInformation : request.userInformation
        sendBuffer = SendBuffer(peerMaximumLength: peer.maximumLength)
    }

    /// The next PDU, before the association is established; data does not belong there.
    func awaitControl(waitingFor awaited: AssociationError.Awaited) throws(AssociationError) -> PDU {
        let wait = wait(total: limits.association).within(artim)
        switch try nextStep(wait: wait, waitingFor: awaited) {
        case .pdu(let pdu): return pdu
        case .fragment:
            throw violation(
                ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", "P-DATA-TF before the association is established"))
        }
    }
}
