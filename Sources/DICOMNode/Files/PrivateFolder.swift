import Glibc
package import System

/// A folder that nobody else can read, for files that are of no use once the process has ended: `NAME-PROCESS-XXXXXX`.
///
/// A process that is killed leaves it behind; the next one that makes such a folder in the same place removes it. Its process holds a
/// lock on it, which the system lets go of when the process ends however it ends. A folder of such a name that somebody else has made is
/// left alone: ours have a mode that nobody gives a folder by chance.
package final class PrivateFolder: Sendable {
    package let path: FilePath
    private let claim: FileDescriptor

    /// As mkdtemp makes it, and the sticky bit, which means nothing where nobody else can write.
    private static let mode: mode_t = 0o1700
    /// The letters that mkdtemp puts at the end.
    private static let letters = 6
    /// Folders are not looked for in ones that are nested deeper: ours are not.
    private static let deepest = 4
    /// Between making a folder and locking it there is a moment. One of a process number that is in use is left alone for so long, in
    /// seconds: in containers every process has the same few numbers.
    private static let graceSeconds = 60
    /// The time, in seconds, that a place is looked through.
    private static let longestLook = 1.0

    /// Makes the folder, after removing those that earlier processes have left.
    ///
    /// - Parameters:
    ///   - place: the folder that it is made in, which is there.
    ///   - name: the beginning of its name.
    /// - Throws: `FileProblem` if it cannot be made.
    package init(in place: FilePath, named name: String) throws(FileProblem) {
        Self.removeAbandoned(in: place, named: name)
        var template = place.appending("\(name)-\(getpid())-XXXXXX").bytes + [0]
        do throws(SystemError) {
            let made = template.withUnsafeMutableBytes { bytes in
                guard let start = bytes.baseAddress else { return false }
                return mkdtemp(start.assumingMemoryBound(to: CChar.self)) != nil
            }
            guard made else { throw SystemError.last("mkdtemp") }
            path = FilePath(bytes: template)
            claim = try FileDescriptor.open(path, [.folder, .notFollowingLinks])
        } catch {
            throw FileProblem(writing: place, error)
        }
        // Without a lock and this mode it would only not be tidied up.
        _ = claim.lock()
        try? claim.setPermissions(UInt32(Self.mode))
    }

    /// The path of a folder or a file in it.
    package func appending(_ name: String) -> FilePath { path.appending(name) }

    /// Removes the folder with all that it holds. What cannot be removed stays, as other temporary files do.
    package func remove() { Self.remove(path, claim, depth: 0) }

    private static func remove(_ path: FilePath, _ folder: borrowing FileDescriptor, depth: Int) {
        guard depth < deepest, let copy = try? FileDescriptor.open(".", in: folder, [.folder]) else { return }
        var names: [FilePath] = []
        _ = try? copy.forEachEntry { name, _ in names.append(FilePath(bytes: name)) }
        let parent = folder.rawValue
        for name in names {
            guard name.withCString({ unlinkat(parent, $0, 0) }) != 0 else { continue }
            guard let below = try? FileDescriptor.open(name, in: folder, [.folder, .notFollowingLinks]) else {
                continue
            }
            remove(path.appending(name.bytes), below, depth: depth + 1)
        }
        _ = path.withCString { rmdir($0) }
    }

    // MARK: Those of earlier processes

    private static func removeAbandoned(in place: FilePath, named name: String) {
        guard let folder = try? FileDescriptor.open(place, [.folder]) else { return }
        guard let copy = try? FileDescriptor.open(".", in: folder, [.folder]) else { return }
        let prefix = Array("\(name)-".utf8)
        var found: [(FilePath, pid_t)] = []
        let deadline = Deadline.after(seconds: longestLook)
        _ = try? copy.forEachEntry(unless: { deadline.isPast }) { entry, _ in
            guard entry.starts(with: prefix) else { return }
            let parts = entry.dropFirst(prefix.count).split(
                separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            guard parts.count == 2, parts[1].count == letters,
                let process = pid_t(String(decoding: parts[0], as: UTF8.self))
            else { return }
            found.append((FilePath(bytes: entry), process))
        }
        for (entry, process) in found {
            guard let left = try? FileDescriptor.open(entry, in: folder, [.folder, .notFollowingLinks]) else {
                continue
            }
            var status = stat()
            guard fstat(left.rawValue, &status) == 0, status.st_uid == geteuid(),
                status.st_mode & 0o7777 == mode
            else { continue }
            let isThere = process <= 0 || kill(process, 0) == 0 || errno != ESRCH
            guard !isThere || time(nil) - status.st_mtim.tv_sec > graceSeconds, left.lock() == .held else { continue }
            remove(place.appending(entry.bytes), left, depth: 0)
        }
    }
}
