package import System

/// The time limit of a wait for reports. Each report with new results starts it again, so that a large job does not run
/// out of time while it makes progress.
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
    /// Waits until all transactions are settled by reports on associations of the peer; returns false if time is up.
    ///
    /// - Throws: `.interrupted` after a cancellation; `.connectionLost` if the wait itself fails.
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
