import DICOMNode
import Glibc

/// A sink over a file of the user's, such as the log.
final class FileSink: ByteSink {
    private let descriptor: FileDescriptor
    private let sink: DescriptorSink

    /// Opens the file for appending and makes it where it is missing.
    init(appendingTo path: String) throws(SystemError) {
        let raw = try systemCall("open", path: path) {
            FilePath(path).withCString { open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644) }
        }
        descriptor = FileDescriptor(owning: raw)
        sink = DescriptorSink(descriptor: raw)
    }

    func write(_ bytes: RawSpan) throws(ByteSinkError) { try sink.write(bytes) }
}

extension FileSink {
    /// Writes a whole file, in place of one that is there.
    static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
        let raw = try systemCall("open", path: path) {
            FilePath(path).withCString { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
        }
        let descriptor = FileDescriptor(owning: raw)
        do throws(ByteSinkError) {
            try DescriptorSink(descriptor: raw).write(bytes)
        } catch {
            throw SystemError(errno: error.errorNumber, operation: "write", path: path)
        }
        try descriptor.close(path: path)
    }
}
