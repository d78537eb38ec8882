package import DICOMNode
package import System

extension TCPListener {
    /// The pause while the process or the system has no descriptor left: a waiting connection would wake `poll` again at
    /// once.
    private static let pauseWithoutDescriptors = Duration.milliseconds(100)

    /// Waits for the next connection.
    ///
    /// - Throws: `TransportError` if the listener does not work any more, a limit passes or the wait is cancelled.
    package func accept(wait: WaitLimits) throws(TransportError) -> TCPConnection {
        let deadline = wait.deadlineFromNow()
        while true {
            var end = deadline
            var listened = descriptor
            switch acceptWaiting() {
            case .connection(let connection): return connection
            case .unusable: throw .closed
            case .none: break
            case .exhausted:
                listened = -1
                end = deadline.earlier(.after(Self.pauseWithoutDescriptors))
            }
            do throws(WaitError) {
                _ = try Readiness.wait(listened, for: .readable, until: end, limits: wait)
            } catch {
                switch error {
                case .timedOut where !deadline.isPast: continue
                case .timedOut: throw .timedOut(.accept)
                case .cancelled: throw .cancelled
                case .system(let error): throw .system(error)
                }
            }
        }
    }
}
