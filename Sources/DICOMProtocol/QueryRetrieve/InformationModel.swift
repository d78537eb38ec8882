package import DICOM

/// The information models of queries, PS3.4 C.6 and K.6.
package enum InformationModel: Sendable, CaseIterable {
    case patientRoot
    case studyRoot
    /// Retired since 2004, still supported by old archives.
    case patientStudyOnly
    case modalityWorklist

    package var findSOPClass: UID { sopClasses.find }
    package var moveSOPClass: UID? { sopClasses.move }
    package var getSOPClass: UID? { sopClasses.get }

    private var sopClasses: (find: UID, move: UID?, get: UID?) {
        switch self {
        case .patientRoot:
            ("1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.1.2", "1.2.840.10008.5.1.4.1.2.1.3")
        case .studyRoot:
            ("1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3")
        case .patientStudyOnly:
            ("1.2.840.10008.5.1.4.1.2.3.1", "1.2.840.10008.5.1.4.1.2.3.2", "1.2.840.10008.5.1.4.1.2.3.3")
        case .modalityWorklist: ("1.2.840.10008.5.1.4.31", nil, nil)
        }
    }

    /// The levels, from the top. A worklist has none: its identifier has no Query/Retrieve Level.
    package var levels: [QueryLevel] {
        switch self {
        case .patientRoot: [.patient, .study, .series, .image]
        case .studyRoot: [.study, .series, .image]
        case .patientStudyOnly: [.patient, .study]
        case .modalityWorklist: []
        }
    }
}

/// The level of a query or retrieval, (0008,0052), PS3.4 C.6.
package enum QueryLevel: String, Sendable, CaseIterable, Comparable {
    case patient = "PATIENT"
    case study = "STUDY"
    case series = "SERIES"
    case image = "IMAGE"

    /// Higher levels come first: a patient before its studies.
    package static func < (left: QueryLevel, right: QueryLevel) -> Bool {
        left.depth < right.depth
    }

    private var depth: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// An attribute that an information model knows as a key, PS3.4 C.2.2.1 and K.2.2.1.
package struct KeyAttribute: Hashable, Sendable {
    /// The type of the key in matching, PS3.4 C.2.2.1 and K.2.2.1.1.
    package enum Kind: String, Sendable, CaseIterable {
        /// Identifies one entity of the level; always in responses.
        case unique = "U"
        /// Every SCP matches it.
        case required = "R"
        /// An SCP may ignore it in matching, and leave it out of responses.
        case optional = "O"
    }

    /// The return key type, PS3.4 K.2.2.1.2, with the types of PS3.5 7.4. Worklists only.
    package enum ReturnType: String, Sendable, CaseIterable {
        case withValue = "1"
        case withValueIf = "1C"
        case present = "2"
        case presentIf = "2C"
        case optional = "3"
    }

    package let kind: Kind
    /// The sequences that lead to the attribute, the outermost first; empty at the top level.
    package let path: [Tag]
    package let tag: Tag
    package let returnType: ReturnType?

    package init(_ kind: Kind, _ tag: Tag, in path: [Tag] = [], returns: ReturnType? = nil) {
        self.kind = kind
        self.path = path
        self.tag = tag
        returnType = returns
    }
}

extension KeyAttribute {
    /// A row of a table without return types.
    static func row(_ kind: Kind, _ tag: UInt32, in path: UInt32...) -> KeyAttribute {
        KeyAttribute(kind, Tag(tag), in: path.map { Tag($0) })
    }

    /// A row of the worklist's table.
    static func row(_ kind: Kind, _ returns: ReturnType, _ tag: UInt32, in path: UInt32...) -> KeyAttribute {
        KeyAttribute(kind, Tag(tag), in: path.map { Tag($0) }, returns: returns)
    }
}

/// The place of a key, relative to the level of a query.
package enum KeyPlacement: Hashable, Sendable {
    /// A key of the level.
    case ofLevel(KeyAttribute)
    /// The unique key of a level above, which a hierarchical query needs.
    case uniqueKeyAbove(QueryLevel)
    /// Another key of a level above: only servers that support relational queries match it, PS3.4 C.4.1.2.2.
    case above(QueryLevel)
    /// A key of a level below: no response has it.
    case below(QueryLevel)
    /// A key of the level, but inside these sequences.
    case inside([Tag])
    /// Part of an identifier whatever the level, such as Retrieve AE Title, PS3.4 C.4.1.1.3.
    case general
    /// In no table: an optional key, if it is an attribute of the level at all.
    case unlisted
}

extension InformationModel {
    /// The place of a key at the top level of an identifier.
    package func placement(of tag: Tag, at level: QueryLevel) -> KeyPlacement {
        if QueryIdentifier.generalElements.contains(tag) { return .general }
        if let key = key(tag, at: level) { return .ofLevel(key) }
        if let nested = keys(at: level).first(where: { $0.tag == tag }) { return .inside(nested.path) }
        for other in levels where other != level && key(tag, at: other) != nil {
            if other > level { return .below(other) }
            return tag == Self.uniqueKey(of: other) ? .uniqueKeyAbove(other) : .above(other)
        }
        return .unlisted
    }

    private func key(_ tag: Tag, at level: QueryLevel) -> KeyAttribute? {
        keys(at: level).first { $0.tag == tag && $0.path.isEmpty }
    }
}
