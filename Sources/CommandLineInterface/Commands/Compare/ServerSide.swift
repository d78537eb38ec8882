import DICOM
import DICOMNode
import DICOMProtocol
import System

/// A peer as one side of a comparison: asks by C-FIND or over HTTP, level by level.
final class ServerSide: ComparedSide {
    let outcome: RunOutcome
    private let network: Network
    private let options: CompareOptions
    let plan: ComparisonPlan
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
    /// The entities whose lists were cut short, and those in a row of which nothing was listed.
    private var cut = (count: 0, inARow: 0)
    /// Of each compared attribute, whether a match had it.
    private var returned: [Bool]

    // A query ends at so many matches, whatever they are: a server that goes on must not fill disk, memory or time.

    /// More studies than any archive has.
    private static let maximumStudies = 20_000_000
    /// A server that refuses so many questions in a row about one entity each is asked no more.
    private static let maximumRefusals = 10
    /// More matches than any entity has below it.
    private static let maximumChildren = 1_000_000
    /// What a million of them take with their attributes, in bytes.
    private static let maximumBytesOfChildren = 256 << 20
    /// More matches than a server sends that takes the UID into account.
    private static let maximumOthers = 1_000
    /// More series than any study has.
    private static let maximumSeries = 10_000
    /// Lists that were cut short are named one by one so often.
    private static let maximumNamed = 3

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
            plan.identifier(at: .study, below: []), at: .study, isList: true, limit: Self.maximumStudies,
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
                    return sorter.isFull ? .cancel : .goOn
                } catch {
                    failure = error
                    return .cancel
                }
            })
        if let failure { throw StudyList.failure(failure, outcome) }
        if sorter.isFull { throw StudyList.tooLong(name, outcome) }
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

    func children(of entity: ComparedEntity) throws(ComparisonFailure) -> [ComparedEntity]? {
        let step = plan.levels[entity.uids.count]
        var found: [ComparedEntity] = []
        var bytes = 0
        let before = (doubts, unnamed)
        let isWhole = try find(
            plan.identifier(at: step, below: entity.uids), at: step, isList: true, below: entity,
            limit: Self.maximumChildren,
            beginning: { [self] in
                (found, bytes) = ([], 0)
                (doubts, unnamed) = before
            },
            onMatch: { [self] match, review in
                if let child = judged(match, review, at: step, below: entity.uids) {
                    found.append(child)
                    bytes += child.record.count
                }
                return bytes < Self.maximumBytesOfChildren ? .goOn : .cancel
            })
        guard bytes < Self.maximumBytesOfChildren else {
            throw .of(
                outcome, .incomplete,
                Message(
                    "\(name): more than \(Self.maximumBytesOfChildren >> 20) MiB of matches below \(entity.uid)",
                    "the list is given up"))
        }
        guard isWhole else { return nil }
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

    var hasLeftOut: Bool { doubts.hasContradictions }

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
                lookup.identifier, at: nil, isList: false, limit: Self.maximumChildren, beginning: { lookup.forget() },
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
        let reply = try answer(
            plan.identifier(of: uids), limit: Self.maximumOthers, beginning: { found = nil },
            onMatch: { [self] match in
                let entity = plan.entity(match, at: step, below: Array(uids.dropLast()), text.assumed)
                if found == nil, let entity, entity.uids == uids { found = (entity, match) }
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
        switch reply {
        case .ended:
            refusals += 1
            return .refused(Message("\(name): it ignores the UID that it is asked for", "nothing shows what it has"))
        case .refused(let refusal):
            refusals += 1
            return .refused(refusal)
        case .unreadable: return .unreadable
        case .whole:
            refusals = 0
            return .absent
        }
    }

    func countInstances(of entity: ComparedEntity) throws(ComparisonFailure) -> Int? {
        if entity.uids.count == 2 { return try instances(of: entity.uids) }
        // The series tell, or their instances.
        var series: [(uid: String, count: Int?)] = []
        var seen = DigestTable()
        var identifier = bare(at: .series, entity.uids)
        identifier.setEmpty(.numberOfSeriesRelatedInstances, .IS)
        let reply = try answer(
            identifier, limit: Self.maximumSeries, beginning: { (series, seen) = ([], DigestTable()) },
            onMatch: { match in
                guard let uid = Self.usableUID(.seriesInstanceUID, in: match) else { return .cancel }
                if seen.insert(uid.digest) {
                    series.append((uid.text, match.uint32(.numberOfSeriesRelatedInstances).map { Int($0) }))
                }
                return .goOn
            })
        guard case .whole = reply else { return nil }
        var sum = 0
        for (uid, known) in series {
            var count = known
            if count == nil { count = try instances(of: entity.uids + [uid]) }
            guard let count else { return nil }
            sum += count
        }
        return sum
    }

    private func instances(of uids: [String]) throws(ComparisonFailure) -> Int? {
        var found = DigestTable()
        let reply = try answer(
            bare(at: .image, uids), limit: Self.maximumChildren, beginning: { found = DigestTable() },
            onMatch: { match in
                guard let uid = Self.usableUID(.sopInstanceUID, in: match) else { return .cancel }
                found.insert(uid.digest)
                return .goOn
            })
        guard case .whole = reply else { return nil }
        return found.count
    }

    /// What names an entity, with its digest; nil if nothing does: it cannot be counted then.
    private static func usableUID(_ key: Tag, in match: DataSet) -> (text: String, digest: UInt64)? {
        guard let text = match.uid(key)?.string, ComparisonPlan.isUsable(text) else { return nil }
        return (text, SeededDigest.of(text))
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
    ///   - entity: of which the list is a part; nil for none.
    ///   - limit: the number of matches at which the query is given up.
    ///   - beginning: called before each attempt, which brings all matches.
    /// - Returns: False if the server cut the list of an entity short.
    @discardableResult
    private func find(
        _ identifier: DataSet, at step: QueryLevel?, isList: Bool, below entity: ComparedEntity? = nil, limit: Int,
        beginning: () -> Void, onMatch: @escaping (DataSet, MatchReview?) -> ExchangeControl
    ) throws(ComparisonFailure) -> Bool {
        // Made with the first match of an attempt: what the keys mean is negotiated with the association.
        var review: MatchReview?
        var isReviewed = step == nil
        let exchange = try exchange(
            identifier, isList: isList, limit: limit,
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
        let count = exchange.count
        guard count <= limit else {
            throw .of(
                outcome, .incomplete,
                Message("\(name): more than \(limit) matches of one query", "it is given up, and so is the comparison"))
        }
        guard let final = exchange.final, let status = final.status, status.kind != .success,
            !exchange.result.wasCancelled
        else {
            cut.inARow = 0
            return true
        }
        guard status.kind != .failure else {
            if let entity, status.isTransient || count > 0, noteCut(entity, status, count, final) { return false }
            throw .of(
                outcome, .failureStatus,
                Message(
                    refusal: final, of: network.queryName, by: name, service: .find,
                    hint: options.query.hint(
                        for: status, refusing: query, isDivided: options.query.split != .off)))
        }
        outcome.fail(
            .incomplete,
            Message(
                "\(name): the list of matches may be incomplete",
                "the server ended it after \(Quantity.count(count, "match")): \(status.meaning(for: .find))",
                peerText: final.errorComment, code: status.description, hint: .listCutShort))
        return true
    }

    /// Tells that what is below an entity is not listed whole. False if the server lists nothing any more: its reason is another
    /// one then.
    private func noteCut(_ entity: ComparedEntity, _ status: DIMSEStatus, _ count: Int, _ final: CommandSet) -> Bool {
        cut.inARow = count == 0 ? cut.inARow + 1 : 0
        guard cut.inARow < Self.maximumRefusals else { return false }
        cut.count += 1
        guard cut.count <= Self.maximumNamed else {
            outcome.record(.incomplete)
            return true
        }
        outcome.fail(
            .incomplete,
            Message(
                "\(name): what is below \(entity.uid) is not listed whole, and not compared",
                "the server ended the list after \(Quantity.count(count, "match")): \(status.meaning(for: .find))",
                peerText: final.errorComment, code: status.description, hint: .tooManyMatchesOfPart))
        return true
    }

    /// How the query about one entity ended.
    private enum Reply {
        case whole
        /// We ended it.
        case ended
        case refused(Message)
        case unreadable
    }

    /// Runs a query about one entity.
    private func answer(
        _ identifier: DataSet, limit: Int, beginning: () -> Void, onMatch: @escaping (DataSet) -> ExchangeControl
    ) throws(ComparisonFailure) -> Reply {
        let exchange = try exchange(identifier, isList: false, limit: limit, beginning: beginning, onMatch: onMatch)
        guard !exchange.result.wasCancelled, exchange.count <= limit else { return .ended }
        guard let final = exchange.final, let status = final.status else {
            return .refused(Message("\(name): no answer to a query"))
        }
        guard status.kind == .success else {
            return .refused(Message(refusal: final, of: network.queryName, by: name, service: .find))
        }
        return exchange.isReadable ? .whole : .unreadable
    }

    private struct Exchange {
        let result: ExchangeResult
        /// All matches; one more than the limit if it was given up.
        let count: Int
        let isReadable: Bool
        let final: CommandSet?
    }

    private func exchange(
        _ identifier: DataSet, isList: Bool, limit: Int, beginning: () -> Void,
        onMatch: @escaping (DataSet) -> ExchangeControl
    ) throws(ComparisonFailure) -> Exchange {
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
                        guard count < limit else {
                            count = limit + 1
                            return .cancel
                        }
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
        return Exchange(
            result: result, count: count, isReadable: unreadable == nil,
            final: final.map { network.diagnostics.redaction.hidingPatientData(in: $0, about: recent.dataSets) })
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
        if cut.count > Self.maximumNamed {
            outcome.diagnostics.note(Message("\(name): \(cut.count) lists are not whole, and not compared"))
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
