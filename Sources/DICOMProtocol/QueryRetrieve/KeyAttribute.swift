package import DICOM

/// An attribute that an information model knows as a key, PS3.4 C.2.2.1 and K.2.2.1.
package struct KeyAttribute: Hashable, Sendable {
    /// How an SCP treats the key in matching, PS3.4 C.2.2.1 and K.2.2.1.1.
    package enum Kind: String, Sendable, CaseIterable {
        /// Identifies one entity of the level; answered always.
        case unique = "U"
        /// Every SCP matches it.
        case required = "R"
        /// An SCP may ignore it in matching, and leave it out of its answers.
        case optional = "O"
    }

    /// What an SCP puts into its answers, PS3.4 K.2.2.1.2, with the types of PS3.5 7.4. Worklists only.
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
