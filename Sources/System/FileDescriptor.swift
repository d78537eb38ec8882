import CProcess
import Glibc

/// The one owner of an open descriptor; closed when its life ends.
package struct FileDescriptor: ~Copyable, Sendable {
    package let rawValue: CInt

    package init(owning rawValue: CInt) { self.rawValue = rawValue }

    deinit { _ = Glibc.close(rawValue) }

    /// Gives the descriptor away: the caller closes it.
    package consuming func release() -> CInt {
        let value = rawValue
        discard self
        return value
    }

    /// Closes the file.
    ///
    /// - Throws: `SystemError` of failed writes, of which network file systems and quotas tell only here.
    package consuming func close(path: FilePath? = nil) throws(SystemError) {
        // Linux has let go of the descriptor even when close is interrupted, so it is never tried again.
        if Glibc.close(release()) == -1, errno != EINTR { throw SystemError.last("close", path: path) }
    }

    /// A descriptor that is readable once it was woken, until the wake-ups are taken back. It neither blocks nor passes to child processes.
    package struct WakeUp: ~Copyable, Sendable {
        package let descriptor: FileDescriptor

        /// - Throws: `SystemError` if the system has no descriptors left.
        package init() throws(SystemError) {
            descriptor = FileDescriptor(owning: try systemCall("eventfd") { makeEvent() })
        }

        /// Makes the descriptor readable.
        package func wake() {
            var one: UInt64 = 1
            while Glibc.write(descriptor.rawValue, &one, MemoryLayout.size(ofValue: one)) == -1, errno == EINTR {}
        }

        /// Takes all wake-ups back.
        package func drain() {
            var count: UInt64 = 0
            while Glibc.read(descriptor.rawValue, &count, MemoryLayout.size(ofValue: count)) == -1, errno == EINTR {}
        }
    }

    /// Does what `accept4` would do in one call; Swift's Glibc module does not have it.
    ///
    /// - Throws: `SystemError` if the descriptor is not open.
    package static func setNonBlockingAndCloseOnExec(_ descriptor: CInt) throws(SystemError) {
        _ = try systemCall("fcntl") { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let flags = try systemCall("fcntl") { fcntl(descriptor, F_GETFL) }
        _ = try systemCall("fcntl") { fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) }
    }
}

// MARK: Opening

extension FileDescriptor {
    package enum Access: Sendable {
        case reading, writing, readingAndWriting

        fileprivate var flags: CInt {
            switch self {
            case .reading: O_RDONLY
            case .writing: O_WRONLY
            case .readingAndWriting: O_RDWR
            }
        }
    }

    package struct OpenOptions: OptionSet, Sendable {
        package let rawValue: CInt

        package init(rawValue: CInt) { self.rawValue = rawValue }

        /// The same as that of every option set, and none that is generic: the first use of one is a search through all conformances.
        package init(arrayLiteral options: OpenOptions...) {
            rawValue = options.reduce(0) { $0 | $1.rawValue }
        }

        /// Makes the file where it is missing.
        package static let creating = OpenOptions(rawValue: O_CREAT)
        /// Makes the file, and fails with `EEXIST` where the name is taken.
        package static let creatingNew = OpenOptions(rawValue: O_CREAT | O_EXCL)
        /// Takes away what the file holds.
        package static let truncating = OpenOptions(rawValue: O_TRUNC)
        /// Each write goes to the end of the file, whoever else writes.
        package static let appending = OpenOptions(rawValue: O_APPEND)
        /// Fails for all but folders.
        package static let folder = OpenOptions(rawValue: O_DIRECTORY)
        /// Fails with `ELOOP` for a symbolic link.
        package static let notFollowingLinks = OpenOptions(rawValue: O_NOFOLLOW)
        /// Does not wait for the other end of a named pipe.
        package static let notWaiting = OpenOptions(rawValue: O_NONBLOCK)
        /// A terminal does not become the one that controls the process.
        package static let noControllingTerminal = OpenOptions(rawValue: O_NOCTTY)
    }

