import DICOM
import DICOMNode
import DICOMProtocol

/// The matches of a query that leave keys open which another level tells: they wait until the query has ended, and are then looked
/// up, within limits.
final class OpenMatches {
    struct Open {
        var match: Match
        /// Those that have no value in the match.
        let keys: [Tag]
        /// True if the match has no ModalitiesInStudy, and is shown with it.
        var lacksModalities = false

        /// What is known of it without a lookup.
        var verdict: MatchReview.Verdict { keys.isEmpty ? .confirmed : .unconfirmed(keys) }

        /// What is looked up.
        fileprivate var tags: [Tag] {
            lacksModalities && !keys.contains(.modalitiesInStudy) ? keys + [.modalitiesInStudy] : keys
        }
    }

    /// Sends a query, and hands over its matches. Returns its final status; nil if nothing more is to be asked.
    typealias Ask = (DataSet, @escaping (FindSCU.Match) -> Void) throws(AssociationError) -> DIMSEStatus?

    private let query: Query
    /// Known whole with the first match.
    var negotiation: QueryNegotiation
    private var waiting: ArraySlice<Open> = []
    /// What lookups have told, by level and entity: the series of a study are looked up together.
    private var found: [[String]: Found] = [:]
    /// The queries that were sent for lookups.
    private(set) var lookups = 0
    /// The keys that were looked up.
    private(set) var lookedUp: Set<Tag> = []
    /// The unique keys that the query was sent again with.
    private var added: [Tag] = []
    /// False after the server has refused a lookup.
    private var mayLookUp = true
    private let maximumLookups: Int
    private static let maximumWaiting = 10_000
    private static let maximumOfKeys = 1_000

    private struct Found {
        let verdict: MatchReview.Verdict
        let modalities: Set<String>
    }

    /// - Parameter fillsModalities: whether studies without ModalitiesInStudy get those of their series.
    init(_ query: Query, _ negotiation: QueryNegotiation, fillsModalities: Bool) {
        self.query = query
        self.negotiation = negotiation
        self.fillsModalities = fillsModalities && query.model.levels.contains(.series) && query.level == .study
        // To group studies each of them is needed.
        maximumLookups = self.fillsModalities ? Self.maximumWaiting : Self.maximumOfKeys
    }

    private let fillsModalities: Bool

    /// Keeps a match if another level tells about one of its keys, or the modalities that it lacks. Returns false if none does, or
    /// too many wait.
    func add(_ match: Match, leaving keys: [Tag]) -> Bool {
        let open = open(match, leaving: keys)
        guard waiting.count < Self.maximumWaiting, !uniqueKeys(for: open.tags).isEmpty else { return false }
        waiting.append(open)
        return true
    }

    /// A match that leaves keys open, and may lack its modalities.
    func open(_ match: Match, leaving keys: [Tag]) -> Open {
        let lacksModalities = fillsModalities && match.dataSet[.modalitiesInStudy]?.isEmpty != false
        return Open(match: match, keys: keys, lacksModalities: lacksModalities)
    }

    /// The match that waits first, without what was looked up.
    func removeFirst() -> Open? { waiting.popFirst().map(shown) }

    /// The match as the query was first sent for.
    private func shown(_ open: Open) -> Open {
        var open = open
        for key in added { open.match.dataSet[key] = nil }
        return open
    }

    /// Looks up the matches that wait, the first one first, until all are settled or nothing more is to be asked.
    ///
    /// - Parameters:
    ///   - again: makes an open match of a response to the query with its unique keys.
    ///   - settled: is called with each match and what is known of it.
    /// - Throws: the error of `ask`; the rest waits.
    func lookUp(
        ask: Ask, again: @escaping (FindSCU.Match) -> Open?, settled: (Match, MatchReview.Verdict) -> Void
    ) throws(AssociationError) {
        try addUniqueKeys(ask, again)
        while let open = waiting.first {
            var known: [(keys: [Tag], verdict: MatchReview.Verdict)] = []
            var modalities: Set<String> = []
            for lookup in lookups(of: open) {
                guard let found = try find(lookup, ask) else { return }
                known.append((lookup.keys, found.verdict))
                modalities.formUnion(found.modalities)
            }
            waiting.removeFirst()
            var match = shown(open).match
            if open.lacksModalities, !modalities.isEmpty {
                match.dataSet.set(.modalitiesInStudy, .CS, modalities.sorted().joined(separator: "\\"))
            }
            settled(match, MatchLookup.verdict(leaving: open.keys, after: known))
        }
    }

    private func lookups(of open: Open) -> [MatchLookup] {
        MatchLookup.all(
            for: open.tags, of: open.match.dataSet, in: query.identifier, model: query.model, level: query.level,
            negotiation: negotiation)
    }

    /// Returns nil if nothing more is to be asked.
    private func find(_ lookup: MatchLookup, _ ask: Ask) throws(AssociationError) -> Found? {
        if let found = found[lookup.name] { return found }
        guard mayLookUp, lookups < maximumLookups else {
            return Found(verdict: .unconfirmed(lookup.keys), modalities: [])
        }
        lookups += 1
        lookedUp.formUnion(lookup.keys)
        var lookup = lookup
        let status = try ask(lookup.identifier) { response in
            // What cannot be read confirms nothing.
            if let match = try? response.identifier() { lookup.record(match) }
        }
        guard let status else { return nil }
        mayLookUp = status.kind != .failure
        var verdict = lookup.verdict
        // A list that is cut short shows what is there, and not what is not.
        if status != .success, verdict != .confirmed { verdict = .unconfirmed(lookup.keys) }
        let result = Found(verdict: verdict, modalities: status == .success ? lookup.modalities : [])
        found[lookup.name] = result
        return result
    }

    // MARK: Unique keys

    private func uniqueKeys(for keys: [Tag]) -> [Tag] {
        MatchLookup.uniqueKeys(for: keys, model: query.model, level: query.level)
    }

    /// Sends the query again with the unique keys that lookups need and it has not asked for. gdcmscu's command lines send none
    /// but their own keys: only what they print is what these ask for.
    private func addUniqueKeys(
        _ ask: Ask, _ again: @escaping (FindSCU.Match) -> Open?
    ) throws(AssociationError) {
        guard added.isEmpty, !waiting.isEmpty, waiting.count < Self.maximumWaiting else { return }
        let missing = uniqueKeys(for: Set(waiting.flatMap(\.tags)).sorted()).filter { query.identifier[$0] == nil }
        guard !missing.isEmpty else { return }
        var identifier = query.identifier
        for key in missing { identifier.setEmpty(key, DataDictionary.vr(of: key)) }
        var found: [Open] = []
        var seen: Set<[String]> = []
        let status = try ask(identifier) { response in
            guard found.count < Self.maximumWaiting, let open = again(response),
                seen.insert(missing.flatMap { open.match.dataSet.strings($0) }).inserted
            else { return }
            found.append(open)
        }
        // Fewer matches than before would lose some.
        guard status == .success, found.count >= waiting.count else { return }
        (waiting, added) = (found[...], missing)
    }
}
