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

    package func contains(_ digest: UInt64) -> Bool {
        let digest = Self.kept(digest)
        return parts[part(of: digest)].contains(digest)
    }

    /// Returns false if it is there already.
    @discardableResult
    package mutating func insert(_ digest: UInt64) -> Bool {
        let digest = Self.kept(digest)
        if count == Self.mostInOne, parts.count == 1 { divide() }
        guard parts[part(of: digest)].insert(digest) else { return false }
        count += 1
        return true
    }

    /// Returns false if it is not there.
    package mutating func remove(_ digest: UInt64) -> Bool {
        let digest = Self.kept(digest)
        guard parts[part(of: digest)].remove(digest) else { return false }
        count -= 1
        return true
    }

    /// A digest as it lies in a table, where zero is an empty place: zero and one are the same digest.
    private static func kept(_ digest: UInt64) -> UInt64 { max(digest, 1) }

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

/// Marks of two bits on things, by their digests of 128 bits: sixteen bytes are held of each, of which two bits of the digest give
/// way to the mark. Tables that grow one by one, as in ``DigestTable``.
package struct MarkTable: Sendable {
    private var parts = [Part](repeating: Part(), count: 1 << Self.bitsOfPart)
    /// Things whose mark is not zero.
    package private(set) var count = 0

    package init() {}

    private static let bitsOfPart = 6

    /// The mark of a thing, 0 to 3; zero for one that has none.
    package subscript(digest: WideDigest) -> UInt8 {
        get { parts[Self.part(of: digest)].mark(of: digest) }
        set {
            let old = parts[Self.part(of: digest)].set(newValue & 3, of: digest)
            count += (newValue & 3 == 0 ? 0 : 1) - (old == 0 ? 0 : 1)
        }
    }

    private static func part(of digest: WideDigest) -> Int {
        Int(truncatingIfNeeded: digest.low >> (64 - UInt64(bitsOfPart)))
    }

    /// One table. Each thing lies at the place that the lower bits of its digest name, or behind it before the next empty place.
    /// One whose mark was taken away keeps its place.
    private struct Part {
        /// Two words of each place: the lower half of a digest, and the upper one with the mark in its last bits. Both are zero in an
        /// empty place.
        private var words: [UInt64] = []
        private var taken = 0

        private static let smallest = 16

        func mark(of digest: WideDigest) -> UInt8 {
            guard !words.isEmpty else { return 0 }
            return UInt8(truncatingIfNeeded: words[place(of: digest.low, digest.high) &+ 1] & 3)
        }

        /// Returns the mark before.
        mutating func set(_ mark: UInt8, of digest: WideDigest) -> UInt8 {
            // At most three quarters are taken: an empty place ends each search.
            if (taken + 1) * 8 > words.count * 3 { grow() }
            let place = place(of: digest.low, digest.high)
            if words[place] == 0, words[place &+ 1] == 0 {
                if mark == 0 { return 0 }
                taken += 1
                words[place] = digest.low
            }
            let old = UInt8(truncatingIfNeeded: words[place &+ 1] & 3)
            words[place &+ 1] = digest.high & ~3 | UInt64(mark)
            return old
        }

        /// The index of the first word of a digest's place, or of the empty one where it belongs.
        private func place(of low: UInt64, _ high: UInt64) -> Int {
            words.withUnsafeBufferPointer { words in
                let mask = words.count &- 1
                var place = Int(truncatingIfNeeded: low &<< 1) & mask
                while true {
                    let (first, second) = (words[place], words[place &+ 1])
                    if first == low, (second ^ high) & ~3 == 0 { return place }
                    if first == 0, second == 0 { return place }
                    place = (place &+ 2) & mask
                }
            }
        }

        private mutating func grow() {
            let old = words
            words = [UInt64](repeating: 0, count: max(2 * Self.smallest, old.count * 2))
            for index in stride(from: 0, to: old.count, by: 2) where old[index] != 0 || old[index + 1] != 0 {
                let place = place(of: old[index], old[index + 1])
                words[place] = old[index]
                words[place + 1] = old[index + 1]
            }
        }
    }
}
