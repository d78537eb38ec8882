import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The associations of a retrieval, kept from study to study: each has contexts for the queries before it, for the retrieval itself, and
/// for the instances that come. One that nobody uses serves whoever needs one next, so there are no more of them than jobs.
final class RetrievalAssociations: Sendable {
    /// An association in the hands of one thread, until it is kept, released or dropped.
    final class Lent: @unchecked Sendable {
        // Unchecked: an association is used by one thread at a time, and handed on under a lock.
        let association: Association
        fileprivate let proposal: Proposal
        /// True if it was used before: the peer may have ended it, or serve no second request on it.
        fileprivate var wasKept = false
        /// When it has rested for too long.
        fileprivate var restsUntil = Deadline.never

        fileprivate init(_ association: Association, _ proposal: Proposal) {
            (self.association, self.proposal) = (association, proposal)
        }
    }

    /// What an association has contexts for.
    fileprivate struct Proposal {
        var isForQueries: Bool
        /// The SOP class of C-GET or C-MOVE; nil for queries alone.
        var service: UID?
        var storage: StorageProposals.Round
    }

    private struct State {
        var idle: [Lent] = []
        /// All that were opened and not ended, idle ones among them.
        var count = 0
        /// Those that have ended since the last one was opened.
        var ended = 0
        /// Those that were asked for and not answered.
        var opening = 0
        /// As many as the peer takes, once it has rejected another, or has let it wait.
        var limit = Int.max
        /// When one more is tried.
        var limitEnd = Deadline.never
        var hasNotedLimit = false
        /// The seconds that the slowest took to be established.
        var slowest = 0.0
        /// The proposals for what comes by which associations were opened so far.
        var lastStorage: StorageProposals.Round
        /// True if the peer takes no association for queries and retrievals together.
        var areApart = false
        /// Kept associations that the peer did not serve.
        var disappointments = 0
    }

    private let network: Network
    private let options: RetrieveOptions
    /// Told of what the server accepts; nil where nothing is retrieved.
    private let jobs: RetrievalJobs?
    /// The contexts for what comes as long as nobody knows what that is; none where they depend on what is listed.
    private let storageBeforeList: StorageProposals.Round
    private let state: ConditionLock<State>

    /// A peer that has failed as many kept associations gets a new one for each request.
    private static let maximumDisappointments = 2
    /// The seconds for which a peer is left with an association that nobody uses.
    static let longestIdlePause = 10.0

    init(_ network: Network, _ options: RetrieveOptions, _ jobs: RetrievalJobs? = nil) {
        self.network = network
        self.options = options
        self.jobs = jobs
        let isForGet = options.method == .get && options.preferredSyntaxes.isEmpty && options.isChecked
        storageBeforeList = isForGet ? StorageProposals.beforeList : []
        state = ConditionLock(State(lastStorage: storageBeforeList))
    }

    // MARK: Taking one

    /// An association with a context for queries.
    ///
    /// - Parameter isFresh: true for one that nobody has used.
    /// - Throws: the reason why there can be none.
    func forQueries(isFresh: Bool = false) throws(AssociationError) -> Lent {
        let model = options.query.informationModel
        // What is only shown is not retrieved.
        let service = options.isDryRun ? nil : options.method == .move ? model.moveSOPClass : model.getSOPClass
        return try lent(isFresh: isFresh, needsQueries: true, suits: \.isForQueries) {
            Proposal(isForQueries: true, service: service, storage: service == nil ? [] : storageBeforeList)
        }
    }

