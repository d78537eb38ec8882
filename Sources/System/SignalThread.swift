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
    /// When the thread begins.
    package enum Beginning: Sendable {
        case now
        /// With the first wait that lasts longer than ``shortWait``, or for somebody's input, or with the first other thread.
        /// Until then signals do what they do by default, but for SIGUSR1, which waits. A thread costs a run of two milliseconds
        /// a thirtieth of its time, and half of it where others use the processors.
        case withFirstWait
    }

    private enum Stage: Int, AtomicRepresentable {
        case unknown, putOff, begun
    }

    private struct Start {
        let run: @Sendable () throws(SystemError) -> Void
    }

    /// A wait of so many milliseconds needs nobody who hears signals.
    static let shortWait: CInt = 20

    private static let first = Atomic<CInt>(0)
    private static let stage = Atomic<Stage>(.unknown)
    /// What starts the thread, as long as that is put off.
    private static let putOff = Locked<Start?>(nil)

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

    /// Says what signals do, which further calls do not change, and starts the thread now or later.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    package static func start(
        _ beginning: Beginning, raising cancellation: Cancellation, onStatusRequest: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        if stage.compareExchange(expected: .unknown, desired: .putOff, ordering: .relaxed).exchanged {
            LocalOutput.giveUp(at: cancellation)
            putOff.withLock {
                $0 = Start { () throws(SystemError) in try startThread(raising: cancellation, onStatusRequest) }
            }
        }
        if beginning == .now { try startIfPutOff() }
    }

    /// True if the thread is still to be started.
    static var isPutOff: Bool { stage.load(ordering: .relaxed) == .putOff }

    /// Starts the thread if that was put off. Comes before any other thread is started: threads inherit the mask that keeps the
    /// signals for this one.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    static func startIfPutOff() throws(SystemError) {
        guard stage.compareExchange(expected: .putOff, desired: .begun, ordering: .relaxed).exchanged else { return }
        let start = putOff.withLock { start in
            defer { start = nil }
            return start
        }
        try start?.run()
    }

    private static func startThread(
        raising cancellation: Cancellation, _ onStatusRequest: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let (watched, before) = try blockSignals()
        do throws(SystemError) {
            _ = try PosixThread(name: "signals") { take(watched, raising: cancellation, onStatusRequest) }
        } catch {
            var before = before
            pthread_sigmask(SIG_SETMASK, &before, nil)
            throw error
        }
    }

    private static func take(
        _ watched: sigset_t, raising cancellation: Cancellation, _ onStatusRequest: @escaping @Sendable () -> Void
    ) -> Never {
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

    /// Returns the signals, and the mask of this thread as it was.
    private static func blockSignals() throws(SystemError) -> (signals: sigset_t, before: sigset_t) {
        var (set, before) = (sigset_t(), sigset_t())
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGQUIT)
        sigaddset(&set, SIGTSTP)
        for number in [SIGHUP, SIGUSR1] where !isIgnored(number) { sigaddset(&set, number) }
        let result = pthread_sigmask(SIG_BLOCK, &set, &before)
        guard result == 0 else { throw SystemError(errno: result, operation: "pthread_sigmask") }
        return (set, before)
    }
}
