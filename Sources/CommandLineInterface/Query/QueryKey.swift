package import DICOM

/// One `--key`: an element of the query, by its path through sequences, with the value as it was typed.
///
/// Reading it needs the dictionary alone; the value is checked and encoded later by ``QueryBuilder``, which knows model,
/// level, character set and date.
package struct QueryKey: Sendable, Equatable {
    /// One sequence on the way to the element, and which item of it.
    package struct Step: Sendable, Hashable {
        package let tag: Tag
        package let item: Int

        package init(tag: Tag, item: Int) {
            self.tag = tag
            self.item = item
        }
    }

    /// The sequences that lead to the element; empty at the top level.
    package let path: [Step]
    package let tag: Tag
    /// The value as typed; empty asks for the attribute (universal matching).
    package let value: String
    /// The argument as a whole, for messages.
    package let argument: String

    package init(path: [Step] = [], tag: Tag, value: String, argument: String) {
        self.path = path
        self.tag = tag
        self.value = value
        self.argument = argument
    }

    /// The element as messages name it, without the value: that may be a patient's.
    package var name: String {
        (path.map(\.tag) + [tag]).map { DataDictionary.label(of: $0) }.joined(separator: ".")
    }

    /// Whether messages may show the value.
    var mayShowValue: Bool {
        !tags.contains { $0.isPatientData }
    }

    /// The tags of the path and of the element.
    var tags: [Tag] { path.map(\.tag) + [tag] }
}

/// One part of a `--return`: a set of the standard's keys, or one attribute by path.
package enum ReturnKey: Sendable, Equatable {
    /// What the standard lists at the level, by its obligation.
    package enum Set: String, Sendable, CaseIterable {
        case study, series, image, all
    }

    case set(Set)
    case attribute(QueryKey)
}
