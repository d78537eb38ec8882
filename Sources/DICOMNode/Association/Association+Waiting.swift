/// Waits for a message without asking for one, beside other things that may happen.
extension Association {
    /// Waits until the peer sends something. False: the deadline passed, or `wakeUp` became readable first.
    ///
    /// - Throws: `interrupted` when our user wants to stop.
    func waitForMessage(until deadline: Deadline, wakeUp: CInt) throws(AssociationError) -> Bool {
        if hasUnreadBytes { return true }
        receiveBuffer.makeRoom(toHold: 1)
        do throws(TransportError) {
            // A secured connection may hold bytes that its socket no longer shows.
            if let count = try connection.readAvailable(into: receiveBuffer.free) {
                guard count > 0 else { throw TransportError.closed }
                receiveBuffer.filled(count)
                return true
            }
        } catch {
            throw lost(error, waitingFor: .message)
        }
        return try poll(descriptor: connection.descriptor, or: wakeUp, until: deadline)
    }

    /// Waits for `wakeUp` alone, after the association has ended.
    func waitForWakeUp(_ wakeUp: CInt, until deadline: Deadline) throws(AssociationError) {
        _ = try poll(descriptor: wakeUp, or: -1, until: deadline)
    }

    private func poll(descriptor: CInt, or other: CInt, until deadline: Deadline) throws(AssociationError) -> Bool {
        let limits = WaitLimits(cancellation: cancellation, cancelledAt: heeds)
        do throws(TransportError) {
            return try Readiness.waitForFirst(of: descriptor, other, until: deadline, limits: limits)
        } catch {
            switch error {
            case .timedOut: return false
            default: throw lost(error, waitingFor: .message)
            }
        }
    }
}
