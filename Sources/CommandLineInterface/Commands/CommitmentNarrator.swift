import DICOM
import DICOMNode

/// Tells of each report as it comes. Works on any thread.
struct CommitmentNarrator: Sendable {
    let diagnostics: Diagnostics

    func narrate(_ report: CommitmentReport) {
        let way = report.isOnOwnAssociation ? "on our association" : "on an association of the server's"
        switch report.receipt {
        case .recorded(let uid): diagnostics.verbose("report on transaction \(uid), \(way)")
        case .repeated(let uid):
            diagnostics.note(
                Message("the server repeated its report on transaction \(uid)", "answered as the first time"))
        case .unknown(let uid):
            diagnostics.note(
                Message(
                    "a report came for a transaction that is not ours", uid?.string ?? "it names none",
                    code: "answered with 0115H"))
        case .notKept(let uid, let problem):
            diagnostics.error(Message("the report on transaction \(uid) cannot be kept", "\(problem)"))
        }
    }
}
