import DICOM
import DICOMNode
import DICOMProtocol

/// Turns keys into the identifiers of C-MOVE or C-GET requests, which hold unique keys alone (PS3.4 C.4.2.2.1): asks by
/// C-FIND, level by level, for the entities that match.
final class RetrievalResolver {
    enum Failure: Error {
        case association(AssociationError)
        case refused(CommandSet)
        /// No match is known to have the values that the keys ask for.
        case unconfirmed(Message)
    }

    private let options: QueryOptions
    private let network: Network
    private let outcome: RunOutcome
    private let model: InformationModel
    private let associations: RetrievalAssociations
    private var session: (any QuerySession)?
    /// The association of the session; nil over HTTP.
    private var lent: RetrievalAssociations.Lent?
    private let division: ListDivision
    private var doubts = MatchDoubts()

    init(
        _ options: QueryOptions, _ network: Network, _ associations: RetrievalAssociations, _ outcome: RunOutcome,
        today: CalendarDate
    ) {
        self.associations = associations
        division = ListDivision(options.split, ordinary: .whenCutShort, network, outcome, today: today)
        self.options = options
        self.network = network
        self.outcome = outcome
        model = options.informationModel
    }

    /// - Parameter query: an identifier of a query, with level and keys.
    func targets(for query: DataSet) throws(Failure) -> [RetrievalTarget] {
        let level = query.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? options.level
        if options.sortKeys.isEmpty, isDirect(query, level) {
            var target = RetrievalTarget(identifier: uniqueKeys(of: query, level), level: level)
            target.isUnconfirmed = true
            return [target]
        }
        var contexts = [Context(identifier: base(query))]
        let sorted = Set(options.sortKeys.compactMap(\.attribute.tags.first))
        var used: Set<Tag> = []
        let levels = model.levels.filter { $0 <= level }
        for step in levels {
            let key = InformationModel.uniqueKey(of: step)
            let own = query.elements.filter { element in
                model.asks(for: element.tag, at: step, target: level) && used.insert(element.tag).inserted
            }
            let asksMore = own.contains { ($0.tag != key && !$0.isEmpty) || sorted.contains($0.tag) }
            let uids = isPlain(query, key) ? query.uids(key) : []
            if !asksMore, !uids.isEmpty, step < level {
                contexts = contexts.flatMap { context in
                    uids.map { uid in
                        var next = context
                        next.identifier[key] = query[key]
                        if step != .patient { next.identifier.set(key, uid) }
                        return next
                    }
                }
                continue
            }
            // Nothing is asked of this level: what is below may still be found, and a list of all patients helps
            // nobody.
            let isOpen = !asksMore && query.strings(key).allSatisfy(\.isEmpty)
            if step < level, isOpen, step == .patient || isPlain(query, InformationModel.uniqueKey(of: level)) {
                continue
            }
            contexts = try matches(of: contexts, own, key, step)
        }
        return contexts.map { context in
            var target = RetrievalTarget(identifier: context.identifier, level: level, order: context.order)
            target.identifier.set(.queryRetrieveLevel, .CS, level.rawValue)
            return target
        }
    }

    /// True if matches contradicted keys.
    var hasLeftOut: Bool { doubts.hasContradictions }

    /// Warns of the matches that were left out, and leaves the association to the retrievals.
    func close() {
        for warning in doubts.contradictions(of: network.peerName) { outcome.diagnostics.warning(warning) }
        for note in doubts.settled(of: network.peerName) { outcome.diagnostics.note(note) }
        if let lent { associations.keep(lent) }
        (session, lent) = (nil, nil)
    }

    // MARK: What keys are

    /// Returns true if the keys are unique keys with single values or lists of UIDs, so that no query is needed.
    private func isDirect(_ query: DataSet, _ level: QueryLevel) -> Bool {
        let unique = model.uniqueKeys(above: level) + [InformationModel.uniqueKey(of: level)]
        return isPlain(query, InformationModel.uniqueKey(of: level))
            && query.elements.allSatisfy { element in
                if element.isEmpty || QueryIdentifier.generalElements.contains(element.tag) { return true }
                return unique.contains(element.tag) && isPlain(query, element.tag)
            }
    }

