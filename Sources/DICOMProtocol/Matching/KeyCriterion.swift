package import DICOM

/// The result of comparing a data set with a matching key.
package enum KeyMatch: Sendable, Equatable {
    /// The attribute has a value that matches.
    case confirmed
    /// The attribute has values, and none of them matches.
    case contradicted
    /// Not known: the attribute is absent or empty, or the key itself has no valid value.
    case unconfirmed
}

/// A matching key of a query, prepared for comparison with many data sets: the matching types of PS3.4 C.2.2.2.
///
/// An archive answers with the data sets that confirm all criteria; a client can check that no response contradicts
/// one.
package struct KeyCriterion: Sendable {
    /// The attributes that are compared: one, or a date and the time that belongs to it.
    package let tags: [Tag]
    private let condition: Condition

    private enum Condition: Sendable {
        /// List of UID matching, C.2.2.2.2.
        case uids(Set<String>)
        case dateTimes([DateTimeRange])
        /// A range of dates and a range of times that mean one range, C.2.2.2.5.1.
        case combinedDateTime(DateTimeRange)
        case names([NamePattern])
        case texts([TextPattern])
        /// Numbers in text, IS and DS: `1` matches `01` and `1.0`.
        case numbers([Double])
        /// Values that are not text.
        case bytes(ArraySlice<UInt8>)
        /// Sequence matching, C.2.2.2.6: one item has to match all keys.
        case sequence([KeyCriterion])
        /// Empty value matching, C.2.2.2.7.
        case empty
        /// A value that no attribute can have, such as an invalid date.
        case invalid
    }

    /// The criteria of the keys of an identifier, or of an item in it. Keys that match everything have none
    /// (C.2.2.2.3).
    ///
    /// - Parameters:
    ///   - combinesDateAndTime: true if a range of dates and the range of times that belongs to it mean one range, PS3.4
    ///     C.2.2.2.5.1; otherwise each is matched by itself.
    ///   - requiresAllValues: true if an attribute matches a list of values when it has all of them, C.2.2.2.8; otherwise
    ///     one is enough. Each value has a criterion of its own then.
    package static func all(
        of keys: [DataElement], characterSet: SpecificCharacterSet, combinesDateAndTime: Bool,
        requiresAllValues: Bool = false
    ) -> [KeyCriterion] {
        let rules = Rules(combinesDateAndTime: combinesDateAndTime, requiresAllValues: requiresAllValues)
        let combined = combinesDateAndTime ? combinedDateTimes(of: keys) : []
        let combinedTags = Set(combined.flatMap(\.tags))
        return keys.filter { !combinedTags.contains($0.tag) }.flatMap { key in
            conditions(of: key, characterSet, rules).map { KeyCriterion(tags: [key.tag], condition: $0) }
        } + combined
    }

    /// What was negotiated about the meaning of keys.
    private struct Rules {
        let combinesDateAndTime: Bool
        let requiresAllValues: Bool
    }

    /// Compares a data set with the key.
    ///
    /// - Parameter characterSet: of the data set; nil if it is in the data set itself.
    package func matches(_ dataSet: DataSet, characterSet: SpecificCharacterSet? = nil) -> KeyMatch {
        matches(characterSet: characterSet ?? SpecificCharacterSet(of: dataSet)) { dataSet[$0] }
    }

    /// Compares the attributes that `element` looks up with the key.
    package func matches(characterSet: SpecificCharacterSet, element: (Tag) -> DataElement?) -> KeyMatch {
        guard let tag = tags.first, let found = element(tag), !found.isEmpty else {
            if case .empty = condition { return .confirmed }
            return .unconfirmed
        }
        switch condition {
        case .invalid: return .unconfirmed
        case .empty: return .contradicted
        case .bytes(let wanted):
            guard case .bytes(let bytes) = found.value else { return .contradicted }
            return bytes == wanted ? .confirmed : .contradicted
        case .sequence(let criteria):
            guard case .items(let items) = found.value else { return .contradicted }
            return Self.match(ofItems: items, criteria, characterSet)
        case .combinedDateTime(let range):
            return range.matches(date: Self.text(found) ?? "", time: tags.last.flatMap(element).flatMap(Self.text))
        case .uids, .dateTimes, .names, .texts, .numbers:
            guard case .bytes(let bytes) = found.value else { return .contradicted }
            let values = characterSet.decodeValues(bytes, vr: Self.vr(of: found))
            return values.contains { accepts($0) } ? .confirmed : .contradicted
        }
    }

    private func accepts(_ value: String) -> Bool {
        switch condition {
        case .uids(let wanted): wanted.contains(value)
        case .dateTimes(let ranges): ranges.contains { $0.matches(value) }
        case .names(let patterns): patterns.contains { $0.matches(value) }
        case .texts(let patterns): patterns.contains { $0.matches(value) }
        case .numbers(let wanted): Double(value).map { wanted.contains($0) } ?? false
        case .combinedDateTime, .bytes, .sequence, .empty, .invalid: false
        }
    }

    /// One item that confirms all criteria is enough; the sequence contradicts them if every item does.
    private static func match(
        ofItems items: [DataSet], _ criteria: [KeyCriterion], _ characterSet: SpecificCharacterSet
    ) -> KeyMatch {
        let matches = items.map { item in
            criteria.matches(item, characterSet: SpecificCharacterSet(of: item, inherited: characterSet))
        }
        if matches.contains(.confirmed) { return .confirmed }
        return matches.contains(.unconfirmed) ? .unconfirmed : .contradicted
    }
}

