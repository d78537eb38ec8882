import Testing

@testable import System

struct MemoryBudgetTests {
    @Test func `what is beyond the limit is refused, and changes nothing`() {
        let budget = MemoryBudget(limit: 100)
        let one = ReservedMemory(of: budget)
        let other = ReservedMemory(of: budget)
        #expect(one.grow(by: 60))
        #expect(!other.grow(by: 41))
        #expect(budget.used == 60)
        #expect(other.grow(by: 40))
        #expect(!one.grow(by: 1))
        #expect(budget.used == 100)
    }

    @Test func `what is given back can be reserved again`() {
        let budget = MemoryBudget(limit: 100)
        let one = ReservedMemory(of: budget)
        #expect(one.grow(by: 100))
        one.giveBack()
        #expect(budget.used == 0)
        #expect(one.grow(by: 70))
        one.giveBack()
        one.giveBack()
        #expect(budget.used == 0)
    }

    @Test func `the last holder gives back`() {
        let budget = MemoryBudget(limit: 100)
        var holders = [ReservedMemory(of: budget)]
        #expect(holders[0].grow(by: 80))
        holders.append(holders[0])
        holders.removeFirst()
        #expect(budget.used == 80)
        holders.removeFirst()
        #expect(budget.used == 0)
    }

    @Test func `threads never hold more than the limit together`() throws {
        let budget = MemoryBudget(limit: 1_000)
        let most = Locked(0)
        let threads = try (0..<8).map { _ in
            try PosixThread(name: "test") {
                for _ in 0..<10_000 {
                    let memory = ReservedMemory(of: budget)
                    while memory.grow(by: 37) {}
                    let used = budget.used
                    most.withLock { $0 = max($0, used) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(most.withLock { $0 } <= 1_000)
        #expect(budget.used == 0)
    }
}
