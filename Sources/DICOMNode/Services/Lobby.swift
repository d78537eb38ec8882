import DICOMProtocol
import Glibc

/// Where connections wait until their A-ASSOCIATE-RQ has arrived: each costs a descriptor there, and no thread.
///
/// So a thousand connections that say nothing, or one byte a second, or that freeze in the TLS handshake, keep no peer out: the
/// oldest silent one goes when the lobby is full, and whoever does speak is served within one round of `poll`.
struct Lobby {
    /// Connections that wait at a time. Far more than peers ever open at once. Over TLS each has some 50 KB of memory for its
    /// session.
    static let maximumCapacity = 256

    /// The part of the process's descriptors that may wait here, one in so many: associations and files need theirs. Of the
    /// usual 1024 it gives the maximum.
    private static let shareOfDescriptors: rlim_t = 4

    /// Connections taken at a time before those that wait are looked at again.
    private static let acceptedPerRound = 64

    /// While neither descriptor nor thread is to be had, in seconds.
    private static let rest = 0.05

    private struct Guest {
        let arrival: any Arrival
        let deadline: Deadline
        /// Nil: it has arrived, but no thread was free.
        var wanted: Readiness?

        var connection: any Connection { arrival.connection }
        var isReady: Bool { wanted == nil }
    }

    private let listener: TCPListener
    private let cancellation: Cancellation
    /// Seconds from the connection to its request, the ARTIM timer of PS3.8 9.1.5.
    private let limit: Double
    /// Nil: plain TCP.
    private let tls: TLSContext?
    private let capacity: Int
    private var guests: [Guest] = []
    private var polled: [pollfd] = []
    private var isExhausted = false

    init(listener: TCPListener, cancellation: Cancellation, limit: Double, tls: TLSContext?) {
        self.listener = listener
        self.cancellation = cancellation
        self.limit = limit
        self.tls = tls
        var descriptors = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors) == 0
        let share = isKnown ? Int(clamping: descriptors.rlim_cur / Self.shareOfDescriptors) : Self.maximumCapacity
        capacity = max(1, min(share, Self.maximumCapacity))
    }

    /// Works until the cancellation, and closes what waits then.
    ///
    /// - Parameters:
    ///   - admit: takes a connection over; false: not now.
    ///   - turnAway: hears of each connection that is closed here. Nil: there were too many.
    mutating func run(admit: (any Connection) -> Bool, turnAway: (any Connection, AssociationError?) -> Void) {
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
            let events = guest.wanted?.rawValue ?? 0
            polled.append(pollfd(fd: guest.isReady ? -1 : guest.connection.descriptor, events: events, revents: 0))
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
        _ admit: (any Connection) -> Bool, _ turnAway: (any Connection, AssociationError?) -> Void
    ) {
        var staying: [Guest] = []
        staying.reserveCapacity(guests.count)
        for (index, guest) in guests.enumerated() {
            var guest = guest
            if !guest.isReady, polled[index + 2].revents != 0 {
                do throws(AssociationError) {
                    guest.wanted = try guest.arrival.proceed()
                } catch {
                    guest.connection.close()
                    turnAway(guest.connection, error)
                    continue
                }
            }
            if guest.isReady, admit(guest.connection) { continue }
            staying.append(guest)
        }
        guests = staying
    }

    private mutating func dismissSilent(_ turnAway: (any Connection, AssociationError?) -> Void) {
        let late = guests.prefix { $0.deadline.isPast }.count
        for guest in guests.prefix(late) {
            guest.connection.close()
            turnAway(guest.connection, guest.isReady ? nil : guest.arrival.awaited)
        }
        guests.removeFirst(late)
    }

    /// False: the listener cannot be used any more.
    private mutating func acceptWaiting(_ turnAway: (any Connection, AssociationError?) -> Void) -> Bool {
        var hasMadeRoom = false
        for _ in 0..<Self.acceptedPerRound {
            switch listener.acceptWaiting() {
            case .none: return true
            case .unusable: return false
            case .exhausted:
                // The oldest that has said nothing gives its descriptor to one that may; where that does not help, only time does.
                isExhausted = guests.isEmpty || hasMadeRoom
                guard !isExhausted else { return true }
                hasMadeRoom = true
                dismissOldest(turnAway)
            case .connection(let connection):
                hasMadeRoom = false
                if guests.count >= capacity { dismissOldest(turnAway) }
                receive(connection, turnAway)
            }
        }
        return true
    }

    private mutating func receive(_ tcp: TCPConnection, _ turnAway: (any Connection, AssociationError?) -> Void) {
        do throws(TransportError) {
            let arrival: any Arrival = if let tls { try tls.arrival(over: tcp) } else { PlainArrival(tcp) }
            guests.append(Guest(arrival: arrival, deadline: .after(seconds: limit), wanted: .readable))
        } catch {
            tcp.close()
            turnAway(tcp, .unreachable(error))
        }
    }

    private mutating func dismissOldest(_ turnAway: (any Connection, AssociationError?) -> Void) {
        guard !guests.isEmpty else { return }
        let index = guests.firstIndex { !$0.arrival.hasSpoken && !$0.isReady } ?? 0
        let guest = guests.remove(at: index)
        guest.connection.close()
        turnAway(guest.connection, nil)
    }
}