    /// Returns the keys that the identifier of a retrieval may have (PS3.4 C.4.2.1.4.1): return keys without a value
    /// are removed. Unique keys of the levels above stay, also empty ones: some servers require their presence.
    private func uniqueKeys(of query: DataSet, _ level: QueryLevel) -> DataSet {
        let unique = model.uniqueKeys(above: level) + [InformationModel.uniqueKey(of: level)]
        var identifier = DataSet()
        for tag in [.specificCharacterSet, .queryRetrieveLevel, .queryRetrieveView] + unique {
            identifier[tag] = query[tag]
        }
        return identifier
    }

    /// Returns true if the key has a value that names one entity, or several.
    private func isPlain(_ query: DataSet, _ key: Tag) -> Bool {
        guard let bytes = query.bytes(key), !bytes.isEmpty else { return false }
        return !bytes.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
    }

    private func base(_ query: DataSet) -> DataSet {
        var base = DataSet()
        base[.specificCharacterSet] = query[.specificCharacterSet]
        return base
    }

    // MARK: Asking

    /// What is known of an entity on the way down the levels.
    private struct Context {
        /// The keys that lead to it.
        var identifier: DataSet
        /// The values by which it is sorted.
        var order = DataSet()
    }

    private func matches(
        of contexts: [Context], _ own: [DataElement], _ key: Tag, _ step: QueryLevel
    ) throws(Failure) -> [Context] {
        var found: [Context] = []
        var unnamed = 0
        var unconfirmed = MatchDoubts()
        for context in contexts {
            var keys = context.identifier
            keys.set(.queryRetrieveLevel, .CS, step.rawValue)
            keys.setEmpty(key, DataDictionary.vr(of: key))
            for element in own { keys.append(element) }
            // Made with the first match of an attempt: what the keys mean is negotiated with the association.
            var review: MatchReview?
            var open: [(context: Context, value: [String], keys: [Tag])] = []
            // Some servers return a study once for each of its instances: it is retrieved once.
            var seen: Set<[String]> = []
            let before = (count: found.count, unnamed: unnamed, doubts: doubts, unconfirmed: unconfirmed)
            // An attempt after another brings all matches again.
            let forget = {
                found.removeSubrange(before.count...)
                (unnamed, self.doubts, open, seen) = (before.unnamed, before.doubts, [], [])
                unconfirmed = before.unconfirmed
                review = nil
            }
            try find(keys, onAttempt: forget) { [self] match in
                guard let value = match[key], !value.isEmpty else {
                    unnamed += 1
                    return
                }
                var next = context
                next.identifier[key] = value
                if step == .patient, let set = match[.specificCharacterSet] {
                    next.identifier[.specificCharacterSet] = set
                }
                for tag in options.sortKeys.compactMap(\.attribute.tags.first) {
                    if let element = match[tag] { next.order.append(element) }
                }
                let comparison =
                    review ?? MatchReview(of: keys, model: model, level: step, negotiation: self.negotiation)
                if review == nil {
                    doubts.noteWildcards(of: comparison)
                    unconfirmed.noteWildcards(of: comparison)
                }
                review = comparison
                switch options.trustsServer ? .confirmed : comparison.verdict(of: match) {
                case .confirmed: if seen.insert(match.strings(key)).inserted { found.append(next) }
                case .contradicted(let tag): doubts.record(.contradicted(tag))
                case .unconfirmed(let tags): open.append((next, match.strings(key), tags))
                case .illegible(let tag, let characterSet):
                    unconfirmed.record(.illegible(tag, characterSet: characterSet))
                }
            }
            for (next, value, tags) in open where seen.insert(value).inserted {
                switch try verdict(of: next.identifier, unconfirmed: tags, keys, step) {
                case .confirmed: found.append(next)
                case .contradicted(let tag): doubts.record(.contradicted(tag), isLookedUp: true)
                case let doubt: unconfirmed.record(doubt)
                }
            }
        }
        // A match without a UID cannot be requested, and must not be omitted silently.
        if unnamed > 0 {
            outcome.fail(
                .incomplete,
                Message(
                    "\(network.peerName): \(Quantity.count(unnamed, "match")) without \(DataDictionary.keyword(of: key))",
                    "they are not retrieved",
                    code: "PS3.4 C.4.1.2.1"))
        }
        let consequence = found.isEmpty ? "nothing is retrieved" : "they are not retrieved"
        for problem in unconfirmed.unconfirmedProblems(of: network.peerName, consequence: consequence) {
            if found.isEmpty { throw .unconfirmed(problem) }
            outcome.fail(.incomplete, problem)
        }
        return found
    }

