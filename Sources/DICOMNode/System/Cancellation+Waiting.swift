extension Cancellation {
    /// Waits for a time, or until somebody wants to stop: then true.
    package func wait(until deadline: Deadline) -> Bool {
        do throws(TransportError) {
            _ = try Readiness.wait(
                -1, for: .readable, until: deadline, limits: WaitLimits(cancellation: self), phase: .read)
        } catch {
            // The deadline, or the wish: the level tells which.
        }
        return level > .none
    }
}
