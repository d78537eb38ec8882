import DICOM
import DICOMNode
import DICOMProtocol

/// A service with the faults that concern all of them: refused classes and syntaxes, and pauses before answers.
struct FaultyService: ServiceClass {
    private let service: any ServiceClass
    private let archive: ArchiveService

    init(_ service: any ServiceClass, _ archive: ArchiveService) {
        self.service = service
        self.archive = archive
    }

    func supports(_ abstractSyntax: UID) -> Bool {
        service.supports(abstractSyntax) && !archive.faults.refuses(abstractSyntax)
    }

    func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        service.choose(
            from: transferSyntaxes.filter { !archive.faults.refuses($0) }, for: abstractSyntax, roles: roles)
    }

    func grant(_ selection: RoleSelection) -> RoleSelection? { service.grant(selection) }

    func grant(_ negotiation: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation? {
        service.grant(negotiation)
    }

    func session(on association: Association) -> any ServiceSession {
        Session(service.session(on: association), association, archive)
    }

    private final class Session: ServiceSession {
        private let session: any ServiceSession
        private let association: Association
        private let archive: ArchiveService

        init(_ session: any ServiceSession, _ association: Association, _ archive: ArchiveService) {
            self.session = session
            self.association = association
            self.archive = archive
        }

        var expectsInstances: Bool { session.expectsInstances }

        func destination(
            of command: CommandSet, in context: NegotiatedContexts.Accepted
        ) -> DataSetDestination {
            session.destination(of: command, in: context)
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            try association.pause(seconds: archive.faults.delay)
            if message.command.commandField == .cEchoRQ { archive.tell(association, "C-ECHO") }
            try session.answer(message, in: context)
        }

        func end() { session.end() }
    }
}
