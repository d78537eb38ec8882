/// Outcomes of a journal's entries that tell what a server has received from what it has committed to keep.
///
/// "done", "warning" and "skipped" are what became of a C-STORE: received, no more.
package enum JournalOutcome {
    package static let received: Set<String> = ["done", warning, skipped]
    /// Taken with a remark: the server may have changed it, or left something out.
    package static let warning = "warning"
    /// Not sent: the server had an instance of its UID before.
    package static let skipped = "skipped"
    /// The server has committed to keep it.
    package static let committed = "committed"
    /// The server has refused to commit to it, or has left it out of its report.
    package static let uncommitted = "uncommitted"
    /// The server has not reported on it yet.
    package static let unanswered = "unanswered"
}
