package import DICOM
package import DICOMProtocol

/// Retrieval by C-MOVE, PS3.4 C.4.2: the peer sends what was asked for to an application entity that it knows by title.
package enum MoveSCU {
    package static func needs(_ sopClass: UID) -> [PresentationContextPlan.Need] {
        [PresentationContextPlan.Need(sopClass, FindSCU.transferSyntaxes)]
    }

    /// - Parameters:
    ///   - messageID: servers send it with each instance, so of moves that go on at once each needs its own.
    ///   - hasProgressElsewhere: asked when the peer is silent: whether its instances arrive on other associations.
    /// - Throws: `noPresentationContext`, or what has ended the association.
    package static func move(
        on association: Association, sopClass: UID, identifier: DataSet, destination: AETitle,
        messageID: UInt16? = nil, priority: Priority = .medium,
        hasProgressElsewhere: (() -> Bool)? = nil, onProgress: (SuboperationCounts) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let context = try association.context(for: sopClass)
        let request = CommandSet.moveRequest(
            messageID: messageID ?? association.nextMessageID(), sopClass: sopClass, destination: destination,
            priority: priority)
        var options = ReceiveOptions()
        options.hasProgressElsewhere = hasProgressElsewhere
        return try association.exchange(
            request, in: context, identifier: identifier, options: options,
            onPending: { message in
                onProgress(message.command.suboperationCounts)
            })
    }
}
