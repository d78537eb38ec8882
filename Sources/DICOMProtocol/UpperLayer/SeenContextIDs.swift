/// Which presentation context IDs have been seen: an ID that stands twice would leave open which of the two is meant.
struct SeenContextIDs {
    private var seen = [Bool](repeating: false, count: 256)

    mutating func insert(_ id: UInt8, section: String) throws(ProtocolError) {
        guard !seen[Int(id)] else {
            throw ProtocolError(.repeatedItem, section: section, "presentation context \(id) stands twice")
        }
        seen[Int(id)] = true
    }
}
