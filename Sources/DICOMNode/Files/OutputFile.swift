import DICOM
import Glibc
import Synchronization
import System

/// One file that appears under its final name when it is complete.
///
/// Until then it has no name at all (`O_TMPFILE`), so that nothing of it is left behind when the program is killed; giving it
/// its name is one atomic step. Where the file system knows no such files, it is a new one (`O_EXCL`), no link (`O_NOFOLLOW`),
/// hidden by its leading dot, in the folder of its final name.
final class OutputFile {
    private let directory: OutputFolder.Directory
    private let folder: OutputFolder
    /// Nil while the file has no name.
    private var temporary: FilePath?
    private var final: [UInt8]
    private var descriptor: CInt
    private var isSettled = false
    /// Nil where nobody wants the digest.
    private var sum: RunningDigest?
    private var finalDigest: PendingDigest?
    /// The bytes that were written, and those of them that are on their way to the disk.
    private var length: UInt64 = 0
    private var writtenBack: UInt64 = 0
    /// True if the rest follows when the file is closed: the peer is answered by then.
    private var isWrittenBackLast = false

    /// Names tried before "rename" gives up.
    private static let maximumRenames = 10_000

    private let fileMode: UInt32?

    /// `components` ends in the file's name; without a mode the file has that of the folder's files.
    init(
        in folder: OutputFolder, components: [[UInt8]], digests: FileDigests? = nil, fileMode: UInt32? = nil
    ) throws(FileProblem) {
        self.folder = folder
        self.fileMode = fileMode ?? folder.fileMode
        sum = digests?.begin()
        let (directory, final) = (try folder.directory(for: components.dropLast()), components.last ?? [])
        self.directory = directory
        self.final = final
        (descriptor, temporary) = try FileProblem.writing(directory.path.appending(final)) { () throws(SystemError) in
            try Self.open(in: directory, folder)
        }
        guard let mode = self.fileMode else { return }
        try FileProblem.writing(path) { () throws(SystemError) in
            try FileDescriptor.setPermissions(descriptor, mode)
        }
    }

    deinit { discard() }

    private static func open(
        in directory: OutputFolder.Directory, _ folder: OutputFolder
    ) throws(SystemError) -> (CInt, FilePath?) {
        if folder.hasUnnamedFiles {
            do throws(SystemError) {
                return (try FileDescriptor.openUnnamed(in: directory.descriptor).release(), nil)
            } catch {
                // Another file system, a network share, an old kernel: a named file does as well.
                guard [EOPNOTSUPP, EISDIR, EINVAL, ENOENT].contains(error.errno) else { throw error }
                folder.hasUnnamedFiles = false
            }
        }
        while true {
            let name = folder.nextTemporaryName()
            do throws(SystemError) {
                let file = try FileDescriptor.open(
                    name, in: directory.descriptor, for: .readingAndWriting, [.creatingNew, .notFollowingLinks])
                AbandonedFiles.claim(file)
                return (file.release(), name)
            } catch {
                // Left over by another process that had our number.
                guard error.errno == EEXIST else { throw error }
            }
        }
    }

    /// Of everything that was written. Nothing is written afterwards.
    var digest: PendingDigest? {
        if let sum {
            finalDigest = sum.finish()
            self.sum = nil
        }
        return finalDigest
    }

    /// Writes both, usually with one call.
    ///
    /// - Parameter mayBePutOff: True if the second bytes stay valid until ``flush()``: fewer and longer writes are faster.
    /// - Throws: `FileProblem` if it or what was put off cannot be written.
    func write(
        _ first: [UInt8], then second: UnsafeRawBufferPointer, mayBePutOff: Bool = false
    ) throws(FileProblem) {
        if let sum {
            first.withUnsafeBytes { sum.update($0) }
            sum.update(second)
        }
        if mayBePutOff, first.isEmpty, putOff.count < Self.mostPutOff { return putOff.append(second) }
        defer { putOff.removeAll(keepingCapacity: true) }
        length += UInt64(try FileProblem.writing(path) { () throws(SystemError) in try writeAll(first, then: second) })
        if folder.syncing == .end, length - writtenBack >= Self.writtenBackAtOnce { startWriteBack() }
    }

