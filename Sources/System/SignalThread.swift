import Glibc
import Synchronization

/// The one place where signals arrive: a thread that waits for SIGINT, SIGTERM and SIGHUP, for SIGUSR1, which asks where the
/// run stands, and for SIGQUIT and SIGTSTP, which do what they do by default once a terminal is as it was.
///
/// No handler runs in the middle of other code. The first signal asks for an orderly end, the second for an abort, the
/// third ends the process at once, as the first does while ``LocalInput`` is waited for. ``LocalOutput`` that nobody reads
/// is given up soon after the first. A SIGHUP or SIGUSR1 that was ignored when the process started, as under nohup, stays
/// ignored.
package enum SignalThread {
    private static let first = Atomic<CInt>(0)
    private static let hasBegun = Atomic<Bool>(false)

    /// What a shell expects of a process that a signal ended: 128 and its number: 129 for SIGHUP, 130 for SIGINT
    /// and 143 for SIGTERM.
    package static var exitCode: CInt {
        let number = first.load(ordering: .relaxed)
        return 128 + (number == 0 ? SIGINT : number)
    }

    /// Ignores SIGPIPE and SIGXFSZ: a reader or peer that went away, and a file longer than the process may write, are errors of
    /// `write`, not the end of the process.
    package static func ignoreFailedWrites() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Keeps SIGUSR1 from this thread and those that it starts until the thread for signals takes it: by default it ends a process,
    /// which nobody means who asks where a run stands.
    package static func holdStatusRequests() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGUSR1)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Starts the thread; further calls do nothing. Must be called before any other thread exists: threads inherit the mask that keeps
    /// the signals for this one.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    package static func start(
        raising cancellation: Cancellation, onSignal: @escaping @Sendable (Cancellation.Level) -> Void = { _ in },
        onStatusRequest: @escaping @Sendable () -> Void = {}
    ) throws(SystemError) {
        guard !hasBegun.exchange(true, ordering: .relaxed) else { return }
        LocalOutput.giveUp(at: cancellation)
        let watched = try blockSignals()
        _ = try PosixThread(name: "signals") {
            var watched = watched
            while true {
                var number: CInt = 0
                guard sigwait(&watched, &number) == 0 else { continue }
                if number == SIGUSR1 {
                    onStatusRequest()
                    continue
                }
                guard number != SIGQUIT, number != SIGTSTP else {
                    LocalInput.restored { actByDefault(number) }
                    continue
                }
                _ = first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
                signalArrived(raising: cancellation)
                onSignal(cancellation.level)
            }
        }
    }

    static func signalArrived(raising cancellation: Cancellation) {
        if LocalInput.restore() || cancellation.level == .abort { _exit(exitCode) }
        cancellation.raise()
    }

    /// Lets the system end or stop the process by a signal, or ignore it.
    private static func actByDefault(_ number: CInt) {
        // Swift's library has a handler of its own for SIGQUIT.
        if !isIgnored(number) { signal(number, SIG_DFL) }
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        raise(number)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Keeps the signals from this thread and those that it starts.
    ///
    /// - Throws: `SystemError` if the system cannot.
    package static func block() throws(SystemError) { _ = try blockSignals() }

    private static func blockSignals() throws(SystemError) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGQUIT)
        sigaddset(&set, SIGTSTP)
        for number in [SIGHUP, SIGUSR1] where !isIgnored(number) { sigaddset(&set, number) }
        let result = pthread_sigmask(SIG_BLOCK, &set, nil)
        guard result == 0 else { throw SystemError(errno: result, operation: "pthread_sigmask") }
        return set
    }
}
