import DICOM
package import DICOMProtocol

/// Sends instances by C-STORE, PS3.4 annex B, over one association at a time: it opens one when it is needed, with what the files
/// at hand need, and another when files come that need more, or when one is lost.
///
/// Used by one thread. Parallel sending is several of these: ``ParallelStorage``.
package final class StorageSCU {
    package struct Options: Sendable {
        package var priority: Priority = .medium
        /// C-STOREs that may be unanswered at a time, if the peer grants it (PS3.7 D.3.3.3); 1 asks for nothing.
        package var operationsWindow: UInt16 = 1
        /// Whether a file whose syntax the peer refuses may be rewritten in another native syntax.
        package var rewrites = true
        package var retry = RetryPolicy()
        /// Whose C-MOVE asks for the instances, and which: said by an SCP that sends its sub-operations (PS3.7 9.3.1.1).
        package var moveOriginator: (title: AETitle, messageID: UInt16)?

        package init() {}
    }

    /// Opens the association with these contexts.
    package typealias Open = (
        _ contexts: [PresentationContextProposal], _ window: AsynchronousOperationsWindow?
    ) throws(AssociationError) -> Association

    let options: Options
    let cancellation: Cancellation
    let demand: StorageDemand
    private let open: Open
    private let report: (StoreResult) -> Void

    /// Asked before each instance: whether no more are to be sent, as after the first failure of a strict run.
    package var shouldStop: (() -> Bool)?
    /// Asked when an association could not be opened, or went silent: whether to go on trying. False leaves the work to others.
    package var mayTryAgain: ((AssociationError) -> Bool)?
    /// Told of each pause before so many instances are tried again, or an association is, for which there is a cause.
    package var onPause: ((_ seconds: Double, _ instances: Int, _ cause: AssociationError?) -> Void)?

    var association: Association?
    var proposed: Set<StorageContextNeed> = []
    var outstanding: [Outstanding] = []
    var waiting: [PendingInstance] = []
    /// The next of those that wait.
    var next = 0
    private var later: [PendingInstance] = []
    var answered = 0
    private var failuresInARow = 0

    struct Outstanding {
        let messageID: UInt16
        let pending: PendingInstance
        let source: any DataSetSource
        let rewrittenAs: TransferSyntax?
    }

    /// Files that one association holds open at most while their answers are due. A process may have a thousand descriptors; beyond
    /// so many in flight, files are read before they leave.
    static let maximumOpenFiles = 16

    /// Associations in a row that ended before a single answer, after which the peer is given up.
    private static let maximumBarrenAssociations = 3
    /// Instances that wait for another attempt while new ones are sent. Beyond it the peer needs the pause more than new ones.
    private static let maximumLater = 1000
    /// A server may take an association that is silent for longer as dead.
    private static let longestIdlePause = 5.0

    package init(
        options: Options, cancellation: Cancellation, demand: StorageDemand = StorageDemand(), open: @escaping Open,
        report: @escaping (StoreResult) -> Void
    ) {
        self.options = options
        self.cancellation = cancellation
        self.demand = demand
        self.open = open
        self.report = report
    }

    /// Sends the files; each is reported exactly once, as soon as its fate is known. Those that are worth another attempt may be
    /// kept for a later call, or for ``finish()``.
    ///
    /// - Throws: what ended the work with the peer for good. What was not sent for it is in ``takeUnfinished()``.
    package func store(_ files: [PendingInstance]) throws(AssociationError) {
        waiting = Array(waiting[next...]) + files
        next = 0
        try work(waitsForLater: false)
    }

    /// Sends the files and reports every one of them, also those that were not sent for what ended the work.
    package func store(_ files: [InstanceFile]) throws(AssociationError) {
        do throws(AssociationError) {
            try store(files.map { PendingInstance($0) })
        } catch {
            for pending in takeUnfinished() { report(pending.result(endedBy: .notSent(error))) }
            throw error
        }
    }

    /// Tries what is still to be tried again, and releases the association, if there is one.
    package func finish() throws(AssociationError) {
        try work(waitsForLater: true)
        try release()
    }

    /// Waits for every answer that is due, and for every further attempt; the association stays.
    package func settle() throws(AssociationError) { try work(waitsForLater: true) }

    /// Opens the association for what is in demand, before there are files at hand.
    package func prepare() throws(AssociationError) {
        while association == nil {
            do throws(AssociationError) {
                _ = try association(for: [])
            } catch {
                try recover(from: error, wasOpening: true)
            }
        }
    }

    package func release() throws(AssociationError) {
        defer { association = nil }
        try association?.release()
    }

    /// What was neither stored nor reported when the work ended.
    package func takeUnfinished() -> [PendingInstance] {
        defer {
            waiting = []
            next = 0
            later = []
        }
        return later + waiting[next...]
    }

    /// Whether nothing is kept for another attempt, or unfinished.
    var isIdle: Bool { later.isEmpty && next == waiting.count }

    /// Whether files were left because somebody wanted to stop.
    var isStopped: Bool { shouldStop?() ?? false }

    private func work(waitsForLater: Bool) throws(AssociationError) {
        while !isStopped {
            takeDue()
            if next == waiting.count {
                guard let first = later.map(\.notBefore).min(), waitsForLater || later.count > Self.maximumLater
                else { return }
                try pause(until: endOfPause(from: first), cause: nil)
                continue
            }
            let before = answered
            do throws(AssociationError) {
                try sendAll()
                failuresInARow = 0
            } catch {
                let wasOpening = association == nil
                settleOutstanding(error)
                if !error.leavesAssociationUsable { association = nil }
                if answered > before { failuresInARow = 0 }
                // The file's own fault, and reported as that.
                if case .sourceCutShort = error { continue }
                try recover(from: error, wasOpening: wasOpening)
            }
        }
    }

    /// Decides whether there is another association after this failure, and waits for it to have a chance.
    private func recover(from error: AssociationError, wasOpening: Bool) throws(AssociationError) {
        if error.isInterruption { throw error }
        failuresInARow += 1
        let retries = options.retry.retries
        if wasOpening {
            if let mayTryAgain, !mayTryAgain(error) { throw error }
            guard error.isTransient, failuresInARow <= retries else { throw error }
        } else {
            // An association that went silent may be one more than the peer can serve.
            if case .timedOut = error, let mayTryAgain, !mayTryAgain(error) { throw error }
            let allowed =
                error.isTransient
                ? max(retries, Self.maximumBarrenAssociations - 1) : Self.maximumBarrenAssociations - 1
            guard failuresInARow <= allowed else { throw error }
            // The first loss may have been the matter of one instance: others need not wait.
            guard failuresInARow > 1, retries > 0 else { return }
        }
        try pause(until: .after(seconds: options.retry.pause(after: failuresInARow)), cause: error)
    }

    /// Puts those whose pause is over behind the others.
    private func takeDue() {
        guard later.contains(where: { $0.notBefore.isPast }) else { return }
        waiting += later.filter(\.notBefore.isPast)
        later.removeAll(where: \.notBefore.isPast)
    }

    /// Those that are due little later than the first are waited for as well: one pause instead of many short ones.
    private func endOfPause(from first: Deadline) -> Deadline {
        let latest = Deadline.after(seconds: (first.secondsLeft ?? 0) + options.retry.delay / 2)
        return later.map(\.notBefore).filter { $0 <= latest }.max() ?? first
    }

    private func pause(until deadline: Deadline, cause: AssociationError?) throws(AssociationError) {
        let seconds = deadline.secondsLeft ?? 0
        guard seconds > 0 else { return }
        onPause?(seconds, later.count, cause)
        // What goes wrong with an association of which nothing is wanted any more is no failure.
        if seconds > Self.longestIdlePause { do throws(AssociationError) { try release() } catch {} }
        do throws(TransportError) {
            let limits = WaitLimits(cancellation: cancellation)
            _ = try Readiness.wait(-1, for: .readable, until: deadline, limits: limits, phase: .read)
        } catch .cancelled {
            throw .interrupted(cancellation.level)
        } catch {}
    }

    // MARK: Results

    private func settleOutstanding(_ error: AssociationError) {
        let lost = outstanding
        outstanding = []
        for entry in lost { conclude(entry.pending, .unanswered(error)) }
    }

    /// Reports what became of a file, or keeps it for another attempt.
    func conclude(_ pending: PendingInstance, _ outcome: StoreResult.Outcome) {
        let result = StoreResult(file: pending.file, outcome: outcome, attempts: pending.attempts)
        guard result.isTransient, pending.attempts <= options.retry.retries, !isStopped else { return report(result) }
        var again = pending
        again.lastOutcome = outcome
        again.notBefore = .after(seconds: options.retry.pause(after: pending.attempts))
        later.append(again)
    }

    // MARK: The association

    /// The association at hand if it was asked for all that the files need, else a new one.
    func association(for waiting: ArraySlice<PendingInstance>) throws(AssociationError) -> Association {
        var needs: [StorageContextNeed] = []
        var wanted: Set<StorageContextNeed> = []
        for pending in waiting {
            let need = StorageContextNeed(pending.file)
            if wanted.insert(need).inserted { needs.append(need) }
        }
        if let association {
            if wanted.isSubset(of: proposed) { return association }
            try release()
        }
        // What earlier files needed is likely to come again; it is proposed too as far as there is room.
        let remembered = needs + demand.needs.filter { !wanted.contains($0) }
        let contexts = StorageContextNeed.plan(remembered, rewrites: options.rewrites)
        proposed = Set(contexts.covered)
        let window =
            options.operationsWindow == 1
            ? nil : AsynchronousOperationsWindow(invoked: options.operationsWindow, performed: 1)
        let opened = try open(contexts.proposals, window)
        association = opened
        return opened
    }
}

extension AssociationError {
    package var isInterruption: Bool { if case .interrupted = self { true } else { false } }
}
