import DICOM

/// A result held against its request: each instance that was asked for has exactly one outcome.
///
/// An instance that the SCP lists as committed and as failed counts as failed: whoever deletes files on the strength of a
/// commitment must not rely on it. What was never asked for has no influence.
package struct StorageCommitmentOutcome: Equatable, Sendable {
    package let committed: [SOPInstanceReference]
    package let failed: [StorageCommitmentResult.Failed]
    /// Committed under another SOP class than was asked for; not counted as committed.
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
                // An SCP that leaves the class out has said nothing against it.
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

    /// Whether every instance that was asked for is committed.
    package var isComplete: Bool { failed.isEmpty && classMismatches.isEmpty && unanswered.isEmpty }
}
