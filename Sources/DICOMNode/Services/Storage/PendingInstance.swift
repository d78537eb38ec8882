/// A file that is to be stored at a peer, and what was tried with it so far.
package struct PendingInstance: Sendable {
    package let file: InstanceFile
    /// How often it left, wholly or in part.
    package var attempts = 0
    /// What the last attempt came to; nil before the first.
    var lastOutcome: StoreResult.Outcome?
    /// Not to be tried again before this.
    var notBefore = Deadline.now

    package init(_ file: InstanceFile) { self.file = file }

    /// What it comes to when nothing more is tried: its own last outcome, or what ended the work before it was its turn.
    package func result(endedBy outcome: StoreResult.Outcome) -> StoreResult {
        StoreResult(file: file, outcome: lastOutcome ?? outcome, attempts: attempts)
    }
}
