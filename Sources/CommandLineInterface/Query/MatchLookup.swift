import DICOM
import DICOMProtocol

/// A query of another level that tells what a match leaves open: the series of a study tell its modalities and whether one of them
/// has what is asked of a series, and a study or patient tells what is asked of it in a query for what it contains.
struct MatchLookup {
    /// The keys that it tells something about.
    let keys: [Tag]
    let identifier: DataSet
    /// One for each value of a list of which an entity must have all: one series has CT, and another one MR.
    private let reviews: [MatchReview]
    /// The unique key of what is looked up.
    private let entity: Tag
    private let uniqueKeys: [Tag]
    /// The keys of which an empty value means that the entity has none: each server has to return them at their level (PS3.4
    /// C.2.2.1.2), and their attributes may be empty. A series without a Modality is none that a server should have.
    private let decisiveKeys: Set<Tag>
    /// Those of the reviews that a match has confirmed.
    private var confirmed: Set<Int> = []
    private var contradicted: Tag?
    private var unconfirmed: [Tag]?
    private var illegible: MatchReview.Verdict?
    /// The modalities of the series that were found.
    private(set) var modalities: Set<String> = []
    /// No study has more, whatever a server sends.
    private static let maximumModalities = 64

    /// The lookups for keys that a match has no value for; none for keys that no other level tells.
    ///
    /// - Parameters:
    ///   - open: the keys.
    ///   - query: the identifier that the match is a response to.
    static func all(
        for open: [Tag], of match: DataSet, in query: DataSet, model: InformationModel, level: QueryLevel,
        negotiation: QueryNegotiation
    ) -> [MatchLookup] {
        sources(of: open, model, level).compactMap { source in
            MatchLookup(source, of: match, in: query, model, negotiation)
        }
    }

    /// The unique keys that a match must have for the lookups of these keys.
    static func uniqueKeys(for open: [Tag], model: InformationModel, level: QueryLevel) -> [Tag] {
        Set(sources(of: open, model, level).flatMap { model.uniqueKeys(above: $0.level) + [$0.entity] }).sorted()
    }

    /// The level, the entity and the keys, which tell the lookups of one query apart.
    var name: [String] {
        ([.queryRetrieveLevel] + uniqueKeys).map { identifier.string($0) ?? "" } + keys.map { "\($0)" }
    }

    /// Forgets what was found, before the query is sent again.
    mutating func forget() {
        (confirmed, contradicted, unconfirmed, illegible, modalities) = ([], nil, nil, nil, [])
    }

    /// Takes one match of the lookup into account.
    mutating func record(_ match: DataSet) {
        if let value = match.string(entity), value != identifier.string(entity) { return }
        if keys.contains(.modalitiesInStudy) { recordModalities(of: match) }
        for (index, review) in reviews.enumerated() { record(review.verdict(of: match), of: index, match) }
    }

    private mutating func recordModalities(of match: DataSet) {
        for value in match.strings(.modality) where (1...16).contains(value.utf8.count) {
            guard modalities.count < Self.maximumModalities else { return }
            modalities.insert(value)
        }
    }

    private mutating func record(_ verdict: MatchReview.Verdict, of index: Int, _ match: DataSet) {
        switch verdict {
        case .confirmed: confirmed.insert(index)
        case .contradicted(let tag): contradicted = keys.contains(tag) ? tag : keys.first
        case .unconfirmed(let tags):
            let open = keys.filter { tags.contains($0) || keys.count == 1 }
            if let empty = open.first(where: { decisiveKeys.contains($0) && match[$0]?.isEmpty == true }) {
                contradicted = empty
            } else {
                unconfirmed = open
            }
        case .illegible: illegible = verdict
        }
    }

    /// One match that confirms the keys is enough, or one for each value of a list; they are contradicted if every match does it.
    var verdict: MatchReview.Verdict {
        if confirmed.count == reviews.count { return .confirmed }
        if let illegible { return illegible }
        if let contradicted, unconfirmed == nil { return .contradicted(contradicted) }
        return .unconfirmed(unconfirmed ?? keys)
    }

