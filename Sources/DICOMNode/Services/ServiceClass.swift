package import DICOM
package import DICOMProtocol

/// A service that a peer can ask of us: which presentation contexts it takes, and who answers their messages.
package protocol ServiceClass: Sendable {
    /// True if the abstract syntax belongs to this service.
    func supports(_ abstractSyntax: UID) -> Bool

    /// Returns the accepted one of the proposed transfer syntaxes, which are in the peer's order of preference; nil
    /// rejects the context because of its transfer syntaxes.
    ///
    /// - Parameter roles: The proposed roles of the requestor: to receive instances it is SCP of the class.
    func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID?

    /// The roles granted of those that the requestor proposes for itself (PS3.7 D.3.3.4); nil leaves the default roles.
    func grant(_ selection: RoleSelection) -> RoleSelection?

    /// Returns the accepted part of a SOP class extended negotiation (PS3.7 D.3.3.5); nil sends no response, which
    /// accepts nothing.
    func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation?

    /// The handler of the messages of one association.
    func session(on association: Association) -> any ServiceSession
}

/// One association's use of a service; lives and works on the association's thread.
package protocol ServiceSession: AnyObject {
    /// Returns the destination of the data set that follows this command.
    func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination

    /// True while the peer sends one C-STORE after another.
    var expectsInstances: Bool { get }

    /// Answers a message that is complete.
    ///
    /// - Throws: The error that ended the association.
    func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError)

    /// The association has ended; a message may be incomplete.
    func end()
}

extension ServiceClass {
    package func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        [TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid].first {
            transferSyntaxes.contains($0)
        }
    }

    package func grant(_ selection: RoleSelection) -> RoleSelection? { nil }

    package func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation? { nil }
}

extension ServiceSession {
    package func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
        .memory
    }

    package var expectsInstances: Bool { false }

    package func end() {}
}

/// The conditions on which associations and presentation contexts are accepted, PS3.8 7.1.1.
package struct AcceptancePolicy: Sendable {
    /// Our AE titles; with nil, any called AE title is accepted.
    package var calledAETitles: Set<AETitle>?
    /// The AE titles that may call us; with nil, any may.
    package var callingAETitles: Set<AETitle>?
    package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength

    /// Asked last, of a request that would be accepted: a reason to reject it all the same.
    package var objection: (@Sendable (AssociateRequest) -> AssociateReject?)?

    package init(calledAETitles: Set<AETitle>?, callingAETitles: Set<AETitle>? = nil) {
        self.calledAETitles = calledAETitles
        self.callingAETitles = callingAETitles
    }

    package func decide(
        _ request: AssociateRequest, services: [any ServiceClass]
    ) -> Association.Decision {
        if request.applicationContext != AssociateRequest.dicomApplicationContext {
            return .reject(.applicationContextNotSupported)
        }
        if let titles = calledAETitles, !titles.contains(request.calledAETitle) {
            return .reject(.calledAETitleNotRecognized)
        }
        if let titles = callingAETitles, !titles.contains(request.callingAETitle) {
            return .reject(.callingAETitleNotRecognized)
        }
        if let reject = objection?(request) { return .reject(reject) }
        let asked = request.userInformation
        let results = request.presentationContexts.map { proposal in
            Self.result(
                for: proposal, roles: asked.roleSelections.first { $0.sopClass == proposal.abstractSyntax },
                services: services)
        }
        var information = UserInformation.own(maximumPDULength: maximumPDULength)
        information.roleSelections = asked.roleSelections.compactMap { selection in
            services.first { $0.supports(selection.sopClass) }?.grant(selection)
        }
        information.extendedNegotiations = asked.extendedNegotiations.compactMap { item in
            services.first { $0.supports(item.sopClass) }?.grant(item)
        }
        return .accept(
            AssociateAccept(answering: request, presentationContexts: results, userInformation: information))
    }

    private static func result(
        for proposal: PresentationContextProposal, roles: RoleSelection?, services: [any ServiceClass]
    ) -> PresentationContextResult {
        guard let service = services.first(where: { $0.supports(proposal.abstractSyntax) }) else {
            return .rejected(id: proposal.id, .abstractSyntaxNotSupported)
        }
        let syntax = service.choose(from: proposal.transferSyntaxes, for: proposal.abstractSyntax, roles: roles)
        guard let syntax else {
            return .rejected(id: proposal.id, .transferSyntaxesNotSupported)
        }
        return PresentationContextResult(id: proposal.id, result: .acceptance, transferSyntax: syntax)
    }
}
