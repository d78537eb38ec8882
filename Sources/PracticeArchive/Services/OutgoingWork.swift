import DICOMNode
import System

/// What the archive does on associations of its own, so that it can be ended with the archive.
final class OutgoingWork: Sendable {
    private struct State {
        var cancellations: [Int: Cancellation] = [:]
        var threads: [PosixThread] = []
        var nextID = 0
        var isStopped = false
    }

    private let state = Locked(State())

    func begin(_ cancellation: Cancellation) -> Int {
        state.withLock { state in
            state.nextID += 1
            state.cancellations[state.nextID] = cancellation
            if state.isStopped { cancellation.raise(to: .abort) }
            return state.nextID
        }
    }

    func end(_ id: Int) { state.withLock { $0.cancellations[id] = nil } }

    /// Runs work on a thread of its own.
    func run(_ name: String, _ body: @escaping @Sendable (Cancellation) -> Void) throws(SystemError) {
        let cancellation = try Cancellation()
        let id = begin(cancellation)
        let thread = try PosixThread(name: name) { [self] in
            body(cancellation)
            end(id)
        }
        state.withLock { $0.threads.append(thread) }
    }

    /// Ends what goes on and waits for it.
    func stop() {
        let (cancellations, threads) = state.withLock { state in
            state.isStopped = true
            defer { state.threads = [] }
            return (Array(state.cancellations.values), state.threads)
        }
        for cancellation in cancellations { cancellation.raise(to: .abort) }
        for thread in threads { thread.join() }
    }
}
