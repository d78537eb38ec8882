package import DICOM
package import DICOMProtocol

/// Query by C-FIND, PS3.4 C.4.1 and K.4.1.
package enum FindSCU {
    /// Both in one context: servers choose, and answers are read in either.
    package static let transferSyntaxes = [
        TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid,
    ]

    package static func needs(_ sopClass: UID) -> [PresentationContextPlan.Need] {
        [PresentationContextPlan.Need(sopClass, transferSyntaxes)]
    }

    /// One query. Answers are handed on as they arrive, undecoded, and none is kept.
    ///
    /// - Parameter onAnswer: the identifier of a match, empty where the peer sent none, and its transfer syntax.
    package static func find(
        on association: Association, sopClass: UID, identifier: DataSet, priority: Priority = .medium,
        onAnswer: (ArraySlice<UInt8>, TransferSyntax) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let context = try association.context(for: sopClass)
        let request = CommandSet.findRequest(
            messageID: association.nextMessageID(), sopClass: sopClass, priority: priority)
        return try association.exchange(
            request, in: context, identifier: identifier,
            onPending: { message in
                onAnswer((message.dataSet ?? [])[...], context.transferSyntax)
            })
    }
}
