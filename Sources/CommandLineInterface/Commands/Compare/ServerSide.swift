import DICOM
import DICOMNode
import DICOMProtocol
import System

/// A peer as one side of a comparison: asks by C-FIND or over HTTP, level by level.
final class ServerSide: ComparedSide {
    let outcome: RunOutcome
    private let network: Network
    private let options: CompareOptions
    private let plan: ComparisonPlan
    private let query: Query
    private let folders: [FilePath]
    private let division: ListDivision
    private let progress: ProgressLine?
    private var text: MatchText
    /// What queries are asked by, and the same with lists in parts.
    private var session: (opened: any QuerySession, whole: any QuerySession)?
    private var studies: StudyList?
    private var doubts = MatchDoubts()
    private var unconfirmed = MatchDoubts()
    private var unnamed = 0
    private var repeatedBelow = 0
    private var refusals = 0
    /// Of each compared attribute, whether a match had it.
    private var returned: [Bool]

    /// More studies than any archive has: a server that goes on must not fill the disk.
    private static let maximumStudies = 20_000_000
    /// A server that refuses so many questions in a row about one entity each is asked no more.
    private static let maximumRefusals = 10
    /// More matches than any entity has below it.
    private static let maximumChildren = 1_000_000
    /// More other matches than a server sends that takes the UID into account.
    private static let maximumOthers = 1_000

    init(_ target: CompareCommand.Target, _ query: Query, _ environment: Environment) {
        options = target.options
        network = target.network
        outcome = target.outcome
        self.query = query
        plan = ComparisonPlan(query, options)
        returned = plan.columns.map { _ in false }
        folders = StudyList.folders(environment)
        progress = environment.progress
        division = ListDivision(
            options.query.split, ordinary: .whenCutShort, network, outcome, today: environment.today)
        text = MatchText(assumed: options.assumedCharacterSet, forced: options.forcedCharacterSet)
    }

    var name: String { network.peerName }

    // MARK: Lists

    func list() throws(ComparisonFailure) {
        var sorter = RecordSorter(folders: folders)
        let before = doubts
        var failure: SystemError?
        try find(
            plan.identifier(at: .study, below: []), at: .study, isList: true,
            beginning: { [self] in
                (sorter, failure, unnamed, doubts) = (RecordSorter(folders: folders), nil, 0, before)
            },
            onMatch: { [self] match, review in
                guard let entity = judged(match, review, at: .study, below: []) else { return .goOn }
                do throws(SystemError) {
                    try sorter.append(entity.record)
                    if sorter.count % ProgressLine.itemsBetweenTexts == 0 {
                        progress?.show("\(name): \(Quantity.count(sorter.count, "study")) listed")
                    }
                    return sorter.count < Self.maximumStudies ? .goOn : .cancel
                } catch {
                    failure = error
                    return .cancel
                }
            })
        if let failure { throw StudyList.failure(failure, outcome) }
        guard sorter.count < Self.maximumStudies else {
            throw .of(
                outcome, .incomplete,
                Message(
                    "\(name): more than \(Self.maximumStudies) matches", "the list is given up, and nothing compared"))
        }
        outcome.summary.set(.studies, sorter.count)
        outcome.diagnostics.verbose("\(name): \(Quantity.count(sorter.count, "study")) listed")
        do throws(SystemError) { studies = StudyList(try sorter.sorted()) } catch {
            throw StudyList.failure(error, outcome)
        }
        // Nothing is asked while the other side is listed.
        release()
    }

    func next() throws(ComparisonFailure) -> ComparedEntity? {
        do throws(SystemError) { return try studies?.next() } catch { throw StudyList.failure(error, outcome) }
    }

    func children(of entity: ComparedEntity) throws(ComparisonFailure) -> [ComparedEntity] {
        let step = plan.levels[entity.uids.count]
        var found: [ComparedEntity] = []
        let before = (doubts, unnamed)
        try find(
            plan.identifier(at: step, below: entity.uids), at: step, isList: true,
            beginning: { [self] in
                found = []
                (doubts, unnamed) = before
            },
            onMatch: { [self] match, review in
                if let child = judged(match, review, at: step, below: entity.uids) { found.append(child) }
                return found.count < Self.maximumChildren ? .goOn : .cancel
            })
        guard found.count < Self.maximumChildren else {
            throw .of(
                outcome, .incomplete,
                Message("\(name): more than \(Self.maximumChildren) matches below one entity", "they are not compared"))
        }
        found.sort { Self.precedes($0.uid, $1.uid) }
        var children: [ComparedEntity] = []
        for child in found {
            if child.uid == children.last?.uid { repeatedBelow += 1 } else { children.append(child) }
        }
        return children
    }

