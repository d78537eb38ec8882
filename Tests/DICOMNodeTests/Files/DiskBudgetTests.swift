import System
import Testing

@testable import DICOMNode

struct DiskBudgetTests {
    private static let soon = Deadline.after(seconds: 60)

    @Test func `what fits is there at once, and is given back`() {
        let budget = DiskBudget(limit: 100)
        let share = DiskShare(of: budget)
        #expect(share.grow(by: 60) && share.grow(by: 30))
        share.finish(size: 95)
        #expect(budget.used == 95)
        budget.giveBack(95)
        #expect(budget.used == 0)
        #expect(budget.highest == 95)
    }

    @Test func `what does not fit waits until room is made`() throws {
        let budget = DiskBudget(limit: 100)
        let first = DiskShare(of: budget)
        #expect(first.grow(by: 80))
        first.finish(size: 80)
        let isIn = Locked(false)
        let thread = try PosixThread(name: "second") {
            let second = DiskShare(of: budget)
            let grown = second.grow(by: 50)
            isIn.withLock { $0 = grown }
            second.finish(size: 50)
        }
        _ = try Cancellation().wait(until: .after(seconds: 0.3))
        #expect(!isIn.withLock { $0 })
        #expect(budget.used == 80)
        budget.giveBack(80)
        thread.join()
        #expect(isIn.withLock { $0 })
        #expect(budget.highest == 80)
    }

    @Test func `an instance larger than all goes alone`() throws {
        let budget = DiskBudget(limit: 100)
        let large = DiskShare(of: budget)
        #expect(large.grow(by: 90) && large.grow(by: 90) && large.grow(by: 90))
        let isIn = Locked(false)
        let thread = try PosixThread(name: "other") {
            let other = DiskShare(of: budget)
            let grown = other.grow(by: 10)
            isIn.withLock { $0 = grown }
        }
        _ = try Cancellation().wait(until: .after(seconds: 0.3))
        #expect(!isIn.withLock { $0 })
        large.finish(size: 270)
        budget.giveBack(270)
        thread.join()
        #expect(isIn.withLock { $0 })
        #expect(budget.used == 0)
    }

    @Test func `of several that fill it in part the oldest goes on`() throws {
        let budget = DiskBudget(limit: 100)
        let done = Locked<[Int]>([])
        let turns = ConditionLock(0)
        let threads = try (0..<3).map { number in
            try PosixThread(name: "share") {
                let share = DiskShare(of: budget)
                _ = turns.wait(until: Self.soon) { $0 == number }
                _ = share.grow(by: 30)
                turns.withLock { $0 += 1 }
                _ = turns.wait(until: Self.soon) { $0 == 3 }
                // None of them has room for the rest.
                let isGrown = share.grow(by: 60)
                share.finish(size: 90)
                done.withLock { if isGrown { $0.append(number) } }
                budget.giveBack(90)
            }
        }
        for thread in threads { thread.join() }
        #expect(done.withLock { $0.sorted() } == [0, 1, 2])
        #expect(budget.used == 0)
        #expect(budget.highest == 150)
    }

    @Test func `nobody waits once it is closed, or the run is to end`() throws {
        for isClosed in [true, false] {
            let cancellation = try Cancellation()
            let budget = DiskBudget(limit: 10, cancellation: cancellation)
            let first = DiskShare(of: budget)
            #expect(first.grow(by: 10))
            first.finish(size: 10)
            let grown = Locked<Bool?>(nil)
            let thread = try PosixThread(name: "waits") {
                let second = DiskShare(of: budget)
                let isGrown = second.grow(by: 1)
                grown.withLock { $0 = isGrown }
            }
            if isClosed { budget.close() } else { cancellation.raise() }
            thread.join()
            #expect(grown.withLock { $0 } == false)
            #expect(!DiskShare(of: budget).grow(by: 1))
        }
    }

    @Test func `what is given up leaves nothing`() {
        let budget = DiskBudget(limit: 10)
        do {
            let share = DiskShare(of: budget)
            #expect(share.grow(by: 7))
            #expect(budget.used == 7)
        }
        #expect(budget.used == 0)
    }
}
