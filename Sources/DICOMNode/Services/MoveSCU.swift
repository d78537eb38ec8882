package import DICOM
package import DICOMProtocol

/// Retrieval by C-MOVE, PS3.4 C.4.2: the peer sends the instances to an application entity that it knows by AE title.
package enum MoveSCU {
    package static func needs(_ sopClass: UID) -> [PresentationContextPlan.Need] {
        [PresentationContextPlan.Need(sopClass, FindSCU.transferSyntaxes)]
    }

    /// - Parameters:
    ///   - messageID: servers send it with each instance, so of moves that go on at once each needs its own.
    ///   - onSent: Called once the request has left.
    ///   - elsewhere: where its instances arrive on other associations, if they come to us.
    /// - Throws: `noPresentationContext`, or the error that ended the association.
    package static func move(
        on association: Association, sopClass: UID, identifier: DataSet, destination: AETitle,
        messageID: UInt16? = nil, priority: Priority = .medium, onSent: () -> Void = {},
        elsewhere: (any ReceptionElsewhere)? = nil, onProgress: (SuboperationCounts) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let context = try association.context(for: sopClass)
        let request = CommandSet.moveRequest(
            messageID: messageID ?? association.nextMessageID(), sopClass: sopClass, destination: destination,
            priority: priority)
        var options = ReceiveOptions()
        options.elsewhere = elsewhere
        return try association.exchange(
            request, in: context, identifier: identifier, options: options, onSent: onSent,
            onPending: { message in
                onProgress(message.command.suboperationCounts)
            })
    }
}