    /// Writes what was put off.
    ///
    /// - Throws: `FileProblem` if it cannot be written.
    func flush() throws(FileProblem) {
        if !putOff.isEmpty { try write([], then: UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    /// Valid until ``flush()``; far fewer than `writev` takes.
    private var putOff: [UnsafeRawBufferPointer] = []
    private static let mostPutOff = 64

    /// In bytes: the disk takes so many at once about as fast as more of them.
    private static let writtenBackAtOnce: UInt64 = 8 << 20
    /// Of shorter files the system writes many together.
    private static let shortestWrittenBack: UInt64 = 256 << 10

    /// Lets the system begin to write onto the disk what was written since the last time, while more is received: what is forced
    /// onto the disk at the end is mostly there then.
    private func startWriteBack() {
        WriteBack.start(descriptor, from: writtenBack, length: length - writtenBack)
        writtenBack = length
    }

    private static let copiedAtOnce = 64 * 1024

    /// Writes bytes, and behind them what another file holds from an offset on.
    ///
    /// - Throws: `FileProblem` if the one cannot be written or the other cannot be read.
    func write(_ bytes: [UInt8], thenContentOf other: OutputFile, from start: Int) throws(FileProblem) {
        try other.flush()
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.copiedAtOnce, alignment: 16)
        defer { piece.deallocate() }
        var (bytes, offset) = (bytes, UInt64(start))
        while true {
            let count = try FileProblem.writing(path) { () throws(SystemError) in
                try FileDescriptor.read(other.descriptor, into: piece, at: offset)
            }
            try write(bytes, then: UnsafeRawBufferPointer(rebasing: piece[..<count]))
            guard count > 0 else { return }
            bytes = []
            offset += UInt64(count)
        }
    }

    /// Writes what was put off before both; returns the number of bytes.
    private func writeAll(_ first: [UInt8], then second: UnsafeRawBufferPointer) throws(SystemError) -> Int {
        let total = putOff.reduce(first.count + second.count) { $0 + $1.count }
        var written = 0
        while written < total { written += try systemCall("write") { writePart(first, second, from: written) } }
        return total
    }

    private func writePart(_ first: [UInt8], _ second: UnsafeRawBufferPointer, from written: Int) -> Int {
        first.withUnsafeBytes { first in
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: putOff.count + 2) { vectors in
                var (count, passed) = (0, written)
                func add(_ bytes: UnsafeRawBufferPointer) {
                    let skipped = min(passed, bytes.count)
                    passed -= skipped
                    guard skipped < bytes.count else { return }
                    let start = bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + skipped) }
                    vectors.initializeElement(at: count, to: iovec(iov_base: start, iov_len: bytes.count - skipped))
                    count += 1
                }
                for bytes in putOff { add(bytes) }
                add(first)
                add(second)
                return writev(descriptor, vectors.baseAddress, CInt(count))
            }
        }
    }

    /// Lets the name say that the file is not whole.
    func markBroken() { final += Array(".broken".utf8) }

    /// The path that is asked for.
    var path: FilePath { directory.path.appending(final) }

    /// Gives the file its name, or that which ``InstanceWriter/Existing`` says where it is taken; ``close()`` gives back
    /// what it still holds.
    ///
    /// - Throws: `FileProblem` if the file cannot be written or named; `.exists` if all names that may be used are taken.
    func finish(
        existing: InstanceWriter.Existing
    ) throws(FileProblem) -> (FilePath, InstanceWriter.Outcome.Kind) {
        try flush()
        let named = try FileProblem.writing(path) {
            () throws(SystemError) -> (name: [UInt8], kind: InstanceWriter.Outcome.Kind)? in
            if folder.syncing == .each { try FileDescriptor.syncData(descriptor) }
            // A share that takes nothing back after close says so before the name is given; a file without a name ends there.
            if temporary != nil { try reopen() }
            if try link(final) { return (final, .written) }
            switch existing {
            case .fail: return nil
            case .skip where try !replaceEmpty(final): return (final, .skipped)
            case .rename where try !replaceEmpty(final): return try otherName()
            case .skip, .rename: return (final, .replaced)
            case .overwrite:
                try takeTemporaryName()
                try replace(final)
                return (final, .replaced)
            }
        }
        guard let named else { throw FileProblem(path, .exists) }
        if named.kind == .skipped { removeTemporary() }
        isWrittenBackLast = named.kind != .skipped && folder.syncing == .end && length >= Self.shortestWrittenBack
        isSettled = true
        if folder.syncing == .each {
            // An earlier run may have left the file that is there unsynced.
            if named.kind == .skipped { try folder.syncFile(FilePath(bytes: named.name), in: directory) }
            try folder.syncNames(in: directory)
        }
        return (directory.path.appending(named.name), named.kind)
    }

    /// Closes the file, which tells of failed writes on network shares, and opens it again for a comparison.
    private func reopen() throws(SystemError) {
        let closing = FileDescriptor(owning: descriptor)
        descriptor = -1
        try closing.close()
        guard let temporary else { return }
        descriptor = try FileDescriptor.open(temporary, in: directory.descriptor, [.notFollowingLinks]).release()
    }

    /// Closes the file, without a check: errors of closing were found by ``finish(existing:)``.
    func close() {
        guard descriptor != -1 else { return }
        if isWrittenBackLast { startWriteBack() }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    func discard() {
        putOff.removeAll()
        close()
        guard !isSettled else { return }
        isSettled = true
        removeTemporary()
    }

    /// Finds another name than the final one, which is taken by an instance; nil if all that may be used are taken, too.
    private func otherName() throws(SystemError) -> (name: [UInt8], kind: InstanceWriter.Outcome.Kind)? {
        if hasSameContent(as: final) { return (final, .skipped) }
        for number in 1...Self.maximumRenames {
            let name = Self.numbered(final, number)
            if try link(name) { return (name, .renamed) }
            if hasSameContent(as: name) { return (name, .skipped) }
        }
        return nil
    }

    /// True if the name belongs to a file without a byte, such as a run leaves that was killed between the steps of ``reserve(_:)``:
    /// that is no instance, and must not pass for one.
    private func isEmpty(_ name: [UInt8]) -> Bool {
        var status = stat()
        let parent = directory.descriptor.rawValue
        let result = FilePath(bytes: name).withCString { fstatat(parent, $0, &status, AT_SYMLINK_NOFOLLOW) }
        return result == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size == 0
    }

    /// "image.dcm" and 2 make "image-2.dcm".
    private static func numbered(_ name: [UInt8], _ number: Int) -> [UInt8] {
        let suffix = Array("-\(number)".utf8)
        // A UID is full of dots: only a short ending that is not a number is an extension.
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0, name.count - dot <= 8,
            name[(dot + 1)...].contains(where: { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return name + suffix }
        return name[..<dot] + suffix + name[dot...]
    }

    /// True if the existing file holds the instance just written; false also if it cannot be read.
    private func hasSameContent(as name: [UInt8]) -> Bool {
        let written = FileDescriptor(owning: dup(descriptor))
        do throws(FileProblem) {
            return try FileComparison.areEqual(written, FilePath(bytes: final), FilePath(bytes: name), in: directory)
        } catch {
            return false
        }
    }

    /// Puts the file in the place of one without a byte; false where the name belongs to another file, or to nobody.
    private func replaceEmpty(_ name: [UInt8]) throws(SystemError) -> Bool {
        guard isEmpty(name) else { return false }
        try takeTemporaryName()
        return try folder.reservation.withLock { (_) throws(SystemError) in
            // Another association may have reserved it, and has put its instance there by now.
            guard isEmpty(name) else { return false }
            try replace(name)
            return true
        }
    }

    /// Gives the file a temporary name, unless it has one: only a file with a name can take another's.
    private func takeTemporaryName() throws(SystemError) {
        let parent = directory.descriptor.rawValue
        while temporary == nil {
            let name = folder.nextTemporaryName()
            do throws(SystemError) {
                try linkUnnamed(name, in: parent)
                temporary = name
            } catch {
                if Self.hasNoLinks(error) {
                    try copyToNamedFile()
                } else if error.errno != EEXIST {
                    throw error
                }
            }
        }
    }

    /// Puts the file, which has a temporary name, in the place of another, in one step.
    private func replace(_ name: [UInt8]) throws(SystemError) {
        guard let temporary else { return }
        let parent = directory.descriptor.rawValue
        _ = try systemCall("rename") {
            temporary.withCString { old in
                FilePath(bytes: name).withCString { new in renameat(parent, old, parent, new) }
            }
        }
        self.temporary = nil
    }

    /// Gives the name unless it is taken, in one step; false where it is.
    private func link(_ name: [UInt8]) throws(SystemError) -> Bool {
        let parent = directory.descriptor.rawValue
        do throws(SystemError) {
            guard let temporary else {
                try linkUnnamed(FilePath(bytes: name), in: parent)
                return true
            }
            _ = try systemCall("link") {
                temporary.withCString { old in
                    FilePath(bytes: name).withCString { new in linkat(parent, old, parent, new, 0) }
                }
            }
            removeTemporary()
            return true
        } catch {
            if error.errno == EEXIST { return false }
            guard Self.hasNoLinks(error) else { throw error }
            return try reserve(name)
        }
    }

    /// True if the file system has no hard links, or allows none.
    private static func hasNoLinks(_ error: SystemError) -> Bool {
        [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(error.errno)
    }

    /// Goes on with a copy that has a temporary name, where a file without a name can be given none. The next files are named
    /// from the start.
    private func copyToNamedFile() throws(SystemError) {
        folder.hasUnnamedFiles = false
        let (copy, name) = try Self.open(in: directory, folder)
        let unnamed = FileDescriptor(owning: descriptor)
        (descriptor, temporary) = (copy, name)
        if let mode = fileMode { try FileDescriptor.setPermissions(descriptor, mode) }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.copiedAtOnce, alignment: 16)
        defer { piece.deallocate() }
        var offset: UInt64 = 0
        while true {
            let count = try FileDescriptor.read(unnamed.rawValue, into: piece, at: offset)
            guard count > 0 else { break }
            offset += UInt64(try writeAll([], then: UnsafeRawBufferPointer(rebasing: piece[..<count])))
        }
        if folder.syncing == .each { try FileDescriptor.syncData(descriptor) }
        try reopen()
    }

    /// Takes the name by an empty file, which a rename then replaces: for file systems without hard links (FAT, some
    /// network shares). Where the rename fails, the name is free again.
    private func reserve(_ name: [UInt8]) throws(SystemError) -> Bool {
        try takeTemporaryName()
        return try folder.reservation.withLock { (_) throws(SystemError) in
            do throws(SystemError) {
                _ = try FileDescriptor.open(
                    FilePath(bytes: name), in: directory.descriptor, for: .writing, [.creatingNew, .notFollowingLinks])
            } catch {
                guard error.errno == EEXIST else { throw error }
                return false
            }
            do throws(SystemError) {
                try replace(name)
            } catch {
                // Another instance may have replaced the empty file.
                if isEmpty(name) {
                    let parent = directory.descriptor.rawValue
                    _ = FilePath(bytes: name).withCString { unlinkat(parent, $0, 0) }
                }
                throw error
            }
            return true
        }
    }

    private func removeTemporary() {
        guard let temporary else { return }
        self.temporary = nil
        let parent = directory.descriptor.rawValue
        _ = temporary.withCString { unlinkat(parent, $0, 0) }
    }

    // MARK: Files without a name, open(2)

    /// `AT_EMPTY_PATH`, which is not in Swift's Glibc module: the descriptor itself is what gets the name.
    private static let emptyPath: CInt = 0x1000

    private static let descriptors = "/proc/self/fd"

    /// True if a file that is open can be given a name: it is found by its descriptor.
    static let canBeNamed = access(descriptors, X_OK) == 0

    /// False once the system has refused it: older ones let nobody but root name a file by its descriptor alone. The way
    /// through /proc is longer, but open to all.
    static let namesByDescriptor = Atomic<Bool>(true)

    /// - Throws: `SystemError`, of `EEXIST` if the name is taken.
    private func linkUnnamed(_ name: FilePath, in parent: CInt) throws(SystemError) {
        if Self.namesByDescriptor.load(ordering: .relaxed) {
            do throws(SystemError) {
                _ = try systemCall("link") {
                    name.withCString { linkat(descriptor, "", parent, $0, Self.emptyPath) }
                }
                return
            } catch {
                guard error.errno != EEXIST else { throw error }
                // Any other error is found again by the other way, unless that succeeds.
                if error.errno == ENOENT { Self.namesByDescriptor.store(false, ordering: .relaxed) }
            }
        }
        let path = "\(Self.descriptors)/\(descriptor)"
        _ = try systemCall("link") {
            name.withCString { linkat(AT_FDCWD, path, parent, $0, AT_SYMLINK_FOLLOW) }
        }
    }
}
