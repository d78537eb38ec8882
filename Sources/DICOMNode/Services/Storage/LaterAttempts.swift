package import System

/// The instances of a sender that wait for another attempt, and the pauses until it is due. Used by one thread.
package struct LaterAttempts: Sendable {
    private let retry: RetryPolicy
    private var pending: [PendingInstance] = []

    /// Instances that wait while new ones are sent. Beyond it the peer needs the pause more than new ones.
    private static let maximumWaiting = 1000

    package init(_ retry: RetryPolicy) { self.retry = retry }

    package var isEmpty: Bool { pending.isEmpty }

    package var count: Int { pending.count }

    /// Keeps an instance for another attempt; returns false if its result is final.
    ///
    /// - Parameter wanted: the pause in seconds that the peer asks for; nil for our own.
    package mutating func keep(_ instance: PendingInstance, after result: StoreResult, wanted: Double? = nil) -> Bool {
        guard result.isTransient, retry.allowsAttempt(after: instance.attempts, wanted: wanted) else { return false }
        var again = instance
        again.lastOutcome = result.outcome
        again.notBefore = .after(seconds: retry.pause(after: instance.attempts, wanted: wanted))
        pending.append(again)
        return true
    }

    /// True if instances that wait come before new ones: the pause of some is over, or the peer needs the pause.
    var isFirst: Bool { pending.count > Self.maximumWaiting || pending.contains { $0.notBefore.isPast } }

    /// When the first of them is due; `never` if there is none.
    package var next: Deadline { pending.map(\.notBefore).min() ?? .never }

    /// Removes the instances whose pause is over.
    package mutating func takeDue() -> [PendingInstance] {
        guard pending.contains(where: { $0.notBefore.isPast }) else { return [] }
        let due = pending.filter(\.notBefore.isPast)
        pending.removeAll(where: \.notBefore.isPast)
        return due
    }

    /// Removes all of them.
    package mutating func takeAll() -> [PendingInstance] {
        defer { pending = [] }
        return pending
    }

    /// The end of the pause that a sender makes that has nothing else to send; nil if it makes none, since nothing waits, or there may
    /// be new instances meanwhile.
    ///
    /// Those that are due little later than the first are waited for as well: one pause instead of many short ones.
    ///
    /// - Parameter isLast: True if no new instances come.
    package func pause(isLast: Bool) -> Deadline? {
        guard isLast || pending.count > Self.maximumWaiting, let first = pending.map(\.notBefore).min() else {
            return nil
        }
        let latest = Deadline.after(seconds: (first.secondsLeft ?? 0) + retry.delay / 2)
        return pending.map(\.notBefore).filter { $0 <= latest }.max() ?? first
    }
}
