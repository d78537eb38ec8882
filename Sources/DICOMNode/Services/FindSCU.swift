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

    /// The identifier of one match, as the peer sent it.
    package struct Match: Sendable {
        /// Empty where the peer sent none, or more than is held.
        package let bytes: ArraySlice<UInt8>
        package let transferSyntax: TransferSyntax
        /// How long an identifier was that was too long to be held, in bytes.
        package let omittedLength: Int?

        package func identifier() throws(DataSetError) -> DataSet {
            if let omittedLength {
                throw DataSetError(
                    .tooLong, "it has \(omittedLength) bytes, more than the \(Association.maximumDataSetInMemory) held")
            }
            return try DataSetDecoder(transferSyntax, limits: .identifier).decode(bytes)
        }
    }

    /// One query. Matches are handed on as they arrive, undecoded, and none is kept.
    ///
    /// - Parameter beforeBlockingRead: called when no more matches are at hand: time to pass collected output on.
    /// - Throws: `noPresentationContext`, or what has ended the association.
    package static func find(
        on association: Association, sopClass: UID, identifier: DataSet, priority: Priority = .medium,
        beforeBlockingRead: (() -> Void)? = nil, onMatch: (Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let context = try association.context(for: sopClass)
        let request = CommandSet.findRequest(
            messageID: association.nextMessageID(), sopClass: sopClass, priority: priority)
        var options = ReceiveOptions()
        options.beforeBlockingRead = beforeBlockingRead
        return try association.exchange(
            request, in: context, identifier: identifier, options: options,
            onPending: { message in
                onMatch(
                    Match(
                        bytes: (message.dataSet ?? [])[...], transferSyntax: context.transferSyntax,
                        omittedLength: message.omittedLength))
            })
    }
}
