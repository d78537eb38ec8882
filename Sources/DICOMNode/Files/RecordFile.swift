import DICOM
import Glibc
package import System

/// A file that the user names for what the program writes beside the instances: a journal, a log, a list, a report, a query.
///
/// It can hold what identifies patients: one that is made belongs to its owner alone (mode 0600), whatever the umask is;
/// one that exists keeps its mode. One that exists and is of another kind is never changed: it may be an image. A pipe, a
/// terminal or /dev/null takes what is written where the kind is one of text.
package struct RecordFile: ~Copyable {
    /// The kinds of such files, as they are known by their beginning.
    package enum Kind: Sendable, Equatable {
        case journal, transactions, log, list, query, metrics, capture, transcript, keyLog, httpArchive
        /// A report whose first bytes are these.
        case report(start: String)

        /// As a message names it.
        var name: String {
            switch self {
            case .journal: "a journal of dcmscu"
            case .transactions: "a file of storage commitment transactions"
            case .log: "a log"
            case .list: "a list of file names"
            case .query: "a query"
            case .metrics: "a file of metrics of dcmscu"
            case .capture: "a capture of dcmscu"
            case .transcript: "a transcript of dcmscu"
            case .keyLog: "a log of TLS secrets"
            case .httpArchive: "an HTTP archive of dcmscu"
            case .report: "a report of this form"
            }
        }

        /// True if a pipe or a device takes the place of a file: nothing is read back.
        var isStream: Bool {
            switch self {
            case .journal, .transactions: false
            case .log, .list, .query, .report, .metrics, .capture, .transcript, .keyLog, .httpArchive: true
            }
        }

        /// The mode of one that is made. Metrics say nothing of patients, and another user's program reads them.
        fileprivate var permissions: UInt32 { self == .metrics ? 0o666 : 0o600 }
    }

    package let path: FilePath
    package let descriptor: FileDescriptor
    /// False for a pipe or a device.
    package let isRegular: Bool
    /// True if another file may take the place of the one that was opened.
    private let isReplaceable: Bool

    /// Read of an existing file to know its kind.
    private static let headLength = 2 * Int(PATH_MAX)

    /// Opens the file, for reading, too, if it is a regular one. It keeps what it holds.
    ///
    /// - Parameters:
    ///   - creates: True to make a missing file.
    ///   - appends: True if each write goes to its end.
    /// - Throws: `FileProblem` if it cannot be written; `.otherKind` if it exists and is of another kind.
    package init(
        _ path: FilePath, _ kind: Kind, creates: Bool = true, appends: Bool = false
    ) throws(FileProblem) {
        let isStream = try Self.isStream(path, kind)
        let file = try Self.open(path, kind, isStream: isStream, creates: creates, appends: appends)
        let state = try FileState(of: file, path: path)
        guard state.isRegular || isStream else { throw FileProblem(path, .notAFile, "it cannot be \(kind.name)") }
        if state.isRegular, state.size > 0 {
            let head = try Self.head(of: file, path, length: Int(min(UInt64(Self.headLength), state.size)))
            guard kind.matches(head[...], isWhole: UInt64(head.count) == state.size) else {
                throw Self.refusal(path, kind)
            }
        }
        self.path = path
        isRegular = state.isRegular
        isReplaceable = state.isRegular && Self.isReplaceable(path, file)
        descriptor = file
    }

    static func refusal(_ path: FilePath, _ kind: Kind) -> FileProblem {
        FileProblem(path, .otherKind, "it exists and is not \(kind.name), so nothing is written to it")
    }

    private static func head(
        of file: borrowing FileDescriptor, _ path: FilePath, length: Int
    ) throws(FileProblem) -> [UInt8] {
        let number = file.rawValue
        var head = [UInt8](repeating: 0, count: length)
        var failure: SystemError?
        let count = head.withUnsafeMutableBytes { buffer -> Int in
            do throws(SystemError) { return try FileDescriptor.read(number, into: buffer, at: 0) } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw FileProblem(reading: path, failure) }
        return Array(head[..<count])
    }

    /// True for a pipe or a device that takes text; false for a regular file and for one that is not there.
    private static func isStream(_ path: FilePath, _ kind: Kind) throws(FileProblem) -> Bool {
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0 else { return false }
        let words: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return false
        case S_IFIFO where kind.isStream, S_IFCHR where kind.isStream, S_IFSOCK where kind.isStream: return true
        case S_IFDIR: words = "it is a directory"
        case S_IFIFO: words = "it is a named pipe, and \(kind.name) is read again"
        case S_IFCHR: words = "it is a device, and \(kind.name) is read again"
        default: words = "it is no file that can be \(kind.name)"
        }
        throw FileProblem(path, .notAFile, words)
    }

    /// False for what others know by more than its name: links to the inode, a redirection, an owner.
    private static func isReplaceable(_ path: FilePath, _ descriptor: borrowing FileDescriptor) -> Bool {
        let isOfSystem = ["/dev/", "/proc/"].contains { path.bytes.starts(with: $0.utf8) }
        var status = stat()
        return !isOfSystem && fstat(descriptor.rawValue, &status) == 0 && status.st_nlink == 1
            && status.st_uid == geteuid()
    }

    private static func open(
        _ path: FilePath, _ kind: Kind, isStream: Bool, creates: Bool, appends: Bool
    ) throws(FileProblem) -> FileDescriptor {
        do throws(SystemError) {
            return isStream ? try openStream(path) : try openRegular(path, kind, creates: creates, appends: appends)
        } catch {
            throw error.isNotFound && !creates ? FileProblem(reading: path, error) : FileProblem(writing: path, error)
        }
    }

    private static func openStream(_ path: FilePath) throws(SystemError) -> FileDescriptor {
        // A named pipe waits for its reader: a signal ends that.
        try LocalInput.wait { () throws(SystemError) in
            try FileDescriptor.open(path, for: .writing, [.noControllingTerminal])
        }
    }

    private static func openRegular(
        _ path: FilePath, _ kind: Kind, creates: Bool, appends: Bool
    ) throws(SystemError) -> FileDescriptor {
        var options: FileDescriptor.OpenOptions = [.noControllingTerminal]
        if appends { options.insert(.appending) }
        guard creates else { return try FileDescriptor.open(path, for: .readingAndWriting, options) }
        do throws(SystemError) {
            let new = try FileDescriptor.open(
                path, for: .readingAndWriting, options.union(.creatingNew), permissions: kind.permissions)
            if kind != .metrics { try new.setPermissions(kind.permissions) }
            return new
        } catch {
            guard error.errno == EEXIST else { throw error }
        }
        // It is there; or it is a link to where nothing is yet.
        return try FileDescriptor.open(
            path, for: .readingAndWriting, options.union(.creating), permissions: kind.permissions)
    }

    /// Writes the whole content. A regular file has it all or what it had before, unless nothing can be made beside it.
    ///
    /// - Throws: `FileProblem` if it cannot be written.
    package func replaceContent(_ bytes: [UInt8]) throws(FileProblem) {
        try FileProblem.writing(path) { () throws(SystemError) in
            guard isRegular else { return try descriptor.writeAll(bytes) }
            if isReplaceable, let target = path.withoutLinks, let new = try Self.makeBeside(target) {
                return try new.take(the: target, with: bytes, like: descriptor)
            }
            // Nothing may be made in the folder: the file itself is what can be written.
            try descriptor.truncate(to: 0)
            try descriptor.writeAll(bytes)
            try descriptor.syncData()
        }
    }

    /// Forces the name of a new file onto the disk, as its data alone can be found by nobody. A folder that nobody but its
    /// owner may read, and a file system that cannot do it, are no failures.
    ///
    /// - Throws: `FileProblem` if the folder cannot be written to the disk.
    package func syncName() throws(FileProblem) {
        try FileProblem.writing(path) { () throws(SystemError) in
            do throws(SystemError) {
                try FileDescriptor.open(path.parent, [.folder]).syncNames()
            } catch {
                guard [EACCES, EINVAL, ENOTSUP].contains(error.errno) else { throw error }
            }
        }
    }

    /// A new file beside another, and the folder of both.
    private struct Beside: ~Copyable {
        let folder: FileDescriptor
        let file: FileDescriptor
        let name: FilePath

        /// - Throws: `SystemError` of `EACCES`, `EPERM` or `EROFS` if nothing may be made there.
        init(_ target: FilePath) throws(SystemError) {
            let name = FilePath(".dcmscu-\(getpid())-record.part")
            let folder = try FileDescriptor.open(target.parent, [.folder])
            let number = folder.rawValue
            // One of an earlier process of this number is nobody's.
            _ = name.withCString { unlinkat(number, $0, 0) }
            file = try FileDescriptor.open(
                name, in: folder, for: .writing, [.creatingNew, .notFollowingLinks], permissions: 0o600
            )
            self.folder = folder
            self.name = name
        }

        /// Writes the file, and puts it in the place of the other in one step.
        func take(
            the place: FilePath, with bytes: [UInt8], like old: borrowing FileDescriptor
        ) throws(SystemError) {
            let (folder, name) = (folder.rawValue, name)
            do throws(SystemError) {
                try file.takePermissions(of: old)
                try file.writeAll(bytes)
                try file.syncData()
                _ = try systemCall("rename") {
                    name.withCString { name in place.withCString { renameat(folder, name, AT_FDCWD, $0) } }
                }
            } catch {
                _ = name.withCString { unlinkat(folder, $0, 0) }
                throw error
            }
            try self.folder.syncNames()
        }
    }

    /// Makes a file beside another; nil if nothing may be made there.
    private static func makeBeside(_ target: FilePath) throws(SystemError) -> Beside? {
        do throws(SystemError) {
            return try Beside(target)
        } catch {
            guard [EACCES, EPERM, EROFS].contains(error.errno) else { throw error }
            return nil
        }
    }
}