    /// The order of the bytes, which is that of the list of studies.
    static func precedes(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

    /// What a match of a list is; nil if it contradicts a key, or does not say what it is.
    private func judged(
        _ match: DataSet, _ review: MatchReview?, at step: QueryLevel, below uids: [String]
    ) -> ComparedEntity? {
        guard var entity = plan.entity(match, at: step, below: uids, text.assumed) else {
            unnamed += 1
            return nil
        }
        switch review?.verdict(of: match) ?? .confirmed {
        case .confirmed: break
        case .contradicted(let tag):
            doubts.record(.contradicted(tag))
            return nil
        case .unconfirmed(let tags): entity.open = tags
        case .illegible(let tag, _): entity.open = [tag]
        }
        note(entity, match)
        return entity
    }

    private func note(_ entity: ComparedEntity, _ match: DataSet) {
        guard !plan.columns.isEmpty else { return }
        text.count(match)
        for (index, value) in entity.values.enumerated() where value != nil { returned[index] = true }
    }

    var leavesOutEmpty: Bool { network.connection.web != nil }

    func hasReturned(_ column: Int) -> Bool { returned[column] }

    // MARK: Questions

    func verdict(of entity: ComparedEntity) throws(ComparisonFailure) -> ComparedVerdict {
        guard !entity.open.isEmpty else { return .selected }
        let step = plan.levels[entity.uids.count - 1]
        let keys = plan.identifier(at: step, below: Array(entity.uids.dropLast()))
        let match = plan.identifier(of: entity.uids)
        var known: [(keys: [Tag], verdict: MatchReview.Verdict)] = []
        let lookups = MatchLookup.all(
            for: entity.open, of: match, in: keys, model: plan.model, level: step, negotiation: negotiation)
        for var lookup in lookups {
            try find(
                lookup.identifier, at: nil, isList: false, beginning: { lookup.forget() },
                onMatch: { match, _ in
                    lookup.record(match)
                    return .goOn
                })
            known.append((lookup.keys, lookup.verdict))
        }
        switch MatchLookup.verdict(leaving: entity.open, after: known) {
        case .confirmed: return .selected
        case .contradicted(let tag):
            doubts.record(.contradicted(tag), isLookedUp: true)
            return .rejected(tag)
        case .unconfirmed(let tags): return .unknown(tags)
        case .illegible(let tag, _): return .unknown([tag])
        }
    }

    func ask(for uids: [String]) throws(ComparisonFailure) -> ComparedAnswer {
        guard refusals < Self.maximumRefusals else {
            return .refused(Message("\(name): not asked any more", "it refused \(refusals) questions in a row"))
        }
        let step = plan.levels[uids.count - 1]
        let keys = plan.identifier(at: step, below: Array(uids.dropLast()))
        var found: (entity: ComparedEntity, match: DataSet)?
        var others = 0
        let refusal = try answer(
            plan.identifier(of: uids),
            beginning: { (found, others) = (nil, 0) },
            onMatch: { [self] match in
                let entity = plan.entity(match, at: step, below: Array(uids.dropLast()), text.assumed)
                guard let entity, entity.uids == uids else {
                    others += 1
                    return others < Self.maximumOthers ? .goOn : .cancel
                }
                if found == nil { found = (entity, match) }
                return .goOn
            })
        if var found {
            refusals = 0
            note(found.entity, found.match)
            switch plan.review(of: keys, at: step, negotiation)?.verdict(of: found.match) ?? .confirmed {
            case .contradicted(let tag):
                let value = ComparedValue.text(of: [tag], in: found.match, inherited: text.assumed)
                return .rejected(found.entity, key: tag, value: value ?? "")
            case .confirmed: break
            case .unconfirmed(let tags): found.entity.open = tags
            case .illegible(let tag, _): found.entity.open = [tag]
            }
            return .present(found.entity)
        }
        guard others < Self.maximumOthers else {
            refusals += 1
            return .refused(Message("\(name): it ignores the UID that it is asked for", "nothing shows what it has"))
        }
        guard let refusal else {
            refusals = 0
            return .absent
        }
        refusals += 1
        return .refused(refusal)
    }

    func countInstances(of entity: ComparedEntity) throws(ComparisonFailure) -> Int? {
        if entity.uids.count == 2 { return try instances(of: entity.uids) }
        // The series tell, or their instances.
        var series: [(uid: String, count: Int?)] = []
        var identifier = bare(at: .series, entity.uids)
        identifier.setEmpty(.numberOfSeriesRelatedInstances, .IS)
        let refusal = try answer(
            identifier, beginning: { series = [] },
            onMatch: { match in
                let uid = match.uid(.seriesInstanceUID)?.string ?? ""
                if !series.contains(where: { $0.uid == uid }) {
                    series.append((uid, match.uint32(.numberOfSeriesRelatedInstances).map { Int($0) }))
                }
                return series.count < Self.maximumOthers * 10 ? .goOn : .cancel
            })
        guard refusal == nil else { return nil }
        var sum = 0
        for (uid, known) in series {
            guard ComparisonPlan.isUsable(uid) else { return nil }
            var count = known
            if count == nil { count = try instances(of: entity.uids + [uid]) }
            guard let count else { return nil }
            sum += count
        }
        return sum
    }

    private func instances(of uids: [String]) throws(ComparisonFailure) -> Int? {
        var found: Set<UID> = []
        let refusal = try answer(
            bare(at: .image, uids), beginning: { found = [] },
            onMatch: { match in
                if let uid = match.uid(.sopInstanceUID) { found.insert(uid) }
                return found.count < Self.maximumChildren ? .goOn : .cancel
            })
        return refusal == nil && found.count < Self.maximumChildren ? found.count : nil
    }

    /// A query for all that is below some entity.
    private func bare(at step: QueryLevel, _ uids: [String]) -> DataSet {
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, .CS, step.rawValue)
        identifier.setEmpty(InformationModel.uniqueKey(of: step), .UI)
        for (level, uid) in zip(plan.model.levels, uids) {
            identifier.set(InformationModel.uniqueKey(of: level), UID(uid))
        }
        return identifier
    }

