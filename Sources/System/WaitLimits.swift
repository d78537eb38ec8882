import Glibc

/// How long an operation may wait, and what may wake it: the arguments of everything that can block.
///
/// Two clocks: `inactivity` starts again with each progress, so a long transfer never times out while it moves; `total`
/// is a point in time, so that one byte every two seconds does not hold us for ever.
package struct WaitLimits: Sendable {
    /// Seconds without progress; nil is without limit.
    package var inactivity: Double?
    package var total: Deadline
    package var cancellation: Cancellation
    /// The step of the cancellation that ends the wait. A thread that has acted on the graceful one, and is winding up
    /// in an orderly way, waits on with `.abort`.
    package var cancelledAt: Cancellation.Level
    /// Whether what is waited for is worth staying awake a moment: the peer has the next instance at hand.
    package var staysAwake = false
    /// Told of waits that last; nil where nobody watches.
    package var notice: WaitNotice?

    package init(
        inactivity: Double? = nil, total: Deadline = .never, cancellation: Cancellation = .never,
        cancelledAt: Cancellation.Level = .graceful
    ) {
        self.inactivity = inactivity
        self.total = total
        self.cancellation = cancellation
        self.cancelledAt = cancelledAt
    }

    package static let unlimited = WaitLimits()

    /// The same limits with an earlier end, for one step of a longer work.
    package func within(_ deadline: Deadline) -> WaitLimits {
        var limits = self
        limits.total = total.earlier(deadline)
        return limits
    }

    package var isCancelled: Bool {
        cancelledAt > .none && cancellation.level >= cancelledAt
    }

    /// When a wait that starts now, after some progress, ends.
    package func deadlineFromNow() -> Deadline {
        guard let inactivity else { return total }
        return total.earlier(.after(seconds: inactivity))
    }
}
