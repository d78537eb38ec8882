import DICOM
package import DICOMProtocol
package import System

/// Opens the associations that instances are sent on, and is told what becomes of them.
///
/// ``ParallelStorage`` calls it from the threads of its associations.
package protocol StorageDelegate: AnyObject {
    /// Opens an association with these contexts.
    ///
    /// - Throws: The reason why the association could not be opened.
    func open(
        _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
    ) throws(AssociationError) -> Association

    /// Reports the outcome of a file: once for each.
    func report(_ result: StoreResult)

    /// True if no more instances are to be sent, as after the first failure of a strict run.
    var shouldStop: Bool { get }

    /// Called before a pause, after which so many instances are tried again, or an association is for which there is a
    /// cause.
    func willPause(seconds: Double, instances: Int, cause: AssociationError?)

    /// Called when an association was given up and so many are left.
    func lostAssociation(remaining: Int, cause: AssociationError)

    /// Called, once, when the peer has failed with an instance of a study that several associations were sending: it is sent again, and
    /// each study on one association from here on.
    func willKeepStudiesTogether()

    /// Called when another number of associations, or another window, is in use from here on, where these are found out.
    func loadChanged(to load: AssociationLoad)

    /// Called when the peer has not answered the release of an association in time. Everything was answered before.
    func releaseUnanswered()

    /// Called when nothing is sent any more: no more files need to be looked for.
    func sendingEnded()
}

extension StorageDelegate {
    package var shouldStop: Bool { false }
    package func willPause(seconds: Double, instances: Int, cause: AssociationError?) {}
    package func lostAssociation(remaining: Int, cause: AssociationError) {}
    package func willKeepStudiesTogether() {}
    package func loadChanged(to load: AssociationLoad) {}
    package func releaseUnanswered() {}
    package func sendingEnded() {}
}

/// The others that send at the same time, and the files that all of them share.
struct StorageSupply {
    /// True if other senders take over when this one cannot open an association, or its peer stops responding.
    var hasSuccessors: () -> Bool = { false }
    /// Further files to send, without a wait for them, beside those that are not answered yet.
    var more: (_ unanswered: [InstanceFile]) -> [PendingInstance] = { _ in [] }
    /// True if a file that the peer has failed with is taken back, to be sent again.
    var takesBack: (PendingInstance) -> Bool = { _ in false }
    var meter = LoadMeter()
}

