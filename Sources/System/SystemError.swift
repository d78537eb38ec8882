import Glibc

/// A system call that failed: what was tried, on what, and the system's reason.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The number the system gave.
    package let errno: CInt
    /// The call, by its name in the manual: `open`, `rename`.
    package let operation: String
    /// The file it was about, if any.
    package let path: FilePath?

    package init(errno: CInt, operation: String, path: FilePath? = nil) {
        self.errno = errno
        self.operation = operation
        self.path = path
    }

    /// The error that the last failing call of this thread left.
    package static func last(_ operation: String, path: FilePath? = nil) -> SystemError {
        SystemError(errno: Glibc.errno, operation: operation, path: path)
    }

    /// The system's reason in lower case: "no such file or directory".
    package var reason: String { String(cString: strerror(errno)).lowercased() }

    package var description: String { "\(operation): \(reason)" }

    /// Whether the output has no room left, by the disk itself or by the user's quota.
    /// The disk is full, the user's quota is used up, or the process may write no longer files.
    package var isOutOfSpace: Bool { [ENOSPC, EDQUOT, EFBIG].contains(errno) }

    package var isNotFound: Bool { errno == ENOENT || errno == ENOTDIR }
}

/// Runs one system call again as long as a signal interrupts it, and turns -1 into an error.
///
/// `path` is only built when the call fails.
///
/// - Throws: `SystemError` of the call.
@inline(__always)
package func systemCall<Result: FixedWidthInteger & SignedInteger>(
    _ operation: StaticString, path: @autoclosure () -> FilePath? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        if errno != EINTR { throw SystemError.last(operation.description, path: path()) }
    }
}
