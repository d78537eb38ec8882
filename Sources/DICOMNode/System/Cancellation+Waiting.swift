extension Cancellation {
    /// Waits until the deadline, or until the cancellation is raised: then returns true.
    package func wait(until deadline: Deadline) -> Bool {
        do throws(TransportError) {
            _ = try Readiness.wait(
                -1, for: .readable, until: deadline, limits: WaitLimits(cancellation: self), phase: .read)
        } catch {
            // The level tells the two apart.
        }
        return isRaised
    }
}
