import Glibc
import System

/// Bytes of files on their way out: the system hands the pages of its file cache to the socket.
extension TCPConnection {
    /// Read and written at a time where the system cannot send a file by itself.
    private static let copiedLength = 64 * 1024

    /// Sends as many bytes as the system takes now and returns their number, possibly 0.
    func writeAvailable(_ file: FileRange) throws(TransportError) -> Int {
        Self.brokenPipesAreErrors
        var offset = off_t(clamping: file.offset)
        while true {
            let count = sendfile(descriptor, file.descriptor, &offset, file.count)
            if count > 0 { return count }
            guard count < 0 else { throw .file(.ended) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            case ECONNRESET, EPIPE, ECONNABORTED, ETIMEDOUT: throw Self.streamError("sendfile")
            // Some file systems do not offer it, and of other errors it does not say which side they are of: a read and
            // a write each speak for themselves.
            default: return try copyAvailable(file)
            }
        }
    }

    private func copyAvailable(_ file: FileRange) throws(TransportError) -> Int {
        let wanted = min(file.count, Self.copiedLength)
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            do throws(SystemError) {
                count = try systemCall("read") {
                    pread(file.descriptor, buffer.baseAddress, wanted, off_t(clamping: file.offset))
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw .file(.unreadable(failure)) }
        guard !bytes.isEmpty else { throw .file(.ended) }
        // Bytes that the system does not take are read again later: the socket is full, so there is time.
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(TransportError) in try writeAvailable(bytes) }
        }
        return try result.get()
    }

    /// `sendfile` knows no MSG_NOSIGNAL: to a peer that has gone away it would end the process.
    private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
}