    // MARK: Asking

    private var negotiation: QueryNegotiation {
        session.map { network.negotiation(for: plan.model.findSOPClass, on: $0.opened) }
            ?? network.connection.queryNegotiation
    }

    private var server: CalledServer {
        var server = network.server
        server.hasKeys = options.query.hasKeys
        return server
    }

    /// Runs a query whose refusal ends the comparison.
    ///
    /// - Parameters:
    ///   - step: of which matches are compared with the keys; nil for none.
    ///   - beginning: called before each attempt, which brings all matches.
    private func find(
        _ identifier: DataSet, at step: QueryLevel?, isList: Bool, beginning: () -> Void,
        onMatch: @escaping (DataSet, MatchReview?) -> ExchangeControl
    ) throws(ComparisonFailure) {
        // Made with the first match of an attempt: what the keys mean is negotiated with the association.
        var review: MatchReview?
        var isReviewed = step == nil
        let (result, count, final) = try exchange(
            identifier, isList: isList,
            beginning: {
                beginning()
                (review, isReviewed) = (nil, step == nil)
            },
            onMatch: { [self] match in
                if !isReviewed, let step {
                    review = plan.review(of: identifier, at: step, negotiation)
                    isReviewed = true
                    if let review {
                        doubts.noteWildcards(of: review)
                        unconfirmed.noteWildcards(of: review)
                    }
                }
                return onMatch(match, review)
            })
        guard let final, let status = final.status, status.kind != .success, !result.wasCancelled else { return }
        guard status.kind != .failure else {
            throw .of(
                outcome, .failureStatus,
                Message(
                    refusal: final, of: network.queryName, by: name, service: .find,
                    hint: options.query.hint(for: status, refusing: query)))
        }
        outcome.fail(
            .incomplete,
            Message(
                "\(name): the list of matches may be incomplete",
                "the server ended it after \(Quantity.count(count, "match")): \(status.meaning(for: .find))",
                peerText: final.errorComment, code: status.description, hint: .listCutShort))
    }

