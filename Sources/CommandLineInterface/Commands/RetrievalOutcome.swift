import DICOMNode
import DICOMProtocol

/// What the responses of one or more retrievals come to.
struct RetrievalOutcome {
    /// Instances that the peer says it has sent.
    private(set) var told = 0
    /// Sub-operations that failed and have not been asked for again.
    private(set) var failed = 0
    private(set) var wasInterrupted = false
    /// The last result that was no success, or the last of all.
    private(set) var decisive: ExchangeResult?

    /// What failed so far is asked for again.
    mutating func beginRound() {
        failed = 0
        decisive = nil
    }

    mutating func add(_ result: ExchangeResult) {
        let counts = result.final?.command.suboperationCounts
        told += (counts?.completed ?? 0) + (counts?.warning ?? 0)
        failed += counts?.failed ?? 0
        wasInterrupted = wasInterrupted || result.wasInterrupted
        if decisive == nil || decisive?.status?.kind == .success { decisive = result }
    }
}
