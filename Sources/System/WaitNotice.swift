/// Watches waits that last: for a person who sees nothing happen.
package struct WaitNotice: Sendable {
    /// The time that a wait has lasted, and the time that it may last, in seconds.
    package struct Wait: Sendable {
        package let waited: Double
        /// Nil without limit.
        package let limit: Double?

        package init(waited: Double, limit: Double?) {
            self.waited = waited
            self.limit = limit
        }
    }

    /// The seconds after which a wait is reported for the first time.
    package static let delay = 2.0
    /// The seconds between two reports.
    package static let interval = 1.0

    private let report: @Sendable (Wait?) -> Void

    /// - Parameter report: is called again and again while a wait lasts, and with nil at its end if it was called before.
    package init(_ report: @escaping @Sendable (Wait?) -> Void) { self.report = report }

    /// One wait that is watched.
    struct Watch {
        private let notice: WaitNotice
        private let watch = Stopwatch()
        private let limit: Double?
        private var next = Deadline.after(seconds: WaitNotice.delay)
        private var hasReported = false

        init(_ notice: WaitNotice, until deadline: Deadline) {
            self.notice = notice
            limit = deadline.secondsLeft
        }

        /// The end of a part of the wait, after which it may be due for a report.
        func earlier(_ deadline: Deadline) -> Deadline { next.earlier(deadline) }

        mutating func reportIfDue() {
            guard next.isPast else { return }
            hasReported = true
            next = .after(seconds: WaitNotice.interval)
            notice.report(Wait(waited: watch.seconds, limit: limit))
        }

        func end() { if hasReported { notice.report(nil) } }
    }
}
