import DICOM
import DICOMNode
import DICOMProtocol

/// A service with injected faults: refused classes and syntaxes, pauses before responses, failing C-STOREs.
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
        private var fault: FaultPlan.StoreFault?

        init(_ session: any ServiceSession, _ association: Association, _ archive: ArchiveService) {
            self.session = session
            self.association = association
            self.archive = archive
        }

        var expectsInstances: Bool { session.expectsInstances }

        func destination(
            of command: CommandSet, in context: NegotiatedContexts.Accepted
        ) -> DataSetDestination {
            fault = command.commandField == .cStoreRQ ? archive.faults.nextStore() : nil
            switch fault {
            case .status, .silentDrop: return .discard
            case .closeInFile:
                archive.report(association, "closes in the middle of an instance (injected)", isTrouble: true)
                return .sink(ClosingSink(association))
            case .abort, nil: return session.destination(of: command, in: context)
            }
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            try association.pause(seconds: archive.faults.delay)
            defer { fault = nil }
            switch fault {
            case .status(let status):
                archive.report(association, "C-STORE: answers \(status) (injected)", isTrouble: true)
                try association.send(.storeResponse(to: message.command, status: status), contextID: context.id)
            case .silentDrop:
                archive.report(
                    association, "C-STORE: drops the instance, and answers success (injected)", isTrouble: true)
                try association.send(.storeResponse(to: message.command, status: .success), contextID: context.id)
            case .abort:
                archive.report(association, "C-STORE: aborts (injected)", isTrouble: true)
                session.end()
                association.abort()
            case .closeInFile, nil:
                if message.command.commandField == .cEchoRQ { archive.report(association, "C-ECHO") }
                try session.answer(message, in: context)
            }
        }

        func end() { session.end() }
    }

    /// Closes the connection at the first bytes of a data set.
    private final class ClosingSink: DataSetSink {
        private let association: Association

        init(_ association: Association) { self.association = association }

        func take(_ bytes: UnsafeRawBufferPointer) { association.close() }
        func flush() {}
    }
}
