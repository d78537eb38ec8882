import DICOMNode
import Glibc
import System

/// Reads secrets from where they may stand.
enum SecretInput {
    /// In bytes; an association request carries less.
    private static let maximumLength = 1 << 20

    /// The file's content without the line end that editors put behind it.
    ///
    /// - Throws: `FileReadError` if the file cannot be read or is far too long for a secret.
    static func readFile(_ path: FilePath) throws(FileReadError) -> [UInt8] {
        var secret = try FileDescriptor.contents(of: path, limit: maximumLength)
        while let last = secret.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { secret.removeLast() }
        return secret
    }

    /// Asks at the terminal, without showing what is typed. Nil: there is none.
    static func prompt(_ question: String) -> [UInt8]? {
        guard let terminal = try? FileDescriptor.open("/dev/tty", for: .readingAndWriting, [.noControllingTerminal])
        else { return nil }
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
