import DICOM

/// UIDs in the order of their arrival. To add one at the end and to remove any takes the same time however many there are,
/// taken over many.
struct ArrivalOrder: Sendable {
    /// Nil where one was removed.
    private var slots: [UID?] = []
    /// The first slot that is not empty, or the end.
    private var start = 0
    private(set) var count = 0
    /// The slots of the UIDs; made when one is removed for the first time, as most orders only grow.
    private var places: [UID: Int]?

    var isEmpty: Bool { count == 0 }

    var first: UID? { start < slots.count ? slots[start] : nil }
    var last: UID? { slots.last { $0 != nil } ?? nil }

    /// Adds a UID that is not among them.
    mutating func append(_ uid: UID) {
        places?[uid] = slots.count
        slots.append(uid)
        count += 1
    }

    /// Removes a UID, if it is among them.
    mutating func remove(_ uid: UID) {
        if places == nil { findPlaces() }
        guard let place = places?.removeValue(forKey: uid) else { return }
        slots[place] = nil
        count -= 1
        while start < slots.count, slots[start] == nil { start += 1 }
        guard count < slots.count / 2 else { return }
        slots.removeAll { $0 == nil }
        start = 0
        findPlaces()
    }

    private mutating func findPlaces() {
        var found: [UID: Int] = [:]
        found.reserveCapacity(count)
        for (place, uid) in slots.enumerated() { if let uid { found[uid] = place } }
        places = found
    }
}

extension ArrivalOrder: Sequence {
    struct Iterator: IteratorProtocol {
        fileprivate var slots: ArraySlice<UID?>

        mutating func next() -> UID? {
            while let slot = slots.popFirst() {
                if let slot { return slot }
            }
            return nil
        }
    }

    func makeIterator() -> Iterator { Iterator(slots: slots[start...]) }

    var underestimatedCount: Int { count }
}