/// Sends instances by C-STORE, PS3.4 annex B, over one association at a time: it opens one when it is needed, with what
/// the files at hand need, and another when files come that need more, or when one is lost.
///
/// Used by one thread. Parallel sending is several of these: ``ParallelStorage``.
package final class StorageSCU: InstanceSender {
    package struct Options: Sendable {
        package var priority: Priority = .medium
        /// C-STOREs that may be unanswered at a time, if the peer grants it (PS3.7 D.3.3.3); 1 asks for nothing.
        package var operationsWindow: UInt16 = 1
        /// True if a file whose transfer syntax the peer rejects may be rewritten in another native transfer syntax.
        package var rewrites = true
        /// True if UIDs that a data set lacks may be those of group 0002.
        package var assumesMeta = false
        package var retry = RetryPolicy()
        /// The Move Originator AE title and message ID, sent by an SCP with its sub-operations (PS3.7 9.3.1.1).
        package var moveOriginator: (title: AETitle, messageID: UInt16)?

        package init() {}
    }

    private let options: Options
    private let cancellation: Cancellation
    private let demand: StorageDemand
    private let delegate: any StorageDelegate
    private let supply: StorageSupply

    private var association: Association?
    private var proposed: Set<StorageContextNeed> = []
    private var outstanding: [Transfer] = []
    private var waiting: [PendingInstance] = []
    /// The index of the next of those that wait.
    private var next = 0
    private var later: LaterAttempts
    private var answered = 0
    private var failuresInARow = 0

    /// An instance whose response is due.
    private struct Transfer {
        let messageID: UInt16
        let pending: PendingInstance
        let source: any DataSetSource
        let changes: InstanceFile.Changes
    }

    /// Files that one association holds open at most while their responses are due. A process may have a thousand
    /// descriptors; beyond so many in flight, files are read before they leave.
    private static let maximumOpenFiles = 16

    /// Associations in a row that ended before a single answer, after which the peer is given up.
    private static let maximumBarrenAssociations = 3
    /// The same where the peer ended each of them at an instance: each may be one that it cannot take, and costs little.
    private static let maximumRefusedInstances = 20
    /// A server may take an association that is silent for longer as dead.
    private static let longestIdlePause = 5.0

    package convenience init(options: Options, cancellation: Cancellation, delegate: any StorageDelegate) {
        self.init(
            options: options, cancellation: cancellation, demand: StorageDemand(), delegate: delegate,
            supply: StorageSupply())
    }

    /// - Parameter demand: shared by all senders of a run.
    init(
        options: Options, cancellation: Cancellation, demand: StorageDemand, delegate: any StorageDelegate,
        supply: StorageSupply
    ) {
        self.options = options
        self.cancellation = cancellation
        self.demand = demand
        self.delegate = delegate
        self.supply = supply
        later = LaterAttempts(options.retry)
    }

    /// Sends the files, attempt after attempt and on as many associations as it takes; each is reported exactly once, as
    /// soon as its outcome is known. Files to be retried may be kept for a later call, or for ``finish()``.
    ///
    /// - Parameter waitsForRetries: True to return only when no file is left for another attempt.
    /// - Throws: The error that ended the work with the peer for good. The files that were not sent are in
    ///   ``takeUnfinished()``.
    package func store(_ files: [PendingInstance], waitsForRetries: Bool = false) throws(AssociationError) {
        waiting = Array(waiting[next...]) + files
        next = 0
        while !delegate.shouldStop {
            waiting += later.takeDue()
            if next == waiting.count {
                guard let end = later.pause(isLast: waitsForRetries) else { return }
                try pause(until: end, cause: nil)
                continue
            }
            let before = answered
            do throws(AssociationError) {
                try sendAll()
                failuresInARow = 0
            } catch {
                let wasOpening = association == nil
                for lost in outstanding { conclude(lost.pending, .unanswered(error)) }
                outstanding = []
                if !error.leavesAssociationUsable { association = nil }
                if answered > before { failuresInARow = 0 }
                // The file's own fault, and reported as that.
                if case .sourceCutShort = error { continue }
                try recover(from: error, wasOpening: wasOpening)
            }
        }
    }

    /// Sends the files and reports every one of them, also those that were not sent because the work ended.
    ///
    /// - Throws: The error that ended the work with the peer for good.
    package func store(_ files: [InstanceFile]) throws(AssociationError) {
        do throws(AssociationError) {
            try store(files.map { PendingInstance($0) })
        } catch {
            for pending in takeUnfinished() { delegate.report(pending.result(endedBy: .notSent(error))) }
            throw error
        }
    }

    /// Retries the files that are left for another attempt, and releases the association, if there is one.
    ///
    /// - Throws: The error that ended the work, or prevented the release of the association.
    package func finish() throws(AssociationError) {
        try finishAttempts()
        try release()
    }

    /// Waits for every response that is due, and for every further attempt; the association stays.
    ///
    /// - Throws: The error that ended the work with the peer for good.
    package func finishAttempts() throws(AssociationError) { try store([PendingInstance](), waitsForRetries: true) }

    /// Opens the association for the contexts in demand, before there are files to send.
    ///
    /// - Throws: The error that ended the work with the peer for good.
    package func prepare() throws(AssociationError) {
        while association == nil {
            do throws(AssociationError) {
                _ = try association(for: [])
            } catch {
                try recover(from: error, wasOpening: true)
            }
        }
    }

    /// Releases the association, if there is one.
    ///
    /// - Throws: as ``Association/release()``, but for a release that is not answered in time, which the delegate is told.
    package func release() throws(AssociationError) {
        defer { association = nil }
        do throws(AssociationError) { try association?.release() } catch .timedOut { delegate.releaseUnanswered() }
    }

    /// Gives up the files that were neither stored nor reported when the work ended.
    package func takeUnfinished() -> [PendingInstance] {
        defer {
            waiting = []
            next = 0
        }
        return later.takeAll() + waiting[next...]
    }

    /// True if no file is unfinished or left for another attempt.
    package var isIdle: Bool { later.isEmpty && next == waiting.count }

    package var nextAttempt: Deadline { later.next }

    /// Decides whether there is another association after this failure, and waits for it to have a chance.
    private func recover(from error: AssociationError, wasOpening: Bool) throws(AssociationError) {
        if error.isInterruption { throw error }
        if !wasOpening { supply.meter.failed() }
        failuresInARow += 1
        let retries = options.retry.retries
        if wasOpening {
            if supply.hasSuccessors() { throw error }
            guard error.isTransient, options.retry.allowsAttempt(after: failuresInARow) else { throw error }
        } else {
            // An association that went silent may be one more than the peer can serve.
            if case .timedOut = error, supply.hasSuccessors() { throw error }
            let barren = (error.isByPeer ? Self.maximumRefusedInstances : Self.maximumBarrenAssociations) - 1
            let allowed = error.isTransient ? max(retries, barren) : barren
            guard failuresInARow <= allowed else { throw error }
            // The first loss may have been the matter of one instance: others need not wait.
            guard failuresInARow > 1, retries > 0 else { return }
            guard options.retry.leavesTime(forPauseAfter: failuresInARow) else { throw error }
        }
        try pause(until: .after(seconds: options.retry.pause(after: failuresInARow)), cause: error)
    }

    private func pause(until deadline: Deadline, cause: AssociationError?) throws(AssociationError) {
        let seconds = deadline.secondsLeft ?? 0
        guard seconds > 0 else { return }
        delegate.willPause(seconds: seconds, instances: later.count, cause: cause)
        // Errors of an association that is no longer needed are not failures.
        if seconds > Self.longestIdlePause { do throws(AssociationError) { try release() } catch {} }
        if cancellation.wait(until: deadline) { throw .interrupted(cancellation.level) }
    }

    // MARK: Results

    /// Reports the outcome of a file, or keeps it for another attempt.
    private func conclude(_ pending: PendingInstance, _ outcome: StoreResult.Outcome) {
        let result = StoreResult(file: pending.file, outcome: outcome, attempts: pending.attempts)
        if result.mayBeOfSharing, supply.takesBack(pending) { return }
        guard !delegate.shouldStop, later.keep(pending, after: result) else { return delegate.report(result) }
    }

    // MARK: The association

    /// The association at hand if it was asked for all that the files need, else a new one.
    private func association(for waiting: ArraySlice<PendingInstance>) throws(AssociationError) -> Association {
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
        // The needs of earlier files are likely to come again; they are proposed too as far as there is room.
        let remembered = needs + demand.needs.filter { !wanted.contains($0) }
        let contexts = StorageContextNeed.plan(remembered, rewrites: options.rewrites)
        proposed = Set(contexts.covered)
        let window =
            options.operationsWindow == 1
            ? nil : AsynchronousOperationsWindow(invoked: options.operationsWindow, performed: 1)
        let opened = try delegate.open(contexts.proposals, window: window, cancellation: cancellation)
        association = opened
        supply.meter.opened(opened.operationsWindow)
        return opened
    }

    // MARK: Sending on one association

    /// Sends those of the waiting files that the association has contexts for; the others are sent on the next.
    ///
    /// Each file is read and laid out in the association's send buffer while the peer is at work on the one before. It is
    /// the next of those that wait until it is sent, or its problem is reported.
    private func sendAll() throws(AssociationError) {
        let association = try association(for: waiting[next...])
        let granted = options.operationsWindow == 1 ? 1 : window(of: association)
        var deferred: [PendingInstance] = []
        defer { if !deferred.isEmpty { waiting.append(contentsOf: deferred) } }
        while hasNext() {
            if cancellation.isRaised {
                try drain(association, downTo: 0)
                throw .interrupted(cancellation.level)
            }
            var pending = waiting[next]
            let file = pending.file
            guard proposed.contains(StorageContextNeed(file)) else {
                deferred.append(pending)
                next += 1
                continue
            }
            pending.attempts += 1
            guard let choice = choose(for: file, on: association) else {
                next += 1
                do throws(FileProblem) {
                    // What is wrong with the file itself comes first: no other server would take it either.
                    try file.checkSendable(rules)
                    conclude(pending, .noContext(refusal(of: file, on: association)))
                } catch {
                    conclude(pending, .unreadable(error))
                }
                continue
            }
            let source: any DataSetSource
            let changes: InstanceFile.Changes
            do throws(FileProblem) {
                (source, changes) = try file.dataSetSource(
                    as: choice.transferSyntax, staysOpen: outstanding.count < Self.maximumOpenFiles, rules)
            } catch {
                next += 1
                conclude(pending, .unreadable(error))
                continue
            }
            let request = CommandSet.storeRequest(
                messageID: association.nextMessageID(), sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID,
                priority: options.priority, moveOriginator: options.moveOriginator)
            let message: MessageWriter.StagedMessage
            do throws(AssociationError) {
                message = try association.writer.stage(request, contextID: choice.id, source: source)
            } catch .sourceUnreadable(let reason) {
                next += 1
                conclude(pending, .unreadable(FileProblem(file.path, reason)))
                continue
            }
            try drain(association, downTo: min(granted, supply.meter.window() ?? granted) - 1)
            guard !delegate.shouldStop else { break }
            next += 1
            do throws(AssociationError) {
                try association.writer.send(message)
            } catch {
                var outcome = StoreResult.Outcome.unanswered(error)
                if case .sourceCutShort(let reason) = error {
                    outcome = .unreadable(FileProblem(file.path, reason))
                }
                conclude(pending, outcome)
                throw error
            }
            outstanding.append(
                Transfer(messageID: request.messageID ?? 0, pending: pending, source: source, changes: changes))
        }
        try drain(association, downTo: 0)
    }

    /// Returns false if nothing is left to send now. What further files there are is asked for before the last responses are in, so
    /// that as many instances are on their way as may be.
    private func hasNext() -> Bool {
        if next < waiting.count { return true }
        // Those whose pause is over come first.
        guard !delegate.shouldStop, !later.isFirst else { return false }
        waiting = supply.more(outstanding.map(\.pending.file))
        next = 0
        return !waiting.isEmpty
    }

    private var rules: InstanceFile.SendingRules {
        var rules = InstanceFile.SendingRules()
        rules.assumesMeta = options.assumesMeta
        rules.neverRewrites = !options.rewrites
        return rules
    }

    private func window(of association: Association) -> Int {
        let granted = association.operationsWindow
        return granted == 0 ? Int(options.operationsWindow) : min(granted, Int(options.operationsWindow))
    }

    /// Receives responses until at most `count` are due.
    private func drain(_ association: Association, downTo count: Int) throws(AssociationError) {
        while outstanding.count > count {
            // The instances on their way are brought to their end first.
            var options = ReceiveOptions()
            options.cancelledAt = .abort
            let message = try association.receive(options)
            let id = message.command.messageIDBeingRespondedTo
            // While one operation is outstanding, a response without an id can only be to that one.
            let found = outstanding.firstIndex { $0.messageID == id } ?? (id == nil && outstanding.count == 1 ? 0 : nil)
            guard let index = found, message.command.commandField == .cStoreRSP, message.command.status != nil else {
                try association.abort(
                    for: .unexpectedMessage(
                        message.command,
                        while: .storeRequest(
                            messageID: outstanding[0].messageID, sopClass: outstanding[0].pending.file.sopClassUID,
                            sopInstance: outstanding[0].pending.file.sopInstanceUID)))
            }
            let done = outstanding.remove(at: index)
            answered += 1
            if message.command.status?.isTransient == true {
                supply.meter.failed()
            } else {
                supply.meter.answered(done.pending.file.dataSetLength)
            }
            conclude(done.pending, outcome(of: done, message.command))
        }
    }

    // MARK: Contexts

    private func choose(for file: InstanceFile, on association: Association) -> NegotiatedContexts.Accepted? {
        let accepted = association.contexts.contexts(for: file.sopClassUID)
        guard options.rewrites else { return accepted.first { $0.transferSyntax == file.transferSyntax } }
        return file.context(among: accepted)
    }

    private func refusal(of file: InstanceFile, on association: Association) -> StoreResult.Refusal {
        let accepted = association.contexts.contexts(for: file.sopClassUID).map(\.transferSyntax)
        let refusals = association.contexts.refusals(for: file.sopClassUID)
        let own = refusals.first { $0.transferSyntaxes == [file.transferSyntax.uid] } ?? refusals.first
        return StoreResult.Refusal(accepted: accepted, reason: own?.reason ?? "not proposed")
    }

    /// The outcome of a response: it may be to bytes that were changed while they were on their way.
    private func outcome(of sent: Transfer, _ answer: CommandSet) -> StoreResult.Outcome {
        do throws(DataSetSourceError) {
            try sent.source.checkArrived()
            return .answered(answer, sent.changes)
        } catch .changed {
            let detail = "the server may hold a mixture of old and new bytes; send it again"
            return .unreadable(FileProblem(sent.pending.file.path, .changed, detail))
        } catch {
            return .unreadable(FileProblem(sent.pending.file.path, error))
        }
    }
}
