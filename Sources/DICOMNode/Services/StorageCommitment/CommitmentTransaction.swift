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

        /// As peers are named in messages: `TITLE@host:port`, an IPv6 address in brackets.
        package var name: String { "\(calledAETitle)@\(endpoint)" }
    }

    package let request: StorageCommitmentRequest
    package let peer: Peer
    /// Whether this run waits for its report; others are known so that a late or repeated report is recognised.
    package internal(set) var isAwaited: Bool
    /// Whether the same was asked again in another transaction, because this one's request was not answered.
    package internal(set) var isSuperseded = false
    /// Whether a report has come, even one that said nothing of what was asked.
    package private(set) var isReported = false
    /// Whether nothing more is expected, by what the transaction file says.
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

    /// Whether every reference has been reported on.
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
        // Kept only where it told something: repetitions without end must not fill memory.
        committed = together.committed
        failed = together.failed
        return true
    }
}