    /// An association with contexts for a retrieval.
    ///
    /// - Parameters:
    ///   - service: the SOP class of C-GET or C-MOVE.
    ///   - storage: the contexts for what comes.
    ///   - named: the transfer syntaxes that the server names for the instances of a class.
    ///   - mayBeWidened: whether contexts for other classes may be proposed as well, for the studies that follow.
    ///   - isFresh: true for one that nobody has used.
    /// - Throws: the reason why there can be none.
    func forRetrieval(
        _ service: UID, storage: StorageProposals.Round, named: [UID: Set<UID>], mayBeWidened: Bool, isFresh: Bool
    ) throws(AssociationError) -> Lent {
        try lent(isFresh: isFresh, needsQueries: false) { other in
            guard other.service == service else { return false }
            return mayBeWidened
                ? StorageProposals.covers(other.storage, storage, named: named) : other.storage == storage
        } propose: {
            guard mayBeWidened else { return Proposal(isForQueries: true, service: service, storage: storage) }
            let widened = state.withLock { state in
                state.lastStorage = StorageProposals.widened(storage, by: state.lastStorage)
                return state.lastStorage
            }
            return Proposal(isForQueries: true, service: service, storage: widened)
        }
    }

    /// Runs queries, which the peer may be silent for less long than other work.
    ///
    /// - Throws: the error of the queries, or the reason why there is no association for them.
    func withQueries<Result>(
        _ body: (any QuerySession) throws(AssociationError) -> Result
    ) throws(AssociationError) -> Result {
        var isFresh = false
        while true {
            let lent = try forQueries(isFresh: isFresh)
            let inactivity = lent.association.inactivity
            lent.association.inactivity = min(inactivity ?? ExpectedInstances.silence, ExpectedInstances.silence)
            do throws(AssociationError) {
                let result = try body(lent.association)
                lent.association.inactivity = inactivity
                keep(lent)
                return result
            } catch {
                lent.association.inactivity = inactivity
                if case .noPresentationContext = error { keep(lent) } else { drop(lent) }
                guard isDisappointed(by: lent, error, repeatsUnanswered: false) else { throw error }
                isFresh = true
            }
        }
    }

    /// - Parameters:
    ///   - suits: whether one that was opened for another proposal does as well.
    ///   - propose: what is proposed where none does.
    private func lent(
        isFresh: Bool, needsQueries: Bool, suits: (Proposal) -> Bool, propose: () -> Proposal
    ) throws(AssociationError) -> Lent {
        let lent = try take(isFresh: isFresh, needsQueries: needsQueries, suits: suits, propose: propose)
        jobs?.opened(inUse: state.withLock { $0.count - $0.idle.count })
        return lent
    }

    private func take(
        isFresh: Bool, needsQueries: Bool, suits: (Proposal) -> Bool, propose: () -> Proposal
    ) throws(AssociationError) -> Lent {
        while true {
            if network.cancellation.isRaised { throw .interrupted(network.cancellation.level) }
            guard !network.isOverdue else { throw .unreachable(.timedOut(.start)) }
            if !isFresh, let kept = takeIdle(where: suits) { return kept }
            // One that nobody uses makes room: what it lacks the next study may need again.
            if let other = takeIdle(where: { _ in true }) {
                release(other)
            }
            // A peer that has taken others may let one wait until they end, which they do not while there is work.
            guard let patience = reserve() else {
                try waitForIdle()
                continue
            }
            do throws(AssociationError) {
                defer { state.withLock { $0.opening -= 1 } }
                return try open(propose(), needsQueries: needsQueries, patience)
            } catch {
                guard !network.isOverdue else { throw error }
                switch error {
                case .rejected(let reject) where reject.result == .transient && mayNotHaveSeenEnd():
                    _ = network.cancellation.wait(until: .after(Self.look))
                case .rejected(let reject) where reject.result == .transient && noteLimit(): continue
                case .timedOut(waitingFor: .associateResponse), .unreachable(.timedOut):
                    guard noteLimit() || patience < .infinity else { throw error }
                default: throw error
                }
            }
        }
    }

    /// Returns true, once for each association that has ended since one was opened: a peer may take a moment to see that.
    private func mayNotHaveSeenEnd() -> Bool {
        state.withLock { state in
            guard state.ended > 0 else { return false }
            state.ended -= 1
            return true
        }
    }

