package import DICOM

/// The result of a storage commitment request, the data set of the N-EVENT-REPORT-RQ, PS3.4 J.3.3 and table J.3-2.
///
///     (0008,0054) AE  Retrieve AE Title          3, here or in the items
///     (0008,1195) UI  Transaction UID            1
///     (0008,1198) SQ  Failed SOP Sequence        event type 2: one item or more
///       (0008,1150) UI  Referenced SOP Class UID
///       (0008,1155) UI  Referenced SOP Instance UID
///       (0008,1197) US  Failure Reason
///     (0008,1199) SQ  Referenced SOP Sequence    event type 1: one item or more
///       (0008,0054) AE  Retrieve AE Title
///       (0008,1150) UI  Referenced SOP Class UID
///       (0008,1155) UI  Referenced SOP Instance UID
///
/// Reading is lenient: an absent or empty sequence has no items, an item without an instance is only counted, a failure
/// without a reason is a failure, too.
package struct StorageCommitmentResult: Equatable, Sendable {
    package struct Committed: Hashable, Sendable {
        package var reference: SOPInstanceReference
        /// The AE title from which the instance can be retrieved, if the SCP sent one, PS3.4 J.3.3.1.1.
        package var retrieveAETitle: String?

        package init(reference: SOPInstanceReference, retrieveAETitle: String? = nil) {
            self.reference = reference
            self.retrieveAETitle = retrieveAETitle
        }
    }

    package struct Failed: Hashable, Sendable {
        package var reference: SOPInstanceReference
        package var reason: StorageCommitmentFailureReason?

        package init(reference: SOPInstanceReference, reason: StorageCommitmentFailureReason?) {
            self.reference = reference
            self.reason = reason
        }
    }

    /// The Event Type ID of a result without failures, PS3.4 J.3.3.1.
    package static let successEventTypeID: UInt16 = 1

    /// The Event Type ID of a result with failures, PS3.4 J.3.3.1.
    package static let failuresEventTypeID: UInt16 = 2

    /// True if a report of this event type is a result. A report without one is accepted.
    package static func isEventType(_ id: UInt16?) -> Bool {
        id == nil || id == successEventTypeID || id == failuresEventTypeID
    }

    /// The transaction UID of the request; nil if the SCP left it out.
    package let transactionUID: UID?
    package let committed: [Committed]
    package let failed: [Failed]
    /// The number of items without an instance.
    package let unreadableItemCount: Int

    package init(transactionUID: UID?, committed: [Committed], failed: [Failed]) {
        self.transactionUID = transactionUID
        self.committed = committed
        self.failed = failed
        unreadableItemCount = 0
    }

    package init(reading dataSet: DataSet) {
        transactionUID = dataSet.uid(.transactionUID)
        let title = dataSet.string(.retrieveAETitle)
        let references = dataSet.items(.referencedSOPSequence) ?? []
        let failures = dataSet.items(.failedSOPSequence) ?? []
        committed = references.compactMap { item in
            SOPInstanceReference(item: item).map {
                Committed(reference: $0, retrieveAETitle: item.string(.retrieveAETitle) ?? title)
            }
        }
        failed = failures.compactMap { item in
            SOPInstanceReference(item: item).map {
                Failed(
                    reference: $0,
                    reason: item.uint16(.failureReason).map(StorageCommitmentFailureReason.init(rawValue:)))
            }
        }
        unreadableItemCount = references.count + failures.count - committed.count - failed.count
    }

    /// The event type that goes with the result.
    package var eventTypeID: UInt16 { failed.isEmpty ? Self.successEventTypeID : Self.failuresEventTypeID }

    /// The result as an SCP sends it. Without committed instances their sequence is left out.
    package var dataSet: DataSet {
        var dataSet = DataSet()
        if let transactionUID { dataSet.set(.transactionUID, transactionUID) }
        if !failed.isEmpty { dataSet.set(.failedSOPSequence, items: failed.map(Self.item)) }
        if !committed.isEmpty { dataSet.set(.referencedSOPSequence, items: committed.map(Self.item)) }
        return dataSet
    }

    private static func item(_ committed: Committed) -> DataSet {
        var item = committed.reference.item
        if let title = committed.retrieveAETitle { item.set(.retrieveAETitle, .AE, title) }
        return item
    }

    private static func item(_ failed: Failed) -> DataSet {
        var item = failed.reference.item
        item.setUInt16(.failureReason, (failed.reason ?? .processingFailure).rawValue)
        return item
    }
}

