import Testing

@testable import CommandLineInterface

struct ReceptionHistoryTests {
    @Test func `bytes are counted in the second in which they came`() {
        var rate = ReceptionHistory.Rate()
        rate.add(10, at: 0.2)
        rate.add(20, at: 0.9)
        rate.add(5, at: 3.5)
        #expect(rate.bytes == [30, 0, 0, 5] && rate.width == 1)
        // The last time is as long as something came.
        #expect(rate.perSecond == [30, 0, 0, 10])
    }

    @Test func `a long run has longer times, and no byte less`() {
        var rate = ReceptionHistory.Rate()
        for second in 0..<100_000 { rate.add(3, at: Double(second)) }
        #expect(rate.bytes.count <= ReceptionHistory.Rate.longest)
        #expect(rate.bytes.reduce(0, +) == 300_000)
        #expect(rate.width == 1024)
        #expect(rate.bytes.dropLast().allSatisfy { $0 == 3 * 1024 })
    }

    @Test func `a pause at night is a gap, and time that makes no sense is passed over`() {
        var rate = ReceptionHistory.Rate()
        rate.add(1, at: 0)
        rate.add(1, at: 50_000)
        #expect(rate.bytes.first == 1 && rate.bytes.last == 1 && rate.bytes.count > 2)
        #expect(rate.bytes.dropFirst().dropLast().allSatisfy { $0 == 0 })
        for seconds in [-1, .infinity, .nan, 1e300] as [Double] { rate.add(1, at: seconds) }
        #expect(rate.bytes.reduce(0, +) == 2)
    }

    @Test func `outcomes are counted by modality`() {
        let history = ReceptionHistory()
        history.record(.received, modality: "MR", bytes: 10)
        history.record(.received, modality: "CT", bytes: 1)
        history.record(.present, modality: "MR", bytes: 10)
        history.record(.failed, modality: nil, bytes: 2)
        #expect(history.counts.map(\.modality) == ["CT", "MR", ReceptionHistory.unknown])
        #expect(history.counts.map(\.counts.instances) == [[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]])
        #expect(history.counts.map(\.counts.bytes) == [1, 20, 2])
    }

    @Test func `modalities without an end are counted together`() {
        let history = ReceptionHistory()
        for number in 0..<5_000 { history.record(.received, modality: "\(number)", bytes: 1) }
        history.record(.received, modality: String(repeating: "X", count: 1 << 20), bytes: 1)
        #expect(history.counts.count == 101)
        #expect(history.counts.reduce(0) { $0 + $1.counts.instances[0] } == 5_001)
        #expect(history.counts.allSatisfy { $0.modality.count <= 16 })
    }
}
