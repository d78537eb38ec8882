package import DICOM
package import DICOMProtocol

/// Verification, PS3.4 annex A: the service that asks whether a DICOM peer is there.
package enum VerificationSCU {
    package static let sopClass: UID = "1.2.840.10008.1.1"

    package static let needs = [PresentationContextPlan.Need(sopClass, [TransferSyntax.implicitVRLittleEndian.uid])]

    /// Sends one C-ECHO and returns the peer's response.
    ///
    /// - Throws: `noPresentationContext` if Verification was not accepted, or the error that ended the association.
    package static func echo(on association: Association) throws(AssociationError) -> CommandSet {
        let context = try association.context(for: sopClass)
        let request = CommandSet.echoRequest(messageID: association.nextMessageID())
        try association.send(request, contextID: context.id)
        let answer = try association.receive()
        try association.checkResponse(answer.command, to: request)
        return answer.command
    }
}

/// Answers C-ECHO, PS3.4 annex A.
package struct VerificationSCP: ServiceClass {
    package init() {}

    package func supports(_ abstractSyntax: UID) -> Bool { abstractSyntax == VerificationSCU.sopClass }

    package func session(on association: Association) -> any ServiceSession { Session(association) }

    private final class Session: ServiceSession {
        private let association: Association

        init(_ association: Association) { self.association = association }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            guard message.command.commandField == .cEchoRQ else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            try association.send(.echoResponse(to: message.command), contextID: context.id)
        }
    }
}
