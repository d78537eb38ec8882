import Glibc
import Synchronization
package import System

/// The folder that instances are written under.
///
/// Folders below it are opened one component at a time and without following symbolic links, so nothing that lies in
/// the folder leads out of it; open ones are kept, so that an instance costs no walk.
package final class OutputFolder: Sendable {
    /// What is forced onto the disk, and when.
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
    private let lacksUnnamedFiles = Atomic<Bool>(!UnnamedFile.canBeNamed)

    /// Folders kept open; each costs a descriptor, of which a process has 1024.
    private static let maximumOpened = 64

    /// Makes the folder, with its parents, where it is missing.
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

    /// Whether files can be made without a name here; true until one could not.
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
    package func write(
        _ bytes: [UInt8], named name: String, existing: InstanceWriter.Existing
    ) throws(FileProblem) -> (path: FilePath, kind: InstanceWriter.Outcome.Kind) {
        let file = try OutputFile(in: self, components: [Array(name.utf8)])
        try file.write(bytes, then: UnsafeRawBufferPointer(start: nil, count: 0))
        return try file.finish(existing: existing)
    }

    /// With `.end`: forces everything written so far onto the disk.
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
