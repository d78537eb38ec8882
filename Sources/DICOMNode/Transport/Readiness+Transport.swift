import System

extension WaitLimits {
    /// Throws `.cancelled` once the cancellation has reached the level of these limits.
    ///
    /// One atomic read; called before each system call, so that a stream that never pauses is stopped as well.
    func checkCancellation() throws(TransportError) {
        if isCancelled { throw .cancelled }
    }
}

extension TransportError {
    /// A wait that ended early, in the given phase of the exchange.
    init(_ error: WaitError, _ phase: Phase) {
        self =
            switch error {
            case .timedOut: .timedOut(phase)
            case .cancelled: .cancelled
            case .system(let error): .system(error)
            }
    }
}

extension Readiness {
    /// ``wait(_:for:until:limits:)`` with the errors of a connection.
    static func wait(
        _ descriptor: CInt, for wanted: Readiness, until deadline: Deadline, limits: WaitLimits,
        phase: TransportError.Phase
    ) throws(TransportError) -> Readiness {
        do throws(WaitError) {
            return try wait(descriptor, for: wanted, until: deadline, limits: limits)
        } catch {
            throw TransportError(error, phase)
        }
    }

    /// ``waitForFirst(of:_:until:limits:)`` with the errors of a connection.
    static func waitForFirst(
        of first: CInt, _ second: CInt, until deadline: Deadline, limits: WaitLimits, phase: TransportError.Phase
    ) throws(TransportError) -> Bool {
        do throws(WaitError) {
            return try waitForFirst(of: first, second, until: deadline, limits: limits)
        } catch {
            throw TransportError(error, phase)
        }
    }
}
