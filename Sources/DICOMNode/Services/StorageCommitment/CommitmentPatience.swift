package import System

/// How long reports are waited for: so many seconds, and again from each report that tells something new, so that a large job
/// never runs out of time while it moves.
package struct CommitmentPatience {
    private let seconds: Double
    private var progress: Int
    private var deadline: Deadline

    package init(seconds: Double, ledger: CommitmentLedger) {
        self.seconds = seconds
        progress = ledger.progress
        deadline = .after(seconds: seconds)
    }

    mutating func deadline(for ledger: CommitmentLedger) -> Deadline {
        let now = ledger.progress
        if now != progress {
            progress = now
            deadline = .after(seconds: seconds)
        }
        return deadline
    }
}

extension CommitmentLedger {
    /// Waits until all transactions are settled by reports that come on associations of the peer. False: time is up.
    package func wait(
        _ patience: inout CommitmentPatience, cancellation: Cancellation
    ) throws(AssociationError) -> Bool {
        while !isSettled {
            let deadline = patience.deadline(for: self)
            guard !deadline.isPast else { return false }
            do throws(TransportError) {
                _ = try Readiness.waitForFirst(
                    of: descriptor, -1, until: deadline.earlier(nextPatience),
                    limits: WaitLimits(cancellation: cancellation), phase: .read)
            } catch {
                switch error {
                case .timedOut: continue
                case .cancelled: throw .interrupted(cancellation.level)
                default: throw .connectionLost(error)
                }
            }
        }
        return true
    }
}
