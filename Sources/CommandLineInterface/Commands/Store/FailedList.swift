import DICOMNode
import Glibc
import System

/// The file of `--failed-out`: the names of what was not stored, in the form that `--input -` reads.
struct FailedList: ~Copyable {
    private let path: FilePath
    private let descriptor: FileDescriptor

    /// Opened before anything is sent: that it cannot be written should be known then. What it holds stays until the end of the run,
    /// so that it may itself be what is being read.
    init(_ path: FilePath) throws(FileProblem) {
        self.path = path
        do throws(SystemError) {
            let name = path.description
            descriptor = FileDescriptor(
                owning: try systemCall("open") { open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666) })
        } catch {
            throw FileProblem(writing: path, error)
        }
    }

    func write(_ paths: [FilePath]) throws(FileProblem) {
        let lineFeed = UInt8(ascii: "\n")
        let separator: UInt8 = paths.contains { $0.bytes.contains(lineFeed) } ? 0 : lineFeed
        var bytes: [UInt8] = []
        for path in paths {
            bytes += path.bytes
            bytes.append(separator)
        }
        let number = descriptor.rawValue
        do throws(SystemError) {
            _ = try systemCall("ftruncate") { ftruncate(number, 0) }
            do throws(ByteSinkError) {
                try DescriptorSink(descriptor: number).write(bytes)
            } catch {
                throw SystemError(errno: error.errorNumber, operation: "write")
            }
        } catch {
            throw FileProblem(writing: path, error)
        }
    }
}
