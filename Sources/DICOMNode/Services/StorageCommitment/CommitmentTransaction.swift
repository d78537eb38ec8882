package import DICOMProtocol

/// One storage commitment transaction as we know it: what was asked of whom, and what was reported on it so far.
package struct CommitmentTransaction: Sendable, Equatable {
    /// The peer that was asked, and our own AE title: both are needed to recognise the report in a later run.
    package struct Peer: Sendable, Equatable {
        package var calledAETitle: String
        package var callingAETitle: String
        package var endpoint: Endpoint

        package init(calledAETitle: String, callingAETitle: String, endpoint: Endpoint) {
            self.calledAETitle = calledAETitle
            self.callingAETitle = callingAETitle
            self.endpoint = endpoint
        }

        /// The peer as messages name it: `AETITLE@host:port`, an IPv6 address in brackets.
        package var name: String { "\(calledAETitle)@\(endpoint)" }
    }

    package let request: StorageCommitmentRequest
    package let peer: Peer
    /// True if this run waits for its report; others are known so that a late or repeated report is recognised.
    package internal(set) var isAwaited: Bool
    /// True if the request was made again in another transaction, because there was no response to this one.
    package internal(set) var isSuperseded = false
    /// True if a report has come, even one without any of the requested instances.
    package private(set) var isReported = false
    /// True if the transaction file says that no report is expected any more.
    package internal(set) var isClosed = false
    /// All reports so far held against the request.
    package private(set) var outcome: StorageCommitmentOutcome
    private var committed: [StorageCommitmentResult.Committed] = []
    private var failed: [StorageCommitmentResult.Failed] = []

    package init(_ request: StorageCommitmentRequest, peer: Peer, isAwaited: Bool = true) {
        self.request = request
        self.peer = peer
        self.isAwaited = isAwaited
        outcome = StorageCommitmentOutcome(
            of: request,
            result: StorageCommitmentResult(transactionUID: request.transactionUID, committed: [], failed: []))
    }

    /// True if every reference has been reported.
    package var isAnswered: Bool { outcome.unanswered.isEmpty }

    /// Takes a report. False: all of it was known already.
    ///
    /// A server may split its result, and may repeat it; a failure once reported stays one.
    mutating func take(_ result: StorageCommitmentResult) -> Bool {
        let together = StorageCommitmentResult(
            transactionUID: request.transactionUID, committed: committed + result.committed,
            failed: failed + result.failed)
        let outcome = StorageCommitmentOutcome(of: request, result: together)
        guard !isReported || outcome != self.outcome else { return false }
        isReported = true
        self.outcome = outcome
        // Kept only with new results: endless repetitions must not fill memory.
        committed = together.committed
        failed = together.failed
        return true
    }
}
