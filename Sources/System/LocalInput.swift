import Glibc

/// Waits for input that a person or another program gives on this machine: a terminal, a pipe, a named pipe.
///
/// Such a wait has no limit, and nothing has been done yet that would have to be brought to its end: the first signal
/// ends the process.
package enum LocalInput {
    private struct Wait: Sendable {
        let restore: @Sendable () -> Void
    }

    private static let waits = Locked<[Wait]>([])

    /// Runs a body that waits.
    ///
    /// - Parameter restore: undoes what must not outlast the process, such as the settings of a terminal; called by
    ///   the thread that signals arrive at.
    /// - Throws: what the body throws.
    package static func wait<Result: ~Copyable, Failure: Error>(
        restoring restore: @escaping @Sendable () -> Void = {}, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        waits.withLock { $0.append(Wait(restore: restore)) }
        defer { waits.withLock { _ = $0.popLast() } }
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
}
