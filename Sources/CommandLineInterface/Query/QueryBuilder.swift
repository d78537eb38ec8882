package import DICOM
package import DICOMProtocol

/// Makes the identifier of a query or retrieval from keys as they were typed, PS3.4 C.4 and K.4.
///
/// It never reads a clock or the environment: date and character set are arguments.
package struct QueryBuilder: Sendable {
    package let model: InformationModel
    package let level: QueryLevel
    /// The defined terms for (0008,0005), see ``QueryCharacterSet``; a key for that element goes before.
    package let characterSet: String
    /// The date that relative dates count from.
    package let today: CalendarDate
    /// True if a value is refused that is not of its representation.
    package let isStrict: Bool
    /// True if the identifier names its character set where no value needs it, too.
    package let namesCharacterSet: Bool
    /// True if a range of dates and the range of times beside it mean one range.
    private let combinesDateAndTime: Bool
    /// True if a list of values is asked for value by value.
    private let asksEachValue: Bool
    /// The set that ``characterSet`` names; nil if there is none of that name. A list has a query a row.
    private let namedSet: SpecificCharacterSet?

    package init(
        model: InformationModel, level: QueryLevel, characterSet: String, today: CalendarDate, isStrict: Bool = true,
        namesCharacterSet: Bool = true, combinesDateAndTime: Bool = false, asksEachValue: Bool = false
    ) {
        self.asksEachValue = asksEachValue
        // In a worklist they always do (PS3.4 K.6.1.2.2).
        self.combinesDateAndTime = combinesDateAndTime || model == .modalityWorklist
        self.isStrict = isStrict
        self.namesCharacterSet = namesCharacterSet
        self.model = model
        self.level = level
        self.characterSet = characterSet
        self.today = today
        namedSet = try? Self.set(of: characterSet)
    }

    /// The identifier: automatic elements, those of `base`, `returning` and `asking` as empty keys, and the keys, each checked
    /// and encoded.
    ///
    /// - Parameters:
    ///   - asking: the paths of attributes that were not typed.
    ///   - base: a query that was made elsewhere, sent as it is but for level and character set.
    ///   - onDoubt: called with a key and the reason why its value is not of its representation.
    /// - Throws: ``UsageError`` if a key is given twice, or its value cannot be encoded or matched.
    package func dataSet(
        keys: [QueryKey], returning: [ReturnKey] = [], asking: [[Tag]] = [], base: DataSet = DataSet(),
        onDoubt: (QueryKey, String) -> Void = { _, _ in }
    ) throws(UsageError) -> DataSet {
        var keyless = try keylessIdentifier(for: keys)
        try QueryTranscoder(from: SpecificCharacterSet(of: base), to: keyless.characterSet)
            .append(base, to: &keyless.dataSet)
        for key in returning { add(key, to: &keyless.dataSet) }
        for path in asking {
            if let tag = path.last { Self.putEmpty(tag, at: path.dropLast(), in: &keyless.dataSet) }
        }
        return try dataSet(adding: keys, to: keyless, onDoubt: onDoubt)
    }

    /// The identifier of a query without its keys: the same for all queries by the same attributes, as the rows of a list are, none of
    /// which is the character set.
    package struct KeylessIdentifier: Sendable {
        fileprivate var dataSet: DataSet
        fileprivate let characterSet: SpecificCharacterSet
    }

    /// The identifier to which these keys, or others of the same attributes, are added.
    ///
    /// - Throws: ``UsageError`` if a key is given twice, or the character set is not known.
    package func keylessIdentifier(for keys: [QueryKey]) throws(UsageError) -> KeylessIdentifier {
        try refuseDuplicates(keys)
        let set = try repertoire(keys)
        // The default repertoire has no term, and the element must not be empty (PS3.4 C.2.2.2).
        var dataSet = QueryIdentifier.automaticElements(
            model: model, level: level, characterSet: set.definedTerms.joined(separator: "\\"))
        if set.definedTerms.isEmpty { dataSet.remove(.specificCharacterSet) }
        return KeylessIdentifier(dataSet: dataSet, characterSet: set)
    }

    /// The identifier with its keys, each checked and encoded.
    ///
    /// - Parameters:
    ///   - keys: of the attributes that the keyless identifier was made for.
    ///   - onDoubt: called with a key and the reason why its value is not of its representation.
    /// - Throws: ``UsageError`` if a value cannot be encoded or matched.
    package func dataSet(
        adding keys: [QueryKey], to keyless: KeylessIdentifier, onDoubt: (QueryKey, String) -> Void = { _, _ in }
    ) throws(UsageError) -> DataSet {
        var identifier = keyless.dataSet
        for key in keys where !key.isOutermost(.specificCharacterSet) {
            try checkLevel(key)
            let encoder = QueryValueEncoder(
                key: key, characterSet: keyless.characterSet, today: today, isStrict: isStrict,
                timesMaySpanDays: combinesDateAndTime && hasRangeOfDates(beside: key, keys), mayBeList: asksEachValue)
            let element = try encoder.element { onDoubt(key, $0) }
            Self.put(element, at: key.path.map(\.tag)[...], in: &identifier, replacing: true)
        }
        // A key for it was typed: somebody wants it.
        let isNamed = namesCharacterSet || keys.contains { $0.isOutermost(.specificCharacterSet) }
        return isNamed ? identifier : identifier.namingCharacterSetWhereNeeded
    }

    // MARK: Keys together

    private func refuseDuplicates(_ keys: [QueryKey]) throws(UsageError) {
        for (index, key) in keys.enumerated() {
            // Outside of sequences, where most keys are, only the same is a duplicate.
            for earlier in keys[..<index]
            where !earlier.path.isEmpty || !key.path.isEmpty || earlier.tag == key.tag {
                if earlier.tags == key.tags {
                    throw UsageError(
                        .duplicateKey, option: .key, value: key.argument,
                        problem: "two values for \(key.name)", accepted: "one \(OptionName.key) for an attribute")
                }
                let (shorter, longer) = earlier.tags.count < key.tags.count ? (earlier, key) : (key, earlier)
                if longer.tags.starts(with: shorter.tags) {
                    throw UsageError(
                        .duplicateKey, option: .key, value: key.argument,
                        problem: "\(shorter.name) is asked for as a whole and in part: \(longer.name)",
                        accepted: "one of them")
                }
            }
        }
    }

    private func hasRangeOfDates(beside time: QueryKey, _ keys: [QueryKey]) -> Bool {
        keys.contains { key in
            guard key.path == time.path, DataDictionary.vr(of: key.tag) == .DA else { return false }
            let value = QueryDate.resolve(key.value, vr: .DA, today: today) ?? key.value
            return QueryMoment.form(of: value, vr: .DA) == .range
        }
    }

    private func repertoire(_ keys: [QueryKey]) throws(UsageError) -> SpecificCharacterSet {
        let key = keys.first { $0.isOutermost(.specificCharacterSet) && !$0.value.isEmpty }
        if key == nil, let namedSet { return namedSet }
        do throws(CharacterSetError) {
            return try Self.set(of: key?.value ?? characterSet)
        } catch {
            throw UsageError(
                .unknownCharacterSet, option: key == nil ? "\(OptionName.charset)" : "\(OptionName.key)",
                value: key?.value ?? characterSet,
                problem: error.description, accepted: QueryCharacterSet.accepted)
        }
    }

    private static func set(of value: String) throws(CharacterSetError) -> SpecificCharacterSet {
        let terms = value.split(separator: "\\", omittingEmptySubsequences: false)
        // PS3.3 C.12.1.1.2 has no term for the default repertoire alone; people write that of ISO 646.
        if terms == ["ISO_IR 6"] { return .defaultRepertoire }
        return try SpecificCharacterSet(definedTerms: terms.map { String($0) })
    }

    private func checkLevel(_ key: QueryKey) throws(UsageError) {
        guard key.isOutermost(.queryRetrieveLevel), !model.levels.contains(where: { $0.rawValue == key.value }) else {
            return
        }
        throw UsageError(
            .invalidKeyValue, option: .key, value: key.value,
            problem: "\(OptionName.key) \(key.name)=\(key.value): not a level of the information model",
            accepted: model.levels.isEmpty
                ? "no such key in a worklist query" : model.levels.map(\.rawValue).joined(separator: ", "))
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

    /// Returns the keys that the standard lists; for `all`, from the top down to the level queried.
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

/// Copies the elements of a query from a file, with text converted to the character set of the query that is sent.
struct QueryTranscoder {
    private let source: SpecificCharacterSet
    private let target: SpecificCharacterSet

    init(from source: SpecificCharacterSet, to target: SpecificCharacterSet) {
        self.source = source
        self.target = target
    }

    /// Appends the elements, but for level, character set, and those of File Meta Information.
    ///
    /// - Throws: ``UsageError`` if text cannot be written in the character set.
    func append(_ dataSet: DataSet, to identifier: inout DataSet) throws(UsageError) {
        for element in dataSet.elements {
            switch element.tag {
            case .specificCharacterSet, .queryRetrieveLevel: continue
            case let tag where tag.isGroupLength || tag.group <= 0x0006: continue
            default: identifier.append(try transcoded(element))
            }
        }
    }

    private func transcoded(_ element: DataElement) throws(UsageError) -> DataElement {
        switch element.value {
        case .bytes(let bytes) where element.vr.usesSpecificCharacterSet && source != target:
            let text = source.decode(bytes, vr: element.vr)
            do throws(CharacterSetError) {
                var encoded = try target.encode(text, vr: element.vr)
                if !encoded.count.isMultiple(of: 2) { encoded.append(element.vr.paddingByte) }
                return DataElement(tag: element.tag, vr: element.vr, value: .bytes(encoded[...]))
            } catch {
                throw UsageError(
                    .notEncodable, option: .query,
                    problem:
                        "\(OptionName.query): \(DataDictionary.label(of: element.tag)): cannot be written in the character set of the query",
                    accepted: "\(OptionName.charset) utf-8, or another set that has the characters")
            }
        case .items(let items):
            var transcodedItems: [DataSet] = []
            for item in items {
                var result = DataSet()
                try append(item, to: &result)
                transcodedItems.append(result)
            }
            return DataElement(tag: element.tag, vr: element.vr, value: .items(transcodedItems))
        case .bytes, .fragments: return element
        }
    }
}

/// The Specific Character Set of a query, chosen by the locale's encoding (PS3.3 C.12.1.1.2).
package enum QueryCharacterSet {
    /// The defined term for a codeset as `nl_langinfo(CODESET)` names it; that of UTF-8 if DICOM has none for it.
    package static func definedTerm(forCodeset codeset: String) -> String {
        // The same set is spelled ISO-8859-1, ISO8859-1, iso88591.
        let name = String(
            codeset.uppercased().unicodeScalars.filter { ("A"..."Z").contains($0) || ("0"..."9").contains($0) })
        return terms[name] ?? utf8
    }

    package static let utf8 = "ISO_IR 192"

    /// The accepted names, for messages.
    static let accepted = "a defined term such as \"ISO_IR 100\", or utf-8"

    private static let terms = [
        "UTF8": utf8,
        // ASCII is part of ISO_IR 100, which lets a server answer with more.
        "USASCII": "ISO_IR 100", "ANSIX341968": "ISO_IR 100", "ASCII": "ISO_IR 100",
        "ISO88591": "ISO_IR 100", "ISO88592": "ISO_IR 101", "ISO88593": "ISO_IR 109", "ISO88594": "ISO_IR 110",
        "ISO88595": "ISO_IR 144", "ISO88596": "ISO_IR 127", "ISO88597": "ISO_IR 126", "ISO88598": "ISO_IR 138",
        "ISO88599": "ISO_IR 148", "EUCJP": "ISO_IR 13", "TIS620": "ISO_IR 166",
        // Korean is a code extension (Table C.12-4): the default repertoire stands before it, as no term at all.
        "EUCKR": "\\ISO 2022 IR 149", "GB18030": "GB18030",
    ]
}
