import DICOMNode
import Glibc
import System

/// Reads secrets from where they may stand.
enum SecretInput {
    /// Enough for any ticket that an association request can carry.
    private static let maximumLength = 64 * 1024

    /// The file's content without the line end that editors put behind it.
    static func readFile(_ path: String) throws(SystemError) -> [UInt8] {
        let descriptor = FileDescriptor(
            owning: try systemCall("open", path: path) { open(path, O_RDONLY | O_CLOEXEC) })
        var secret: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while secret.count < maximumLength {
            let count = try systemCall("read", path: path) { read(descriptor.rawValue, &chunk, chunk.count) }
            guard count > 0 else { break }
            secret += chunk[..<count]
        }
        while let last = secret.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { secret.removeLast() }
        return secret
    }

    /// Asks at the terminal, without showing what is typed. Nil: there is none.
    static func prompt(_ question: String) -> [UInt8]? {
        let raw = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard raw >= 0 else { return nil }
        let terminal = FileDescriptor(owning: raw)
        var settings = termios()
        guard tcgetattr(terminal.rawValue, &settings) == 0 else { return nil }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(terminal.rawValue, TCSAFLUSH, &silent)
        defer { tcsetattr(terminal.rawValue, TCSAFLUSH, &settings) }
        _ = write(terminal.rawValue, question, question.utf8.count)
        var secret: [UInt8] = []
        var byte: UInt8 = 0
        while secret.count < maximumLength, read(terminal.rawValue, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
            secret.append(byte)
        }
        _ = write(terminal.rawValue, "\n", 1)
        return secret
    }
}
