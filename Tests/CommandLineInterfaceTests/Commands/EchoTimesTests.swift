import Testing

@testable import CommandLineInterface

struct EchoTimesTests {
    @Test func `a distribution of nothing is none`() {
        #expect(Distribution([]) == nil)
    }

    @Test func `the median lies in the middle, the 95th percentile is a value that was measured`() {
        let one = Distribution([5])
        #expect(one?.minimum == 5 && one?.median == 5 && one?.percentile95 == 5 && one?.maximum == 5)
        let hundred = Distribution((1...100).reversed().map(Double.init))
        #expect(hundred?.minimum == 1 && hundred?.maximum == 100)
        #expect(hundred?.median == 50.5)
        #expect(hundred?.percentile95 == 95)
        #expect(Distribution([1, 2, 100])?.percentile95 == 100)
    }

    @Test func `a line and a table name the parts in milliseconds`() {
        let times = EchoTimes(nil, echo: 0.001, release: 0.0025, total: 0.01234)
        #expect(
            times.line
                == "12.34 ms (look-up 0.00, connect 0.00, association 0.00, echo 1.00, release 2.50)")
        let table = EchoTimes.table(of: [times, times])
        #expect(table.split(separator: "\n").count == 7)
        #expect(table.contains("  all             12.34     12.34     12.34     12.34\n"))
        #expect(EchoTimes.table(of: []).isEmpty)
    }
}
