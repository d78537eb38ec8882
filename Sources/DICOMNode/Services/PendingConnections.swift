import DICOMProtocol
import Glibc
import System

/// The connections whose first message, an A-ASSOCIATE-RQ or a request of HTTP, has not arrived yet: each costs a descriptor here, and no thread.
///
/// So a thousand connections that send nothing, or one byte a second, or that freeze in the TLS handshake, keep no peer
/// out: the oldest silent one is closed when there are too many, and a peer that does send is served within one round
/// of `poll`.
struct PendingConnections {
    /// Connections that wait at a time, at most. Far more than peers ever open at once. Over TLS each has some 50 KB of
    /// memory for its session.
    static let maximumCapacity = 256

    /// The part of the process's descriptors that may wait here, one in so many: associations and files need theirs. Of
    /// the usual 1024 it gives the maximum.
    private static let shareOfDescriptors: rlim_t = 4

    /// Connections taken at a time before those that wait are looked at again.
    private static let acceptedPerRound = 64

    /// The pause while neither descriptor nor thread is to be had.
    private static let backoff = Duration.milliseconds(50)

    private struct PendingConnection {
        let handshake: any Handshake
        let deadline: Deadline
        /// Nil once the request has arrived, while no thread is free.
        var wanted: Readiness?

        var connection: any Connection { handshake.connection }
        var isReady: Bool { wanted == nil }
    }

    private let listener: TCPListener
    private let cancellation: Cancellation
    private let awaited: FirstMessage
    /// Seconds from the connection to its request, the ARTIM timer of PS3.8 9.1.5.
    private let limit: Double
    /// Nil for plain TCP.
    private let tls: TLSContext?
    private let handOver: (any Connection) -> Bool
    private let onClosed: (any Connection, AssociationError?) -> Void
    private let capacity: Int
    private var pending: [PendingConnection] = []
    private var polled: [pollfd] = []
    private var isExhausted = false

    /// - Parameters:
    ///   - limit: seconds from the connection to its request.
    ///   - handOver: takes a connection over whose request has arrived; returns false if it cannot now.
    ///   - onClosed: called with each connection that is closed here, and why; nil if there were too many.
    init(
        listener: TCPListener, cancellation: Cancellation, awaiting awaited: FirstMessage = .associateRequest,
        limit: Double, tls: TLSContext?,
        handOver: @escaping (any Connection) -> Bool, onClosed: @escaping (any Connection, AssociationError?) -> Void
    ) {
        self.handOver = handOver
        self.onClosed = onClosed
        self.listener = listener
        self.cancellation = cancellation
        self.awaited = awaited
        self.limit = limit
        self.tls = tls
        var descriptors = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors) == 0
        let share = isKnown ? Int(clamping: descriptors.rlim_cur / Self.shareOfDescriptors) : Self.maximumCapacity
        capacity = max(1, min(share, Self.maximumCapacity))
    }

    /// Works until the cancellation, and closes the connections that wait then.
    mutating func run() {
        while !cancellation.isRaised {
            guard poll() else { break }
            handOverReady()
            closeOverdue()
            guard acceptWaiting() else { break }
        }
        for waiting in pending { waiting.connection.close() }
        pending = []
    }

    /// Waits for a cancellation, a new connection, or bytes of a pending one; returns false if that is not possible any
    /// more.
    private mutating func poll() -> Bool {
        polled.removeAll(keepingCapacity: true)
        polled.append(pollfd(fd: cancellation.descriptor, events: CShort(POLLIN), revents: 0))
        polled.append(pollfd(fd: isExhausted ? -1 : listener.descriptor, events: CShort(POLLIN), revents: 0))
        for waiting in pending {
            let events = waiting.wanted?.rawValue ?? 0
            polled.append(pollfd(fd: waiting.isReady ? -1 : waiting.connection.descriptor, events: events, revents: 0))
        }
        var deadline = pending.first?.deadline ?? .never
        if isExhausted || pending.contains(where: \.isReady) { deadline = deadline.earlier(.after(Self.backoff)) }
        isExhausted = false
        let milliseconds = deadline.pollMilliseconds()
        let result = polled.withUnsafeMutableBufferPointer {
            Glibc.poll($0.baseAddress, nfds_t($0.count), milliseconds)
        }
        if result == -1, errno != EINTR {
            // No memory in the system: what has arrived will still be there after a pause.
            isExhausted = true
            for index in polled.indices { polled[index].revents = 0 }
            return errno != EINVAL && errno != EFAULT
        }
        return true
    }

    private mutating func handOverReady() {
        var staying: [PendingConnection] = []
        staying.reserveCapacity(pending.count)
        for (index, waiting) in pending.enumerated() {
            var waiting = waiting
            if !waiting.isReady, polled[index + 2].revents != 0 {
                do throws(AssociationError) {
                    waiting.wanted = try waiting.handshake.advance()
                } catch {
                    close(waiting, error)
                    continue
                }
            }
            if waiting.isReady, handOver(waiting.connection) { continue }
            staying.append(waiting)
        }
        pending = staying
    }

    private mutating func closeOverdue() {
        let late = pending.prefix { $0.deadline.isPast }.count
        for waiting in pending.prefix(late) { close(waiting, waiting.isReady ? nil : waiting.handshake.missing) }
        pending.removeFirst(late)
    }

    private func close(_ waiting: PendingConnection, _ error: AssociationError?) {
        waiting.connection.close()
        onClosed(waiting.connection, error)
    }

    /// Accepts the connections that wait at the listener; returns false if it cannot be used any more.
    private mutating func acceptWaiting() -> Bool {
        var hasMadeRoom = false
        for _ in 0..<Self.acceptedPerRound {
            switch listener.acceptWaiting() {
            case .none: return true
            case .unusable: return false
            case .exhausted:
                // The oldest that has sent nothing gives its descriptor to one that may; where that does not help, only
                // time does.
                isExhausted = pending.isEmpty || hasMadeRoom
                guard !isExhausted else { return true }
                hasMadeRoom = true
                closeOldest()
            case .connection(let connection):
                hasMadeRoom = false
                if pending.count >= capacity { closeOldest() }
                receive(connection)
            }
        }
        return true
    }

    private mutating func receive(_ tcp: TCPConnection) {
        do throws(TransportError) {
            let handshake: any Handshake =
                if let tls { try tls.handshake(over: tcp, awaiting: awaited) } else {
                    PlainHandshake(tcp, awaiting: awaited)
                }
            pending.append(PendingConnection(handshake: handshake, deadline: .after(seconds: limit), wanted: .readable))
        } catch {
            tcp.close()
            onClosed(tcp, .unreachable(error))
        }
    }

    private mutating func closeOldest() {
        guard !pending.isEmpty else { return }
        let index = pending.firstIndex { !$0.handshake.hasReceivedBytes && !$0.isReady } ?? 0
        close(pending.remove(at: index), nil)
    }
}