    /// Opens a file or a folder; child processes do not inherit it.
    ///
    /// - Throws: `SystemError` if the system does not open it; the error names the path.
    package static func open(
        _ path: FilePath, for access: Access = .reading, _ options: OpenOptions = [], permissions: UInt32 = 0o666
    ) throws(SystemError) -> FileDescriptor {
        try open(path, at: AT_FDCWD, access.flags | options.rawValue, permissions)
    }

    /// Opens what has the name in a folder that is open.
    ///
    /// - Throws: `SystemError` if the system does not open it; the error names the name.
    package static func open(
        _ name: FilePath, in folder: borrowing FileDescriptor, for access: Access = .reading,
        _ options: OpenOptions = [], permissions: UInt32 = 0o666
    ) throws(SystemError) -> FileDescriptor {
        try open(name, at: folder.rawValue, access.flags | options.rawValue, permissions)
    }

    /// Opens a new file that has no name in the folder yet, for reading and writing.
    ///
    /// - Throws: `SystemError` if the file system has no such files, or none can be made.
    package static func openUnnamed(in folder: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor {
        // `O_TMPFILE`, which is not in Swift's Glibc module, is a bit of its own and that of a folder.
        try open(".", at: folder.rawValue, O_RDWR | 0o20_000_000 | O_DIRECTORY, 0o666)
    }

    /// Opens a new file for reading and writing that has no name, in the first of the folders that takes one: nobody else can open
    /// it, and it is gone with the process.
    ///
    /// - Throws: `SystemError` of the last folder if none takes one.
    package static func openTemporary(in folders: [FilePath]) throws(SystemError) -> FileDescriptor {
        var failure = SystemError(errno: ENOENT, operation: "open")
        for path in folders {
            do throws(SystemError) {
                let folder = try open(path, .folder)
                do throws(SystemError) {
                    return try openUnnamed(in: folder)
                } catch {
                    // A file system without such files: the name is taken away at once.
                    let name = FilePath(".dcmscu-\(UInt64.random(in: 0 ... .max))")
                    let file = try open(
                        name, in: folder, for: .readingAndWriting, [.creatingNew, .notFollowingLinks],
                        permissions: 0o600)
                    remove(path.appending(name.bytes))
                    return file
                }
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func open(
        _ path: FilePath, at folder: CInt, _ flags: CInt, _ permissions: UInt32
    ) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            owning: try systemCall("open", path: path) {
                path.withCString { openat(folder, $0, flags | O_CLOEXEC, permissions) }
            })
    }

    /// Keeps the numbers of standard streams that somebody closed from going to a socket, which would then be sent messages
    /// and results. Writing to a closed standard output fails, as it must; messages to a closed standard error go nowhere.
    package static func occupyStandardStreams() {
        let modes = [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        // The lowest number that is free is taken, so that each lands where it is missing.
        for (descriptor, mode) in modes where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            _ = Glibc.open("/dev/null", mode)
        }
    }
}

// MARK: Names

extension FileDescriptor {
    /// True if a file has the name, and not a link to one.
    package static func isFile(_ path: FilePath) -> Bool {
        var status = stat()
        return path.withCString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Identity, length and times of the file that is open; nil if it is not a regular file.
    package var stamp: FileStamp? {
        var status = stat()
        return fstat(rawValue, &status) == 0 ? FileStamp(status) : nil
    }

    /// True if the file that is open is a regular one of ours that has no second name, and that nobody else may write to. It may
    /// have none any more, where another has just taken it.
    package var isOursAlone: Bool {
        var status = stat()
        return fstat(rawValue, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_uid == geteuid()
            && status.st_nlink <= 1 && status.st_mode & 0o022 == 0
    }

    /// Takes the name from a file; one that has none stays so.
    package static func remove(_ path: FilePath) { _ = path.withCString { unlink($0) } }
}

// MARK: Reading and writing

extension FileDescriptor {
    /// Reads the whole of a small file, from where the descriptor stands to the end.
    ///
    /// - Throws: `FileReadError.tooLong` if it holds more than `limit` bytes; `FileReadError.system` if it cannot be read.
    package func readAll(limit: Int) throws(FileReadError) -> [UInt8] {
        try Self.readAll(rawValue, limit: limit)
    }

    /// Reads a file from an offset in bytes to its end, wherever the descriptor stands.
    ///
    /// - Throws: `FileReadError.tooLong` if that is more than `limit` bytes; `FileReadError.system` if it cannot be read.
    package func readAll(from offset: UInt64, limit: Int) throws(FileReadError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count: Int
            do throws(SystemError) {
                let (number, position) = (rawValue, offset + UInt64(bytes.count))
                count = try systemCall("read") {
                    chunk.withUnsafeMutableBytes { pread(number, $0.baseAddress, $0.count, off_t(clamping: position)) }
                }
            } catch {
                throw .system(error)
            }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
        throw .tooLong(limit: limit)
    }

    /// Reads a stream that somebody else owns, such as the standard input, to its end.
    ///
    /// - Throws: `FileReadError.tooLong` if it holds more than `limit` bytes; `FileReadError.system` if it cannot be read.
    package static func readAll(_ descriptor: CInt, limit: Int) throws(FileReadError) -> [UInt8] {
        try LocalInput.read({ fstat(descriptor, &$0) }) { () throws(FileReadError) in
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            do throws(SystemError) {
                while bytes.count <= limit {
                    let count = try systemCall("read") {
                        chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
                    }
                    guard count > 0 else { return bytes }
                    bytes += chunk[..<count]
                }
            } catch {
                throw .system(error)
            }
            throw .tooLong(limit: limit)
        }
    }

    /// Reads a whole file by its path.
    ///
    /// - Throws: `FileReadError.tooLong` if it holds more than `limit` bytes; `FileReadError.system` if it cannot be opened or read.
    package static func contents(of path: FilePath, limit: Int) throws(FileReadError) -> [UInt8] {
        // A named pipe is opened when somebody writes to it.
        try LocalInput.read({ status in path.withCString { stat($0, &status) } }) { () throws(FileReadError) in
            let file: FileDescriptor
            do throws(SystemError) {
                file = try open(path)
            } catch {
                throw .system(error)
            }
            return try file.readAll(limit: limit)
        }
    }

    /// Reads at most as many bytes as there is room for, from where the descriptor stands; 0 at the end.
    ///
    /// - Throws: `SystemError` if the system cannot read.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        let number = rawValue
        return try systemCall("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Reads at most as many bytes as there is room for, from an offset in bytes; 0 at the end.
    ///
    /// - Throws: `SystemError` if the system cannot read.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) -> Int {
        try Self.read(rawValue, into: buffer, at: offset)
    }

    /// Reads as ``read(into:at:)`` does, from a descriptor that somebody else owns.
    ///
    /// - Throws: `SystemError` if the system cannot read.
    package static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(SystemError) -> Int {
        try systemCall("read") { pread(descriptor, buffer.baseAddress, buffer.count, off_t(clamping: offset)) }
    }

    /// Writes all of the bytes, as ``LocalOutput`` does.
    ///
    /// - Throws: `SystemError` if some of them cannot be written.
    package func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        try LocalOutput.write(bytes.span.bytes, to: rawValue)
    }

    /// - Throws: `SystemError` if the system cannot set the length.
    package func truncate(to length: UInt64) throws(SystemError) {
        let number = rawValue
        _ = try systemCall("ftruncate") { ftruncate(number, off_t(clamping: length)) }
    }

    /// Sets the mode of the file, whatever the umask is.
    ///
    /// - Throws: `SystemError` if the file is not ours, or its file system has no modes.
    package func setPermissions(_ permissions: UInt32) throws(SystemError) {
        try Self.setPermissions(rawValue, permissions)
    }

    /// Does as ``setPermissions(_:)`` for a descriptor that somebody else owns.
    ///
    /// - Throws: `SystemError` as that does.
    package static func setPermissions(_ descriptor: CInt, _ permissions: UInt32) throws(SystemError) {
        _ = try systemCall("fchmod") { fchmod(descriptor, permissions) }
    }

    /// Sets the mode to that of another file.
    ///
    /// - Throws: `SystemError` as ``setPermissions(_:)`` does.
    package func takePermissions(of other: borrowing FileDescriptor) throws(SystemError) {
        var status = stat()
        let number = other.rawValue
        _ = try systemCall("stat") { fstat(number, &status) }
        try setPermissions(status.st_mode & 0o7777)
    }

    /// Forces the bytes of the file onto the disk.
    ///
    /// - Throws: `SystemError` if the system cannot.
    package func syncData() throws(SystemError) { try Self.syncData(rawValue) }

    /// Does as ``syncData()`` for a descriptor that somebody else owns.
    ///
    /// - Throws: `SystemError` if the system cannot.
    package static func syncData(_ descriptor: CInt) throws(SystemError) {
        _ = try systemCall("fdatasync") { fdatasync(descriptor) }
    }

    /// Forces the names in a folder onto the disk.
    ///
    /// - Throws: `SystemError` if the system cannot.
    package func syncNames() throws(SystemError) {
        let number = rawValue
        _ = try systemCall("fsync") { fsync(number) }
    }

    package enum Lock: Sendable {
        case held
        case heldByAnother
        /// The file system knows no locks.
        case unavailable
    }

    /// Locks the file for as long as it is open, unless somebody else has.
    package func lock() -> Lock {
        if flock(rawValue, LOCK_EX | LOCK_NB) == 0 { return .held }
        return errno == EWOULDBLOCK ? .heldByAnother : .unavailable
    }

    /// Locks the file until ``unlock()``; waits for somebody else who has.
    ///
    /// - Parameter cancellation: Once it is raised, the wait is a moment at most: that of a line that is being written. Its
    ///   level of abort ends it.
    package func lock(until deadline: Deadline, cancellation: Cancellation) -> Lock {
        var deadline = deadline
        var isCancelled = false
        while true {
            let lock = lock()
            guard lock == .heldByAnother, !deadline.isPast, cancellation.level < .abort else { return lock }
            if cancellation.isRaised, !isCancelled {
                isCancelled = true
                deadline = min(deadline, .after(seconds: 0.25))
            }
            usleep(5_000)
        }
    }

    package func unlock() { _ = flock(rawValue, LOCK_UN) }

    /// Calls `body` with the name and the kind of each entry of the folder, in no order.
    ///
    /// - Parameter isGivenUp: asked now and then; true ends the walk.
    /// - Throws: `SystemError` if the folder cannot be read to its end; of `EINTR` if it was given up.
    package consuming func forEachEntry(
        unless isGivenUp: () -> Bool = { false }, _ body: (UnsafeRawBufferPointer, DirectoryNames.Kind) -> Void
    ) throws(SystemError) {
        let number = release()
        guard let stream = fdopendir(number) else {
            let error = SystemError.last("fdopendir")
            _ = Glibc.close(number)
            throw error
        }
        defer { closedir(stream) }
        guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return }
        var count = 0
        while true {
            guard count % 64 > 0 || !isGivenUp() else { throw SystemError(errno: EINTR, operation: "readdir") }
            count += 1
            // The end and an error are told apart by errno alone.
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw SystemError.last("readdir") }
                return
            }
            let start = UnsafeRawPointer(entry).advanced(by: offset)
            let name = UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            switch CInt(entry.pointee.d_type) {
            case CInt(DT_REG): body(name, .file)
            case CInt(DT_DIR): body(name, .directory)
            default: body(name, .unknown)
            }
        }
    }
}

/// A whole file that was not read.
package enum FileReadError: Error, Sendable, Equatable {
    case tooLong(limit: Int)
    case system(SystemError)

    /// Lower case: "no such file or directory".
    package var reason: String {
        switch self {
        case .tooLong(let limit): "it holds more than \(limit) bytes"
        case .system(let error): error.reason
        }
    }

    package var isNotFound: Bool {
        if case .system(let error) = self { error.isNotFound } else { false }
    }
}
