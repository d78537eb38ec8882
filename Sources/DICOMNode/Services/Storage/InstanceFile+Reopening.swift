import Glibc
import System

extension InstanceFile {
    /// Opens the file again to send it; it must still be the one that was looked at.
    ///
    /// Files are not kept open between the two: a batch may hold more of them than a process may have descriptors.
    func reopen() throws(FileProblem) -> FileDescriptor {
        let descriptor = try descriptor()
        try checkUnchanged(descriptor)
        return descriptor
    }

    private func descriptor() throws(FileProblem) -> FileDescriptor {
        do throws(SystemError) {
            return FileDescriptor(
                owning: try systemCall("open", path: path.description) {
                    path.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
                })
        } catch {
            throw FileProblem(reading: path, error)
        }
    }
}
