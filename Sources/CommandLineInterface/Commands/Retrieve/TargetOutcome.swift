import DICOM
import DICOMNode
import DICOMProtocol

/// The outcome of one target: what the server lists, what it says it sent, and what is here.
struct TargetOutcome: Sendable {
    /// The part that was not received, to be requested again.
    enum Missing: Sendable {
        case nothing
        case instances([InstanceListing.Series])
        /// From the server's list of failures alone.
        case uids([UID])
        /// The target as it was requested.
        case whole

        var isEmpty: Bool { if case .nothing = self { true } else { false } }
    }

    let target: RetrievalTarget
    /// Instances that the server lists; nil where it was not asked or cannot list.
    var listed: Int?
    /// Of these, the ones that an earlier run received.
    var presentBefore = 0
    /// Instances that the server says it sent; nil where it never said.
    var sent: Int?
    /// Instances received in the attempts of which the server said how many it sent.
    var receivedOfSent = 0
    /// Attempts made; none where everything was present before.
    var attempts = 0
    var failedInLastAttempt = 0
    var failedUIDs: [UID] = []
    var warnings = 0
    var counts = RetrievedInstances.Counts()
    var missing = Missing.nothing
    var wasInterrupted = false
    /// Our end of the association.
    var localAddress: String?
    var lastStatus: DIMSEStatus?
    var code = ExitCode.success
    var error: String?

    init(target: RetrievalTarget) { self.target = target }

    mutating func add(_ attempt: RetrievalAttempt, received: Int) {
        // Counts have 16 bits: of more instances than those the server cannot tell.
        if let sent = attempt.sent, received <= Int(UInt16.max) {
            self.sent = (self.sent ?? 0) + sent
            receivedOfSent += received
        }
        attempts += 1
        failedInLastAttempt = attempt.failed
        failedUIDs = attempt.failedUIDs
        warnings += attempt.warnings
        wasInterrupted = wasInterrupted || attempt.wasInterrupted
        localAddress = attempt.localAddress ?? localAddress
        lastStatus = attempt.status ?? lastStatus
    }

    /// True if a part of it was received.
    var isPartlyReceived: Bool {
        counts.present + counts.unlisted > 0 || presentBefore > 0 || ((sent ?? 0) > 0 && counts.attempted == 0)
    }

    /// The differences between what the server lists, what it says it sent, and what is here.
    ///
    /// - Parameters:
    ///   - isReceiver: whether the instances come to this process.
    ///   - hasProblems: whether another problem is known that explains why nothing was received.
    ///   - neverCalledBack: the remedy if the server has not opened an association to our port.
    func differences(isReceiver: Bool, hasProblems: Bool, neverCalledBack: Hint?) -> [RetrievalProblem] {
        var problems: [RetrievalProblem] = []
        let hint = counts.received == 0 ? neverCalledBack : nil
        if let listed {
            if listed == 0, counts.present + counts.unlisted == 0 {
                problems.append(.notOnServer)
            } else if !isReceiver {
                if let sent, sent < listed { problems.append(.fewerSent(sent, listed: listed)) }
            } else if counts.present < listed {
                problems.append(.missing(listed - counts.present, listed: listed, hint: hint))
            }
            if counts.unlisted > 0 { problems.append(.unlisted(counts.unlisted)) }
        } else if !hasProblems, isReceiver || sent != nil, (sent ?? 0) == 0, counts.attempted == 0 {
            // Of instances that go to a third party only the server's own count tells.
            problems.append(.nothingReceived(hint: hint))
        }
        if isReceiver, let sent, sent != receivedOfSent {
            problems.append(.countsDiffer(sent: sent, received: receivedOfSent, hint: hint))
        }
        if counts.notStored > 0 { problems.append(.notStored(counts.notStored)) }
        return problems
    }

    var summary: String {
        var text = "\(target.name): \(counts.received)" + (listed.map { " of \($0)" } ?? "") + " received"
        if counts.skipped > 0 { text += ", \(counts.skipped) of them already present" }
        if presentBefore > 0 { text += ", \(presentBefore) present from an earlier run" }
        return text
    }

    /// Returns true if the instance that a line of the list names was received, or the whole target of a line that
    /// names none.
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
