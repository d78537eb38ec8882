package import DICOMProtocol

/// One thing that a scripted peer does. A script is a list of them; when it is played to its end, the peer closes.
package enum PeerStep: Sendable {
    // MARK: What it says
    case send([UInt8])
    /// Each byte in a segment of its own.
    case sendByteByByte([UInt8])
    /// The bytes again and again, as fast as they go, until the other side has gone.
    case flood([UInt8])
    /// One byte every so many seconds, again and again, until the other side has gone.
    case drip([UInt8], seconds: Double)
    /// Bytes that follow from what was asked: the request of the association, the last command and its context.
    case reply(@Sendable (Heard) -> [UInt8])
    /// The same, each byte in a segment of its own.
    case replyByteByByte(@Sendable (Heard) -> [UInt8])

    // MARK: What it listens to
    /// Reads up to and with the next control PDU of this type.
    case hear(PDUType)
    /// Reads one whole message, command and data set.
    case hearMessage
    /// Answers every message so, and A-RELEASE as it should be, until the other side has gone.
    case serve(@Sendable (Heard) -> [UInt8])
    /// Reads and forgets, until the other side has closed.
    case hearAll

    // MARK: What it does
    case closeWriting
    case close
    case reset
    /// Reads nothing and says nothing, until the other side has had its say and the test ends.
    case hold

    /// Reads the request and answers it otherwise.
    package static func answerRequest(_ answer: @escaping @Sendable (Heard) -> [UInt8]) -> [PeerStep] {
        PeerStep.hear(.associateRequest).then(answer)
    }

    /// Reads a message and answers it.
    package static func answerMessage(_ answer: @escaping @Sendable (Heard) -> [UInt8]) -> [PeerStep] {
        PeerStep.hearMessage.then(answer)
    }

    /// Answers a C-ECHO as it should be.
    package static let echo = PeerStep.answerMessage { heard in
        PeerBytes.message(.echoResponse(to: heard.command), context: heard.contextID)
    }

    /// Answers A-RELEASE as it should be.
    package static let release: [PeerStep] = [.hear(.releaseRequest), .send(PDU.releaseResponse.encode()), .hearAll]

    private func then(_ answer: @escaping @Sendable (Heard) -> [UInt8]) -> [PeerStep] { [self, .reply(answer)] }
}

/// What a scripted peer has heard so far.
package struct Heard: Sendable {
    package var request = AssociateRequest(
        calledAETitle: AETitle(wire: []), callingAETitle: AETitle(wire: []), presentationContexts: [],
        userInformation: UserInformation())
    package var command = CommandSet()
    package var contextID: UInt8 = 1
    /// PDUs of all types, with the data in them.
    package var count = 0

    package init() {}

    package func fullAcceptance(maximumLength: UInt32 = 16_384) -> AssociateAccept {
        var information = UserInformation()
        information.maximumLength = maximumLength
        information.implementationClassUID = "1.2.3"
        information.roleSelections = request.userInformation.roleSelections
        return AssociateAccept(
            answering: request,
            presentationContexts: request.presentationContexts.map {
                PresentationContextResult(id: $0.id, result: .acceptance, transferSyntax: $0.transferSyntaxes[0])
            }, userInformation: information)
    }
}