    /// Runs a query about one entity. Returns the words of a refusal; nil if it was answered.
    private func answer(
        _ identifier: DataSet, beginning: () -> Void, onMatch: @escaping (DataSet) -> ExchangeControl
    ) throws(ComparisonFailure) -> Message? {
        let (result, _, final) = try exchange(identifier, isList: false, beginning: beginning, onMatch: onMatch)
        guard !result.wasCancelled else { return nil }
        guard let final, let status = final.status else { return Message("\(name): no answer to a query") }
        guard status.kind != .success else { return nil }
        return Message(refusal: final, of: network.queryName, by: name, service: .find)
    }

    private func exchange(
        _ identifier: DataSet, isList: Bool, beginning: () -> Void, onMatch: @escaping (DataSet) -> ExchangeControl
    ) throws(ComparisonFailure) -> (result: ExchangeResult, count: Int, final: CommandSet?) {
        var unreadable: DataSetError?
        var count = 0
        var recent = RecentMatches()
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try network.retrying { () throws(AssociationError) in
                // An association that was idle may have been ended by the server.
                let isOld = session != nil
                func attempt() throws(AssociationError) -> ExchangeResult {
                    (unreadable, count) = (nil, 0)
                    beginning()
                    return try send(identifier, isList: isList) { [self] match in
                        count += 1
                        do throws(DataSetError) {
                            let dataSet = text.named(try match.identifier())
                            recent.append(match)
                            return onMatch(dataSet)
                        } catch {
                            unreadable = error
                            return .goOn
                        }
                    }
                }
                do throws(AssociationError) { return try attempt() } catch {
                    guard isOld, session == nil, !error.isInterruption else { throw error }
                    return try attempt()
                }
            }
        } catch {
            throw .association(outcome, error, server)
        }
        if result.wasInterrupted { throw .association(outcome, .interrupted(.graceful), server) }
        if let unreadable {
            outcome.fail(.incomplete, Message("\(name): a match cannot be read", unreadable.description))
        }
        let final = result.final?.command
        return (
            result, count,
            final.map { network.diagnostics.redaction.hidingPatientData(in: $0, about: recent.dataSets) }
        )
    }

    private func send(
        _ identifier: DataSet, isList: Bool, _ onMatch: @escaping (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        do throws(AssociationError) {
            let session = try openedSession()
            return try (isList ? session.whole : session.opened).find(
                sopClass: plan.model.findSOPClass, identifier: identifier.namingCharacterSetWhereNeeded,
                priority: options.query.priority, beforeBlockingRead: nil
            ) { [network] match in
                network.noteOddities(of: match)
                return onMatch(match)
            }
        } catch {
            if error.leavesAssociationUsable { session?.opened.abort() }
            session = nil
            throw error
        }
    }

    private func openedSession() throws(AssociationError) -> (opened: any QuerySession, whole: any QuerySession) {
        if let session { return session }
        let opened = try network.querySession(for: [plan.model.findSOPClass])
        let made = (opened, division.session(opened))
        session = made
        return made
    }

    private func release() {
        guard let opened = session?.opened else { return }
        session = nil
        do throws(AssociationError) { try network.release(opened) } catch {
            outcome.diagnostics.verbose("\(name): \(network.message(error).line)")
        }
    }

    // MARK: The end

    func noteUnconfirmed(_ keys: [Tag]) { unconfirmed.record(.unconfirmed(keys)) }

    func finish(isNothingCompared: Bool) {
        release()
        for warning in doubts.contradictions(of: name) { outcome.diagnostics.warning(warning) }
        for note in doubts.settled(of: name) { outcome.diagnostics.note(note) }
        for problem in text.problems(of: name) { outcome.diagnostics.warning(problem) }
        for problem in unconfirmed.unconfirmedProblems(of: name, consequence: "they are not compared") {
            outcome.fail(isNothingCompared ? .failureStatus : .incomplete, problem)
        }
        if unnamed > 0 {
            let key = DataDictionary.keyword(of: InformationModel.uniqueKey(of: plan.level))
            outcome.fail(
                .incomplete,
                Message(
                    "\(name): \(Quantity.count(unnamed, "match")) without a UID in \(key) or above it",
                    "they are not compared", code: "PS3.4 C.4.1.2.1"))
        }
        let repeated = (studies?.repeated ?? 0) + repeatedBelow
        if repeated > 0 {
            outcome.diagnostics.warning(
                Message("\(name): \(Quantity.count(repeated, "match")) about what was listed before", "compared once"))
        }
    }
}
