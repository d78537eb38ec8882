import DICOM
import DICOMProtocol

/// What one side is asked for, by levels: the keys of each at its own level, as retrievals ask for them, and what is compared.
struct ComparisonPlan {
    /// The level of what is compared.
    let level: QueryLevel
    /// All keys, and the compared attributes without a value.
    let query: DataSet
    let columns: [[Tag]]
    let model: InformationModel = .studyRoot
    private let trustsServer: Bool

    init(_ query: Query, _ options: CompareOptions) {
        level = query.level
        self.query = query.identifier
        columns = options.columns.map(\.tags)
        trustsServer = options.query.trustsServer
    }

    /// The levels from the study down to what is compared.
    var levels: [QueryLevel] { model.levels.filter { $0 <= level } }

    /// The number of instances as servers return it; nil for instances.
    static func count(at level: QueryLevel) -> Tag? {
        switch level {
        case .study: .numberOfStudyRelatedInstances
        case .series: .numberOfSeriesRelatedInstances
        case .patient, .image: nil
        }
    }

    /// The query for what is below an entity.
    ///
    /// - Parameter uids: those of the entity; none for all studies.
    func identifier(at step: QueryLevel, below uids: [String]) -> DataSet {
        var identifier = base(at: step, uids)
        for element in keys(at: step) { identifier.append(element) }
        return identifier
    }

    /// The query for one entity, by its unique keys alone; the attributes of all other keys are asked for.
    func identifier(of uids: [String]) -> DataSet {
        let step = levels[uids.count - 1]
        var identifier = base(at: step, uids)
        for element in keys(at: step) where identifier[element.tag] == nil {
            identifier.setEmpty(element.tag, element.vr)
        }
        return identifier
    }

    private func base(at step: QueryLevel, _ uids: [String]) -> DataSet {
        var identifier = DataSet()
        identifier[.specificCharacterSet] = query[.specificCharacterSet]
        identifier.set(.queryRetrieveLevel, .CS, step.rawValue)
        // The dates show which matches a list that is asked for in parts may lack.
        var returned: [Tag] = step == .study ? [.studyDate, .studyTime] : []
        if step == level, let count = Self.count(at: step) { returned.append(count) }
        for tag in returned + [InformationModel.uniqueKey(of: step)] {
            identifier.setEmpty(tag, DataDictionary.vr(of: tag))
        }
        for (level, uid) in zip(levels, uids) { identifier.set(InformationModel.uniqueKey(of: level), UID(uid)) }
        return identifier
    }

    private func keys(at step: QueryLevel) -> [DataElement] {
        query.elements.filter { model.asks(for: $0.tag, at: step, target: level) }
    }

    /// True if what is below an entity is asked for by keys: none of it may match then.
    ///
    /// - Parameter uids: those of the entity.
    func hasKeys(below uids: [String]) -> Bool {
        levels.dropFirst(uids.count).contains { step in keys(at: step).contains { !$0.isEmpty } }
    }

    /// The comparison of the matches of a query with its keys; nil if the side is trusted.
    func review(of identifier: DataSet, at step: QueryLevel, _ negotiation: QueryNegotiation) -> MatchReview? {
        trustsServer ? nil : MatchReview(of: identifier, model: model, level: step, negotiation: negotiation)
    }

    /// What a match tells of an entity.
    ///
    /// - Parameter uids: those of the entity above.
    /// - Returns: nil if it does not tell which one it is.
    func entity(
        _ match: DataSet, at step: QueryLevel, below uids: [String], _ inherited: SpecificCharacterSet
    ) -> ComparedEntity? {
        let key = InformationModel.uniqueKey(of: step)
        guard let bytes = match.bytes(key) else { return nil }
        let uid = UID(bytes: bytes).string
        guard Self.isUsable(uid) else { return nil }
        var entity = ComparedEntity(uids: uids + [uid])
        guard step == level else { return entity }
        entity.instances = Self.count(at: step).flatMap { match.uint32($0) }.map { Int($0) }
        entity.values = columns.map { ComparedValue.text(of: $0, in: match, inherited: inherited) }
        return entity
    }

    /// True for what can name an entity, even if it is no valid UID: one value of printable characters.
    static func isUsable(_ uid: String) -> Bool {
        (1...128).contains(uid.utf8.count)
            && uid.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\\*?".utf8.contains($0) }
    }
}