/// The reason why an SCP does not commit to an instance, (0008,1197), PS3.3 C.14.1.1. The numbers are those of
/// statuses.
package struct StorageCommitmentFailureReason: WireCode {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    private init(_ status: DIMSEStatus) { self.init(rawValue: status.rawValue) }

    package static let processingFailure = Self(DIMSEStatus.processingFailure)
    package static let noSuchObjectInstance = Self(DIMSEStatus.noSuchObjectInstance)
    package static let classInstanceConflict = Self(DIMSEStatus.classInstanceConflict)
    package static let sopClassNotSupported = Self(DIMSEStatus.sopClassNotSupported)
    package static let resourceLimitation = Self(DIMSEStatus.resourceLimitation)

    /// The meanings that differ from those of the statuses.
    package static let meanings: KeyValuePairs<Self, String> = [
        .noSuchObjectInstance: "no such object instance", .sopClassNotSupported: "referenced SOP class not supported",
    ]
    package static let undefined = "reason"

    /// The meaning in lower case and without a full stop. Some servers send any status of PS3.7 C.
    package var meaning: String {
        definedMeaning ?? DIMSEStatus(rawValue: rawValue).meaning(for: .storageCommitment)
    }

    /// True if the same request may succeed later.
    package var isTransient: Bool { self == .resourceLimitation }

    /// The number as the standard writes it: `0112H`.
    package var description: String { DIMSEStatus(rawValue: rawValue).description }
}

/// The comparison of a result with its request: each requested instance has exactly one outcome.
///
/// An instance that the SCP lists as committed and as failed counts as failed, because files may be deleted on the
/// strength of a commitment. Instances that were not requested are ignored.
package struct StorageCommitmentOutcome: Equatable, Sendable {
    package let committed: [SOPInstanceReference]
    package let failed: [StorageCommitmentResult.Failed]
    /// Committed under another SOP class than the requested one; not counted as committed.
    package let classMismatches: [SOPInstanceReference]
    /// In neither list.
    package let unanswered: [SOPInstanceReference]

    package init(of request: StorageCommitmentRequest, result: StorageCommitmentResult) {
        let committedClasses = Dictionary(
            result.committed.map { ($0.reference.sopInstanceUID, $0.reference.sopClassUID) },
            uniquingKeysWith: { first, _ in first })
        let failures = Dictionary(
            result.failed.map { ($0.reference.sopInstanceUID, $0) }, uniquingKeysWith: { first, _ in first })
        var committed: [SOPInstanceReference] = []
        var failed: [StorageCommitmentResult.Failed] = []
        var classMismatches: [SOPInstanceReference] = []
        var unanswered: [SOPInstanceReference] = []
        var seen: Set<UID> = []
        for reference in request.references where seen.insert(reference.sopInstanceUID).inserted {
            if let failure = failures[reference.sopInstanceUID] {
                failed.append(StorageCommitmentResult.Failed(reference: reference, reason: failure.reason))
            } else if let sopClass = committedClasses[reference.sopInstanceUID] {
                // An SCP that leaves the class out does not contradict it.
                if sopClass == reference.sopClassUID || sopClass.string.isEmpty {
                    committed.append(reference)
                } else {
                    classMismatches.append(reference)
                }
            } else {
                unanswered.append(reference)
            }
        }
        self.committed = committed
        self.failed = failed
        self.classMismatches = classMismatches
        self.unanswered = unanswered
    }

    /// True if every requested instance is committed.
    package var isComplete: Bool { failed.isEmpty && classMismatches.isEmpty && unanswered.isEmpty }
}
