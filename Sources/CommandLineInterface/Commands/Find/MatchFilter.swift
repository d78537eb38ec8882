import DICOM
import DICOMNode
import DICOMProtocol

/// The matches among the responses of a peer: each that can be read, contradicts no key, and was not there before.
final class MatchFilter {
    private let target: FindCommand.Target
    private let peerName: String
    /// Nil if the server is trusted.
    private var review: MatchReview?
    /// Makes the review with the first match: how its letters were sent is known then.
    private var makeReview: (() -> (MatchReview, QueryNegotiation))?
    private var doubts = MatchDoubts()
    private var text: MatchText
    /// The attribute that tells entities apart, by its path.
    private var identity: [Tag] = []
    /// The responses to the query that is under way: some servers send a study once for each of its instances.
    private var received = ResponseDigests()
    /// Those of the attempts before, which come again.
    private var expected = ResponseDigests()
    private var repeated = 0
    private var repeatedInARow = 0
    /// No study has so many instances that a server could answer once for each of them.
    private static let maximumRepeatedInARow = 20_000
    private var responses = 0
    /// The value of (0008,0005) in the query that is under way; nil if it has none, or needs the one that it has.
    private var querySet: ArraySlice<UInt8>?
    /// The number of responses to that query, and whether all of them name the same set.
    private var ofQuery = (count: 0, nameItsSet: true)
    /// The attributes that were named and that no match has had so far, by their paths.
    private var absent: [[Tag]]
    private var accepted = 0
    private var withoutModalities = 0
    private let groupsByModalities: Bool
    private var recent = RecentMatches()
    /// The matches of the query that are to be looked up; nil before the first query, or if the server is trusted.
    private(set) var open: OpenMatches?

    init(_ target: FindCommand.Target) {
        self.target = target
        peerName = target.network.peerName
        text = MatchText(target.options)
        absent = target.options.namedAttributes
        groupsByModalities = target.options.groupKeys.contains { $0.tags == [.modalitiesInStudy] }
    }

    /// A query that was not answered to its end is sent again: its matches were accepted before.
    func beginAttempt() { expected = received }

    /// The query was answered to its end.
    func end() {
        received = ResponseDigests()
        expected = ResponseDigests()
        ofQuery = (0, true)
        open = nil
    }

    /// The responses that follow are those to this query in this session.
    func begin(_ query: Query, on session: any QuerySession) {
        identity =
            query.model == .modalityWorklist
            ? [.scheduledProcedureStepSequence, .scheduledProcedureStepID]
            : [InformationModel.uniqueKey(of: query.level)]
        let needsNoSet = query.identifier.namingCharacterSetWhereNeeded[.specificCharacterSet] == nil
        querySet = needsNoSet ? query.identifier.bytes(.specificCharacterSet) : nil
        guard !target.options.query.trustsServer else { return }
        let negotiation = target.network.negotiation(for: query.model.findSOPClass, on: session)
        review = nil
        makeReview = { [target, weak session] in
            let known = session.map { target.network.negotiation(for: query.model.findSOPClass, on: $0) } ?? negotiation
            return (
                MatchReview(of: query.identifier, model: query.model, level: query.level, negotiation: known), known
            )
        }
        // Those of an attempt before are still open.
        open = open ?? OpenMatches(query, negotiation, fillsModalities: groupsByModalities)
    }

    private func verdict(of dataSet: DataSet) -> MatchReview.Verdict? {
        if let makeReview {
            let (made, negotiation) = makeReview()
            (review, self.makeReview) = (made, nil)
            doubts.noteWildcards(of: made)
            open?.negotiation = negotiation
        }
        return review?.verdict(of: dataSet)
    }

    /// Returns nil for a response that is not a match or is to be looked up, and reports one that cannot be read.
    func match(in response: FindSCU.Match) -> Match? {
        let digest = ResponseDigests.digest(response.bytes)
        guard !expected.remove(digest) else { return nil }
        responses += 1
        target.network.noteOddities(of: response)
        // What was decoded once is not decoded again: a server may repeat itself without an end.
        ofQuery.count += 1
        guard !received.hasEntity(digest) else {
            repeated += 1
            repeatedInARow += 1
            return nil
        }
        var isAboutOneEntity = false
        defer { received.insert(digest, isAboutOneEntity: isAboutOneEntity) }
        guard !response.bytes.isEmpty || response.omittedLength != nil else {
            target.outcome.fail(.incomplete, Message("\(peerName): match \(responses) has no data set"))
            return nil
        }
        do throws(DataSetError) {
            let identifier = try response.identifier()
            if let querySet, ofQuery.nameItsSet {
                ofQuery.nameItsSet = identifier.bytes(.specificCharacterSet) == querySet
            }
            let match = Match(response, text.named(identifier), node: peerName)
            recent.append(response)
            repeatedInARow = 0
            isAboutOneEntity = hasIdentity(match.dataSet)
            let verdict = verdict(of: match.dataSet) ?? .confirmed
            switch verdict {
            case .unconfirmed(let keys): if open?.add(match, leaving: keys) == true { return nil }
            case .confirmed: if groupsByModalities, open?.add(match, leaving: []) == true { return nil }
            case .contradicted, .illegible: break
            }
            return judged(match, verdict)
        } catch {
            target.outcome.fail(
                .incomplete, Message("\(peerName): match \(responses) cannot be read", error.description))
            return nil
        }
    }

