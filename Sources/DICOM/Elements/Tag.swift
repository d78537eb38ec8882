/// The tag that identifies a data element: group number, then element number (PS3.5 7.1).
///
/// Kept as one 32-bit number, group in the upper half, so that comparing tags is the ascending order of PS3.5 7.1.
package struct Tag: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package init(group: UInt16, element: UInt16) {
        rawValue = UInt32(group) << 16 | UInt32(element)
    }

    package var group: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 16) }
    package var element: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    /// Private elements have an odd group number (PS3.5 7.8).
    package var isPrivate: Bool { rawValue & 0x0001_0000 != 0 }

    /// (gggg,0010-00FF) of an odd group reserves a block of private elements (PS3.5 7.8.1).
    package var isPrivateCreator: Bool { isPrivate && (0x0010...0x00FF).contains(element) }

    /// (gggg,0000), retired everywhere but in groups 0000 and 0002 (PS3.5 7.2).
    package var isGroupLength: Bool { element == 0 }

    /// Item, Item Delimitation and Sequence Delimitation, which have no VR in any syntax (PS3.5 7.5).
    package var isDelimiter: Bool { group == 0xFFFE }

    package static func < (left: Tag, right: Tag) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String {
        "(\(Hexadecimal.text(group, digits: 4)),\(Hexadecimal.text(element, digits: 4)))"
    }
}
