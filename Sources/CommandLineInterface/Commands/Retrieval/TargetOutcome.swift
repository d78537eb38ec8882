import DICOM
import DICOMNode
import DICOMProtocol

/// What became of one target.
struct TargetOutcome: Sendable {
    /// What was not got, to be asked for again.
    enum Missing: Sendable {
        case nothing
        case instances([InstanceListing.Series])
        /// Only the server's list of failures tells.
        case uids([UID])
        /// The target as it was asked for.
        case whole

        var isEmpty: Bool { if case .nothing = self { true } else { false } }
    }

    let target: RetrievalTarget
    /// Instances that the server lists; nil where it was not asked or cannot list.
    var expected: Int?
    /// Of these, the ones that an earlier run brought.
    var heldBefore = 0
    /// Instances that the server says it sent, and how many came meanwhile.
    var told = 0
    var arrivedOfTold = 0
    /// Whether it said anything.
    var tells = false
    /// Attempts; none where everything was here before.
    var rounds = 0
    var failedLast = 0
    var failedUIDs: [UID] = []
    var warnings = 0
    var tally = InstanceLedger.Tally()
    var missing = Missing.nothing
    var wasInterrupted = false
    var localAddress: String?
    var lastStatus: DIMSEStatus?
    var code = ExitCode.success
    var error: String?

    init(target: RetrievalTarget) { self.target = target }

    /// Whether a part of it came.
    var hasSome: Bool { tally.held + tally.unlisted > 0 || heldBefore > 0 || (told > 0 && tally.attempts == 0) }

    var summary: String {
        var text = "\(target.name): \(tally.arrived) came"
        if tally.skipped > 0 { text += " (\(tally.skipped) were there already)" }
        if let expected { text += " of \(expected)" }
        if heldBefore > 0 { text += ", \(heldBefore) were here from an earlier run" }
        return text
    }

    /// What became of one line of a list.
    func isComplete(_ row: RetrievalTarget.Row) -> Bool {
        guard code != .success else { return true }
        guard let uid = row.sopInstanceUID else { return false }
        switch missing {
        case .nothing: return true
        case .instances(let series): return !series.contains { $0.sopInstanceUIDs.contains(uid) }
        case .uids(let uids): return !uids.contains(uid)
        case .whole: return false
        }
    }
}
