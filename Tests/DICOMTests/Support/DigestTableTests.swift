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
}
