import Glibc
package import System

/// Walks files and directories as a stream, one finding at a time, so that work starts with the first file.
///
/// A directory that was given is listed one level deep; all below it only when recursive. The order is stable: as given,
/// and bytewise by name within a directory. Only the names of the directories on the way down are held in memory.
/// Symbolic links are followed, unless nothing outside is wanted. A directory that contains itself through a link is passed
/// over, and one that several links lead to is walked for the first of them: a few links could otherwise multiply a tree
/// endlessly. The index of a practice archive is no file of anybody's, and is not met.
package struct FileScanner: ~Copyable {
    /// The name of the hidden file that a practice archive keeps in its folder.
    package static let indexName: FilePath = ".dcmscu-index"

    package enum Finding: Sendable, Equatable {
        case file(FilePath)
        /// Neither file nor directory, or a directory walked already: no error, but worth a note.
        case passedOver(FilePath, Reason)
        /// Could not be looked at. The walk goes on.
        case problem(FileProblem)
    }

    package enum Reason: String, Sendable {
        case pipe = "a named pipe"
        case socket = "a socket"
        case device = "a device"
        case directory = "a directory (use -r)"
        case loop = "a link to a directory above it"
        case walkedAlready = "a link to a directory walked already"
        case link = "a symbolic link, which is not followed"
        case other = "neither file nor directory"
    }

    private struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// A directory being walked: its names in one buffer, which takes far less than an array of arrays.
    private struct Level {
        let path: FilePath
        let identity: Identity
        let names: DirectoryNames
        var next = 0
    }

    private var given: [FilePath]
    private var named: Set<FilePath>
    /// Names that come one by one, after those that were given at once.
    private var list: PathList?
    private let isRecursive: Bool
    private let followsLinks: Bool
    private var nextGiven = 0
    private var levels: [Level] = []
    private var walkedThroughLinks: Set<Identity> = []

    /// - Parameters:
    ///   - followsLinks: False to pass over links that are met in a directory.
    ///   - list: a descriptor from which further names are read while the walk goes on.
    package init(_ given: [FilePath], recursive: Bool, followsLinks: Bool = true, list: CInt? = nil) {
        self.given = given
        named = Set(given)
        self.list = list.map { PathList(descriptor: $0) }
        isRecursive = recursive
        self.followsLinks = followsLinks
    }

    /// True if everything was walked.
    var isAtEnd: Bool { levels.isEmpty && nextGiven == given.count && list == nil }

    /// True if the path was given, or is the last one of the list, and was not only met in a directory.
    func isNamed(_ path: FilePath) -> Bool { named.contains(path) }

    /// Returns the next finding; nil when everything was walked, or no further name has come by the deadline or before a
    /// cancellation, or if it was given up: then the walk can go on with the folder that it had begun to read.
    ///
    /// - Parameter isGivenUp: asked now and then, also within a folder that is large or slow.
    package mutating func next(
        until deadline: Deadline = .never, cancellation: Cancellation = .never, unless isGivenUp: () -> Bool = { false }
    ) -> Finding? {
        while true {
            let path: FilePath
            var (isGiven, isLink) = (false, false)
            if let level = levels.last {
                guard level.next < level.names.count else {
                    levels.removeLast()
                    continue
                }
                levels[levels.count - 1].next += 1
                let kind = level.names.kind(at: level.next)
                // A folder of that name holds files like any other.
                guard kind == .directory || !level.names.name(at: level.next).elementsEqual(Self.indexName.bytes)
                else { continue }
                path = level.path.appending(level.names.name(at: level.next))
                if kind == .file { return .file(path) }
                isLink = kind != .directory
            } else if nextGiven < given.count {
                path = given[nextGiven]
                nextGiven += 1
                isGiven = true
            } else {
                guard list?.isReady(until: deadline, cancellation: cancellation) == true else { return nil }
                do throws(FileProblem) {
                    guard let listed = try list?.next() else {
                        list = nil
                        continue
                    }
                    named = [listed]
                    given = [listed]
                    nextGiven = 0
                    continue
                } catch {
                    list = nil
                    return .problem(error)
                }
            }
            do throws(SystemError) {
                var status = stat()
                let follows = isGiven || followsLinks
                _ = try systemCall("stat") { path.withCString { follows ? stat($0, &status) : lstat($0, &status) } }
                switch status.st_mode & S_IFMT {
                case S_IFLNK: return .passedOver(path, .link)
                case S_IFREG: return .file(path)
                case S_IFDIR:
                    guard isGiven || isRecursive else { return .passedOver(path, .directory) }
                    let identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
                    guard let names = try names(in: path, isGivenUp) else {
                        if isGiven { nextGiven -= 1 } else { levels[levels.count - 1].next -= 1 }
                        return nil
                    }
                    if let finding = enter(path, identity, names, isLink: isLink) { return finding }
                case S_IFIFO: return .passedOver(path, .pipe)
                case S_IFSOCK: return .passedOver(path, .socket)
                case S_IFCHR, S_IFBLK: return .passedOver(path, .device)
                default: return .passedOver(path, .other)
                }
            } catch {
                return .problem(FileProblem(reading: path, error))
            }
        }
    }

    /// Begins to walk a directory; returns a finding if it is passed over.
    private mutating func enter(
        _ path: FilePath, _ identity: Identity, _ names: DirectoryNames, isLink: Bool
    ) -> Finding? {
        if levels.contains(where: { $0.identity == identity }) { return .passedOver(path, .loop) }
        if isLink, !walkedThroughLinks.insert(identity).inserted { return .passedOver(path, .walkedAlready) }
        levels.append(Level(path: path, identity: identity, names: names))
        return nil
    }

    /// Nil if it was given up.
    private func names(in path: FilePath, _ isGivenUp: () -> Bool) throws(SystemError) -> DirectoryNames? {
        do throws(SystemError) {
            return try DirectoryNames(of: path, unless: isGivenUp)
        } catch  where error.errno == EINTR {
            return nil
        }
    }
}
