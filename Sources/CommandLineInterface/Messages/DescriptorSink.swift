import Glibc

/// A sink over an open file descriptor, which it does not close: standard output, standard error, a log file.
package final class DescriptorSink: ByteSink {
    private let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    package static var standardOutput: DescriptorSink { DescriptorSink(descriptor: STDOUT_FILENO) }
    package static var standardError: DescriptorSink { DescriptorSink(descriptor: STDERR_FILENO) }

    /// Whether a person watches: whether the descriptor is a terminal.
    package var isTerminal: Bool { isatty(descriptor) == 1 }

    package func write(_ bytes: RawSpan) throws(ByteSinkError) {
        let failure: Int32 = bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if written < 0, errno == EINTR {
                    continue
                } else if written < 0, errno == EAGAIN {
                    // Somebody made the terminal non-blocking; waiting is what a blocking one would have done.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&ready, 1, -1)
                } else {
                    return written < 0 ? errno : EIO
                }
            }
            return 0
        }
        if failure != 0 {
            throw ByteSinkError(errorNumber: failure, description: String(cString: strerror(failure)))
        }
    }
}
