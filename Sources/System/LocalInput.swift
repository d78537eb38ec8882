import Glibc

/// Waits for input that a person or another program gives on this machine: a terminal, a pipe, a named pipe.
///
/// Such a wait has no limit, and nothing has been done yet that would have to be brought to its end: the first signal
/// ends the process. While the process is stopped, nothing is changed that others use, too.
package enum LocalInput {
    private struct Wait: Sendable {
        let prepare: @Sendable () -> Void
        let restore: @Sendable () -> Void
    }

    private static let waits = Locked<[Wait]>([])

    /// Runs a body that waits.
    ///
    /// - Parameters:
    ///   - prepare: changes what the body needs changed, such as the settings of a terminal; called before the body, and
    ///     again by the thread that signals arrive at when a process that was stopped goes on.
    ///   - restore: undoes that; called after the body, and by that thread before the process ends or is stopped.
    /// - Throws: what the body throws.
    package static func wait<Result: ~Copyable, Failure: Error>(
        preparing prepare: @escaping @Sendable () -> Void = {}, restoring restore: @escaping @Sendable () -> Void = {},
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Without that thread signals go on to do what they do by default: what was prepared is not restored then.
        try? SignalThread.startIfPutOff()
        waits.withLock {
            $0.append(Wait(prepare: prepare, restore: restore))
            prepare()
        }
        defer {
            waits.withLock {
                _ = $0.popLast()
                restore()
            }
        }
        return try body()
    }

    /// Runs a body that reads a file: as one that waits, unless the file is a regular one, whose bytes are there.
    ///
    /// - Throws: what the body throws.
    static func read<Result, Failure: Error>(
        _ status: (inout stat) -> CInt, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var file = stat()
        guard status(&file) == 0, file.st_mode & S_IFMT != S_IFREG else { return try body() }
        return try wait(body)
    }

    /// Undoes what the waits have changed. False: nothing waits.
    static func restore() -> Bool {
        let waiting = waits.withLock { $0 }
        for wait in waiting.reversed() { wait.restore() }
        return !waiting.isEmpty
    }

    /// Undoes what the waits have changed for as long as a body stops the process, unless that ends it.
    static func restored(during stop: () -> Void) {
        // No wait begins or ends in between: what it changed would stay.
        waits.withLock { waiting in
            for wait in waiting.reversed() { wait.restore() }
            stop()
            for wait in waiting { wait.prepare() }
        }
    }
}
