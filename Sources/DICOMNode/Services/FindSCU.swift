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
        /// The encoding of the bytes, which is not always the one that was agreed on.
        package let transferSyntax: TransferSyntax
        /// The transfer syntax that was agreed on, if the peer has not kept to it.
        package let agreedOtherwise: TransferSyntax?
        /// True if the peer says that it did not take all optional keys into account (FF01H).
        package let hasUnsupportedKeys: Bool
        /// The length, in bytes, of an identifier that was too long to be held.
        package let omittedLength: Int?
        /// The identifier of a match that came in another form than a data set.
        private let decoded: DataSet?
        fileprivate let decoder: DataSetDecoder

        fileprivate init(
            bytes: ArraySlice<UInt8>, transferSyntax: TransferSyntax, agreedOtherwise: TransferSyntax?,
            hasUnsupportedKeys: Bool, omittedLength: Int?, decoder: DataSetDecoder
        ) {
            self.bytes = bytes
            self.transferSyntax = transferSyntax
            self.agreedOtherwise = agreedOtherwise
            self.hasUnsupportedKeys = hasUnsupportedKeys
            self.omittedLength = omittedLength
            self.decoder = decoder
            decoded = nil
        }

        private static let encoder = DataSetEncoder(.explicitVRLittleEndian)
        private static let decoder = DataSetDecoder(.explicitVRLittleEndian, limits: .identifier)

        /// A match that is no response of DIMSE.
        package init(_ identifier: DataSet) {
            bytes = Self.encoder.encode(identifier)[...]
            transferSyntax = .explicitVRLittleEndian
            agreedOtherwise = nil
            hasUnsupportedKeys = false
            omittedLength = nil
            decoder = Self.decoder
            decoded = identifier
        }

        /// Decodes the identifier.
        ///
        /// - Throws: `DataSetError` with `.tooLong` if the identifier was not held, or the reason why it cannot be
        ///   decoded.
        package func identifier() throws(DataSetError) -> DataSet {
            if let decoded { return decoded }
            if let omittedLength {
                throw DataSetError(
                    .tooLong, "it has \(omittedLength) bytes, more than the \(Association.maximumDataSetInMemory) held")
            }
            return try decoder.decode(bytes)
        }
    }
}

extension Association: QuerySession {
    /// Runs one query. Matches are passed on undecoded as they arrive, and are not stored; also one in the final response.
    ///
    /// - Parameter beforeBlockingRead: Called when all matches received so far were passed on: time to flush output.
    /// - Throws: `noPresentationContext`, or the error that ended the association.
    package func find(
        sopClass: UID, identifier: DataSet, priority: Priority = .medium, beforeBlockingRead: (() -> Void)? = nil,
        onMatch: @escaping (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let context = try context(for: sopClass)
        let request = CommandSet.findRequest(
            messageID: nextMessageID(), sopClass: sopClass, priority: priority)
        var options = ReceiveOptions()
        options.beforeBlockingRead = beforeBlockingRead
        let agreed = context.transferSyntax
        let decoder = DataSetDecoder(agreed, limits: .identifier)
        func match(_ message: DIMSEMessage) -> FindSCU.Match {
            let bytes = message.dataSet ?? []
            let other = TransferSyntax.guessed(fromDataSet: bytes[...]).flatMap { seen in
                let isOther =
                    seen != agreed
                    && (seen.isExplicitVR != agreed.isExplicitVR || seen.isBigEndian != agreed.isBigEndian)
                return isOther ? seen : nil
            }
            return FindSCU.Match(
                bytes: bytes[...], transferSyntax: other ?? agreed, agreedOtherwise: other == nil ? nil : agreed,
                hasUnsupportedKeys: message.command.status == .pendingWithUnsupportedKeys,
                omittedLength: message.omittedLength,
                decoder: other.map { DataSetDecoder($0, limits: .identifier) } ?? decoder)
        }
        let result = try exchange(
            request, in: context, identifier: identifier, options: options,
            onPending: { message in onMatch(match(message)) })
        // Some servers send the last match with the final status. One that sends the query back has no match there.
        if let final = result.final, final.command.status?.kind == .success, !(final.dataSet ?? []).isEmpty {
            let match = match(final)
            if (try? match.identifier()) != identifier { _ = onMatch(match) }
        }
        return result
    }
}
