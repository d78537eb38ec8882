package import DICOMNode
package import DICOMProtocol
import System

/// The destinations of C-MOVE sub-operations and commitment reports: addresses by AE title, and how to associate with
/// them.
package struct Destinations: Sendable {
    private let endpoints: [AETitle: Endpoint]
    private let connector: Connector
    private let limits: AssociationLimits
    private let observation: AssociationObservation?

    package init(
        _ endpoints: [AETitle: Endpoint], connector: Connector = Connector(), limits: AssociationLimits,
        observation: AssociationObservation? = nil
    ) {
        self.endpoints = endpoints
        self.observation = observation
        self.connector = connector
        self.limits = limits
    }

    func isKnown(_ title: AETitle) -> Bool { endpoints[title] != nil }

    /// Opens an association with a destination; returns nil if the title is unknown.
    func associate(
        with title: AETitle, as own: AETitle, contexts: [PresentationContextProposal],
        roles: [RoleSelection] = [], cancellation: Cancellation = .never
    ) throws(AssociationError) -> Association? {
        guard let endpoint = endpoints[title] else { return nil }
        var parameters = AssociationParameters(
            calledAETitle: title, callingAETitle: own, presentationContexts: contexts)
        parameters.roleSelections = roles
        parameters.limits = limits
        return try Association.request(
            parameters, at: endpoint, connector: connector, cancellation: cancellation,
            observer: observation?())
    }
}

/// The work on associations that the archive requests itself, so that it ends with the archive.
final class OutgoingWork: Sendable {
    private struct State {
        var cancellations: [Int: Cancellation] = [:]
        var threads: [Int: PosixThread] = [:]
        var finished: [Int] = []
        var nextID = 0
        var isStopped = false
    }

    private let state = Locked(State())

    /// Peers that are slow, or cannot be reached, must not make more threads and lists than there is room for.
    private static let maximumThreads = 64

    /// True if there is so much work that no more should be accepted.
    var isBusy: Bool { state.withLock { $0.threads.count - $0.finished.count >= Self.maximumThreads } }

    func begin(_ cancellation: Cancellation) -> Int {
        state.withLock { state in
            state.nextID += 1
            state.cancellations[state.nextID] = cancellation
            if state.isStopped { cancellation.raise(to: .abort) }
            return state.nextID
        }
    }

    func end(_ id: Int) { state.withLock { $0.cancellations[id] = nil } }

    /// Runs work on a new thread.
    ///
    /// - Throws: `SystemError` if the thread or its cancellation cannot be created.
    func run(_ name: String, _ body: @escaping @Sendable (Cancellation) -> Void) throws(SystemError) {
        let cancellation = try Cancellation()
        let id = begin(cancellation)
        // Registered under the lock, so that a thread that ends at once finds itself.
        try state.withLock { state throws(SystemError) in
            for id in state.finished { state.threads.removeValue(forKey: id)?.join() }
            state.finished = []
            state.threads[id] = try PosixThread(name: name) { [self] in
                body(cancellation)
                end(id)
                self.state.withLock { $0.finished.append(id) }
            }
        }
    }

    /// Aborts the work and waits for its end.
    func stop() {
        let (cancellations, threads) = state.withLock { state in
            state.isStopped = true
            defer {
                state.threads = [:]
                state.finished = []
            }
            return (Array(state.cancellations.values), Array(state.threads.values))
        }
        for cancellation in cancellations { cancellation.raise(to: .abort) }
        for thread in threads { thread.join() }
    }
}
