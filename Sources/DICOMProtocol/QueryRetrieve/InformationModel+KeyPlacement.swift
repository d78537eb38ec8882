package import DICOM

/// Where a key belongs, seen from the level of a query: what a warning about it needs.
package enum KeyPlacement: Hashable, Sendable {
    /// A key of the level.
    case ofLevel(KeyAttribute)
    /// The unique key of a level above, which a hierarchical query needs.
    case uniqueKeyAbove(QueryLevel)
    /// Another key of a level above: only servers that support relational queries match it, PS3.4 C.4.1.2.2.
    case above(QueryLevel)
    /// A key of a level below: no answer has it.
    case below(QueryLevel)
    /// A key of the level, but inside these sequences: outside of them it is another question, or none.
    case inside([Tag])
    /// Part of an identifier whatever the level, such as Retrieve AE Title, PS3.4 C.4.1.1.3.
    case general
    /// In no table: an optional key, if it is an attribute of the level at all.
    case unlisted
}

extension InformationModel {
    /// Where a key at the top level of an identifier belongs.
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
