import Glibc

/// Why a wait ended before the descriptor was ready.
package enum WaitError: Error, Sendable, Equatable {
    case timedOut
    case cancelled
    case system(SystemError)
}

/// The events of a descriptor that a thread can wait for.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: CShort

    package init(rawValue: CShort) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: CShort(POLLIN))
    package static let writable = Readiness(rawValue: CShort(POLLOUT))

    /// Waits until one of several descriptors is ready or has failed; the operation tried next tells which error it is.
    ///
    /// - Returns: The positions of those that are.
    /// - Throws: `.timedOut` at the deadline, `.cancelled` at the cancellation level of the limits, `.system` if `poll` fails.
    package static func waitForAny(
        of descriptors: [CInt], for wanted: Readiness, until deadline: Deadline, limits: WaitLimits
    ) throws(WaitError) -> [Int] {
        var polled = descriptors.map { pollfd(fd: $0, events: wanted.rawValue, revents: 0) }
        polled.append(pollfd(fd: -1, events: CShort(POLLIN), revents: 0))
        let last = polled.count - 1
        if limits.cancelledAt > .none { polled[last].fd = limits.cancellation.descriptor(for: limits.cancelledAt) }
        var watch = limits.notice.map { WaitNotice.Watch($0, until: deadline) }
        defer { watch?.end() }
        while true {
            guard try poll(&polled, polled.count, until: watch?.earlier(deadline) ?? deadline) else { continue }
            if polled[last].revents != 0 { throw .cancelled }
            let ready = descriptors.indices.filter { polled[$0].revents != 0 }
            if !ready.isEmpty { return ready }
            if deadline.isPast { throw .timedOut }
            watch?.reportIfDue()
        }
    }

    /// Waits until the descriptor is ready or has failed; the operation tried next tells which error it is.
    ///
    /// A negative descriptor waits for the deadline and the cancellation alone.
    ///
    /// - Parameter wakeUp: a descriptor that ends the wait when it is readable; the result is empty then.
    /// - Throws: `.timedOut` at the deadline, `.cancelled` at the cancellation level of the limits, `.system` if `poll` fails.
    package static func wait(
        _ descriptor: CInt, for wanted: Readiness, orWakeUp wakeUp: CInt = -1, until deadline: Deadline,
        limits: WaitLimits
    ) throws(WaitError) -> Readiness {
        var polled = (
            pollfd(fd: descriptor, events: wanted.rawValue, revents: 0),
            pollfd(fd: wakeUp, events: CShort(POLLIN), revents: 0),
            pollfd(fd: -1, events: CShort(POLLIN), revents: 0)
        )
        if limits.cancelledAt > .none { polled.2.fd = limits.cancellation.descriptor(for: limits.cancelledAt) }
        var watch = limits.notice.map { WaitNotice.Watch($0, until: deadline) }
        defer { watch?.end() }
        while true {
            let hasLooked = try withUnsafeMutableBytes(of: &polled) { (bytes) throws(WaitError) in
                let polled = bytes.assumingMemoryBound(to: pollfd.self)
                return try poll(polled.baseAddress, polled.count, until: watch?.earlier(deadline) ?? deadline)
            }
            guard hasLooked else { continue }
            if polled.2.revents != 0 { throw .cancelled }
            if polled.0.revents != 0 {
                let failed = CInt(polled.0.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
                return failed ? wanted : Readiness(rawValue: polled.0.revents).intersection(wanted)
            }
            if polled.1.revents != 0 { return [] }
            if deadline.isPast { throw .timedOut }
            watch?.reportIfDue()
        }
    }

    /// Waits for one of the descriptors. False: nothing is known, and it is to be called again.
    private static func poll(
        _ polled: UnsafeMutablePointer<pollfd>?, _ count: Int, until deadline: Deadline
    ) throws(WaitError) -> Bool {
        var milliseconds = deadline.pollMilliseconds()
        let isPutOff = SignalThread.isPutOff && !(0...SignalThread.shortWait).contains(milliseconds)
        if isPutOff { milliseconds = SignalThread.shortWait }
        let found = Glibc.poll(polled, nfds_t(count), milliseconds)
        guard found != -1 else {
            guard errno == EINTR else { throw .system(SystemError.last("poll")) }
            return false
        }
        guard isPutOff, found == 0 else { return true }
        // Without that thread signals go on to do what they do by default.
        try? SignalThread.startIfPutOff()
        return false
    }
}
