package import DICOM
import DICOMProtocol

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
