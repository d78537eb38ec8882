import Glibc

/// How long an operation may wait, and what may wake it: the arguments of everything that can block.
///
/// Two clocks: `inactivity` starts again with each progress, so a long transfer never times out while it moves; `total`
/// is a point in time, so that one byte every two seconds does not hold us for ever.
package struct WaitLimits: Sendable {
    /// Seconds without progress; nil is without limit.
    package var inactivity: Double?
    package var total: Deadline
    package var cancellation: Cancellation
    /// The step of the cancellation that ends the wait. A thread that has acted on the graceful one, and is winding up
    /// in an orderly way, waits on with `.abort`.
    package var cancelledAt: Cancellation.Level
    /// Whether what is waited for is worth staying awake a moment: the peer has the next instance at hand.
    package var staysAwake = false

    package init(
        inactivity: Double? = nil, total: Deadline = .never, cancellation: Cancellation = .never,
        cancelledAt: Cancellation.Level = .graceful
    ) {
        self.inactivity = inactivity
        self.total = total
        self.cancellation = cancellation
        self.cancelledAt = cancelledAt
    }

    package static let unlimited = WaitLimits()

    /// The same limits with an earlier end, for one step of a longer work.
    package func within(_ deadline: Deadline) -> WaitLimits {
        var limits = self
        limits.total = total.earlier(deadline)
        return limits
    }

    package var isCancelled: Bool {
        cancelledAt > .none && cancellation.level >= cancelledAt
    }

    /// One atomic read; called before each system call, so that a stream that never pauses is stopped as well.
    func checkCancellation() throws(TransportError) {
        if isCancelled { throw .cancelled }
    }

    /// When a wait that starts now, after some progress, ends.
    func deadlineFromNow() -> Deadline {
        guard let inactivity else { return total }
        return total.earlier(.after(seconds: inactivity))
    }
}

/// What a descriptor can be waited for.
struct Readiness: OptionSet, Sendable {
    let rawValue: CShort
    static let readable = Readiness(rawValue: CShort(POLLIN))
    static let writable = Readiness(rawValue: CShort(POLLOUT))

    /// Waits until one of two descriptors is readable; tells whether it is the first. A negative one is never readable.
    static func waitForFirst(
        of first: CInt, _ second: CInt, until deadline: Deadline, limits: WaitLimits
    ) throws(TransportError) -> Bool {
        var polled = (
            pollfd(fd: first, events: CShort(POLLIN), revents: 0),
            pollfd(fd: second, events: CShort(POLLIN), revents: 0),
            pollfd(fd: -1, events: CShort(POLLIN), revents: 0)
        )
        if limits.cancelledAt > .none { polled.2.fd = limits.cancellation.descriptor(for: limits.cancelledAt) }
        while true {
            let milliseconds = deadline.pollMilliseconds()
            let count = withUnsafeMutableBytes(of: &polled) {
                poll($0.baseAddress?.assumingMemoryBound(to: pollfd.self), 3, milliseconds)
            }
            guard count != -1 || errno == EINTR else { throw .system(SystemError.last("poll")) }
            if polled.2.revents != 0 { throw .cancelled }
            if polled.0.revents != 0 { return true }
            if polled.1.revents != 0 { return false }
            if deadline.isPast { throw .timedOut(.read) }
        }
    }

    /// Waits until the descriptor is ready or has failed; the operation tried next tells which error it is.
    ///
    /// A negative descriptor waits for the deadline and the cancellation alone.
    static func wait(
        _ descriptor: CInt, for wanted: Readiness, until deadline: Deadline, limits: WaitLimits,
        phase: TransportError.Phase
    ) throws(TransportError) -> Readiness {
        var polled = (
            pollfd(fd: descriptor, events: wanted.rawValue, revents: 0),
            pollfd(fd: -1, events: CShort(POLLIN), revents: 0)
        )
        if limits.cancelledAt > .none { polled.1.fd = limits.cancellation.descriptor(for: limits.cancelledAt) }
        while true {
            let milliseconds = deadline.pollMilliseconds()
            let count = withUnsafeMutableBytes(of: &polled) {
                poll($0.baseAddress?.assumingMemoryBound(to: pollfd.self), 2, milliseconds)
            }
            if count == -1 {
                guard errno == EINTR else { throw .system(SystemError.last("poll")) }
                continue
            }
            if polled.1.revents != 0 { throw .cancelled }
            if polled.0.revents != 0 {
                let failed = CInt(polled.0.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
                return failed ? wanted : Readiness(rawValue: polled.0.revents).intersection(wanted)
            }
            if deadline.isPast { throw .timedOut(phase) }
        }
    }
}
