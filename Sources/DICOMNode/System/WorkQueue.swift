/// A bounded queue between one who finds work and the workers that do it.
///
/// Bounded, so that a scan of a million files does not run ahead of the network and fill memory.
package final class WorkQueue<Element: Sendable>: Sendable {
    private struct State {
        var waiting: [Element] = []
        var firstWaiting = 0
        var isClosed = false

        var count: Int { waiting.count - firstWaiting }
    }

    private let capacity: Int
    private let state = ConditionLock(State())

    package init(capacity: Int) { self.capacity = max(capacity, 1) }

    /// Waits while the queue is full. False when the queue was closed: the element was not taken.
    @discardableResult
    package func push(_ element: Element) -> Bool {
        state.withLock(when: { $0.count < capacity || $0.isClosed }) { state in
            guard !state.isClosed else { return false }
            state.waiting.append(element)
            return true
        }
    }

    /// Waits for the next element; nil once the queue is closed and empty.
    package func pop() -> Element? {
        state.withLock(when: { $0.count > 0 || $0.isClosed }) { state in
            guard state.count > 0 else { return nil }
            let element = state.waiting[state.firstWaiting]
            state.firstWaiting += 1
            if state.firstWaiting == state.waiting.count || state.firstWaiting > capacity {
                state.waiting.removeFirst(state.firstWaiting)
                state.firstWaiting = 0
            }
            return element
        }
    }

    /// No more elements come: who waits to push gives up, who pops gets what is left, then nil.
    package func close() { state.withLock { $0.isClosed = true } }

    /// Closes and gives back what nobody took, for the account of what was not done.
    package func closeAndDrain() -> [Element] {
        state.withLock { state in
            state.isClosed = true
            let left = Array(state.waiting[state.firstWaiting...])
            state.waiting.removeAll()
            state.firstWaiting = 0
            return left
        }
    }
}
