package import DICOMProtocol

/// The acceptor's side of establishing an association, PS3.8 7.1.
extension Association {
    package enum Decision: Sendable {
        case accept(AssociateAccept)
        case reject(AssociateReject)
    }

    /// Reads the request of a peer that has connected, and answers it. Nil after a rejection.
    package static func accept(
        _ connection: any Connection, maximumPDULength: UInt32, limits: AssociationLimits,
        cancellation: Cancellation? = nil, observer: AssociationObserver? = nil,
        decide: (AssociateRequest) -> Decision
    ) throws(AssociationError) -> Association? {
        observer?(
            .connected(
                peer: connection.peerDescription, local: connection.localDescription,
                security: connection.securityDescription))
        let association = Association(
            role: .acceptor, connection: connection, maximumPDULength: maximumPDULength, limits: limits,
            cancellation: cancellation, observer: observer)
        return try association.answer(decide) ? association : nil
    }

    private func answer(_ decide: (AssociateRequest) -> Decision) throws(AssociationError) -> Bool {
        try advance(.transportAccepted)
        let pdu = try awaitControl(waitingFor: .associateRequest)
        let incompatible = PDU.associateReject(.protocolVersionNotSupported)
        try advance(.received(pdu), sending: incompatible)
        guard case .associateRequest(let request) = pdu, machine.state == .awaitingAssociateResponse else {
            closeAfterLastWord()
            if case .associateRequest = pdu { return false }
            if case .abort(let abort) = pdu { throw .abortedByPeer(abort) }
            throw .protocolViolation(
                ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", "\(pdu.type) where A-ASSOCIATE-RQ belongs"))
        }
        self.request = request
        switch decide(request) {
        case .accept(let accept):
            try advance(.associateResponseAccept, sending: .associateAccept(accept))
            try establish(request, accept)
            return true
        case .reject(let reject):
            try advance(.associateResponseReject, sending: .associateReject(reject))
            closeAfterLastWord()
            return false
        }
    }
}
