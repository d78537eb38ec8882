package import DICOM

/// The options of queries and retrievals that requestor and acceptor negotiate: SOP class extended negotiation, PS3.4
/// C.5.1.1, C.5.2.1, C.5.3.1 and K.5.1.
///
/// | Byte | C-FIND | Worklist | C-MOVE, C-GET |
/// |---|---|---|---|
/// | 1 | relational queries | reserved, always 1 | relational retrieval |
/// | 2 | combined date-time matching | reserved, always 1 | |
/// | 3 | fuzzy semantic matching of person names | the same | |
/// | 4 | timezone query adjustment | the same | |
/// | 5 | enhanced multi-frame image conversion, which is not asked for | | |
/// | 6 | empty value matching | | |
/// | 7 | multiple value matching | | |
///
/// Zeros at the end are left out; an acceptor answers each byte with 1 or 0, and a missing byte is 0.
package struct QueryNegotiation: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package init(arrayLiteral elements: QueryNegotiation...) {
        rawValue = elements.reduce(0) { $0 | $1.rawValue }
    }

    /// Keys of any level at any level, without the unique keys of the levels above.
    package static let relational = QueryNegotiation(rawValue: 1 << 0)
    /// A range of dates and the range of times that belongs to it mean one range.
    package static let dateTimeMatching = QueryNegotiation(rawValue: 1 << 1)
    /// Names that sound or look alike match.
    package static let fuzzyNames = QueryNegotiation(rawValue: 1 << 2)
    /// Dates and times are those of the timezone of the query.
    package static let timezone = QueryNegotiation(rawValue: 1 << 3)

    private static let imageConversion = QueryNegotiation(rawValue: 1 << 4)
    /// The value `""` matches attributes without a value, C.2.2.2.7.
    package static let emptyValues = QueryNegotiation(rawValue: 1 << 5)
    /// A list of values matches attributes that have all of them, C.2.2.2.8; without the option its meaning is not defined, and
    /// many servers match attributes that have one of them.
    package static let multipleValues = QueryNegotiation(rawValue: 1 << 6)
    /// Nothing that is negotiated: a session whose server cannot be told of letters beyond ASCII sends wildcards in their place.
    package static let lettersAsWildcards = QueryNegotiation(rawValue: 1 << 7)

    /// The options in the order of their bytes, with their names in messages.
    package static let names: [(option: QueryNegotiation, name: String)] = [
        (.relational, "relational queries"), (.dateTimeMatching, "date-time matching"),
        (.fuzzyNames, "fuzzy matching of names"), (.timezone, "timezone query adjustment"),
        (.imageConversion, "conversion of multi-frame images"), (.emptyValues, "empty value matching"),
        (.multipleValues, "multiple value matching"),
    ]

    /// The options that can be negotiated for a SOP class; none for those of other services.
    package static func available(for sopClass: UID) -> QueryNegotiation {
        if sopClass == InformationModel.modalityWorklist.findSOPClass { return [.fuzzyNames, .timezone] }
        for model in InformationModel.allCases {
            if sopClass == model.findSOPClass {
                return [.relational, .dateTimeMatching, .fuzzyNames, .timezone, .emptyValues, .multipleValues]
            }
            if sopClass == model.moveSOPClass || sopClass == model.getSOPClass { return .relational }
        }
        return []
    }

    /// The item for a SOP class; nil if none of the options applies to it.
    package func item(for sopClass: UID) -> SOPClassExtendedNegotiation? {
        guard !isEmpty else { return nil }
        let wanted = intersection(Self.available(for: sopClass))
        guard !wanted.isEmpty else { return nil }
        let isWorklist = sopClass == InformationModel.modalityWorklist.findSOPClass
        var information = Self.names.enumerated().map { index, entry in
            UInt8(wanted.contains(entry.option) || (isWorklist && index < 2) ? 1 : 0)
        }
        while information.last == 0 { information.removeLast() }
        return SOPClassExtendedNegotiation(sopClass: sopClass, information: information)
    }

    /// The options that a peer's item grants.
    package init(granted item: SOPClassExtendedNegotiation) {
        var granted: QueryNegotiation = []
        for (byte, entry) in zip(item.information, Self.names) where byte == 1 { granted.insert(entry.option) }
        self = granted.intersection(Self.available(for: item.sopClass))
    }

    /// The answer of an acceptor with these options to a peer's item: each of its bytes with 1 or 0.
    package func answer(to item: SOPClassExtendedNegotiation) -> SOPClassExtendedNegotiation {
        let granted = intersection(QueryNegotiation(granted: item))
        let isWorklist = item.sopClass == InformationModel.modalityWorklist.findSOPClass
        let information = zip(item.information, Self.names).enumerated().map { index, pair in
            UInt8(granted.contains(pair.1.option) || (isWorklist && index < 2) ? 1 : 0)
        }
        return SOPClassExtendedNegotiation(sopClass: item.sopClass, information: information)
    }

    /// The names of the options, for a message.
    package var words: String {
        Self.names.filter { contains($0.option) }.map(\.name).joined(separator: ", ")
    }
}
