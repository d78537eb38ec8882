import Testing

@testable import DICOM

struct DigestTableTests {
    @Test func `holds the same digests as a set, whatever is inserted and removed`() {
        var generator = SystemRandomNumberGenerator()
        for range in [UInt64(1)...200, 1...2_000, (UInt64.max - 2_000)...UInt64.max] {
            var table = DigestTable()
            var set: Set<UInt64> = []
            // Digests that collide: in their lower bits they are few.
            let spread = UInt64.random(in: 0...32, using: &generator)
            for _ in 0..<4_000 {
                let digest = max(1, UInt64.random(in: range, using: &generator) &<< spread)
                #expect(table.contains(digest) == set.contains(digest))
                if Bool.random(using: &generator) {
                    table.insert(digest)
                    set.insert(digest)
                } else {
                    #expect(table.remove(digest) == (set.remove(digest) != nil))
                }
            }
            #expect(table.count == set.count)
            #expect(table.isEmpty == set.isEmpty)
            for digest in set { #expect(table.contains(digest)) }
        }
    }

    @Test func `holds the same digests as a set where they are more than one table has`() {
        var generator = SystemRandomNumberGenerator()
        // Those that are all in one part, those that are in all of them, and those of which each part has few places taken.
        for (count, mask, upper) in [(9_000, UInt64.max, 0), (9_000, 0xFFFF, UInt64.max << 16), (20_000, ~0xFFF, 1)] {
            var table = DigestTable()
            var all: [UInt64] = []
            var set: Set<UInt64> = []
            for _ in 0..<count {
                let digest = max(1, UInt64.random(in: 1...UInt64.max, using: &generator) & mask | upper)
                let isNew = table.insert(digest)
                #expect(isNew == set.insert(digest).inserted)
                if isNew { all.append(digest) }
            }
            #expect(table.count == set.count)
            for digest in all.prefix(all.count / 2) {
                let (first, second) = (table.remove(digest), table.remove(digest))
                #expect(first)
                #expect(!second)
            }
            for (index, digest) in all.enumerated() { #expect(table.contains(digest) == (index >= all.count / 2)) }
            #expect(table.count == all.count - all.count / 2)
        }
    }

    @Test func `zero is a digest as well, the same as one`() {
        for count in [0, 5_000] {
            var table = DigestTable()
            for digest in 0..<count { table.insert(UInt64(2 + digest) &* 0x9E37_79B9_7F4A_7C15) }
            #expect(!table.contains(0))
            let changes = [table.remove(0), table.insert(0), table.insert(0), table.insert(1)]
            #expect(changes == [false, true, false, false])
            #expect(table.contains(0) && table.contains(1))
            #expect(table.count == count + 1)
            let removals = [table.remove(0), table.remove(1)]
            #expect(removals == [true, false])
            #expect(!table.contains(0))
            #expect(table.count == count)
        }
    }

    @Test func `holds the same marks as a dictionary, whatever is set and taken away`() {
        var generator = SystemRandomNumberGenerator()
        // A few things that are set again and again, and many, for which tables grow.
        for (things, steps) in [(1, 20), (300, 4_000), (30_000, 40_000)] {
            var table = MarkTable()
            var marks: [WideDigest: UInt8] = [:]
            for _ in 0..<steps {
                var digest = WideDigest()
                digest.combine(Int.random(in: 0..<things, using: &generator))
                let mark = UInt8.random(in: 0...3, using: &generator)
                #expect(table[digest] == marks[digest] ?? 0)
                table[digest] = mark
                marks[digest] = mark == 0 ? nil : mark
            }
            #expect(table.count == marks.count)
            for (digest, mark) in marks { #expect(table[digest] == mark) }
        }
    }

    @Test func `a digest tells apart what differs in one byte, in length or in order`() {
        func digest(_ parts: [String], _ number: Int = 7) -> WideDigest {
            var digest = WideDigest()
            for part in parts { digest.combine(part) }
            digest.combine(number)
            return digest
        }
        var digests: Set<WideDigest> = []
        var count = 0
        func insert(_ digest: WideDigest) {
            count += 1
            digests.insert(digest)
        }
        for length in 0..<40 {
            insert(digest([String(repeating: "a", count: length)]))
            for place in 0..<length {
                insert(
                    digest([
                        String(repeating: "a", count: place) + "b" + String(repeating: "a", count: length - place - 1)
                    ]))
            }
        }
        for parts in [["ab", "c"], ["a", "bc"], ["abc", ""], ["", "abc"], ["c", "ab"]] { insert(digest(parts)) }
        for number in [-1, 0, 1, Int.max] { insert(digest([], number)) }
        #expect(digests.count == count)
        #expect(digest(["abc"]) == digest(["abc"]))
    }
}
