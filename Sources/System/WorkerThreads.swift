/// Several threads that run the same body, each with its number from zero.
package struct WorkerThreads: Sendable {
    private let threads: [PosixThread]

    /// Starts the threads, or as many of them as the system has room for.
    ///
    /// - Throws: `SystemError` if not even one can be started.
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