    /// Looks up what a match leaves open where another level tells it, such as the modalities of a study.
    ///
    /// - Parameter keys: the query that it is a match of.
    private func verdict(
        of context: DataSet, unconfirmed tags: [Tag], _ keys: DataSet, _ step: QueryLevel
    ) throws(Failure) -> MatchReview.Verdict {
        var known: [(keys: [Tag], verdict: MatchReview.Verdict)] = []
        let lookups = MatchLookup.all(
            for: tags, of: context, in: keys, model: model, level: step, negotiation: negotiation)
        for var lookup in lookups {
            try find(lookup.identifier, onAttempt: { lookup.forget() }) { match in lookup.record(match) }
            known.append((lookup.keys, lookup.verdict))
        }
        return MatchLookup.verdict(leaving: tags, after: known)
    }

    /// Runs one query on the association; after an error there is none.
    private func exchange(
        _ keys: DataSet, onMatch: @escaping (FindSCU.Match) -> Void
    ) throws(AssociationError) -> ExchangeResult {
        do throws(AssociationError) {
            return try openSession().find(
                sopClass: model.findSOPClass, identifier: keys.namingCharacterSetWhereNeeded,
                priority: options.priority, beforeBlockingRead: nil
            ) { [network] match in
                network.noteOddities(of: match)
                onMatch(match)
                return .goOn
            }
        } catch {
            if let lent {
                associations.drop(lent)
            } else if error.leavesAssociationUsable {
                session?.abort()
            }
            (session, lent) = (nil, nil)
            throw error
        }
    }

    /// What was negotiated with the peer.
    private var negotiation: QueryNegotiation {
        session.map { network.negotiation(for: model.findSOPClass, on: $0) } ?? network.connection.queryNegotiation
    }

    private func openSession() throws(AssociationError) -> any QuerySession {
        if let session { return session }
        let asked: any QuerySession
        if network.connection.web == nil {
            let association = try associations.forQueries()
            (lent, asked) = (association, association.association)
        } else {
            asked = try network.webSession()
        }
        let opened = division.session(asked)
        session = opened
        return opened
    }

    /// - Parameter onAttempt: called before each attempt, which brings all matches.
    private func find(_ keys: DataSet, onAttempt: () -> Void, onMatch: @escaping (DataSet) -> Void) throws(Failure) {
        var unreadable: DataSetError?
        var count = 0
        var recent = RecentMatches()
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try network.retrying { () throws(AssociationError) in
                (unreadable, count) = (nil, 0)
                onAttempt()
                return try exchange(keys) { match in
                    count += 1
                    do throws(DataSetError) {
                        let identifier = try match.identifier()
                        recent.append(match)
                        onMatch(identifier)
                    } catch {
                        unreadable = error
                    }
                }
            }
        } catch {
            throw .association(error)
        }
        if result.wasInterrupted { throw .association(.interrupted(.graceful)) }
        if let unreadable {
            outcome.fail(.incomplete, Message("\(network.peerName): a match cannot be read", unreadable.description))
        }
        guard let response = result.final?.command, let status = response.status, status.kind != .success else {
            return
        }
        let final = network.diagnostics.redaction.hidingPatientData(in: response, about: recent.dataSets)
        if status.kind == .failure { throw .refused(final) }
        // A server that gives no more than so many answers ends with another status than success: there is more.
        outcome.fail(
            .incomplete,
            Message(
                "\(network.peerName): the list of matches may be incomplete",
                "the server ended it after \(Quantity.count(count, "match")): \(status.meaning(for: .find))",
                peerText: final.errorComment, code: status.description, hint: .listCutShort))
    }
}
