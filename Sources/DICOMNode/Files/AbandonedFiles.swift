import Glibc
import System

/// Temporary files that a run has left which was killed before it could delete them: `.dcmscu-PROCESS-NUMBER.part`.
///
/// Whoever writes such a file holds a lock on it, which the system lets go of when the process ends however it ends. A file
/// whose lock can be had, and whose process is not there, belongs to nobody. Where the file system knows no locks,
/// nothing is removed.
enum AbandonedFiles {
    private static let prefix = Array(".dcmscu-".utf8)
    private static let suffix = Array(".part".utf8)

    /// Between making a file and locking it there is a moment. A file of a process number that is in use is left alone for so
    /// long, in seconds: in containers every process has the same few numbers.
    private static let graceSeconds = 60

    /// Marks a temporary file as being written, for as long as it is open.
    static func claim(_ file: borrowing FileDescriptor) {
        // Without it the file would only not be tidied up.
        _ = file.lock()
    }

    /// Never fails: what cannot be removed stays.
    static func remove(in directory: borrowing FileDescriptor) {
        // A descriptor of its own, which begins with the first name.
        guard let copy = try? FileDescriptor.open(".", in: directory, [.folder]) else { return }
        var found: [(FilePath, pid_t)] = []
        _ = try? copy.forEachEntry { name, _ in
            if let process = process(of: name) { found.append((FilePath(bytes: name), process)) }
        }
        for (name, process) in found { remove(name, of: process, in: directory) }
    }

    private static func process(of name: UnsafeRawBufferPointer) -> pid_t? {
        guard name.count > prefix.count + suffix.count, name.starts(with: prefix),
            name.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        let number = name.dropFirst(prefix.count).prefix { $0 != UInt8(ascii: "-") }
        return pid_t(String(decoding: number, as: UTF8.self))
    }

    private static func remove(_ name: FilePath, of process: pid_t, in folder: borrowing FileDescriptor) {
        guard let file = try? FileDescriptor.open(name, in: folder, [.notFollowingLinks, .notWaiting]) else { return }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        let isThere = process <= 0 || kill(process, 0) == 0 || errno != ESRCH
        guard !isThere || time(nil) - status.st_mtim.tv_sec > graceSeconds else { return }
        guard file.lock() == .held else { return }
        let parent = folder.rawValue
        _ = name.withCString { unlinkat(parent, $0, 0) }
    }
}
