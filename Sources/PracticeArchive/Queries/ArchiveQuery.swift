import DICOM
import DICOMProtocol

/// A query against the contents of the archive, PS3.4 C.4.1.2.
///
/// Keys of levels above are matched, too, as in relational queries (C.4.1.2.2.1); hierarchical queries do not have
/// them.
struct ArchiveQuery {
    /// The reason why an identifier is refused, PS3.4 C.4.1.1.4.
    struct Refusal: Error {
        let status: DIMSEStatus
        let comment: String
        let offendingElement: Tag
    }

    let level: QueryLevel
    /// The keys that the archive neither matches nor returns.
    let unsupportedKeys: [DataElement]
    private let keys: [DataElement]
    private let criteria: [KeyCriterion]
    /// The studies that a key names; nil without such a key.
    private let studyUIDs: [UID]?
    private let seriesUIDs: [UID]?
    /// The instances that a key names; nil without such a key.
    private let instanceUIDs: [UID]?
    /// The patients that a key names as they are looked up; nil without such a key, or if only a comparison can tell them.
    private let patientKeys: [String]?
    private let model: InformationModel
    private let title: String

    var hasUnsupportedKeys: Bool { !unsupportedKeys.isEmpty }

    /// - Parameter negotiated: the options that were granted, which change what keys mean.
    /// - Throws: `Refusal` without a level, or with one that the model does not have.
    init(
        _ identifier: DataSet, model: InformationModel, title: String, negotiated: QueryNegotiation = []
    ) throws(Refusal) {
        let level = try Self.level(identifier, model)
        let characterSet = SpecificCharacterSet(of: identifier)
        var unsupported: [DataElement] = []
        keys = identifier.elements.filter { element in
            guard element.tag != .specificCharacterSet, element.tag != .queryRetrieveLevel else { return false }
            guard Self.supports(element.tag, model, level) else {
                if !Self.isNotKey(element.tag) { unsupported.append(element) }
                return false
            }
            return true
        }
        criteria = KeyCriterion.all(
            of: keys, characterSet: characterSet, combinesDateAndTime: negotiated.contains(.dateTimeMatching),
            requiresAllValues: negotiated.contains(.multipleValues))
        unsupportedKeys = unsupported
        self.model = model
        func named(_ tag: Tag) -> [UID]? {
            var seen: Set<UID> = []
            let uids = identifier.uids(tag).filter { seen.insert($0).inserted }
            return uids.isEmpty ? nil : uids
        }
        studyUIDs = named(.studyInstanceUID)
        seriesUIDs = named(.seriesInstanceUID)
        let instances = identifier.uids(.sopInstanceUID)
        instanceUIDs = level == .image && !instances.isEmpty ? instances : nil
        patientKeys = keys.first { $0.tag == .patientID }.flatMap { Self.patientKeys($0) }
        self.level = level
        self.title = title
    }

