import Glibc

/// A value that several threads share, each alone with it for a moment.
///
/// As `Mutex` of the Synchronization module, but over the system's mutex, which the thread sanitiser knows: it takes
/// every use of the other one for a race.
package final class Locked<Value>: @unchecked Sendable {
    // Unchecked: `value` is only touched with the mutex held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs a body that has the value to itself. It must be short, and must not wait for anything: others do meanwhile.
    ///
    /// - Throws: The error of the body.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