    /// The match, unless it contradicts a key.
    ///
    /// - Parameter isLookedUp: true if another level has told it.
    func judged(_ match: Match, _ verdict: MatchReview.Verdict, isLookedUp: Bool = false) -> Match? {
        guard doubts.record(verdict, isLookedUp: isLookedUp) else { return nil }
        var isIllegible = false
        if case .illegible = verdict { isIllegible = true }
        text.count(match.dataSet, isIllegible: isIllegible)
        accepted += 1
        if groupsByModalities, match.dataSet[.modalitiesInStudy] == nil { withoutModalities += 1 }
        if !absent.isEmpty { absent.removeAll { path in path.first.map { match.dataSet[$0] != nil } ?? true } }
        return match
    }

    /// A match of the query with further unique keys, which is about an open match of the query as it was sent first.
    func openMatch(in response: FindSCU.Match) -> OpenMatches.Open? {
        guard let dataSet = try? text.named(response.identifier()),
            let verdict = verdict(of: dataSet), let open
        else { return nil }
        let match = Match(response, dataSet, node: peerName)
        switch verdict {
        case .unconfirmed(let keys): return open.open(match, leaving: keys)
        case .confirmed:
            let found = open.open(match, leaving: [])
            return found.lacksModalities ? found : nil
        case .contradicted, .illegible: return nil
        }
    }

    /// The last matches.
    var recentDataSets: [DataSet] { recent.dataSets.map { text.named($0) } }

    /// The number of responses to the query that is under way, if all of them name the character set that it names without need;
    /// otherwise nil.
    var countInQuerySet: Int? { querySet != nil && ofQuery.nameItsSet ? ofQuery.count : nil }

    /// The number of responses to the query that is under way.
    var count: Int { ofQuery.count }

    /// True if the server goes on with what it has sent: a limit of matches may never be reached.
    var isRepeating: Bool { repeatedInARow >= Self.maximumRepeatedInARow }

    /// Returns true if equal responses are about one entity: two studies of a patient are equal where only the name was asked for.
    private func hasIdentity(_ dataSet: DataSet) -> Bool {
        // The usual case, without the text of the value.
        if identity.count == 1, case .bytes(let bytes)? = dataSet[identity[0]]?.value {
            return bytes.contains { $0 != 0x20 && $0 != 0 }
        }
        var value: [UInt8] = []
        ElementText.append(identity[...], of: dataSet, to: &value)
        return !value.isEmpty
    }

    /// Tells who looks closely what the lookups of the query have cost.
    func noteLookups() {
        guard let open, open.lookups > 0 else { return }
        let names = open.lookedUp.sorted().map { DataDictionary.keyword(of: $0) }.joined(separator: ", ")
        target.outcome.diagnostics.verbose(
            "\(peerName): \(names) looked up at another level by \(Quantity.count(open.lookups, "request"))")
    }

    /// True if matches contradicted keys.
    var hasLeftOut: Bool { doubts.hasContradictions }

    /// Warns of attributes that were named and that no match has, not even empty: a server that supports them returns them (PS3.4
    /// C.2.2.1.3).
    private func reportAbsent() {
        if withoutModalities > 0, withoutModalities < accepted {
            target.outcome.diagnostics.warning(
                Message(
                    "\(peerName): \(withoutModalities) of \(accepted) matches have no ModalitiesInStudy",
                    "the server does not return it, and their series were not listed"))
        }
        guard accepted > 0, !absent.isEmpty else { return }
        let names = absent.map { $0.map { DataDictionary.keyword(of: $0) }.joined(separator: ".") }
        target.outcome.diagnostics.warning(
            Message(
                "\(peerName): no match has \(names.joined(separator: ", "))", "the server does not return it",
                hint: absent.contains([.modalitiesInStudy]) ? .modalitiesNotReturned : nil))
    }

    /// False where the output has no text of a match, such as a name, whatever its letters.
    private var showsText: Bool {
        let groups = target.options.groupKeys.compactMap(\.tags.last)
        guard groups.isEmpty else { return groups.contains { DataDictionary.vr(of: $0).usesSpecificCharacterSet } }
        return target.options.format != .count
    }

    /// Reports what was left out, and what no response confirms.
    func report() {
        let diagnostics = target.outcome.diagnostics
        reportAbsent()
        if showsText { for problem in text.problems(of: peerName) { diagnostics.warning(problem) } }
        if repeated > 0 { diagnostics.verbose("\(peerName): \(Quantity.count(repeated, "response")) sent again") }
        for warning in doubts.contradictions(of: peerName) { diagnostics.warning(warning) }
        for note in doubts.settled(of: peerName) { diagnostics.note(note) }
        let consequence = "they are listed, and may be no matches"
        for problem in doubts.unconfirmedProblems(of: peerName, consequence: consequence) {
            diagnostics.warning(problem)
        }
    }
}

/// Responses to one query, each by its digest.
private struct ResponseDigests {
    /// Those that tell which entity they are about: a second one is the same entity.
    private var entities = DigestTable()
    /// The number of each of the others: two studies of a patient are equal where only the name was asked for.
    private var others: [UInt64: Int] = [:]

    static func digest(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.withUnsafeBytes { SeededDigest.of($0) } }

    func hasEntity(_ digest: UInt64) -> Bool { entities.contains(digest) }

    mutating func insert(_ digest: UInt64, isAboutOneEntity: Bool) {
        if isAboutOneEntity {
            entities.insert(digest)
        } else {
            others[digest, default: 0] += 1
        }
    }

    /// Returns false if there is none.
    mutating func remove(_ digest: UInt64) -> Bool {
        guard !entities.isEmpty || !others.isEmpty else { return false }
        if entities.remove(digest) { return true }
        guard let count = others[digest], count > 0 else { return false }
        others[digest] = count - 1
        return true
    }
}
