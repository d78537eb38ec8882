package import System

/// A limit for the bytes of instances that are on disk only until others have taken them away. What would go beyond it waits for room.
///
/// An instance that does not fit goes alone: where nothing is left to be taken away, and all others wait too, the oldest of them is
/// written to its end beyond the limit. Its size is not known before.
package final class DiskBudget: Sendable {
    private struct State {
        /// Of all instances, whole or not.
        var used: UInt64 = 0
        var highest: UInt64 = 0
        /// Of those that are whole, and will be taken away.
        var whole: UInt64 = 0
        /// The instances that have some bytes and are not whole, in the order of their beginning.
        var arriving: [UInt64] = []
        var waiting: [UInt64] = []
        /// The one that may go beyond the limit.
        var alone: UInt64?
        var nextNumber: UInt64 = 0
        var isClosed = false

        mutating func take(_ count: UInt64, for number: UInt64) {
            used += count
            highest = max(highest, used)
            if !arriving.contains(number) { arriving.append(number) }
        }

        /// True if an instance may have so many bytes more now.
        func mayGrow(_ number: UInt64, by count: UInt64, limit: UInt64) -> Bool {
            if isClosed || alone == number || used + count <= limit { return true }
            guard whole == 0, alone == nil, arriving.allSatisfy({ waiting.contains($0) || $0 == number }) else {
                return false
            }
            return number == (arriving.first ?? waiting.first)
        }
    }

    /// In bytes.
    package let limit: UInt64
    private let cancellation: Cancellation
    private let state = ConditionLock(State())
    /// A wait looks for a cancellation as often.
    private static let look = Duration.milliseconds(100)

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - cancellation: ends every wait.
    package init(limit: UInt64, cancellation: Cancellation = .never) {
        self.limit = limit
        self.cancellation = cancellation
    }

    /// The bytes that are there now.
    package var used: UInt64 { state.withLock { $0.used } }
    /// The most that were there at a time.
    package var highest: UInt64 { state.withLock { $0.highest } }

    /// Nothing is taken away any more: all that waits ends, and nothing more gets room.
    package func close() { state.withLock { $0.isClosed = true } }

    /// A whole instance was taken away.
    package func giveBack(_ bytes: UInt64) {
        state.withLock { state in
            state.used -= bytes
            state.whole -= bytes
        }
    }

    fileprivate func number() -> UInt64 {
        state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
    }

    /// Waits until there is room; false if there will be none.
    fileprivate func take(_ count: UInt64, for number: UInt64) -> Bool {
        while !cancellation.isRaised {
            let isTaken: Bool? = state.withLock { state in
                if state.isClosed { return false }
                let isWaiting = state.waiting.contains(number)
                // Those that wait come before those that begin.
                let isItsTurn = isWaiting || state.waiting.isEmpty || state.arriving.contains(number)
                guard isItsTurn, state.mayGrow(number, by: count, limit: limit) else {
                    if !isWaiting { state.waiting.append(number) }
                    return nil
                }
                state.waiting.removeAll { $0 == number }
                if state.used + count > limit { state.alone = number }
                state.take(count, for: number)
                return true
            }
            if let isTaken { return isTaken }
            _ = state.wait(until: .after(Self.look)) { $0.mayGrow(number, by: count, limit: limit) }
        }
        return false
    }

    /// An instance is whole, or nothing is left of it.
    fileprivate func end(_ number: UInt64, _ bytes: UInt64, whole: UInt64) {
        state.withLock { state in
            state.arriving.removeAll { $0 == number }
            state.waiting.removeAll { $0 == number }
            if state.alone == number { state.alone = nil }
            state.used = state.used - bytes + whole
            state.whole += whole
            state.highest = max(state.highest, state.used)
        }
    }
}

/// The bytes of one instance while it arrives. Used by one thread.
package final class DiskShare {
    private let budget: DiskBudget
    private let number: UInt64
    private var bytes: UInt64 = 0
    private var hasEnded = false

    package init(of budget: DiskBudget) {
        self.budget = budget
        number = budget.number()
    }

    deinit { giveUp() }

    /// Waits until there is room for more; returns false if there will be none, and the instance is to be given up.
    package func grow(by count: Int) -> Bool {
        guard !hasEnded else { return false }
        guard count > 0 else { return true }
        guard budget.take(UInt64(count), for: number) else { return false }
        bytes += UInt64(count)
        return true
    }

    /// The instance is whole: ``DiskBudget/giveBack(_:)`` is called for as many bytes when it was taken away.
    ///
    /// - Parameter size: of its file.
    package func finish(size: UInt64) { end(whole: size) }

    /// Nothing is left of the instance.
    package func giveUp() { end(whole: 0) }

    private func end(whole: UInt64) {
        guard !hasEnded else { return }
        hasEnded = true
        budget.end(number, bytes, whole: whole)
    }
}
