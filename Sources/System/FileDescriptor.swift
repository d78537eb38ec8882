import Glibc

/// The one owner of an open descriptor; closed when its life ends.
package struct FileDescriptor: ~Copyable, Sendable {
    package let rawValue: CInt

    package init(owning rawValue: CInt) { self.rawValue = rawValue }

    deinit { _ = Glibc.close(rawValue) }

    /// Gives the descriptor away: the caller closes it.
    package consuming func release() -> CInt {
        let value = rawValue
        discard self
        return value
    }

    /// Closes and reports what only `close` finds out: network file systems and quotas tell of failed writes here.
    package consuming func close(path: String? = nil) throws(SystemError) {
        // Linux has let go of the descriptor even when close is interrupted, so it is never tried again.
        if Glibc.close(release()) == -1, errno != EINTR { throw SystemError.last("close", path: path) }
    }

    /// A pipe whose ends neither block nor pass to child processes.
    package static func pipe() throws(SystemError) -> Pipe {
        var ends: (CInt, CInt) = (-1, -1)
        _ = try systemCall("pipe") {
            withUnsafeMutableBytes(of: &ends) { Glibc.pipe($0.baseAddress?.assumingMemoryBound(to: CInt.self)) }
        }
        let pipe = Pipe(reading: FileDescriptor(owning: ends.0), writing: FileDescriptor(owning: ends.1))
        try Self.setNonBlockingAndCloseOnExec(ends.0)
        try Self.setNonBlockingAndCloseOnExec(ends.1)
        return pipe
    }

    package struct Pipe: ~Copyable, Sendable {
        package let reading: FileDescriptor
        package let writing: FileDescriptor

        /// Makes the reading end readable; a pipe that is full is so already.
        package func wake() {
            var byte: UInt8 = 1
            while write(writing.rawValue, &byte, 1) == -1, errno == EINTR {}
        }

        /// Takes all wake-ups back.
        package func drain() {
            var bytes = (UInt64(0), UInt64(0))
            while read(reading.rawValue, &bytes, MemoryLayout.size(ofValue: bytes)) > 0 {}
        }
    }

    /// What `pipe2` and `accept4` would do in one call; Swift's Glibc module has neither.
    package static func setNonBlockingAndCloseOnExec(_ descriptor: CInt) throws(SystemError) {
        _ = try systemCall("fcntl") { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let flags = try systemCall("fcntl") { fcntl(descriptor, F_GETFL) }
        _ = try systemCall("fcntl") { fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) }
    }
}
