package import DICOMProtocol
import Synchronization
package import System

/// Listens at a port and answers each association on a thread of its own, for as long as it is needed.
package final class AssociationServer: ReceptionElsewhere, Sendable {
    /// An event at the port, for notes and logs. None of them is an error of our own operation.
    package enum Event: Sendable {
        case accepted(AssociateRequest, AssociateAccept, peer: String)
        case rejected(AssociateRequest, AssociateReject, peer: String)
        /// Something connected that is no DICOM peer, or that went away or fell silent before it had associated.
        case stranger(peer: String, AssociationError)
        case ended(peer: String)
        case failed(peer: String, AssociationError)
        /// More connections at once than ``PendingConnections/maximumCapacity``: this one was closed unheard.
        case turnedAway(peer: String)
    }

    /// Associations that are served at once. Archives open a handful at most; further peers are rejected and may try again
    /// later.
    package static let maximumAssociations = 32
    /// The maximum of threads: for associations, and for rejections beyond their maximum. A connection that has
    /// sent no request uses none, see ``PendingConnections``, and waits there while no thread is free.
    package static let maximumThreads = 96
    /// The time that a connection may take to request its association while others are waiting too, in seconds.
    package static let requestLimit = 15.0

    package let port: UInt16
    private let listener: TCPListener
    private let policy: AcceptancePolicy
    private let services: [any ServiceClass]
    private let tls: TLSContext?
    private let limits: AssociationLimits
    private let observation: AssociationObservation?
    private let recorder: (any ConnectionRecorder)?
    private let report: @Sendable (Event) -> Void
    private let cancellation: Cancellation
    private let state = Locked(State())
    private let activity = Atomic<Int>(0)
    private let messagesUnderway = Atomic<Int>(0)

    private struct State {
        var threads: [Int: PosixThread] = [:]
        var finished: [Int] = []
        var nextID = 0
        var established = 0
        var acceptor: PosixThread?
    }

    /// Makes a server that does not accept connections before ``start()``.
    ///
    /// - Throws: `SystemError` if the pipe of its cancellation cannot be made.
    package init(
        listener: TCPListener, policy: AcceptancePolicy, services: [any ServiceClass], tls: TLSContext? = nil,
        limits: AssociationLimits, observation: AssociationObservation? = nil,
        recorder: (any ConnectionRecorder)? = nil,
        report: @escaping @Sendable (Event) -> Void
    ) throws(SystemError) {
        self.listener = listener
        self.port = listener.port
        self.policy = policy
        self.services = services
        self.tls = tls
        self.limits = limits
        self.observation = observation
        self.recorder = recorder
        self.report = report
        cancellation = try Cancellation()
    }

    /// Starts to accept connections, until ``stop()``.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    package func start() throws(SystemError) {
        let thread = try PosixThread(name: "listener") { [self] in acceptConnections() }
        state.withLock { $0.acceptor = thread }
    }

    /// Associations that are open now.
    package var openAssociations: Int { state.withLock { $0.established } }

    /// Threads that answer connections now.
    package var threadsInUse: Int { state.withLock { $0.threads.count - $0.finished.count } }

    /// Grows with each message that begins or ends; a caller that waits for a long operation compares it to detect progress.
    package var progress: Int { activity.load(ordering: .relaxed) }

    /// The number of messages of which the end is not there yet; a peer that falls silent in one is cut off.
    package var messagesArriving: Int { messagesUnderway.load(ordering: .relaxed) }

    /// Stops accepting, ends the open associations and waits until all threads have ended.
    ///
    /// An association between two messages, or inside one that is abandoned, is aborted.
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

    private func acceptConnections() {
        var pending = PendingConnections(
            listener: listener, cancellation: cancellation, limit: requestLimit, tls: tls,
            handOver: { [self] in start($0) },
            onClosed: { [report] connection, error in
                let peer = connection.peerDescription
                report(error.map { .stranger(peer: peer, $0) } ?? .turnedAway(peer: peer))
            })
        pending.run()
    }

    private var requestLimit: Double { min(limits.association ?? .infinity, Self.requestLimit) }

    /// False: all threads are taken.
    private func start(_ connection: any Connection) -> Bool {
        let peer = connection.peerDescription
        let id: Int? = state.withLock { state in
            for id in state.finished { state.threads.removeValue(forKey: id)?.join() }
            state.finished = []
            guard state.threads.count < Self.maximumThreads else { return nil }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return false }
        do throws(SystemError) {
            // Registered under the lock, so that a thread that ends at once finds itself.
            try state.withLock { state throws(SystemError) in
                state.threads[id] = try PosixThread(name: "association-\(id)") { [self] in
                    serve(connection, peer: peer)
                    finished(id)
                }
            }
        } catch {
            connection.close()
            report(.turnedAway(peer: peer))
        }
        return true
    }

    private func finished(_ id: Int) {
        state.withLock { $0.finished.append(id) }
    }

    private func serve(_ connection: any Connection, peer: String) {
        let association: Association?
        do throws(AssociationError) {
            association = try accept(connection, peer: peer)
        } catch {
            return report(.stranger(peer: peer, error))
        }
        guard let association else { return }
        defer { state.withLock { $0.established -= 1 } }
        var sessions = ServiceSessions(services: services)
        var options = ReceiveOptions()
        var isUnderway = false
        defer { if isUnderway { messagesUnderway.subtract(1, ordering: .relaxed) } }
        do throws(AssociationError) {
            while true {
                let message = try association.receive(options) { command, contextID in
                    activity.add(1, ordering: .relaxed)
                    messagesUnderway.add(1, ordering: .relaxed)
                    isUnderway = true
                    guard let context = association.contexts.context(id: contextID) else { return .discard }
                    return sessions.session(for: context, on: association)?
                        .destination(of: command, in: context) ?? .discard
                }
                activity.add(1, ordering: .relaxed)
                if isUnderway { messagesUnderway.subtract(1, ordering: .relaxed) }
                isUnderway = false
                guard let context = association.contexts.context(id: message.contextID) else { continue }
                guard let session = sessions.session(for: context, on: association) else { continue }
                try session.answer(message, in: context)
                options.expectsInstances = session.expectsInstances
            }
        } catch .releasedByPeer {
            sessions.end()
            report(.ended(peer: peer))
        } catch {
            association.abort()
            sessions.end()
            report(.failed(peer: peer, error))
        }
    }

    /// Nil after a rejection. Counts the association as open once it is accepted.
    private func accept(_ connection: any Connection, peer: String) throws(AssociationError) -> Association? {
        var limits = limits
        limits.association = requestLimit
        var isCounted = false
        var association: Association?
        // A peer may be gone before its acceptance is sent: then its place is free again.
        defer { if isCounted, association == nil { state.withLock { $0.established -= 1 } } }
        association = try Association.accept(
            RecordedConnection.over(connection, recorder, isOpenedByPeer: true),
            maximumPDULength: policy.maximumPDULength, limits: limits, cancellation: cancellation,
            observer: observation?()
        ) { request in
            var decision = policy.decide(request, services: services)
            if case .accept = decision {
                isCounted = state.withLock { state in
                    guard state.established < Self.maximumAssociations else { return false }
                    state.established += 1
                    return true
                }
                if !isCounted { decision = .reject(.localLimitExceeded) }
            }
            switch decision {
            case .accept(let accept): report(.accepted(request, accept, peer: peer))
            case .reject(let reject): report(.rejected(request, reject, peer: peer))
            }
            return decision
        }
        return association
    }
}

/// The sessions of one association, made as they are needed.
private struct ServiceSessions {
    let services: [any ServiceClass]
    private var sessions: [Int: any ServiceSession] = [:]

    init(services: [any ServiceClass]) { self.services = services }

    mutating func session(
        for context: NegotiatedContexts.Accepted, on association: Association
    ) -> (any ServiceSession)? {
        guard let index = services.firstIndex(where: { $0.supports(context.abstractSyntax) }) else { return nil }
        if let session = sessions[index] { return session }
        let session = services[index].session(on: association)
        sessions[index] = session
        return session
    }

    func end() { for session in sessions.values { session.end() } }
}
