import DICOM
import DICOMNode
import DICOMProtocol
import System

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
    /// The studies of the instances that are listed, or else those that were requested.
    var studies: Set<UID>
    /// Instances that the server lists; nil where it was not asked or cannot list.
    var listed: Int?
    /// True if the server was asked for a list, and may have returned none because it has nothing.
    var mayBeAbsent = false
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
    /// Of each instance or series that a row of the list names: how many instances of it are listed and here. Nil
    /// without such rows, or without a list of the server.
    var rowCounts: [UID: (listed: Int, received: Int)]?
    /// What rows name and the server does not list.
    var absentUIDs: [UID] = []
    /// Of what was sent to a third party: the instances that it does not list yet, and the number of those that it lists; nil if it was
    /// not asked.
    private(set) var unconfirmed: [InstanceListing.Series] = []
    /// The instances that the node does not have which they were to go to.
    private(set) var absent: [InstanceListing.Series] = []
    private(set) var confirmed: Int?
    /// What passes the instances on, while the outcome of some of them is not known yet.
    var unsettled: (any InstanceForwarder)?
    /// The folder of what was received.
    var folder: FilePath?
    /// The AE title of the third party that the instances go to; nil if they come here.
    var destination: String?
    private var isReceiver: Bool { destination == nil }
    /// Our end of the association.
    var localAddress: String?
    var lastStatus: DIMSEStatus?
    var code = ExitCode.success
    var error: String?
    var cause: FailureCause?
    /// The instances of a retrieval that was interrupted, of which some may still come while our port is open, and the
    /// list of them.
    private var underway: (instances: RetrievedInstances, series: [InstanceListing.Series]?)?

    init(target: RetrievalTarget) {
        self.target = target
        studies = Set(target.identifier.uids(.studyInstanceUID))
    }

    /// - Parameter failed: the instances that the server could not send in the attempt, and that are not here.
    mutating func add(_ attempt: RetrievalAttempt, received: Int, failed: Int) {
        // Counts have 16 bits: of more instances than those the server cannot tell.
        if let sent = attempt.sent, received <= Int(UInt16.max) {
            self.sent = (self.sent ?? 0) + sent
            receivedOfSent += received
        }
        attempts += 1
        failedInLastAttempt = failed
        failedUIDs = attempt.failedUIDs
        warnings += attempt.warnings
        wasInterrupted = wasInterrupted || attempt.wasInterrupted
        localAddress = attempt.localAddress ?? localAddress
        lastStatus = attempt.status ?? lastStatus
    }

    /// Counts what is here of the instances that the server lists.
    mutating func count(_ instances: RetrievedInstances, of series: [InstanceListing.Series]?) {
        counts = instances.counts
        underway = wasInterrupted ? (instances, series) : nil
        guard let series else { return }
        let absent = instances.missing(of: series, toRequest: false)
        countRows(series, absent)
        guard isReceiver else { return }
        let isUnknown = listed == 0 && counts.received == 0
        missing = isUnknown ? .whole : absent.isEmpty ? .nothing : .instances(absent)
    }

    /// Counts again what came after an interrupt, once nothing more can come.
    mutating func finish() {
        if let (instances, series) = underway { count(instances, of: series) }
    }

    /// Counts what is listed and here of each instance or series that a row of the list names.
    private mutating func countRows(_ series: [InstanceListing.Series], _ absent: [InstanceListing.Series]) {
        let named = target.rows.compactMap { $0.sopInstanceUID ?? $0.seriesInstanceUID }
        // A list of nothing says nothing of what came all the same.
        guard !named.isEmpty, !series.isEmpty || counts.unlisted == 0 else { return }
        let absent = Set(absent.flatMap(\.sopInstanceUIDs))
        var counted: [UID: (listed: Int, received: Int)] = [:]
        for one in series {
            for uid in one.sopInstanceUIDs {
                let key = target.level == .image ? uid : one.seriesInstanceUID
                let before = counted[key] ?? (0, 0)
                counted[key] = (before.listed + 1, before.received + (absent.contains(uid) ? 0 : 1))
            }
        }
        rowCounts = counted
        absentUIDs = Set(named).filter { counted[$0] == nil }.sorted { $0.string < $1.string }
    }

    // MARK: At a third party

    /// True if nothing is waited for any more.
    var isSettled: Bool { unsettled == nil && !isUnconfirmed }

    /// Records that the run was interrupted before the third party had confirmed all.
    mutating func interrupt() {
        wasInterrupted = true
        code = code.worst(.interrupted)
        giveUpConfirming()
    }

    /// True if the node does not have the instance, or something of the series, of this UID.
    private func isAbsent(_ uid: UID) -> Bool {
        absent.contains { $0.seriesInstanceUID == uid || $0.sopInstanceUIDs.contains(uid) }
    }

    /// True if it waits for the third party to list what was sent.
    var isUnconfirmed: Bool { !unconfirmed.isEmpty }

    /// Records what the third party lists.
    ///
    /// - Parameters:
    ///   - listed: the number of instances that it was asked for.
    ///   - unlisted: those that it does not list.
    mutating func recordConfirmed(of listed: Int, unlisted: [InstanceListing.Series]) {
        unconfirmed = unlisted
        confirmed = listed - unlisted.reduce(0) { $0 + $1.sopInstanceUIDs.count }
    }

    /// Leaves out of what it waits for all but these.
    mutating func settle(unlisted: Set<UID>) {
        let listed = (confirmed ?? 0) + unconfirmed.reduce(0) { $0 + $1.sopInstanceUIDs.count }
        recordConfirmed(
            of: listed,
            unlisted: unconfirmed.compactMap { series in
                let left = series.sopInstanceUIDs.filter(unlisted.contains)
                return left.isEmpty ? nil : series.reduced(to: left)
            })
    }

    /// What it waits for is missing: nothing more of it comes.
    mutating func giveUpConfirming() {
        absent += unconfirmed
        unconfirmed = []
    }

    /// Records instances that the node has not taken.
    mutating func recordAbsent(_ series: [InstanceListing.Series]) { absent += series }

    /// The problem of instances that the third party does not list; nil if there are none.
    var problemAtDestination: RetrievalProblem? {
        let count = unconfirmed.reduce(0) { $0 + $1.sopInstanceUIDs.count }
        return count == 0 ? nil : .missingAtDestination(count, listed: count + (confirmed ?? 0))
    }

    /// Records that it has failed.
    mutating func fail(_ exitCode: ExitCode, _ message: Message) {
        code = code.worst(exitCode)
        guard error == nil else { return }
        error = message.line
        cause = message.cause ?? FailureCause(exitCode)
    }

    /// True if a part of it was received.
    var isPartlyReceived: Bool {
        counts.present + counts.unlisted > 0 || presentBefore > 0 || ((sent ?? 0) > 0 && counts.attempted == 0)
    }

    /// True if the server was reached for it, or it was complete before.
    var isBegun: Bool { localAddress != nil || code == .success }

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
        } else if mayBeAbsent, (sent ?? 0) == 0, failedInLastAttempt == 0, counts.attempted == 0 {
            problems.append(.notOnServer)
        } else if !hasProblems, isReceiver || sent != nil, (sent ?? 0) == 0, counts.attempted == 0 {
            // Of instances that go to a third party only the server's own count tells.
            problems.append(.nothingReceived(isCounted: sent != nil, hint: hint))
        }
        if isReceiver, sent == 0, receivedOfSent > 0, let listed, listed > 0, counts.present == listed {
            problems.append(.countsNothing(received: receivedOfSent))
        } else if isReceiver, let sent, sent != receivedOfSent {
            problems.append(.countsDiffer(sent: sent, received: receivedOfSent, hint: hint))
        }
        if counts.notStored > 0 { problems.append(.notStored(counts.notStored)) }
        return problems
    }

    var summary: String {
        let ofListed = listed.map { " of \($0)" } ?? ""
        if let destination {
            return "\(target.name): " + (sent.map { "\($0)\(ofListed)" } ?? "an unknown number")
                + " sent to \(destination)" + (confirmed.map { ", \($0) listed there" } ?? "")
        }
        var text = "\(target.name): \(counts.received)\(ofListed) received"
        if counts.skipped > 0 { text += ", \(counts.skipped) of them already present" }
        if presentBefore > 0 { text += ", \(presentBefore) present from an earlier run" }
        return text
    }

    /// The outcome of the whole target.
    var result: RetrievalRows.Result {
        var result = RetrievalRows.Result(
            outcome: wasInterrupted ? .interrupted : .incomplete, listed: listed,
            received: isReceiver ? counts.present + counts.unlisted : sent, cause: error, folder: folder)
        if code == .success {
            result.outcome = .complete
        } else if listed == 0, counts.present + counts.unlisted == 0, !wasInterrupted {
            result.outcome = .notFound
        }
        return result
    }

    /// The outcome of a row of the list: of the instance or series that it names, or of the whole target.
    func result(for row: RetrievalTarget.Row) -> RetrievalRows.Result {
        guard let uid = row.sopInstanceUID ?? row.seriesInstanceUID else { return result }
        var own = result
        if let rowCounts {
            let counted = rowCounts[uid]
            own.listed = counted?.listed ?? 0
            own.received = isReceiver ? counted?.received ?? 0 : nil
            if counted == nil {
                if !wasInterrupted { own.outcome = .notFound }
                own.cause = "not found on the server"
            } else if !isAbsent(uid),
                isReceiver ? own.received == own.listed : code == .success || !absentUIDs.isEmpty
            {
                (own.outcome, own.cause) = (.complete, nil)
            }
            return own
        }
        guard code != .success else { return own }
        let isHere: Bool =
            switch missing {
            case .nothing: true
            case .instances(let series): !series.contains { $0.sopInstanceUIDs.contains(uid) }
            case .uids(let uids): !uids.contains(uid)
            case .whole: false
            }
        (own.listed, own.received) = (nil, nil)
        if isHere, !isAbsent(uid) { (own.outcome, own.cause) = (.complete, nil) }
        return own
    }
}
