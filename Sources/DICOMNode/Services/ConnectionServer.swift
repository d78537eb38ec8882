package import System

/// Accepts connections at a port, and serves each on a thread of its own once its first message has arrived.
package final class ConnectionServer: Sendable {
    /// Takes what happens at the port.
    package protocol Delegate: AnyObject, Sendable {
        /// Serves a connection until it ends; called on the thread of the connection.
        func serve(_ connection: any Connection, peer: String)

        /// Called for a connection that was closed before it was served, and why; nil if there were too many.
        func closed(peer: String, _ error: AssociationError?)
    }

    package let port: UInt16
    /// Raised by ``stop()``; what is served waits with it.
    package let cancellation: Cancellation
    private let listener: TCPListener
    private let awaited: FirstMessage
    private let limit: Double
    private let maximumThreads: Int
    private let tls: TLSContext?
    private let state = Locked(State())

    private struct State {
        var threads: [Int: PosixThread] = [:]
        var finished: [Int] = []
        var nextID = 0
        var acceptor: PosixThread?
    }

    /// Makes a server that does not accept connections before ``start(_:)``.
    ///
    /// - Parameters:
    ///   - awaited: what a connection has to send before it gets a thread.
    ///   - limit: the seconds that it may take for that.
    ///   - maximumThreads: the most that are served at once; further ones wait.
    /// - Throws: `SystemError` if the pipe of its cancellation cannot be made.
    package init(
        listener: TCPListener, awaiting awaited: FirstMessage, limit: Double, maximumThreads: Int,
        tls: TLSContext? = nil
    ) throws(SystemError) {
        self.listener = listener
        self.awaited = awaited
        self.limit = limit
        self.maximumThreads = maximumThreads
        self.tls = tls
        port = listener.port
        cancellation = try Cancellation()
    }

    /// Starts to accept connections, until ``stop()``.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    package func start(_ delegate: any Delegate) throws(SystemError) {
        let thread = try PosixThread(name: "listener") { [self] in acceptConnections(delegate) }
        state.withLock { $0.acceptor = thread }
    }

    /// Threads that serve connections now.
    package var threadsInUse: Int { state.withLock { $0.threads.count - $0.finished.count } }

    /// Stops accepting, ends the waits of all connections, and waits until their threads have ended.
    package func stop() {
        cancellation.raise(to: .abort)
        let acceptor = state.withLock { state in
            defer { state.acceptor = nil }
            return state.acceptor
        }
        acceptor?.join()
        while let thread = state.withLock({ state in
            state.threads.first.map { id, thread in
                state.threads[id] = nil
                return thread
            }
        }) {
            thread.join()
        }
    }

    private func acceptConnections(_ delegate: any Delegate) {
        var pending = PendingConnections(
            listener: listener, cancellation: cancellation, awaiting: awaited, limit: limit, tls: tls,
            handOver: { [self] in start($0, delegate) },
            onClosed: { connection, error in delegate.closed(peer: connection.peerDescription, error) })
        pending.run()
    }

    /// False: all threads are taken.
    private func start(_ connection: any Connection, _ delegate: any Delegate) -> Bool {
        let peer = connection.peerDescription
        let id: Int? = state.withLock { state in
            for id in state.finished { state.threads.removeValue(forKey: id)?.join() }
            state.finished = []
            guard state.threads.count < maximumThreads else { return nil }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return false }
        do throws(SystemError) {
            // Registered under the lock, so that a thread that ends at once finds itself.
            try state.withLock { state throws(SystemError) in
                state.threads[id] = try PosixThread(name: "connection-\(id)") { [self] in
                    delegate.serve(connection, peer: peer)
                    finished(id)
                }
            }
        } catch {
            connection.close()
            delegate.closed(peer: peer, nil)
        }
        return true
    }

    private func finished(_ id: Int) {
        state.withLock { $0.finished.append(id) }
    }
}
