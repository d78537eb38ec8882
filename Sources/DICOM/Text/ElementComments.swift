/// What the dictionary says of elements, behind the number sign of their lines, kept from one data set to the next: the
/// answers of a query have the same elements thousands of times, and a look-up with its strings takes longer than a line.
package struct ElementComments {
    /// As many tags as an answer has, several times over; of two that fall on one place the later one stays.
    private static let slotCount = 256

    private struct Slot {
        var tag: Tag?
        /// `,1 Patient's Name` and the line feed, as it stands where the number of values is allowed.
        var ordinary: [UInt8] = []
        /// The multiplicity; nil for an element that the dictionary lacks.
        var vm: String?
        var isSingle = false
    }

    private var slots = [Slot](repeating: Slot(), count: slotCount)

    package init() {}

    /// Appends multiplicity and name, and ends the line. The number of values is shown, in parentheses, where it is not one
    /// that the multiplicity allows.
    mutating func append(_ tag: Tag, values: Int, to output: inout [UInt8]) {
        // Tags of one group differ in their lowest bits, groups in theirs.
        let place = Int(truncatingIfNeeded: (tag.rawValue ^ tag.rawValue >> 11) & UInt32(Self.slotCount - 1))
        if slots[place].tag != tag { slots[place] = Self.slot(tag) }
        if values == 0 || (values == 1 && slots[place].isSingle) || allows(values, slots[place].vm) {
            output.append(contentsOf: slots[place].ordinary)
        } else {
            appendUnusual(tag, values, to: &output)
        }
    }

    private func allows(_ values: Int, _ vm: String?) -> Bool {
        vm.map { ValueMultiplicity.allows(values, by: $0) } ?? false
    }

    private static func slot(_ tag: Tag) -> Slot {
        let entry = DataDictionary.entry(for: tag)
        return Slot(
            tag: tag, ordinary: Array(",\(entry?.vm ?? "?") \(name(tag, entry))\n".utf8), vm: entry?.vm,
            isSingle: entry.map { ValueMultiplicity.allows(1, by: $0.vm) } ?? false)
    }

    private func appendUnusual(_ tag: Tag, _ values: Int, to output: inout [UInt8]) {
        let entry = DataDictionary.entry(for: tag)
        output.append(contentsOf: ",\(entry?.vm ?? "?") (\(values))  \(Self.name(tag, entry))\n".utf8)
    }

    private static func name(_ tag: Tag, _ entry: DataDictionary.Entry?) -> String {
        entry?.name ?? (tag.isPrivate ? "Private Element" : "Unknown Element")
    }
}
