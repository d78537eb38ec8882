/// The outcome of an instance, as an entry of a journal has it.
package enum JournalOutcome: String, Sendable, CaseIterable {
    /// Stored by the server, or received from it: no more is known.
    case done
    /// Stored with a warning: the server may have changed it, or left something out.
    case warning
    /// Not sent: the server had an instance of its UID before.
    case skipped
    case failed
    /// The run ended before its turn.
    case pending
    /// The server has committed to keep it.
    case committed
    /// The server has refused to commit to it, or has left it out of its report.
    case uncommitted
    /// The server has not reported on it yet.
    case unanswered
    /// No instance: all entries before it were forced onto the disk.
    case synced

    /// Whether the server has the instance.
    package var isReceived: Bool { self == .done || self == .warning || self == .skipped }
}