    /// A place for one more association: the seconds that it may take, infinite if it is the only one. Nil: the peer takes no more.
    private func reserve() -> Double? {
        state.withLock { state in
            let others = state.count + state.opening
            if others >= state.limit, state.limitEnd.isPast {
                state.limit += 1
                state.limitEnd = .after(seconds: Self.limitValidity)
            }
            guard others < state.limit else { return nil }
            state.opening += 1
            return others > 0 ? max(Self.shortestPatience, Self.patienceFactor * state.slowest) : .infinity
        }
    }

    /// The seconds after which a peer that took so many is tried with one more.
    private static let limitValidity = 60.0

    /// The seconds that one of several associations may take at least, and how many times as long as the slowest so far.
    private static let shortestPatience = 2.0
    private static let patienceFactor = 5.0

    private func takeIdle(where suits: (Proposal) -> Bool) -> Lent? {
        while true {
            let found: Lent? = state.withLock { state in
                guard let index = state.idle.lastIndex(where: { suits($0.proposal) }) else { return nil }
                return state.idle.remove(at: index)
            }
            guard let found else { return nil }
            if !found.restsUntil.isPast, found.association.isAtRest { return found }
            // It has ended while nobody used it, or what lies between may have forgotten it.
            drop(found)
        }
    }

    /// Returns true if the peer has taken others, which are used in the place of the one that it rejected.
    private func noteLimit() -> Bool {
        // It may be just about to take another.
        _ = state.wait(until: .after(seconds: Self.shortestPatience)) { $0.opening == 0 }
        let (taken, isNew) = state.withLock { state in
            guard state.count > 0 else { return (0, false) }
            defer { state.hasNotedLimit = true }
            state.limit = state.count
            state.limitEnd = .after(seconds: Self.limitValidity)
            return (state.count, !state.hasNotedLimit)
        }
        if taken > 0 { jobs?.refused(remaining: taken) }
        if isNew {
            network.diagnostics.note(
                Message(
                    "\(network.peerName): the server takes no more than \(Quantity.count(taken, "association")) of ours for now",
                    "going on with \(taken == 1 ? "it" : "these")"))
        }
        return taken > 0
    }

    /// - Throws: `interrupted` at a cancellation.
    private func waitForIdle() throws(AssociationError) {
        while !state.wait(
            until: .after(Self.look),
            for: { !$0.idle.isEmpty || $0.count + $0.opening < $0.limit || $0.limitEnd.isPast })
        {
            if network.cancellation.isRaised { throw .interrupted(network.cancellation.level) }
        }
    }

    private static let look = Duration.milliseconds(100)

    /// - Parameter patience: the seconds for connecting, and for the answer, if those of the run are more.
    private func open(
        _ proposal: Proposal, needsQueries: Bool, _ patience: Double
    ) throws(AssociationError) -> Lent {
        let query = FindSCU.needs(options.query.informationModel.findSOPClass)
        guard let service = proposal.service else { return try open(query, proposal, patience) }
        let retrieval = GetSCU.needs(service, storage: [])
        if !state.withLock({ $0.areApart }) {
            do throws(AssociationError) {
                return try open(retrieval + query + proposal.storage, proposal, patience)
            } catch {
                guard error.mayBeOfProposal else { throw error }
                state.withLock { $0.areApart = true }
                network.diagnostics.verbose(
                    "\(network.peerName): no association for queries and retrievals together; opening one for each")
            }
        }
        if needsQueries { return try open(query, Proposal(isForQueries: true, service: nil, storage: []), patience) }
        return try open(
            retrieval + proposal.storage,
            Proposal(isForQueries: false, service: service, storage: proposal.storage), patience)
    }

