/// How often, and after which pauses, something is tried again that failed for a reason that may pass.
package struct RetryPolicy: Sendable, Equatable {
    /// How many times more than once; 0 tries once only.
    package var retries = 0
    /// The first pause, in seconds; each further one is twice as long.
    package var delay = 2.0

    /// A server that was down for an hour should not be waited for another one once it is back.
    private static let longestPause = 300.0

    package init() {}

    package init(retries: Int, delay: Double) {
        self.retries = retries
        self.delay = delay
    }

    /// Seconds to wait after so many failures in a row, from 1.
    package func pause(after failures: Int) -> Double {
        var pause = delay
        var left = failures - 1
        while left > 0, pause < Self.longestPause {
            pause *= 2
            left -= 1
        }
        return min(pause, max(Self.longestPause, delay))
    }
}
