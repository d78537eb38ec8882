import Glibc

/// One file that appears under its final name when it is complete.
///
/// The temporary file is new (`O_EXCL`), no link (`O_NOFOLLOW`), hidden by its leading dot, and lies in the target's folder so
/// that naming it is one atomic step.
final class OutputFile {
    private let directory: OutputFolder.Directory
    private let syncing: OutputFolder.Syncing
    private let temporary: FilePath
    private let final: [UInt8]
    private var descriptor: CInt
    private var isSettled = false

    /// Names tried before "rename" gives up.
    private static let maximumRenames = 10_000

    /// `components` ends in the file's name.
    init(in folder: OutputFolder, components: [[UInt8]]) throws(FileProblem) {
        directory = try folder.directory(for: components.dropLast())
        syncing = folder.syncing
        final = components.last ?? []
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        while true {
            let name = folder.nextTemporaryName()
            let parent = directory.descriptor.rawValue
            do throws(SystemError) {
                descriptor = try systemCall("open") { name.withCString { openat(parent, $0, flags, 0o666) } }
                temporary = name
                return
            } catch {
                // Left over by another process that had our number.
                guard error.errno == EEXIST else {
                    throw FileProblem(writing: directory.path.appending(final), error)
                }
            }
        }
    }

    deinit { discard() }

    /// Writes both, usually with one call.
    func write(_ first: [UInt8], then second: UnsafeRawBufferPointer) throws(FileProblem) {
        var written = 0
        let total = first.count + second.count
        while written < total {
            let count = try systemWrite { () -> Int in
                first.withUnsafeBytes { first in
                    var parts = (iovec(), iovec())
                    let fromFirst = min(written, first.count)
                    parts.0 = Self.vector(first, from: fromFirst)
                    parts.1 = Self.vector(second, from: written - fromFirst)
                    return withUnsafeBytes(of: &parts) {
                        writev(descriptor, $0.baseAddress?.assumingMemoryBound(to: iovec.self), 2)
                    }
                }
            }
            written += count
        }
    }

    private static func vector(_ bytes: UnsafeRawBufferPointer, from offset: Int) -> iovec {
        iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { $0 + offset }),
            iov_len: bytes.count - offset)
    }

    private func systemWrite(_ body: () -> Int) throws(FileProblem) -> Int {
        do throws(SystemError) {
            return try systemCall("write", body)
        } catch {
            throw FileProblem(writing: directory.path.appending(final), error)
        }
    }

    /// Closes and names the file.
    func finish(
        existing: InstanceWriter.Existing
    ) throws(FileProblem) -> (FilePath, InstanceWriter.Outcome.Kind) {
        do throws(SystemError) {
            if syncing == .each { _ = try systemCall("fdatasync") { fdatasync(descriptor) } }
            let closing = FileDescriptor(owning: descriptor)
            descriptor = -1
            try closing.close()
            let result = try name(existing: existing)
            guard let (name, kind) = result else {
                throw SystemError(errno: EEXIST, operation: "link")
            }
            isSettled = true
            if kind == .skipped { removeTemporary() }
            if syncing == .each { _ = try systemCall("fsync") { fsync(directory.descriptor.rawValue) } }
            return (directory.path.appending(name), kind)
        } catch {
            let path = directory.path.appending(final)
            throw error.errno == EEXIST ? FileProblem(path, .exists) : FileProblem(writing: path, error)
        }
    }

    func discard() {
        if descriptor != -1 {
            close(descriptor)
            descriptor = -1
            removeTemporary()
        } else if !isSettled {
            removeTemporary()
        }
    }

    /// The name given; nil where all that may be used are taken.
    private func name(
        existing: InstanceWriter.Existing
    ) throws(SystemError) -> ([UInt8], InstanceWriter.Outcome.Kind)? {
        switch existing {
        case .overwrite:
            let isThere = exists(final)
            try replace(final)
            return (final, isThere ? .replaced : .written)
        case .skip:
            return (final, try link(final) ? .written : .skipped)
        case .fail:
            return try link(final) ? (final, .written) : nil
        case .rename:
            if try link(final) { return (final, .written) }
            if hasSameBytes(as: final) { return (final, .skipped) }
            for number in 1...Self.maximumRenames {
                let name = Self.numbered(final, number)
                if try link(name) { return (name, .renamed) }
                if hasSameBytes(as: name) { return (name, .skipped) }
            }
            return nil
        }
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

    /// Whether the existing file is, byte for byte, the one just written. What cannot be read is not the same.
    private func hasSameBytes(as name: [UInt8]) -> Bool {
        do throws(FileProblem) {
            return try FileComparison.areEqual(temporary, FilePath(bytes: name), in: directory)
        } catch {
            return false
        }
    }

    private func exists(_ name: [UInt8]) -> Bool {
        var status = stat()
        let parent = directory.descriptor.rawValue
        return FilePath(bytes: name).withCString { fstatat(parent, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0
    }

    private func replace(_ name: [UInt8]) throws(SystemError) {
        let parent = directory.descriptor.rawValue
        _ = try systemCall("rename") {
            temporary.withCString { old in
                FilePath(bytes: name).withCString { new in renameat(parent, old, parent, new) }
            }
        }
    }

    /// Gives the name unless it is taken, in one step; false where it is.
    private func link(_ name: [UInt8]) throws(SystemError) -> Bool {
        let parent = directory.descriptor.rawValue
        do throws(SystemError) {
            _ = try systemCall("link") {
                temporary.withCString { old in
                    FilePath(bytes: name).withCString { new in linkat(parent, old, parent, new, 0) }
                }
            }
            removeTemporary()
            return true
        } catch {
            switch error.errno {
            case EEXIST: return false
            case EPERM, EOPNOTSUPP, ENOSYS, EMLINK: return try reserve(name)
            default: throw error
            }
        }
    }

    /// Where the file system has no hard links (FAT, some network shares): the name is taken by an empty file, which
    /// the rename then replaces.
    private func reserve(_ name: [UInt8]) throws(SystemError) -> Bool {
        let parent = directory.descriptor.rawValue
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        do throws(SystemError) {
            let reserved = try systemCall("open") {
                FilePath(bytes: name).withCString { openat(parent, $0, flags, 0o666) }
            }
            close(reserved)
        } catch {
            guard error.errno == EEXIST else { throw error }
            return false
        }
        try replace(name)
        return true
    }

    private func removeTemporary() {
        let parent = directory.descriptor.rawValue
        _ = temporary.withCString { unlinkat(parent, $0, 0) }
    }
}
