package import DICOM
package import DICOMProtocol

/// Receives instances by C-STORE, PS3.4 annex B: every storage SOP class, private and future ones too, in every
/// transfer syntax, stored as received.
package struct StorageSCP: ServiceClass {
    private let receiver: InstanceReceiver
    /// Transfer syntaxes to be chosen where a peer offers them, the best first; a peer that can convert then does.
    private let preferred: [UID]

    package init(receiver: InstanceReceiver, preferring preferred: [UID] = []) {
        self.receiver = receiver
        self.preferred = preferred
    }

    /// Whatever is not known as something else: a class that is not in our registry can only be asked for by a peer
    /// that has instances of it.
    package func supports(_ abstractSyntax: UID) -> Bool { abstractSyntax.mayBeStorage }

    package func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        preferred.first { transferSyntaxes.contains($0) } ?? transferSyntaxes.first
    }

    /// A peer that sends as SCU of the class has the default role; one that also proposes SCP gets the default role,
    /// too.
    package func grant(_ selection: RoleSelection) -> RoleSelection? {
        RoleSelection(sopClass: selection.sopClass, scu: selection.scu, scp: false)
    }

    package func session(on association: Association) -> any ServiceSession {
        InstanceSink(receiver, on: association)
    }
}

/// Accepts every instance that comes, and keeps nothing of it.
package struct DiscardingStorageSCP: ServiceClass {
    private let report: @Sendable () -> Void

    /// - Parameter report: told of each instance.
    package init(report: @escaping @Sendable () -> Void) { self.report = report }

    package func supports(_ abstractSyntax: UID) -> Bool { abstractSyntax.mayBeStorage }

    package func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        transferSyntaxes.first
    }

    package func session(on association: Association) -> any ServiceSession { Session(association, report) }

    private final class Session: ServiceSession {
        private let association: Association
        private let report: @Sendable () -> Void

        init(_ association: Association, _ report: @escaping @Sendable () -> Void) {
            self.association = association
            self.report = report
        }

        func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
            .discard
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            guard message.command.commandField == .cStoreRQ else {
                return try association.refuse(message, status: .unrecognizedOperation)
            }
            report()
            try association.send(.storeResponse(to: message.command, status: .success), contextID: context.id)
        }
    }
}

extension UID {
    /// True if a C-STORE may carry instances of this class: registered storage classes, and any class that is not
    /// registered as something else.
    var mayBeStorage: Bool {
        UIDRegistry.name(of: self) == nil ? isValid : Self.storageSOPClasses.contains(self)
    }

    private static let storageSOPClasses = Set(UIDRegistry.storageSOPClasses)
}
