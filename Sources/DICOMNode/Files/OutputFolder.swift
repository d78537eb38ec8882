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
    /// The mode of the files, whatever the umask is; nil to follow the umask.
    let fileMode: UInt32?
    /// False for a folder that only allows to be read.
    package let isWritable: Bool
    private let root: Directory
    /// A folder in each file system that is written to, by its device: open from before the first write, so that the
    /// system tells of all that fail.
    private let fileSystems = Locked<[UInt64: Directory]>([:])
    /// The first names that could not be forced onto the disk. The system tells of it once: whoever asks again gets
    /// success.
    private let unsynced = Locked<FileProblem?>(nil)
    /// The folders of held files whose names were forced onto the disk.
    private let syncedFolders = Locked<Set<FilePath>>([])
    private let opened = Locked<[[UInt8]: Directory]>([:])
    private let tidied = Locked<Set<[UInt8]>>([])
    /// Folders in which earlier runs' leavings are looked for; in more of them, whatever is there stays.
    private static let maximumTidied = 10_000
    private let temporaryNumber = Atomic<UInt64>(0)
    /// Held between the empty file that takes a name and the instance in its place, so that nobody takes the one for what a
    /// killed run has left.
    let reservation = Locked<Void>(())
    private let lacksUnnamedFiles = Atomic<Bool>(!OutputFile.canBeNamed)

    /// Folders kept open; each costs a descriptor, of which a process has 1024.
    private static let maximumOpened = 64

    /// Opens the folder, and makes it with its parents where it is missing.
    ///
    /// - Parameter mayBeReadOnly: True for a folder that is of use without being written to.
    /// - Throws: `FileProblem` if it cannot be made, or must be written to and cannot be.
    package init(
        _ path: FilePath, syncing: Syncing = .end, fileMode: UInt32? = nil, mayBeReadOnly: Bool = false
    ) throws(FileProblem) {
        let path: FilePath = path.isEmpty ? "." : path
        self.path = path
        self.syncing = syncing
        self.fileMode = fileMode
        do throws(SystemError) {
            try Self.makeWithParents(path, isSynced: syncing == .each)
            root = Directory(descriptor: try FileDescriptor.open(path, [.folder]), path: path)
            AbandonedFiles.remove(in: root.descriptor)
            // Found out before the peer is asked for anything.
            isWritable = MachineState.isWritable(path)
            guard isWritable || mayBeReadOnly else { throw SystemError.last("access") }
        } catch {
            throw FileProblem(writing: path, error)
        }
        noteFileSystem(of: root)
    }

    private static func makeWithParents(_ path: FilePath, isSynced: Bool) throws(SystemError) {
        let separator = UInt8(ascii: "/")
        for end in path.bytes.indices.dropFirst() where path.bytes[end] == separator {
            try make(FilePath(bytes: path.bytes[..<end]), isSynced: isSynced)
        }
        try make(path, isSynced: isSynced)
    }

    private static func make(_ path: FilePath, isSynced: Bool) throws(SystemError) {
        do throws(SystemError) {
            _ = try systemCall("mkdir") { path.withCString { mkdir($0, 0o777) } }
        } catch {
            // A root that is read-only says so before it says that the folder is there.
            guard error.errno != EEXIST else { return }
            var status = stat()
            guard path.withCString({ stat($0, &status) }) == 0 else { throw error }
            return
        }
        if isSynced { try FileDescriptor.open(path.parent, [.folder]).syncNames() }
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
        let made: Directory
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
            noteFileSystem(of: directory)
            made = directory
        } catch {
            guard error.errno != ELOOP, error.errno != ENOTDIR else {
                throw FileProblem(path, .notWritable, "it is a file or a symbolic link, which is not followed")
            }
            throw FileProblem(writing: path, error)
        }
        // Also of a folder that is there: an earlier run may have left its name unsynced.
        if syncing == .each { try syncNames(in: parent) }
        return made
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

    /// Writes a file of our own, which nobody else may read, piece by piece. When all of it is there, it takes its name in one step,
    /// whoever had that.
    ///
    /// - Throws: `FileProblem` if it cannot be written; the error of `body`.
    package func replace(
        _ name: FilePath,
        by body: (_ write: ([UInt8]) throws(FileProblem) -> Void) throws(FileProblem) -> Void
    ) throws(FileProblem) {
        let file = try OutputFile(in: self, components: [name.bytes], fileMode: 0o600)
        try body { (bytes) throws(FileProblem) in
            try file.write(bytes, then: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        _ = try file.finish(existing: .overwrite)
    }

    // MARK: Onto the disk

    /// Remembers the file system that a folder is in, for ``sync()``.
    private func noteFileSystem(of directory: Directory) {
        guard syncing == .end else { return }
        var status = stat()
        guard fstat(directory.descriptor.rawValue, &status) == 0 else { return }
        let device = UInt64(status.st_dev)
        fileSystems.withLock { if $0[device] == nil { $0[device] = directory } }
    }

    /// Forces the names in a folder onto the disk. A failure is that of all that follows, too.
    func syncNames(in directory: Directory) throws(FileProblem) {
        if let unsynced = unsynced.withLock({ $0 }) { throw unsynced }
        do throws(SystemError) {
            try directory.descriptor.syncNames()
        } catch {
            let problem = FileProblem(writing: directory.path, error)
            unsynced.withLock { $0 = $0 ?? problem }
            throw problem
        }
    }

    /// Forces a file onto the disk that was there before.
    func syncFile(_ name: FilePath, in directory: Directory) throws(FileProblem) {
        try FileProblem.writing(directory.path.appending(name.bytes)) { () throws(SystemError) in
            try FileDescriptor.open(name, in: directory.descriptor, [.notFollowingLinks, .notWaiting]).syncData()
        }
    }

    /// Makes sure that a file of an earlier run, which counts as held, is on the disk as those of this run will be.
    ///
    /// - Throws: `FileProblem` if it cannot be forced onto the disk.
    package func hold(_ path: FilePath) throws(FileProblem) {
        let parent = path.parent
        switch syncing {
        case .none: return
        case .end:
            guard syncedFolders.withLock({ $0.insert(parent).inserted }) else { return }
            let directory = try FileProblem.writing(parent) { () throws(SystemError) in
                Directory(descriptor: try FileDescriptor.open(parent, [.folder]), path: parent)
            }
            noteFileSystem(of: directory)
        case .each:
            try FileProblem.writing(path) { () throws(SystemError) in
                try FileDescriptor.open(path, [.notFollowingLinks, .notWaiting]).syncData()
            }
            guard !syncedFolders.withLock({ $0.contains(parent) }) else { return }
            try FileProblem.writing(parent) { () throws(SystemError) in
                try FileDescriptor.open(parent, [.folder]).syncNames()
            }
            syncedFolders.withLock { _ = $0.insert(parent) }
        }
    }

    /// Forces everything written so far onto the disk, in every file system that was written to, if that is to happen at
    /// the end.
    ///
    /// - Throws: `FileProblem` if a file system reports a failed write, or something could not be forced onto the disk
    ///   before.
    package func sync() throws(FileProblem) {
        if let unsynced = unsynced.withLock({ $0 }) { throw unsynced }
        var problem: FileProblem?
        for directory in fileSystems.withLock({ Array($0.values) }) {
            do throws(SystemError) {
                try FileSystemSync.run(directory.descriptor)
            } catch {
                problem = problem ?? FileProblem(writing: directory.path, error)
            }
        }
        guard let problem else { return }
        unsynced.withLock { $0 = $0 ?? problem }
        throw problem
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

/// `sync_file_range`, which is not in Swift's Glibc module either: lets the system begin to write a part of a file onto the disk.
enum WriteBack {
    private typealias Function = @convention(c) (CInt, Int64, Int64, CUnsignedInt) -> CInt

    private static let function = dlsym(nil, "sync_file_range").map { unsafeBitCast($0, to: Function.self) }
    /// `SYNC_FILE_RANGE_WRITE`.
    private static let write: CUnsignedInt = 2

    /// Never fails: what was not begun is done when all is forced onto the disk, and that tells of failures.
    static func start(_ descriptor: CInt, from offset: UInt64, length: UInt64) {
        guard length > 0 else { return }
        _ = function?(descriptor, Int64(clamping: offset), Int64(clamping: length), write)
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

    /// The time, in seconds, that a folder is looked through: one that is very large or slow must not hold the run.
    private static let longestLook = 1.0

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
        let deadline = Deadline.after(seconds: longestLook)
        _ = try? copy.forEachEntry(unless: { deadline.isPast }) { name, _ in
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