// MARK: Kinds

extension RecordFile.Kind {
    /// - Parameters:
    ///   - head: the first bytes of a file.
    ///   - isWhole: True if they are all of it.
    func matches(_ head: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        switch self {
        case .journal:
            // A first line that was cut by a power cut is a part of the mark, or zeros.
            Self.begins(head, Journal.mark, isWhole: isWhole) || (isWhole && head.allSatisfy { $0 == 0 })
        // Any of its lines may be damaged: its reader looks at all of them.
        case .transactions: !head.starts(with: Journal.mark.utf8) && !Self.hasPrefix(head)
        case .report(let start): head.starts(with: start.utf8)
        case .log: Self.isLog(head, isWhole: isWhole)
        case .list: Self.isList(head)
        case .query: Self.isQuery(head)
        case .metrics: head.starts(with: "# HELP dcmscu_".utf8)
        case .capture: Self.isCapture(head)
        case .transcript: head.starts(with: Self.transcriptStart.utf8)
        case .keyLog: Self.isKeyLog(head)
        case .httpArchive: head.starts(with: Self.httpArchiveStart.utf8)
        }
    }

    /// The beginning of each HTTP archive (HAR 1.2).
    package static let httpArchiveStart = "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"dcmscu\""

    /// The beginning of each transcript.
    package static let transcriptStart = "Transcript of dcmscu "

