/// A set of digests in tables, half of the memory and less of the time of a `Set`: they are random already, and need no
/// further hash. From some thousand digests on there are many tables, which grow one by one: to be twice as large, a table is
/// there twice.
package struct DigestTable {
    /// One, or as many as the upper bits of a digest tell apart.
    private var parts = [Part()]
    package private(set) var count = 0

    package init() {}

    /// The digests of which one table becomes many.
    private static let mostInOne = 3_000
    /// Of a digest, to name its part.
    private static let bitsOfPart = 6

    package var isEmpty: Bool { count == 0 }

    /// - Parameter digest: not zero.
    package func contains(_ digest: UInt64) -> Bool { parts[part(of: digest)].contains(digest) }

    /// Returns false if it is there already.
    ///
    /// - Parameter digest: not zero.
    @discardableResult
    package mutating func insert(_ digest: UInt64) -> Bool {
        if count == Self.mostInOne, parts.count == 1 { divide() }
        guard parts[part(of: digest)].insert(digest) else { return false }
        count += 1
        return true
    }

    /// Returns false if it is not there.
    package mutating func remove(_ digest: UInt64) -> Bool {
        guard parts[part(of: digest)].remove(digest) else { return false }
        count -= 1
        return true
    }

    private func part(of digest: UInt64) -> Int {
        parts.count == 1 ? 0 : Int(truncatingIfNeeded: digest >> (64 - UInt64(Self.bitsOfPart)))
    }

    private mutating func divide() {
        let whole = parts[0]
        parts = [Part](repeating: Part(), count: 1 << Self.bitsOfPart)
        for digest in whole.places where digest != 0 { parts[part(of: digest)].insert(digest) }
    }

    /// One table. Each digest lies at the place that its lower bits name, or behind it before the next empty place.
    private struct Part {
        /// A power of two of places, or none; zero is an empty one.
        private(set) var places: [UInt64] = []
        private var count = 0

        private static let smallest = 64

        func contains(_ digest: UInt64) -> Bool {
            guard count > 0 else { return false }
            return places[place(of: digest)] != 0
        }

        @discardableResult
        mutating func insert(_ digest: UInt64) -> Bool {
            // At most four fifths are taken: an empty place ends each search.
            if (count + 1) * 5 > places.count * 4 { grow() }
            let place = place(of: digest)
            guard places[place] == 0 else { return false }
            count += 1
            places[place] = digest
            return true
        }

        mutating func remove(_ digest: UInt64) -> Bool {
            guard count > 0 else { return false }
            var hole = place(of: digest)
            guard places[hole] != 0 else { return false }
            count -= 1
            // Those behind it move up, but for one that would come to lie before the place that its bits name.
            let mask = places.count - 1
            var next = (hole + 1) & mask
            while places[next] != 0 {
                let home = Int(truncatingIfNeeded: places[next]) & mask
                if (next - home) & mask >= (next - hole) & mask {
                    places[hole] = places[next]
                    hole = next
                }
                next = (next + 1) & mask
            }
            places[hole] = 0
            return true
        }

        /// The place of a digest, or the empty one where it belongs.
        private func place(of digest: UInt64) -> Int {
            let mask = places.count &- 1
            var place = Int(truncatingIfNeeded: digest) & mask
            while places[place] != 0, places[place] != digest { place = (place &+ 1) & mask }
            return place
        }

        private mutating func grow() {
            let old = places
            places = [UInt64](repeating: 0, count: max(Self.smallest, old.count * 2))
            for digest in old where digest != 0 { places[place(of: digest)] = digest }
        }
    }
}
