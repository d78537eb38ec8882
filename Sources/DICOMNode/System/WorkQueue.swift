import Glibc

/// A bounded queue between one who finds work and the workers that do it.
///
/// Bounded, so that a scan of a million files does not run ahead of the network and fill memory.
package final class WorkQueue<Element: Sendable>: @unchecked Sendable {
    // Unchecked: all state below is only touched with `mutex` held. Swift's own Mutex has no condition to wait for.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let capacity: Int
    private var waiting: [Element] = []
    private var firstWaiting = 0
    private var isClosed = false

    package init(capacity: Int) {
        self.capacity = max(capacity, 1)
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Waits while the queue is full. False when the queue was closed: the element was not taken.
    @discardableResult
    package func push(_ element: Element) -> Bool {
        locked {
            while count >= capacity, !isClosed { pthread_cond_wait(changed, mutex) }
            guard !isClosed else { return false }
            waiting.append(element)
            pthread_cond_broadcast(changed)
            return true
        }
    }

    /// Waits for the next element; nil once the queue is closed and empty.
    package func pop() -> Element? {
        locked {
            while count == 0, !isClosed { pthread_cond_wait(changed, mutex) }
            guard count > 0 else { return nil }
            let element = waiting[firstWaiting]
            firstWaiting += 1
            if firstWaiting == waiting.count || firstWaiting > capacity {
                waiting.removeFirst(firstWaiting)
                firstWaiting = 0
            }
            pthread_cond_broadcast(changed)
            return element
        }
    }

    /// No more elements come: who waits to push gives up, who pops gets what is left, then nil.
    package func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(changed)
        }
    }

    /// Closes and gives back what nobody took, for the account of what was not done.
    package func closeAndDrain() -> [Element] {
        locked {
            isClosed = true
            let left = Array(waiting[firstWaiting...])
            waiting.removeAll()
            firstWaiting = 0
            pthread_cond_broadcast(changed)
            return left
        }
    }

    private var count: Int { waiting.count - firstWaiting }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}

/// Several threads that run the same body, each with its number from zero.
package struct WorkerThreads: Sendable {
    private let threads: [PosixThread]

    package init(
        count: Int, name: String, body: @escaping @Sendable (_ worker: Int) -> Void
    ) throws(SystemError) {
        var threads: [PosixThread] = []
        for worker in 0..<max(count, 1) {
            do throws(SystemError) {
                threads.append(try PosixThread(name: "\(name)-\(worker)") { body(worker) })
            } catch {
                // Fewer workers than asked for still do all the work; none at all is an error.
                guard threads.isEmpty else { break }
                throw error
            }
        }
        self.threads = threads
    }

    package var count: Int { threads.count }

    /// Waits until every body has returned.
    package func join() {
        for thread in threads { thread.join() }
    }
}
