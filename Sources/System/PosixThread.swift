import CProcess
import Glibc

/// A thread of its own, for work that blocks: Swift's cooperative pool has one thread per core and must not be blocked.
package final class PosixThread: Sendable {
    /// Enough for every loop here; all recursion of the program is bounded. Threads are few, so frugality gains nothing.
    package static let standardStackSize = 1 << 20

    private final class Body: Sendable {
        /// With the zero byte behind it, for the thread: its own first allocation would give it a heap of its own.
        let name: ContiguousArray<CChar>
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name.utf8CString
            self.run = run
        }
    }

    private struct Handle {
        var thread: pthread_t
        var isJoined = false
    }

    private let handle: Locked<Handle>

    /// Starts a thread. Only the first 15 bytes of the name are seen by the system.
    ///
    /// - Throws: `SystemError` if the system has no room for a further thread.
    package init(
        name: String, stackSize: Int = PosixThread.standardStackSize, body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        try SignalThread.startIfPutOff()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, max(stackSize, 64 * 1024))
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Body(name: String(name.prefix(15)), run: body))
        let result = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context)
                body.takeUnretainedValue().name.withUnsafeBufferPointer {
                    if let name = $0.baseAddress { setThreadName(name) }
                }
                body.takeUnretainedValue().run()
                body.release()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            context.release()
            throw SystemError(errno: result, operation: "pthread_create")
        }
        handle = Locked(Handle(thread: thread))
    }

    deinit {
        handle.withLock { if !$0.isJoined { pthread_detach($0.thread) } }
    }

    /// Waits until the body has returned; further calls return at once. Not to be called by two threads at a time.
    package func join() {
        let thread = handle.withLock { handle -> pthread_t? in
            defer { handle.isJoined = true }
            return handle.isJoined ? nil : handle.thread
        }
        if let thread { pthread_join(thread, nil) }
    }
}
