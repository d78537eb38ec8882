import DICOMNode
import Glibc
import System

/// Reads what a person names as a whole: a query, from a file or the standard input.
enum FileInput {
    /// Far beyond any query; an image that was named by mistake does not fill the memory.
    private static let maximumLength = 16 << 20

    static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let descriptor = FileDescriptor(
            owning: try systemCall("open", path: path) {
                FilePath(argument: path).withCString { open($0, O_RDONLY | O_CLOEXEC) }
            })
        return try read(descriptor.rawValue, path)
    }

    static func readStandardInput() throws(SystemError) -> [UInt8] { try read(STDIN_FILENO, "standard input") }

    private static func read(_ descriptor: CInt, _ name: String) throws(SystemError) -> [UInt8] {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = try systemCall("read", path: name) { Glibc.read(descriptor, &chunk, chunk.count) }
            guard count > 0 else { return content }
            content += chunk[..<count]
            if content.count > maximumLength { throw SystemError(errno: EFBIG, operation: "read", path: name) }
        }
    }
}
