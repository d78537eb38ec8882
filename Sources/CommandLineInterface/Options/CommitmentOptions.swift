import DICOMProtocol

/// What storage commitment alone is told.
package struct CommitmentOptions: Sendable, Equatable {
    /// What goes into one transaction together.
    package enum Grouping: String, Sendable, CaseIterable {
        case study, series
    }

    package var maximumReferences = StorageCommitmentRequest.maximumReferenceCount
    /// Nil fills transactions whatever the references belong to.
    package var grouping: Grouping?
    /// Where transactions are kept that were not answered in time.
    package var transactionFile: String?
    /// Whether nothing is asked, and the reports of earlier runs are waited for.
    package var isListening = false
    /// Where reports are kept as DICOM files; nil keeps none.
    package var reportDirectory: String?

    package init() {}
}
