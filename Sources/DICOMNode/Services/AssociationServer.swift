package import DICOMProtocol
import Synchronization
package import System

/// Listens at a port and answers each association on a thread of its own, for as long as it is needed.
package final class AssociationServer: ReceptionElsewhere, ConnectionServer.Delegate, Sendable {
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
        /// A message whose data set was dropped and refused, as all associations together hold ``maximumMemory``.
        case refusedForMemory(CommandSet, peer: String)
    }

    /// Associations that are served at once. Archives open a handful at most; further peers are rejected and may try again
    /// later.
    package static let maximumAssociations = 32
    /// The maximum of threads: for associations, and for rejections beyond their maximum. A connection that has
    /// sent no request uses none, see ``PendingConnections``, and waits there while no thread is free.
    package static let maximumThreads = 96
    /// The time that a connection may take to request its association while others are waiting too, in seconds.
    package static let requestLimit = 15.0

    /// The most memory, in bytes, for data sets that all associations hold together, and for what services make of them:
    /// identifiers of queries, lists of commitment. A dozen lists of 10,000 references have room. Instances go to the
    /// disk as they come, and an association's buffers have a fixed size: neither is counted.
    package static let maximumMemory = 128 << 20

    private let connections: ConnectionServer
    /// What is held now, and its limit.
    package let memory: MemoryBudget
    private let policy: AcceptancePolicy
    private let services: [any ServiceClass]
    private let limits: AssociationLimits
    private let observation: AssociationObservation?
    private let recorder: (any ConnectionRecorder)?
    private let rate: RateLimit?
    private let report: @Sendable (Event) -> Void
    private let established = Locked(0)
    private let activity = Atomic<Int>(0)
    private let messagesUnderway = Atomic<Int>(0)

    /// Makes a server that does not accept connections before ``start()``.
    ///
    /// - Throws: `SystemError` if the pipe of its cancellation cannot be made.
    package init(
        listener: TCPListener, policy: AcceptancePolicy, services: [any ServiceClass], tls: TLSContext? = nil,
        limits: AssociationLimits, observation: AssociationObservation? = nil,
        recorder: (any ConnectionRecorder)? = nil, rate: RateLimit? = nil,
        maximumMemory: Int = AssociationServer.maximumMemory,
        report: @escaping @Sendable (Event) -> Void
    ) throws(SystemError) {
        memory = MemoryBudget(limit: maximumMemory)
        self.policy = policy
        self.services = services
        self.limits = limits
        self.observation = observation
        self.recorder = recorder
        self.rate = rate
        self.report = report
        connections = try ConnectionServer(
            listener: listener, awaiting: .associateRequest, limit: Self.requestLimit(limits),
            maximumThreads: Self.maximumThreads, tls: tls)
    }

    package var port: UInt16 { connections.port }

    /// Starts to accept connections, until ``stop()``.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    package func start() throws(SystemError) { try connections.start(self) }

    /// Associations that are open now.
    package var openAssociations: Int { established.withLock { $0 } }

    /// Threads that answer connections now.
    package var threadsInUse: Int { connections.threadsInUse }

    /// Grows with each message that begins or ends; a caller that waits for a long operation compares it to detect progress.
    package var progress: Int { activity.load(ordering: .relaxed) }

    /// The number of messages of which the end is not there yet; a peer that falls silent in one is cut off.
    package var messagesArriving: Int { messagesUnderway.load(ordering: .relaxed) }

    /// Stops accepting, ends the open associations and waits until all threads have ended.
    ///
    /// An association between two messages, or inside one that is abandoned, is aborted.
    package func stop() { connections.stop() }

    private static func requestLimit(_ limits: AssociationLimits) -> Double {
        min(limits.association ?? .infinity, requestLimit)
    }

    package func closed(peer: String, _ error: AssociationError?) {
        report(error.map { .stranger(peer: peer, $0) } ?? .turnedAway(peer: peer))
    }

    package func serve(_ connection: any Connection, peer: String) {
        let association: Association?
        do throws(AssociationError) {
            association = try accept(connection, peer: peer)
        } catch {
            return report(.stranger(peer: peer, error))
        }
        guard let association else { return }
        defer { established.withLock { $0 -= 1 } }
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
                guard !message.isBeyondMemory else {
                    report(.refusedForMemory(message.command, peer: peer))
                    try association.refuse(message, status: message.command.outOfResources)
                    continue
                }
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
        limits.association = Self.requestLimit(limits)
        var isCounted = false
        var association: Association?
        // A peer may be gone before its acceptance is sent: then its place is free again.
        defer { if isCounted, association == nil { established.withLock { $0 -= 1 } } }
        association = try Association.accept(
            RecordedConnection.over(PacedConnection.over(connection, rate), recorder, isOpenedByPeer: true),
            maximumPDULength: policy.maximumPDULength, limits: limits, memory: memory,
            cancellation: connections.cancellation,
            observer: observation?()
        ) { request in
            var decision = policy.decide(request, services: services)
            if case .accept = decision {
                isCounted = established.withLock { established in
                    guard established < Self.maximumAssociations else { return false }
                    established += 1
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
    /// The one that was needed last, and the presentation context: thousands of instances come in one.
    private var last: (contextID: UInt8, session: any ServiceSession)?

    init(services: [any ServiceClass]) { self.services = services }

    mutating func session(
        for context: NegotiatedContexts.Accepted, on association: Association
    ) -> (any ServiceSession)? {
        if let last, last.contextID == context.id { return last.session }
        guard let index = services.firstIndex(where: { $0.supports(context.abstractSyntax) }) else { return nil }
        let session = sessions[index] ?? services[index].session(on: association)
        sessions[index] = session
        last = (context.id, session)
        return session
    }

    func end() { for session in sessions.values { session.end() } }
}