extension [KeyCriterion] {
    /// Compares a data set with all keys: contradicted if one is, otherwise unconfirmed if one is.
    package func matches(_ dataSet: DataSet, characterSet: SpecificCharacterSet? = nil) -> KeyMatch {
        matches(characterSet: characterSet ?? SpecificCharacterSet(of: dataSet)) { dataSet[$0] }
    }

    /// Compares the attributes that `element` looks up with all keys.
    package func matches(characterSet: SpecificCharacterSet, element: (Tag) -> DataElement?) -> KeyMatch {
        var isConfirmed = true
        for criterion in self {
            switch criterion.matches(characterSet: characterSet, element: element) {
            case .confirmed: continue
            case .unconfirmed: isConfirmed = false
            case .contradicted: return .contradicted
            }
        }
        return isConfirmed ? .confirmed : .unconfirmed
    }
}

extension ValueRepresentation {
    /// True for the VRs of text that a list of values matches by PS3.4 C.2.2.2.8, if that was negotiated.
    fileprivate var hasMultipleValueMatching: Bool {
        switch self {
        case .AE, .AS, .CS, .LO, .PN, .SH, .UC: true
        default: false
        }
    }
}

// MARK: Preparation

extension KeyCriterion {
    /// The conditions that an attribute has to meet; none for a key that matches everything.
    private static func conditions(
        of key: DataElement, _ characterSet: SpecificCharacterSet, _ rules: Rules
    ) -> [Condition] {
        switch key.value {
        case .items(let items):
            guard let item = items.first else { return [] }
            let criteria = all(
                of: item.elements, characterSet: SpecificCharacterSet(of: item, inherited: characterSet),
                combinesDateAndTime: rules.combinesDateAndTime, requiresAllValues: rules.requiresAllValues)
            return criteria.isEmpty ? [] : [.sequence(criteria)]
        case .fragments: return [.invalid]
        case .bytes(let bytes):
            let vr = vr(of: key)
            guard vr.isText else { return bytes.isEmpty ? [] : [.bytes(bytes)] }
            let values = characterSet.decodeValues(bytes, vr: vr).filter { !$0.isEmpty }
            if values == ["\"\""] { return [.empty] }
            guard rules.requiresAllValues, vr.hasMultipleValueMatching else {
                return values.isEmpty ? [] : [condition(of: values, vr)].compactMap(\.self)
            }
            return values.compactMap { condition(of: [$0], vr) }
        }
    }

    private static func condition(of values: [String], _ vr: ValueRepresentation) -> Condition? {
        switch vr {
        case .UI: return .uids(Set(values))
        case .DA, .TM, .DT:
            let ranges = values.compactMap { DateTimeRange($0, vr: vr) }
            return ranges.isEmpty ? .invalid : .dateTimes(ranges)
        case .IS, .DS:
            let numbers = values.compactMap { Double($0) }
            return numbers.isEmpty ? .invalid : .numbers(numbers)
        case .PN: return values == ["*"] ? nil : .names(values.map { NamePattern($0) })
        // PS3.4 C.2.2.2.4 does not list AS among the VRs with wildcards.
        case .AS: return .texts(values.map { TextPattern($0, wildcards: false) })
        default: return values == ["*"] ? nil : .texts(values.map { TextPattern($0, wildcards: true) })
        }
    }

    /// Date and time attributes that belong together, at all levels and in the worklist.
    private static let dateTimePairs: [(date: Tag, time: Tag)] = [
        (0x0008_0020, 0x0008_0030),  // Study
        (0x0008_0021, 0x0008_0031),  // Series
        (0x0008_0022, 0x0008_0032),  // Acquisition
        (0x0008_0023, 0x0008_0033),  // Content
        (0x0040_0002, 0x0040_0003),  // Scheduled Procedure Step Start
        (0x0040_0004, 0x0040_0005),  // Scheduled Procedure Step End
        (0x0040_0244, 0x0040_0245),  // Performed Procedure Step Start
    ].map { (Tag($0.0), Tag($0.1)) }

    /// The pairs of which both keys are ranges.
    private static func combinedDateTimes(of keys: [DataElement]) -> [KeyCriterion] {
        dateTimePairs.compactMap { pair in
            func range(_ tag: Tag, _ vr: ValueRepresentation) -> DateTimeRange? {
                keys.first { $0.tag == tag }.flatMap(text).flatMap { DateTimeRange($0, vr: vr) }
            }
            guard let date = range(pair.date, .DA), let time = range(pair.time, .TM),
                let combined = DateTimeRange(date: date, time: time)
            else { return nil }
            return KeyCriterion(tags: [pair.date, pair.time], condition: .combinedDateTime(combined))
        }
    }

    /// The first value of a date or time.
    private static func text(_ element: DataElement) -> String? {
        guard case .bytes(let bytes) = element.value else { return nil }
        return SpecificCharacterSet.defaultRepertoire.decodeValues(bytes, vr: .DA).first
    }

    /// The VR of the dictionary for an element that was received as UN.
    private static func vr(of element: DataElement) -> ValueRepresentation {
        element.vr == .UN ? DataDictionary.vr(of: element.tag) : element.vr
    }
}
