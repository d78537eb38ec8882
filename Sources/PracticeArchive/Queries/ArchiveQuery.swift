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
    /// True if there are keys that the archive neither matches nor returns.
    let hasUnsupportedKeys: Bool
    private let keys: [DataElement]
    private let criteria: [KeyCriterion]
    private let studyUIDs: Set<UID>?
    /// The instances that a key names; nil without such a key.
    private let instanceUIDs: [UID]?
    private let title: String

    /// - Parameter combinesDateAndTime: true if combined date-time matching was negotiated.
    /// - Throws: `Refusal` without a level, or with one that the model does not have.
    init(
        _ identifier: DataSet, model: InformationModel, title: String, combinesDateAndTime: Bool = false
    ) throws(Refusal) {
        let level = try Self.level(identifier, model)
        let characterSet = SpecificCharacterSet(of: identifier)
        var unsupported = false
        keys = identifier.elements.filter { element in
            guard element.tag != .specificCharacterSet, element.tag != .queryRetrieveLevel else { return false }
            guard Self.supports(element.tag, model, level) else {
                unsupported = unsupported || !Self.isNotKey(element.tag)
                return false
            }
            return true
        }
        criteria = KeyCriterion.all(of: keys, characterSet: characterSet, combinesDateAndTime: combinesDateAndTime)
        hasUnsupportedKeys = unsupported
        let uids = identifier.uids(.studyInstanceUID)
        studyUIDs = uids.isEmpty ? nil : Set(uids)
        let instances = identifier.uids(.sopInstanceUID)
        instanceUIDs = level == .image && !instances.isEmpty ? instances : nil
        self.level = level
        self.title = title
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

    /// The entities of the level that match all keys.
    func matches(in contents: ArchiveContents) -> [ArchiveEntity] {
        entities(in: contents).filter { matches($0) }
    }

    private func matches(_ entity: ArchiveEntity) -> Bool {
        criteria.matches(characterSet: entity.characterSet) { entity.element($0) } == .confirmed
    }

    private func entities(in contents: ArchiveContents) -> [ArchiveEntity] {
        if let instanceUIDs { return images(instanceUIDs, contents) }
        let studies = contents.studyOrder.compactMap { uid -> ArchiveContents.Study? in
            if let studyUIDs, !studyUIDs.contains(uid) { return nil }
            return contents.studies[uid]
        }
        switch level {
        case .patient: return patients(studies, contents)
        case .study:
            return studies.compactMap { study in
                first(study, contents).map {
                    ArchiveEntity(.study, first: $0, studies: [study], in: contents, title: title)
                }
            }
        case .series, .image:
            return studies.flatMap { study in
                study.series.flatMap { series -> [ArchiveEntity] in
                    let instances = level == .image ? series.instances[...] : series.instances.prefix(1)
                    return contents.stored(instances).map {
                        ArchiveEntity(
                            level, first: $0, studies: [study], series: series, in: contents, title: title)
                    }
                }
            }
        }
    }

    private func patients(_ studies: [ArchiveContents.Study], _ contents: ArchiveContents) -> [ArchiveEntity] {
        var order: [String] = []
        var byPatient: [String: (first: ArchivedInstance, studies: [ArchiveContents.Study])] = [:]
        for study in studies {
            guard let first = first(study, contents) else { continue }
            if byPatient[first.patientID] == nil { order.append(first.patientID) }
            byPatient[first.patientID, default: (first, [])].studies.append(study)
        }
        return order.compactMap { byPatient[$0] }.map {
            ArchiveEntity(.patient, first: $0.first, studies: $0.studies, in: contents, title: title)
        }
    }

    private func first(_ study: ArchiveContents.Study, _ contents: ArchiveContents) -> ArchivedInstance? {
        study.firstInstance.flatMap { contents.instances[$0] }
    }

    /// The instances of these UIDs, each once, without a walk through their studies.
    private func images(_ uids: [UID], _ contents: ArchiveContents) -> [ArchiveEntity] {
        var seen: Set<UID> = []
        return contents.stored(uids.filter { seen.insert($0).inserted }).compactMap { instance in
            guard let study = contents.studies[instance.studyInstanceUID],
                let series = study[series: instance.seriesInstanceUID]
            else { return nil }
            return ArchiveEntity(.image, first: instance, studies: [study], series: series, in: contents, title: title)
        }
    }

    // MARK: Responses

    /// The identifier of a match, PS3.4 C.4.1.1.3.2: every key that the archive supports, empty if the entity has no
    /// value.
    func response(_ entity: ArchiveEntity) -> DataSet {
        var response = DataSet()
        if let set = entity.first.attributes[.specificCharacterSet], !set.isEmpty { response.append(set) }
        response.set(.queryRetrieveLevel, .CS, level.rawValue)
        response.set(.retrieveAETitle, .AE, title)
        for key in keys { response.append(key.response(from: entity.element(key.tag))) }
        return response
    }
}
