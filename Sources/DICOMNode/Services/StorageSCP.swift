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
        StorageSession(association: association, receiver: receiver)
    }
}

/// C-STORE requests of one association, one after the other: in a StorageSCP, and within a C-GET.
final class StorageSession: ServiceSession {
    private let association: Association
    private let receiver: InstanceReceiver
    private var reception: InstanceReception?
    private(set) var expectsInstances = false

    init(association: Association, receiver: InstanceReceiver) {
        self.association = association
        self.receiver = receiver
    }

    func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
        guard command.commandField == .cStoreRQ else { return .discard }
        // On an association that we requested, the sender is the called AE.
        let sender = association.isRequestor ? association.request.calledAETitle : association.request.callingAETitle
        let reception = receiver.reception(of: command, in: context, from: sender)
        self.reception = reception
        return .sink(reception)
    }

    func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
        let command = message.command
        guard command.commandField == .cStoreRQ else {
            return try association.refuse(message, status: .unrecognizedOperation)
        }
        guard let reception else {
            // A C-STORE without a data set stores nothing.
            return try association.send(
                .storeResponse(to: command, status: .cannotUnderstand), contextID: context.id)
        }
        self.reception = nil
        let status = reception.finish()
        // The peer can go on now; closing the file can follow the response.
        defer { reception.close() }
        expectsInstances = true
        try association.send(.storeResponse(to: command, status: status), contextID: context.id)
    }

    func end() {
        reception?.cutOff()
        reception = nil
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