    /// True for pcapng whose first section is by this program.
    private static func isCapture(_ head: ArraySlice<UInt8>) -> Bool {
        let ours = Array("dcmscu ".utf8)
        guard head.starts(with: "\n\r\r\n".utf8) else { return false }
        let section = head.prefix(Self.sectionHeaderLength)
        return section.indices.contains { section[$0...].starts(with: ours) }
    }

    /// More than that of our section headers up to the name of the program, in bytes.
    private static let sectionHeaderLength = 64

    /// True for lines of NSS key log format: a label, and two fields of hexadecimal digits.
    private static func isKeyLog(_ head: ArraySlice<UInt8>) -> Bool {
        let line = head.prefix { $0 != 0x0A && $0 != 0x0D }
        return isText(head)
            && (line.isEmpty || line.first == UInt8(ascii: "#") || line.starts(with: "CLIENT_".utf8)
                || line.starts(with: "SERVER_".utf8) || line.starts(with: "EXPORTER_SECRET".utf8)
                || line.starts(with: "RSA ".utf8) || line.starts(with: "EARLY_".utf8))
    }

    private static func begins(_ head: ArraySlice<UInt8>, _ mark: String, isWhole: Bool) -> Bool {
        head.prefix(mark.utf8.count).elementsEqual(isWhole ? mark.utf8.prefix(head.count)[...] : mark.utf8[...])
    }

    /// True without the control characters that binary files are full of.
    private static func isText(_ head: ArraySlice<UInt8>) -> Bool {
        head.allSatisfy { $0 >= 0x20 || [0x09, 0x0A, 0x0C, 0x0D, 0x1B].contains($0) }
    }

