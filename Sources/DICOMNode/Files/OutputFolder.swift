import Glibc
import Synchronization
package import System

/// The folder that instances are written under.
///
/// Folders below it are opened one component at a time and without following symbolic links, so nothing that lies in
/// the folder leads out of it; open ones are kept, so that an instance costs no walk.
package final class OutputFolder: Sendable {
    /// The files that are forced onto the disk, and the time when they are.
    package enum Syncing: String, Sendable, CaseIterable {
        /// Each file and its folder, before the peer is told that the instance is stored.
        case each
        /// Everything at once, before the program says that it succeeded.
        case end
        case none
    }

    /// A folder below, or the folder itself.
    final class Directory: Sendable {
        let descriptor: FileDescriptor
        let path: FilePath

        init(descriptor: consuming FileDescriptor, path: FilePath) {
            self.descriptor = descriptor
            self.path = path
        }
    }

    package let path: FilePath
    package let syncing: Syncing
    private let root: Directory
    private let opened = Locked<[[UInt8]: Directory]>([:])
    private let tidied = Locked<Set<[UInt8]>>([])
    /// Folders in which earlier runs' leavings are looked for; in more of them, whatever is there stays.
    private static let maximumTidied = 10_000
    private let temporaryNumber = Atomic<UInt64>(0)
    private let lacksUnnamedFiles = Atomic<Bool>(!OutputFile.canBeNamed)

    /// Folders kept open; each costs a descriptor, of which a process has 1024.
    private static let maximumOpened = 64

    /// Opens the folder, and makes it with its parents where it is missing.
    ///
    /// - Throws: `FileProblem` if it cannot be made or written to.
    package init(_ path: FilePath, syncing: Syncing = .end) throws(FileProblem) {
        let path: FilePath = path.isEmpty ? "." : path
        self.path = path
        self.syncing = syncing
        do throws(SystemError) {
            try Self.makeWithParents(path)
            root = Directory(descriptor: try FileDescriptor.open(path, [.folder]), path: path)
            AbandonedFiles.remove(in: root.descriptor)
            // Found out before the peer is asked for anything.
            _ = try systemCall("access") { path.withCString { access($0, W_OK | X_OK) } }
        } catch {
            throw FileProblem(writing: path, error)
        }
    }

    private static func makeWithParents(_ path: FilePath) throws(SystemError) {
        let separator = UInt8(ascii: "/")
        for end in path.bytes.indices.dropFirst() where path.bytes[end] == separator {
            try make(FilePath(bytes: path.bytes[..<end]))
        }
        try make(path)
    }

    private static func make(_ path: FilePath) throws(SystemError) {
        do throws(SystemError) {
            _ = try systemCall("mkdir") { path.withCString { mkdir($0, 0o777) } }
        } catch {
            // A root that is read-only says so before it says that the folder is there.
            guard error.errno != EEXIST else { return }
            var status = stat()
            guard path.withCString({ stat($0, &status) }) == 0 else { throw error }
        }
    }

    /// The folder of a name, made where it is missing.
    func directory(for components: some Collection<[UInt8]>) throws(FileProblem) -> Directory {
        guard !components.isEmpty else { return root }
        let key = Array(components.joined(separator: [UInt8(ascii: "/")]))
        if let known = opened.withLock({ $0[key] }) { return known }
        var directory = root
        for component in components {
            directory = try openOrMake(component, in: directory)
        }
        let made = directory
        opened.withLock { opened in
            if opened.count >= Self.maximumOpened { opened.removeAll() }
            opened[key] = made
        }
        return made
    }

    private func openOrMake(_ component: [UInt8], in parent: Directory) throws(FileProblem) -> Directory {
        let path = parent.path.appending(component)
        let name = FilePath(bytes: component)
        var isNew = true
        do throws(SystemError) {
            do throws(SystemError) {
                _ = try systemCall("mkdir") { name.withCString { mkdirat(parent.descriptor.rawValue, $0, 0o777) } }
            } catch {
                guard error.errno == EEXIST else { throw error }
                isNew = false
            }
            let descriptor = try FileDescriptor.open(name, in: parent.descriptor, [.folder, .notFollowingLinks])
            let directory = Directory(descriptor: descriptor, path: path)
            if !isNew { tidy(directory) }
            return directory
        } catch {
            guard error.errno != ELOOP, error.errno != ENOTDIR else {
                throw FileProblem(path, .notWritable, "it is a file or a symbolic link, which is not followed")
            }
            throw FileProblem(writing: path, error)
        }
    }

    /// True if files can be made without a name here; true until one could not.
    var hasUnnamedFiles: Bool {
        get { !lacksUnnamedFiles.load(ordering: .relaxed) }
        set { lacksUnnamedFiles.store(!newValue, ordering: .relaxed) }
    }

    /// Once for each folder, as far as they are remembered.
    private func tidy(_ directory: Directory) {
        let isFirst = tidied.withLock { tidied in
            tidied.count < Self.maximumTidied && tidied.insert(directory.path.bytes).inserted
        }
        if isFirst { AbandonedFiles.remove(in: directory.descriptor) }
    }

    /// A name that nobody else uses, in this process or another.
    func nextTemporaryName() -> FilePath {
        let number = temporaryNumber.wrappingAdd(1, ordering: .relaxed).newValue
        return FilePath(".dcmscu-\(getpid())-\(number).part")
    }

    /// Writes a small file: it appears under its name when all of it is there.
    ///
    /// - Throws: `FileProblem` if it cannot be written; `.exists` if the name is taken and `existing` says so.
    package func write(
        _ bytes: [UInt8], named name: String, existing: InstanceWriter.Existing
    ) throws(FileProblem) -> (path: FilePath, kind: InstanceWriter.Outcome.Kind) {
        let file = try OutputFile(in: self, components: [Array(name.utf8)])
        try file.write(bytes, then: UnsafeRawBufferPointer(start: nil, count: 0))
        return try file.finish(existing: existing)
    }

    /// Forces everything written so far onto the disk, if that is to happen at the end.
    ///
    /// - Throws: `FileProblem` if the file system reports a failed write.
    package func sync() throws(FileProblem) {
        guard syncing == .end else { return }
        do throws(SystemError) {
            try FileSystemSync.run(root.descriptor)
        } catch {
            throw FileProblem(writing: path, error)
        }
    }
}

/// `syncfs`, which is not in Swift's Glibc module: forces one file system onto the disk and tells of failed writes.
private enum FileSystemSync {
    private typealias Function = @convention(c) (CInt) -> CInt

    static func run(_ descriptor: borrowing FileDescriptor) throws(SystemError) {
        guard let symbol = dlsym(nil, "syncfs") else {
            // The same for all file systems, and without a result.
            Glibc.sync()
            return
        }
        let function = unsafeBitCast(symbol, to: Function.self)
        let number = descriptor.rawValue
        _ = try systemCall("syncfs") { function(number) }
    }
}

/// Temporary files that a run has left which was killed before it could delete them: `.dcmscu-PROCESS-NUMBER.part`.
///
/// The process that writes such a file holds a lock on it, which the system lets go of when the process ends however it ends. A file
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

    /// Removes the files of processes that have ended. Never fails: a file that cannot be removed stays.
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
