package import DICOM
package import DICOMProtocol

/// Retrieval by C-GET, PS3.4 C.4.3: what was asked for comes on the same association, where the peer is SCU of the
/// storage classes and we are their SCP.
package enum GetSCU {
    /// The contexts of a retrieval: the service itself, and one for each storage class that may come.
    package static func needs(
        _ sopClass: UID, storage: [PresentationContextPlan.Need]
    ) -> [PresentationContextPlan.Need] {
        [PresentationContextPlan.Need(sopClass, FindSCU.transferSyntaxes)] + storage
    }

    /// We are SCP of the storage classes although we ask for the association, PS3.4 C.5.3.1 and PS3.7 D.3.3.4.
    package static func roleSelections(for storage: [PresentationContextPlan.Need]) -> [RoleSelection] {
        var seen: Set<UID> = []
        return storage.compactMap { need in
            seen.insert(need.abstractSyntax).inserted
                ? RoleSelection(sopClass: need.abstractSyntax, scu: false, scp: true) : nil
        }
    }

    /// - Throws: `noPresentationContext`, or the error that ended the association.
    package static func get(
        on association: Association, sopClass: UID, identifier: DataSet, priority: Priority = .medium,
        receiver: InstanceReceiver, onProgress: (SuboperationCounts) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let context = try association.context(for: sopClass)
        let request = CommandSet.getRequest(
            messageID: association.nextMessageID(), sopClass: sopClass, priority: priority)
        let sink = InstanceSink(receiver, on: association)
        defer { sink.end() }
        return try association.exchange(
            request, in: context, identifier: identifier,
            onPending: { message in
                onProgress(message.command.suboperationCounts)
            },
            destination: { command, contextID in
                // The final response may list what failed; its identifier is for us to read.
                guard !command.isResponse, let context = association.contexts.context(id: contextID) else {
                    return .memory
                }
                return sink.destination(of: command, in: context)
            },
            onRequest: { message throws(AssociationError) in
                guard let context = association.contexts.context(id: message.contextID) else { return }
                try sink.answer(message, in: context)
            })
    }
}