    // MARK: Logs

    /// The beginnings of lines of logs, where 0 stands for a digit, and what follows somewhere in the line: with times, as
    /// JSON, of dcmscu 0.1, and of gdcmscu.
    private static let logLines: [(start: String, later: String)] = [
        ("0000-00-00T00:00:00", " dcmscu["), ("{\"time\":\"0000-00-00T00:00:00", "\"pid\":"), ("dcmscu: ", ""),
        ("Debug: In ", ", line "), ("Warning: In ", ", line "), ("Error: In ", ", line "),
    ]

    /// True for text whose first line has the form of one of a log; the second will do where somebody has cut off the first.
    private static func isLog(_ head: ArraySlice<UInt8>, isWhole: Bool) -> Bool {
        let lines = head.split(separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false)
        return isText(head)
            && lines.prefix(2).enumerated().contains { number, line in
                // On a full disk the first line may have no end.
                isLogLine(line, isCut: isWhole && number == 0 && lines.count == 1 && line.count > 4)
            }
    }

    private static func isLogLine(_ line: ArraySlice<UInt8>, isCut: Bool) -> Bool {
        guard !line.isEmpty else { return false }
        return logLines.contains { start, later in
            guard
                zip(line, start.utf8).allSatisfy({ byte, form in
                    form == UInt8(ascii: "0") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == form
                })
            else { return false }
            return isCut || (line.count >= start.utf8.count && line.contains(later))
        }
    }

    // MARK: Lists

    /// True for names of which each can be one that the program writes: a path that begins at the root or at the working
    /// folder, whether the file is still there or not. The lists of dcmscu 0.1 and 0.2 have relative paths as they were given:
    /// these begin with what is there.
    private static func isList(_ head: ArraySlice<UInt8>) -> Bool {
        let separator: UInt8 = head.contains(0) ? 0 : 0x0A
        let names = head.split(separator: separator, omittingEmptySubsequences: false)
        guard let last = names.last, !hasPrefix(head), names.dropLast().allSatisfy(isPath) else { return false }
        // The last is empty, or cut: by our reading, or by a full disk.
        return last.isEmpty ? names.count > 1 : isPath(last) || pathStarts.contains { $0.utf8.starts(with: last) }
    }

    private static let pathStarts = ["/", "./", "../"]

    private static func isPath(_ name: ArraySlice<UInt8>) -> Bool {
        guard !name.isEmpty, name.count < 2 * Int(PATH_MAX) else { return false }
        let first = FilePath(bytes: Array(name.prefix { $0 != UInt8(ascii: "/") }))
        var status = stat()
        return pathStarts.contains { name.starts(with: $0.utf8) } || first.withCString { lstat($0, &status) } == 0
    }

    /// True behind a preamble with "DICM" (PS3.10 7.1).
    private static func hasPrefix(_ head: ArraySlice<UInt8>) -> Bool {
        head.dropFirst(FileMetaInformation.preambleLength).starts(with: FileMetaInformation.prefix)
    }

    /// True for a DICOM file that is a query and no instance: ours says which SOP class it is for, gdcmscu's has no meta
    /// information at all.
    private static func isQuery(_ head: ArraySlice<UInt8>) -> Bool {
        do throws(DataSetError) {
            guard let start = try DataSetStart.find(in: Array(head)) else { return false }
            if let sopClass = start.sopClassUID { return InformationModelClasses.isQuery(sopClass) }
            return start.form == .dataSetAlone && start.attributes(Array(head)).uid(.sopClassUID) == nil
        } catch {
            return false
        }
    }
}

/// The SOP classes of queries and retrievals (PS3.4 C.6 and K.6).
private enum InformationModelClasses {
    static func isQuery(_ sopClass: UID) -> Bool {
        sopClass.string.hasPrefix("1.2.840.10008.5.1.4.1.2.") || sopClass == "1.2.840.10008.5.1.4.31"
    }
}

extension ArraySlice<UInt8> {
    /// True if the bytes of a text stand somewhere in these; those of an empty one do.
    fileprivate func contains(_ text: String) -> Bool {
        let text = Array(text.utf8)
        return text.isEmpty || indices.contains { self[$0...].starts(with: text) }
    }
}
