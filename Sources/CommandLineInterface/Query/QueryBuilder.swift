package import DICOM
package import DICOMProtocol

/// Makes the identifier of a query or retrieval from keys as they were typed, PS3.4 C.4 and K.4.
///
/// It never reads a clock or the environment: date and character set are arguments.
package struct QueryBuilder: Sendable {
    /// What the identifier is for, which decides how values may match.
    package enum Purpose: Sendable {
        /// C-FIND: wildcards, ranges and lists where PS3.4 C.2.2.2 allows them.
        case query
        /// C-MOVE and C-GET: single values and lists of UIDs only (PS3.4 C.4.2.2.1, C.4.3.2.1).
        case retrieval
    }

    package let model: InformationModel
    package let level: QueryLevel
    package let purpose: Purpose
    /// The defined terms for (0008,0005), see ``QueryCharacterSet``; a key for that element goes before.
    package let characterSet: String
    /// What relative dates count from.
    package let today: CalendarDate

    package init(
        model: InformationModel, level: QueryLevel, purpose: Purpose = .query, characterSet: String,
        today: CalendarDate
    ) {
        self.model = model
        self.level = level
        self.purpose = purpose
        self.characterSet = characterSet
        self.today = today
    }

    /// The identifier: automatic elements, those of `base`, `returning` as empty keys, and the keys, each checked and encoded.
    ///
    /// - Parameter base: a query that was made elsewhere, sent as it is but for level and character set.
    package func dataSet(
        keys: [QueryKey], returning: [ReturnKey] = [], base: DataSet = DataSet()
    ) throws(UsageError) -> DataSet {
        try refuseDuplicates(keys)
        let set = try repertoire(keys)
        // The default repertoire has no term, and the element must not be empty (PS3.4 C.2.2.2).
        var identifier = QueryIdentifier.automaticElements(
            model: model, level: level, characterSet: set.definedTerms.joined(separator: "\\"))
        if set.definedTerms.isEmpty { identifier.remove(.specificCharacterSet) }
        try QueryTranscoder(from: SpecificCharacterSet(of: base), to: set).append(base, to: &identifier)
        for key in returning { add(key, to: &identifier) }
        for key in keys where key.tags != [.specificCharacterSet] {
            try checkLevel(key)
            let encoder = QueryValueEncoder(key: key, purpose: purpose, characterSet: set, today: today)
            let element = try encoder.element()
            Self.put(element, at: key.path.map(\.tag)[...], in: &identifier, replacing: true)
        }
        try checkUniqueKey(identifier)
        return identifier
    }

    // MARK: Keys together

    private func refuseDuplicates(_ keys: [QueryKey]) throws(UsageError) {
        for (index, key) in keys.enumerated() {
            for earlier in keys[..<index] {
                if earlier.tags == key.tags {
                    throw UsageError(
                        .duplicateKey, option: "--key", value: key.argument,
                        problem: "two values for \(key.name)", accepted: "one --key for an attribute")
                }
                let (shorter, longer) = earlier.tags.count < key.tags.count ? (earlier, key) : (key, earlier)
                if longer.tags.starts(with: shorter.tags) {
                    throw UsageError(
                        .duplicateKey, option: "--key", value: key.argument,
                        problem: "\(shorter.name) is asked for as a whole and in part: \(longer.name)",
                        accepted: "one of them")
                }
            }
        }
    }

    private func repertoire(_ keys: [QueryKey]) throws(UsageError) -> SpecificCharacterSet {
        let key = keys.first { $0.tags == [.specificCharacterSet] && !$0.value.isEmpty }
        let terms = (key?.value ?? characterSet).split(separator: "\\", omittingEmptySubsequences: false)
        // PS3.3 C.12.1.1.2 has no term for the default repertoire alone; people write that of ISO 646.
        if terms == ["ISO_IR 6"] { return .defaultRepertoire }
        do throws(CharacterSetError) {
            return try SpecificCharacterSet(definedTerms: terms.map { String($0) })
        } catch {
            throw UsageError(
                .unknownCharacterSet, option: key == nil ? "--charset" : "--key", value: key?.value ?? characterSet,
                problem: error.description, accepted: OptionValue.characterSet.accepted)
        }
    }

    private func checkLevel(_ key: QueryKey) throws(UsageError) {
        guard key.tags == [.queryRetrieveLevel], !model.levels.contains(where: { $0.rawValue == key.value }) else {
            return
        }
        throw UsageError(
            .invalidKeyValue, option: "--key", value: key.value,
            problem: "--key \(key.name)=\(key.value): no level of the information model",
            accepted: model.levels.isEmpty
                ? "no such key in a worklist query" : model.levels.map(\.rawValue).joined(separator: ", "))
    }

    /// A retrieval needs the unique key of its level: a server that guesses what is meant by less may send everything.
    private func checkUniqueKey(_ identifier: DataSet) throws(UsageError) {
        guard purpose == .retrieval else { return }
        let level = identifier.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? level
        let tag = InformationModel.uniqueKey(of: level)
        guard identifier.string(tag) == nil else { return }
        throw UsageError(
            .missingOption, option: "--key",
            problem: "a retrieval at the \(level.rawValue) level needs a value for \(DataDictionary.label(of: tag))",
            accepted: "--key \(DataDictionary.entry(for: tag)?.keyword ?? "\(tag)")=VALUE, or another level")
    }

    // MARK: Return keys

    private func add(_ key: ReturnKey, to identifier: inout DataSet) {
        switch key {
        case .attribute(let key):
            Self.putEmpty(key.tag, at: key.path.map(\.tag)[...], in: &identifier)
        case .set(let set):
            for attribute in attributes(of: set) {
                Self.putEmpty(attribute.tag, at: attribute.path[...], in: &identifier)
            }
        }
    }

    /// What the standard lists; for `all`, from the top down to the level queried.
    private func attributes(of set: ReturnKey.Set) -> [KeyAttribute] {
        switch set {
        case .study: model.keys(at: .study)
        case .series: model.keys(at: .series)
        case .image: model.keys(at: .image)
        case .all:
            model.levels.isEmpty
                ? model.keys(at: level) : model.levels.filter { $0 <= level }.flatMap { model.keys(at: $0) }
        }
    }

    // MARK: Placing

    private static func putEmpty(_ tag: Tag, at path: ArraySlice<Tag>, in dataSet: inout DataSet) {
        let vr = DataDictionary.vr(of: tag)
        let element = DataElement(tag: tag, vr: vr, value: vr == .SQ ? .items([]) : .bytes([]))
        put(element, at: path, in: &dataSet, replacing: false)
    }

    /// Puts an element into the one item of each sequence on its path.
    private static func put(
        _ element: DataElement, at path: ArraySlice<Tag>, in dataSet: inout DataSet, replacing: Bool
    ) {
        guard let sequence = path.first else {
            if replacing || dataSet[element.tag] == nil { dataSet.append(element) }
            return
        }
        var item = dataSet.items(sequence)?.first ?? DataSet()
        put(element, at: path.dropFirst(), in: &item, replacing: replacing)
        dataSet.set(sequence, items: [item])
    }
}
