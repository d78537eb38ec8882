package import DICOM
package import System

/// Whether a study may begin.
package enum StudyTurn: Sendable, Equatable {
    case now
    /// Not yet: to be asked again at that time.
    case later(Deadline)
    /// Not in this run.
    case never
}

/// Decides when the next study of a run may begin. One that was begun is finished, whatever the time. Several threads ask.
package protocol StudyPace: AnyObject, Sendable {
    /// True if the study was begun.
    func hasBegun(_ study: UID) -> Bool

    /// Whether one may begin now, without beginning it.
    var turn: StudyTurn { get }

    /// Begins a study, unless it was begun, if it may begin now.
    func begin(_ study: UID) -> StudyTurn

    /// Waits until the time, or a moment of it, and tells a person what for. Returns true at a cancellation.
    func wait(until time: Deadline, _ cancellation: Cancellation) -> Bool
}
