package import Glibc

/// A value that several threads share, each alone with it for a moment.
///
/// As `Mutex` of the Synchronization module, but over the system's mutex, which the thread sanitiser knows: it takes
/// every use of the other one for a race. Not a class, whose type the runtime would make at the first use for each type of value.
package struct Locked<Value>: ~Copyable, @unchecked Sendable {
    // Unchecked: the value is only touched with the mutex held.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline let value: UnsafeMutablePointer<Value>

    @inlinable
    package init(_ value: sending Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
    }

    @inlinable
    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs a body that has the value to itself. It must be short, and must not wait for anything: others do meanwhile.
    ///
    /// - Throws: The error of the body.
    @inlinable
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
