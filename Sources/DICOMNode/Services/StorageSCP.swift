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

extension UID {
    /// True if a C-STORE may carry instances of this class: registered storage classes, and any class that is not
    /// registered as something else.
    var mayBeStorage: Bool {
        UIDRegistry.name(of: self) == nil ? isValid : Self.storageSOPClasses.contains(self)
    }

    private static let storageSOPClasses = Set(UIDRegistry.storageSOPClasses)
}
