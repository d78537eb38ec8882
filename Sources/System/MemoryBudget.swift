/// A limit for the memory that several threads hold together, of what is sent to them. Nothing waits for it: what would
/// go beyond it is refused.
package final class MemoryBudget: Sendable {
    /// In bytes.
    package let limit: Int
    private let reserved = Locked(0)

    /// - Parameter limit: in bytes.
    package init(limit: Int) { self.limit = limit }

    /// The bytes that are reserved now.
    package var used: Int { reserved.withLock { $0 } }

    fileprivate func reserve(_ count: Int) -> Bool {
        reserved.withLock { reserved in
            guard count <= limit - reserved else { return false }
            reserved += count
            return true
        }
    }

    fileprivate func giveBack(_ count: Int) { reserved.withLock { $0 -= count } }
}

/// The share of a budget that one thing in memory has. Whoever holds the thing holds its share; the budget has it back when
/// nobody does, however that came about.
package final class ReservedMemory: Sendable {
    private let budget: MemoryBudget
    private let count = Locked(0)

    package init(of budget: MemoryBudget) { self.budget = budget }

    /// Of the whole budget, in bytes.
    package var limit: Int { budget.limit }

    deinit { budget.giveBack(count.withLock { $0 }) }

    /// Reserves more; false, with nothing reserved, if the budget has not so much left.
    ///
    /// - Parameter bytes: a number that is not negative.
    package func grow(by bytes: Int) -> Bool {
        count.withLock { count in
            guard budget.reserve(bytes) else { return false }
            count += bytes
            return true
        }
    }

    /// Gives all of it back.
    package func giveBack() {
        count.withLock { count in
            budget.giveBack(count)
            count = 0
        }
    }
}
