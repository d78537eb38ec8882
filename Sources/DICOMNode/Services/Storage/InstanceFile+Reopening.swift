import System

extension InstanceFile {
    /// Opens the file again to send it; it must still be the one that was looked at.
    ///
    /// Files are not kept open between the two: a batch may hold more of them than a process may have descriptors.
    func reopen() throws(FileProblem) -> FileDescriptor {
        let descriptor = try Self.openForReading(path)
        try checkUnchanged(descriptor)
        return descriptor
    }
}
