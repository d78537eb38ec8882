import DICOM
import Testing

@testable import CommandLineInterface

struct ShardTests {
    @Test(arguments: ["1/1", "3/8", "8/8"])
    func `a share has a number and a count`(text: String) {
        #expect(Shard(text) != nil)
    }

    @Test(arguments: ["", "1", "0/8", "9/8", "1/0", "a/b", "1/2/3", "-1/2", "/2"])
    func `what is no share is refused`(text: String) {
        #expect(Shard(text) == nil)
    }

    @Test func `every study is in one share, and the shares are alike`() throws {
        let shares = try (1...8).map { try #require(Shard("\($0)/8")) }
        var counts = [Int](repeating: 0, count: 8)
        for number in 0..<8000 {
            let uid = UID("1.2.840.113619.2.5.1762583153.\(number)")
            let holders = shares.indices.filter { shares[$0].contains(uid) }
            #expect(holders.count == 1)
            counts[holders[0]] += 1
        }
        #expect(counts.allSatisfy { (800...1200).contains($0) })
    }

    /// Machines of different versions divide one night: these must never change.
    @Test(arguments: [("1.2.3", 3), ("1.2.840.10008.1.1", 8), ("2.25.1", 7)])
    func `the share of a study is the same for ever`(uid: String, number: Int) throws {
        let found = try (1...8).first { try #require(Shard("\($0)/8")).contains(UID(uid)) }
        #expect(found == number)
    }
}
