package import Glibc

/// State that several threads share and whose changes they wait for. Swift's own Mutex has no condition to wait for.
package final class ConditionLock<State>: @unchecked Sendable {
    // Unchecked: `state` is only touched with `mutex` held.
    @usableFromInline let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    @usableFromInline var state: State

    package init(_ state: sending State) {
        self.state = state
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The clock of ``Deadline``: nobody's change of the time shortens or lengthens a wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Reads or changes the state; whoever waits looks at it again afterwards.
    @inlinable
    package func withLock<Result>(_ body: (inout State) -> sending Result) -> sending Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Reads or changes the state; whoever waits looks at it again only if `body` returns true. To wake a thread costs more than
    /// most changes.
    @inlinable
    package func change(_ body: (inout State) -> Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if body(&state) { pthread_cond_broadcast(changed) }
    }

    /// Waits until the condition holds. False: the deadline passed first.
    @inlinable
    package func wait(until deadline: Deadline = .never, for condition: (State) -> Bool) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return waitLocked(until: deadline, for: condition)
    }

    /// Waits until the condition holds, and then reads or changes the state before anybody else does.
    @inlinable
    package func withLock<Result>(
        when condition: (State) -> Bool, _ body: (inout State) -> sending Result
    ) -> sending Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        _ = waitLocked(until: .never, for: condition)
        return body(&state)
    }

    /// With the mutex held.
    @inlinable
    func waitLocked(until deadline: Deadline, for condition: (State) -> Bool) -> Bool {
        while !condition(state) {
            guard var time = deadline.timespec else {
                pthread_cond_wait(changed, mutex)
                continue
            }
            if pthread_cond_timedwait(changed, mutex, &time) == ETIMEDOUT { return condition(state) }
        }
        return true
    }
}