    private func open(
        _ needs: [PresentationContextPlan.Need], _ proposal: Proposal, _ patience: Double
    ) throws(AssociationError) -> Lent {
        var parameters = network.parameters(PresentationContextPlan(needs: needs).associations.first ?? [])
        parameters.roleSelections = proposal.service == nil ? [] : GetSCU.roleSelections(for: proposal.storage)
        if patience < .infinity {
            parameters.limits.connect = min(parameters.limits.connect ?? patience, patience)
            parameters.limits.association = min(parameters.limits.association ?? patience, patience)
        }
        let watch = Stopwatch()
        let association = try network.associate(parameters)
        state.withLock { state in
            state.count += 1
            state.ended = 0
            state.slowest = max(state.slowest, watch.seconds)
        }
        return Lent(association, proposal)
    }

    // MARK: Giving it back

    /// Takes an association back after work that has ended well; after any other it is to be released.
    func keep(_ lent: Lent) {
        let mayBeKept = state.withLock { state in
            if lent.wasKept { state.disappointments = 0 }
            return state.disappointments < Self.maximumDisappointments && !network.cancellation.isRaised
        }
        guard mayBeKept, lent.association.isEstablished else { return release(lent) }
        lent.wasKept = true
        lent.restsUntil = .after(seconds: Self.longestIdlePause)
        state.withLock { $0.idle.append(lent) }
    }

    /// Returns true if the work may have failed only because the association was used before, and is to be done on a fresh one.
    ///
    /// - Parameter repeatsUnanswered: whether what was not answered in time may be asked for again.
    func isDisappointed(by lent: Lent, _ error: AssociationError, repeatsUnanswered: Bool) -> Bool {
        guard lent.wasKept, error.endsWhatWasKept, !network.isOverdue else { return false }
        let isUnanswered = if case .timedOut = error { true } else { false }
        state.withLock { state in
            state.disappointments = isUnanswered ? Self.maximumDisappointments : state.disappointments + 1
        }
        network.diagnostics.verbose(
            "\(network.peerName): the association that was kept has ended (\(network.message(error).line))")
        return !isUnanswered || repeatsUnanswered
    }

    /// Releases an association; one that has ended is closed.
    func release(_ lent: Lent) {
        defer { countOut() }
        do throws(AssociationError) {
            try network.release(lent.association)
        } catch {
            // All is answered: how the association ends changes nothing about the instances.
            network.diagnostics.verbose(network.message(error).line)
        }
    }

    /// Ends an association that has failed, or on which something has: one that is still open is aborted.
    func drop(_ lent: Lent) {
        lent.association.abort()
        countOut()
    }

    private func countOut() {
        state.withLock { state in
            state.count -= 1
            state.ended += 1
        }
    }

    /// Releases those that nobody uses, as long as there are more than so many.
    func releaseIdle(beyond limit: Int) {
        while true {
            let found: Lent? = state.withLock { state in
                state.count > limit && !state.idle.isEmpty ? state.idle.removeFirst() : nil
            }
            guard let found else { return }
            release(found)
        }
    }

    /// Releases those that nobody uses; at an interrupt they are aborted, which takes no time.
    func releaseIdle() {
        let idle = state.withLock { state in
            defer { state.idle = [] }
            return state.idle
        }
        for one in idle {
            if network.cancellation.isRaised, idle.count > 1 { drop(one) } else { release(one) }
        }
    }
}

extension AssociationError {
    /// True if the peer may take an association with fewer presentation contexts.
    fileprivate var mayBeOfProposal: Bool {
        switch self {
        case .abortedByPeer, .connectionLost, .unreachable(.closedAtOnce): true
        case .protocolViolation(let violation): if case .foreignProtocol = violation.code { false } else { true }
        case .rejected(let reject): reject == .noReasonGiven
        default: false
        }
    }

    /// True if an association that has rested may end with it although the peer serves a fresh one.
    fileprivate var endsWhatWasKept: Bool {
        switch self {
        case .abortedByPeer, .connectionLost, .releasedByPeer, .protocolViolation, .timedOut(waitingFor: .message): true
        default: false
        }
    }
}
