import DICOMProtocol
import Glibc

/// Where connections wait until their A-ASSOCIATE-RQ has arrived: each costs a descriptor there, and no thread.
///
/// So a thousand connections that say nothing, or one byte a second, keep no peer out: the oldest silent one goes when the
/// lobby is full, and whoever does speak is served within one round of `poll`. The system counts the bytes for us: a socket
/// is ready when the six bytes of a PDU header are there, then when the whole request is (SO_RCVLOWAT).
struct Lobby {
    /// Connections that wait at a time. Far more than peers ever open at once, and a quarter of the 1024 descriptors that a
    /// process usually has.
    static let capacity = 256

    /// Connections taken at a time before those that wait are looked at again.
    private static let acceptedPerRound = 64

    /// A request that is longer goes on in its thread; real ones have some 5 to 20 KB.
    private static let awaitedRequestLength = 64 * 1024

    /// While neither descriptor nor thread is to be had, in seconds.
    private static let rest = 0.05

    private struct Guest {
        let connection: TCPConnection
        let deadline: Deadline
        /// Its header has been seen, and the rest of the request is waited for.
        var hasSpoken = false
        /// All of it is there, but no thread was free.
        var isReady = false
    }

    private let listener: TCPListener
    private let cancellation: Cancellation
    /// Seconds from the connection to its request, the ARTIM timer of PS3.8 9.1.5.
    private let limit: Double
    /// Over TLS nothing can be told from the first bytes; the handshake has its thread.
    private let isSecured: Bool
    private var guests: [Guest] = []
    private var polled: [pollfd] = []
    private var isExhausted = false

    init(listener: TCPListener, cancellation: Cancellation, limit: Double, isSecured: Bool) {
        self.listener = listener
        self.cancellation = cancellation
        self.limit = limit
        self.isSecured = isSecured
    }

    /// Works until the cancellation, and closes what waits then.
    ///
    /// - Parameters:
    ///   - admit: takes a connection over; false: not now.
    ///   - turnAway: hears of each connection that is closed here. Nil: there were too many.
    mutating func run(admit: (TCPConnection) -> Bool, turnAway: (TCPConnection, AssociationError?) -> Void) {
        while cancellation.level == .none {
            guard waitForSomething() else { break }
            admitReady(admit, turnAway)
            dismissSilent(turnAway)
            guard acceptWaiting(turnAway) else { break }
        }
        for guest in guests { guest.connection.close() }
        guests = []
    }

    /// False: waiting is not possible any more.
    private mutating func waitForSomething() -> Bool {
        polled.removeAll(keepingCapacity: true)
        polled.append(pollfd(fd: cancellation.descriptor, events: CShort(POLLIN), revents: 0))
        polled.append(pollfd(fd: isExhausted ? -1 : listener.descriptor, events: CShort(POLLIN), revents: 0))
        for guest in guests {
            polled.append(
                pollfd(fd: guest.isReady ? -1 : guest.connection.descriptor, events: CShort(POLLIN), revents: 0))
        }
        var deadline = guests.first?.deadline ?? .never
        if isExhausted || guests.contains(where: \.isReady) { deadline = deadline.earlier(.after(seconds: Self.rest)) }
        isExhausted = false
        let milliseconds = deadline.pollMilliseconds()
        let result = polled.withUnsafeMutableBufferPointer { poll($0.baseAddress, nfds_t($0.count), milliseconds) }
        if result == -1, errno != EINTR {
            // No memory in the system: the guests' bytes and the listener will still be there after a rest.
            isExhausted = true
            for index in polled.indices { polled[index].revents = 0 }
            return errno != EINVAL && errno != EFAULT
        }
        return true
    }

    private mutating func admitReady(
        _ admit: (TCPConnection) -> Bool, _ turnAway: (TCPConnection, AssociationError?) -> Void
    ) {
        var staying: [Guest] = []
        staying.reserveCapacity(guests.count)
        for (index, guest) in guests.enumerated() {
            var guest = guest
            if !guest.isReady, polled[index + 2].revents != 0 {
                switch look(at: &guest) {
                case .wait: break
                case .admit: guest.isReady = true
                case .closed:
                    guest.connection.close()
                    turnAway(guest.connection, .connectionLost(.closed))
                    continue
                }
            }
            if guest.isReady {
                guest.connection.setLowWaterMark(1)
                if admit(guest.connection) { continue }
            }
            staying.append(guest)
        }
        guests = staying
    }

    private enum Look { case wait, admit, closed }

    private func look(at guest: inout Guest) -> Look {
        if guest.hasSpoken || isSecured { return .admit }
        let header = guest.connection.peek(PDU.headerLength)
        // Ready without a whole header: the peer has closed.
        guard header.count == PDU.headerLength else { return .closed }
        // What is no request gets its answer from the state machine.
        guard header[0] == PDUType.associateRequest.rawValue else { return .admit }
        let length = header[2...].reduce(0) { $0 << 8 | Int($1) }
        guard length <= PDULimits.standardMaximumControlLength else { return .admit }
        guest.hasSpoken = true
        guest.connection.setLowWaterMark(min(PDU.headerLength + length, Self.awaitedRequestLength))
        return .wait
    }

    private mutating func dismissSilent(_ turnAway: (TCPConnection, AssociationError?) -> Void) {
        let late = guests.prefix { $0.deadline.isPast }.count
        for guest in guests.prefix(late) {
            guest.connection.close()
            turnAway(guest.connection, guest.isReady ? nil : .timedOut(waitingFor: "A-ASSOCIATE-RQ"))
        }
        guests.removeFirst(late)
    }

    /// False: the listener cannot be used any more.
    private mutating func acceptWaiting(_ turnAway: (TCPConnection, AssociationError?) -> Void) -> Bool {
        for _ in 0..<Self.acceptedPerRound {
            switch listener.acceptWaiting() {
            case .none: return true
            case .unusable: return false
            case .exhausted:
                isExhausted = true
                // The oldest that has said nothing gives its descriptor to one that may.
                dismissOldest(turnAway)
                return true
            case .connection(let connection):
                if guests.count >= Self.capacity { dismissOldest(turnAway) }
                connection.setLowWaterMark(isSecured ? 1 : PDU.headerLength)
                guests.append(Guest(connection: connection, deadline: .after(seconds: limit)))
            }
        }
        return true
    }

    private mutating func dismissOldest(_ turnAway: (TCPConnection, AssociationError?) -> Void) {
        guard !guests.isEmpty else { return }
        let index = guests.firstIndex { !$0.hasSpoken && !$0.isReady } ?? 0
        let guest = guests.remove(at: index)
        guest.connection.close()
        turnAway(guest.connection, nil)
    }
}

extension TCPConnection {
    /// The socket counts as readable when so many bytes are there, or when no more will come.
    fileprivate func setLowWaterMark(_ count: Int) {
        var count = CInt(clamping: count)
        // Where the system refuses, a connection is only looked at earlier.
        setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &count, socklen_t(MemoryLayout<CInt>.size))
    }

    private static let peeking = CInt(MSG_PEEK)

    /// The first bytes that have arrived, at most so many, which are not taken.
    fileprivate func peek(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var result = recv(descriptor, buffer.baseAddress, count, Self.peeking)
            while result == -1, errno == EINTR {
                result = recv(descriptor, buffer.baseAddress, count, Self.peeking)
            }
            initialized = max(result, 0)
        }
    }
}
