package import DICOM

/// A storage commitment request, the data set of the N-ACTION-RQ, PS3.4 J.3.2 and table J.3-1.
///
///     (0008,1195) UI  Transaction UID            1
///     (0008,1199) SQ  Referenced SOP Sequence    1, one item or more
///       (0008,1150) UI  Referenced SOP Class UID
///       (0008,1155) UI  Referenced SOP Instance UID
package struct StorageCommitmentRequest: Equatable, Sendable {
    /// Storage Commitment Push Model SOP Class, PS3.4 J.4.
    package static let sopClass: UID = "1.2.840.10008.1.20.1"

    /// The one instance on which every request acts, PS3.4 J.3.5.
    package static let sopInstance: UID = "1.2.840.10008.1.20.1.1"

    /// The Action Type ID of a request, PS3.4 table J.3-1.
    package static let actionTypeID: UInt16 = 1

    /// The limit of references in one transaction. The time of some servers grows with the square of their number: a
    /// second for 500, half an hour for 10,000.
    package static let maximumReferenceCount = 500

    package let transactionUID: UID
    package let references: [SOPInstanceReference]

    package init(transactionUID: UID, references: [SOPInstanceReference]) {
        self.transactionUID = transactionUID
        self.references = references
    }

    /// Reads a request, as an SCP. Returns nil without a transaction UID.
    package init?(reading dataSet: DataSet) {
        guard let transactionUID = dataSet.uid(.transactionUID) else { return nil }
        let items = dataSet.items(.referencedSOPSequence) ?? []
        self.init(transactionUID: transactionUID, references: items.compactMap(SOPInstanceReference.init(item:)))
    }

    package var dataSet: DataSet {
        var dataSet = DataSet()
        dataSet.set(.transactionUID, transactionUID)
        dataSet.set(.referencedSOPSequence, items: references.map(\.item))
        return dataSet
    }

    /// The N-ACTION-RQ that the data set follows.
    package static func command(messageID: UInt16) -> CommandSet {
        .actionRequest(
            messageID: messageID, sopClass: sopClass, sopInstance: sopInstance, actionTypeID: actionTypeID)
    }

    /// The references in groups that fit one transaction, each instance once.
    package static func groups(
        _ references: [SOPInstanceReference], of count: Int = maximumReferenceCount
    ) -> [[SOPInstanceReference]] {
        var seen: Set<UID> = []
        let distinct = references.filter { seen.insert($0.sopInstanceUID).inserted }
        let size = max(count, 1)
        return stride(from: 0, to: distinct.count, by: size).map {
            Array(distinct[$0..<min($0 + size, distinct.count)])
        }
    }
}

/// A reference to an instance, PS3.3 10.8: the item of Referenced SOP Sequence and Failed SOP Sequence.
package struct SOPInstanceReference: Hashable, Sendable {
    package var sopClassUID: UID
    package var sopInstanceUID: UID

    package init(sopClassUID: UID, sopInstanceUID: UID) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
    }

    /// Returns nil for an item without an instance. A missing class is read as an empty one.
    init?(item: DataSet) {
        guard let instance = item.uid(.referencedSOPInstanceUID) else { return nil }
        self.init(sopClassUID: item.uid(.referencedSOPClassUID) ?? "", sopInstanceUID: instance)
    }

    var item: DataSet {
        var item = DataSet()
        item.set(.referencedSOPClassUID, sopClassUID)
        item.set(.referencedSOPInstanceUID, sopInstanceUID)
        return item
    }
}