    /// What is known of a match that left keys open, after the lookups of its keys.
    static func verdict(leaving open: [Tag], after lookups: [(keys: [Tag], verdict: MatchReview.Verdict)])
        -> MatchReview.Verdict
    {
        var rest = open
        for (keys, verdict) in lookups {
            switch verdict {
            case .confirmed: rest.removeAll { keys.contains($0) }
            case .contradicted, .illegible: return verdict
            case .unconfirmed(let tags): rest.removeAll { keys.contains($0) && !tags.contains($0) }
            }
        }
        return rest.isEmpty ? .confirmed : .unconfirmed(rest)
    }

    // MARK: Making one

    /// Where the values of keys are looked up.
    private struct Source {
        /// The level of the query.
        let level: QueryLevel
        /// The unique key of the entity that the match belongs to, and is looked up by.
        let entity: Tag
        let keys: [Tag]
    }

    private static func sources(of open: [Tag], _ model: InformationModel, _ level: QueryLevel) -> [Source] {
        var sources: [Source] = []
        if level == .study, open.contains(.modalitiesInStudy), model.levels.contains(.series) {
            sources.append(Source(level: .series, entity: .studyInstanceUID, keys: [.modalitiesInStudy]))
        }
        if let next = model.levels.first(where: { $0 > level }) {
            let keys = open.filter { model.placement(of: $0, at: level) == .below(next) }
            let source = Source(level: next, entity: InformationModel.uniqueKey(of: level), keys: keys)
            if !keys.isEmpty { sources.append(source) }
        }
        for other in model.levels where other < level {
            let keys = open.filter { model.placement(of: $0, at: level) == .above(other) }
            guard !keys.isEmpty else { continue }
            sources.append(Source(level: other, entity: InformationModel.uniqueKey(of: other), keys: keys))
        }
        return sources
    }

    /// Returns nil if the match does not say what it belongs to.
    private init?(
        _ source: Source, of match: DataSet, in query: DataSet, _ model: InformationModel,
        _ negotiation: QueryNegotiation
    ) {
        (keys, entity) = (source.keys, source.entity)
        var identifier = DataSet()
        identifier[.specificCharacterSet] = match[.specificCharacterSet] ?? query[.specificCharacterSet]
        identifier.set(.queryRetrieveLevel, .CS, source.level.rawValue)
        var asked = DataSet()
        asked[.specificCharacterSet] = query[.specificCharacterSet]
        for key in source.keys {
            guard let wanted = query[key] else { return nil }
            // Modality is what ModalitiesInStudy is of a series.
            let attribute = key == .modalitiesInStudy ? Tag.modality : key
            identifier.setEmpty(attribute, wanted.vr)
            asked.append(DataElement(tag: attribute, vr: wanted.vr, value: wanted.value))
        }
        let required = model.keys(at: source.level).filter { $0.kind != .optional && $0.path.isEmpty }.map(\.tag)
        decisiveKeys = Set(source.keys).intersection(required).subtracting([.modality])
        let own = InformationModel.uniqueKey(of: source.level)
        if own != source.entity { identifier.setEmpty(own, DataDictionary.vr(of: own)) }
        uniqueKeys = Set(model.uniqueKeys(above: source.level) + [source.entity]).sorted()
        for key in uniqueKeys {
            guard let value = [match[key], query[key]].compactMap(\.self).first(where: { Self.isOne($0) }) else {
                return nil
            }
            identifier[key] = value
        }
        self.identifier = identifier
        let ofEntity = source.level == .series && source.keys == [.modalitiesInStudy]
        let requiresAll = ofEntity && negotiation.contains(.multipleValues)
        reviews = (requiresAll ? Self.alternatives(asked, of: .modality) : [asked]).map {
            MatchReview(of: $0, model: model, level: source.level, negotiation: negotiation)
        }
    }

    /// The keys once for each value of one of them.
    private static func alternatives(_ keys: DataSet, of tag: Tag) -> [DataSet] {
        keys.strings(tag).map { value in
            var one = keys
            one.set(tag, .CS, value)
            return one
        }
    }

    /// True for a value that names one entity.
    private static func isOne(_ element: DataElement) -> Bool {
        guard case .bytes(let bytes) = element.value, !bytes.isEmpty else { return false }
        return !bytes.contains { "*?\\".utf8.contains($0) }
    }
}