    /// The values of a key for Patient ID, if each is plain text without wildcards.
    private static func patientKeys(_ key: DataElement) -> [String]? {
        guard key.vr == .LO, case .bytes(let bytes) = key.value else { return nil }
        let marks: [UInt8] = [UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "\"")]
        guard !bytes.contains(where: { marks.contains($0) }) else { return nil }
        var found: [String] = []
        for value in bytes.split(separator: UInt8(ascii: "\\")) {
            guard let value = ArchivedInstance.patientKey(value) else { return nil }
            if !value.isEmpty { found.append(value) }
        }
        return found.isEmpty ? nil : found
    }

    /// The query of a retrieval: its unique keys alone, PS3.4 C.4.2.2.1.
    ///
    /// - Throws: `Refusal` if the level or its unique key is missing, or a unique key has wildcards.
    static func retrieval(
        _ identifier: DataSet, model: InformationModel, title: String
    ) throws(Refusal) -> ArchiveQuery {
        let level = try level(identifier, model)
        guard identifier.string(InformationModel.uniqueKey(of: level)) != nil else {
            throw Refusal(
                status: .identifierDoesNotMatchSOPClass, comment: "the unique key of the level has no value",
                offendingElement: InformationModel.uniqueKey(of: level))
        }
        // A retrieval with wildcards would send everything that matches, in the worst case the whole archive.
        let uniqueKeys = model.uniqueKeys(above: level) + [InformationModel.uniqueKey(of: level)]
        let pattern = uniqueKeys.first { identifier.string($0)?.contains { $0 == "*" || $0 == "?" } == true }
        if let pattern {
            throw Refusal(
                status: .identifierDoesNotMatchSOPClass, comment: "a retrieval takes no wildcards",
                offendingElement: pattern)
        }
        var unique = DataSet()
        unique[.queryRetrieveLevel] = identifier[.queryRetrieveLevel]
        unique[.specificCharacterSet] = identifier[.specificCharacterSet]
        for tag in uniqueKeys {
            unique[tag] = identifier[tag]
        }
        return try ArchiveQuery(unique, model: model, title: title)
    }

    private static func level(_ identifier: DataSet, _ model: InformationModel) throws(Refusal) -> QueryLevel {
        guard let name = identifier.string(.queryRetrieveLevel) else {
            throw Refusal(
                status: .identifierDoesNotMatchSOPClass, comment: "no Query/Retrieve Level",
                offendingElement: .queryRetrieveLevel)
        }
        guard let level = QueryLevel(rawValue: name), model.levels.contains(level) else {
            throw Refusal(
                status: .identifierDoesNotMatchSOPClass, comment: "no such level in this information model",
                offendingElement: .queryRetrieveLevel)
        }
        return level
    }

    private static func supports(_ tag: Tag, _ model: InformationModel, _ level: QueryLevel) -> Bool {
        switch model.placement(of: tag, at: level) {
        case .ofLevel, .uniqueKeyAbove, .above: true
        case .below, .inside: false
        case .general: tag == .retrieveAETitle || tag == .instanceAvailability
        case .unlisted: !tag.isPrivate && (level == .image || tag.group == 0x0010)
        }
    }

    /// True for elements of an identifier that are not keys.
    private static func isNotKey(_ tag: Tag) -> Bool {
        tag == .timezoneOffsetFromUTC || tag == .queryRetrieveView || tag.isGroupLength
    }

    // MARK: Matches

    /// Calls `body` with each entity of the level that matches all keys, one after the other, until it returns false.
    ///
    /// None of them is kept: a study may have 200,000 instances.
    ///
    /// - Returns: the number of entities that were compared with the keys. Those that the query names by their UIDs are found
    ///   without a look at others.
    @discardableResult
    func forEachMatch<Failure: Error>(
        in contents: ArchiveContents, _ body: (ArchiveEntity) throws(Failure) -> Bool
    ) throws(Failure) -> Int {
        let counted = ArchiveCounts(contents)
        var compared = 0
        try forEachEntity(counted) { (entity) throws(Failure) in
            compared += 1
            guard matches(entity) else { return true }
            return try body(entity)
        }
        return compared
    }

    /// The entities of the level that match all keys.
    func matches(in contents: ArchiveContents) -> [ArchiveEntity] {
        var found: [ArchiveEntity] = []
        forEachMatch(in: contents) { entity in
            found.append(entity)
            return true
        }
        return found
    }

    private func matches(_ entity: ArchiveEntity) -> Bool {
        criteria.matches(characterSet: entity.characterSet) { entity.element($0) } == .confirmed
    }

    private func forEachEntity<Failure: Error>(
        _ counted: ArchiveCounts, _ body: (ArchiveEntity) throws(Failure) -> Bool
    ) throws(Failure) {
        let contents = counted.contents
        if let instanceUIDs { return try forEachImage(instanceUIDs, counted, body) }
        if level == .patient {
            for patient in patients(counted) {
                guard try body(patient) else { return }
            }
            return
        }
        for uid in candidates(contents) {
            guard let study = contents.studies[uid] else { continue }
            guard level != .study else {
                guard let first = first(study, contents) else { continue }
                let entity = ArchiveEntity(.study, first: first, studies: [study], counted: counted, title: title)
                guard try body(entity) else { return }
                continue
            }
            for series in seriesUIDs.map({ $0.compactMap { study[series: $0] } }) ?? study.series {
                for uid in series.instances.prefix(level == .image ? .max : 1) {
                    guard let instance = contents.instances[uid] else { continue }
                    let entity = ArchiveEntity(
                        level, first: instance, studies: [study], series: series, counted: counted, title: title)
                    guard try body(entity) else { return }
                }
            }
        }
    }

    /// The studies in which matches may be, found by the keys that name something: all others need not be compared.
    private func candidates(_ contents: ArchiveContents) -> [UID] {
        if let studyUIDs { return studyUIDs }
        if level == .series || level == .image, let seriesUIDs { return contents.studies(ofSeries: seriesUIDs) }
        if let patientKeys { return contents.studies(ofPatients: patientKeys) }
        return Array(contents.studyOrder)
    }

    private func patients(_ counted: ArchiveCounts) -> [ArchiveEntity] {
        let contents = counted.contents
        var order: [String] = []
        var byPatient: [String: (first: ArchivedInstance, studies: [ArchiveContents.Study])] = [:]
        for study in candidates(contents).compactMap({ contents.studies[$0] }) {
            guard let first = first(study, contents) else { continue }
            if byPatient[first.patientID] == nil { order.append(first.patientID) }
            byPatient[first.patientID, default: (first, [])].studies.append(study)
        }
        return order.compactMap { byPatient[$0] }.map {
            ArchiveEntity(.patient, first: $0.first, studies: $0.studies, counted: counted, title: title)
        }
    }

    private func first(_ study: ArchiveContents.Study, _ contents: ArchiveContents) -> ArchivedInstance? {
        study.firstInstance.flatMap { contents.instances[$0] }
    }

    /// The instances of these UIDs, each once, without a walk through their studies.
    private func forEachImage<Failure: Error>(
        _ uids: [UID], _ counted: ArchiveCounts, _ body: (ArchiveEntity) throws(Failure) -> Bool
    ) throws(Failure) {
        var seen: Set<UID> = []
        let contents = counted.contents
        for instance in contents.stored(uids.filter { seen.insert($0).inserted }) {
            guard let study = contents.studies[instance.studyInstanceUID],
                let series = study[series: instance.seriesInstanceUID]
            else { continue }
            let entity = ArchiveEntity(
                .image, first: instance, studies: [study], series: series, counted: counted, title: title)
            guard try body(entity) else { return }
        }
    }

    // MARK: Responses

    /// The identifier of a match, PS3.4 C.4.1.1.3.2: every key that the archive supports, empty if the entity has no
    /// value.
    func response(_ entity: ArchiveEntity) -> DataSet {
        var response = DataSet()
        if let set = entity.first[.specificCharacterSet], !set.isEmpty { response.append(set) }
        response.set(.queryRetrieveLevel, .CS, level.rawValue)
        response.set(.retrieveAETitle, .AE, title)
        for key in keys { response.append(key.response(from: entity.element(key.tag))) }
        return response
    }

    /// The same with every attribute of the level that the archive has.
    func fullResponse(_ entity: ArchiveEntity) -> DataSet {
        var response = response(entity)
        for element in entity.attributes.elements where response[element.tag]?.isEmpty ?? true {
            guard Self.supports(element.tag, model, level) else { continue }
            response.append(element)
        }
        return response
    }
}
