import Glibc

/// A path as the file system knows it: bytes, of which only the slash and the NUL have a meaning.
///
/// Names that are not UTF-8 exist on disks that older systems wrote, and they must still open.
package struct FilePath: Hashable, Sendable, Comparable, ExpressibleByStringLiteral {
    package let bytes: [UInt8]

    /// Bytes after a NUL cannot be part of a path and are dropped, as the system itself would.
    @inlinable package init(bytes: some Sequence<UInt8>) { self.init(bytes: Array(bytes)) }

    /// As above; every start of the program makes some, and a generic one costs more than all else of it.
    package init(bytes: [UInt8]) {
        self.bytes = bytes.firstIndex(of: 0).map { Array(bytes[..<$0]) } ?? bytes
    }

    /// The path whose bytes are this text in UTF-8.
    package init(_ string: String) { self.init(bytes: Array(string.utf8)) }

    package init(stringLiteral string: String) { self.init(string) }

    package var isEmpty: Bool { bytes.isEmpty }

    package func appending(_ component: ArraySlice<UInt8>) -> FilePath {
        var joined: [UInt8] = []
        joined.reserveCapacity(bytes.count + 1 + component.count)
        joined.append(contentsOf: bytes)
        if let last = joined.last, last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
        joined.append(contentsOf: component)
        return FilePath(bytes: joined)
    }

    package func appending(_ component: [UInt8]) -> FilePath { appending(component[...]) }

    package func appending(_ component: String) -> FilePath { appending(Array(component.utf8)[...]) }

    /// What follows the last slash; trailing slashes do not count.
    package var lastComponent: FilePath {
        let end = (bytes.lastIndex { $0 != UInt8(ascii: "/") }).map { $0 + 1 } ?? bytes.count
        let start = (bytes[..<end].lastIndex(of: UInt8(ascii: "/"))).map { $0 + 1 } ?? 0
        return FilePath(bytes: bytes[start..<end])
    }

    /// The folder that the path is in; the current one for a name alone.
    package var folder: FilePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == 0 ? "/" : FilePath(bytes: bytes[..<slash])
    }

    /// Absolute and without links; nil where there is no such file.
    package var withoutLinks: FilePath? {
        withCString { name -> FilePath? in
            guard let found = realpath(name, nil) else { return nil }
            defer { free(found) }
            return FilePath(bytes: Array(UnsafeRawBufferPointer(start: found, count: strlen(found))))
        }
    }

    /// The deepest folder that holds both folders.
    package func commonFolder(with other: FilePath) -> FilePath {
        if self == other { return self }
        let slash = UInt8(ascii: "/")
        let own = bytes.split(separator: slash, omittingEmptySubsequences: false)
        let others = other.bytes.split(separator: slash, omittingEmptySubsequences: false)
        let common = zip(own, others).prefix { $0 == $1 }.map(\.0)
        if common.isEmpty { return "." }
        return common.count == 1 && common[0].isEmpty ? "/" : FilePath(bytes: Array(common.joined(separator: [slash])))
    }

    /// True if the path is that of a file or folder in this one, and not deeper.
    package func holds(_ other: FilePath) -> Bool {
        let slash = UInt8(ascii: "/")
        guard other.bytes.lastIndex(of: slash) == bytes.count else { return false }
        return bytes.withUnsafeBytes { own in
            other.bytes.withUnsafeBytes { others in
                guard let own = own.baseAddress, let others = others.baseAddress else { return false }
                return memcmp(own, others, bytes.count) == 0
            }
        }
    }

    /// What the system's calls take.
    @inlinable
    package func withCString<Result: ~Copyable>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
            guard let start = buffer.baseAddress else { return body("") }
            bytes.withUnsafeBytes { bytes in
                if let first = bytes.baseAddress { memcpy(start, first, bytes.count) }
            }
            start[bytes.count] = 0
            return body(UnsafePointer(start))
        }
    }

    /// The path for messages, which is no path itself: control characters, which could drive a terminal, appear as `\x1b`, undecodable bytes as U+FFFD.
    package var displayed: String {
        // Nearly every path is printable ASCII, and one is shown for each file.
        guard !bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        for scalar in decoded {
            if scalar.properties.generalCategory == .control {
                let digits = String(scalar.value, radix: 16)
                text += "\\x" + (digits.count < 2 ? "0" : "") + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The path as text, which opens nothing: bytes that are no text appear as U+FFFD.
    package var text: String { String(decoded) }

    /// The bytes as UTF-8 or, where they are not, as text of the process's locale (`setlocale`).
    private var decoded: String.UnicodeScalarView {
        if let text = String(validating: bytes, as: UTF8.self) { return text.unicodeScalars }
        // In the locale "C", which is that of a process that has set none, no other bytes are text.
        guard let locale = setlocale(LC_CTYPE, nil), strcmp(locale, "C") != 0 else {
            return String(decoding: bytes, as: UTF8.self).unicodeScalars
        }
        let characters = [wchar_t](unsafeUninitializedCapacity: bytes.count + 1) { buffer, count in
            let converted = withCString { mbstowcs(buffer.baseAddress, $0, buffer.count) }
            // The length is -1, which may come as the largest number, where the bytes are no text of the locale.
            count = (0...bytes.count).contains(converted) ? converted : 0
        }
        let scalars = characters.compactMap { Unicode.Scalar(UInt32(bitPattern: $0)) }
        guard !scalars.isEmpty else { return String(decoding: bytes, as: UTF8.self).unicodeScalars }
        return String.UnicodeScalarView(scalars)
    }

    /// The length of the file that the path leads to; nil where there is none.
    package var fileSize: UInt64? {
        var status = stat()
        return withCString { stat($0, &status) } == 0 ? UInt64(clamping: status.st_size) : nil
    }

    /// True if the path leads to a folder.
    package var isFolder: Bool {
        var status = stat()
        return withCString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// What tells whether the regular file that the path leads to is as it was; nil where there is none.
    package var stamp: FileStamp? {
        var status = stat()
        return withCString { stat($0, &status) } == 0 ? FileStamp(status) : nil
    }

    /// The same of a file that has this very name; nil also for a link to one.
    package var ownStamp: FileStamp? {
        var status = stat()
        return withCString { lstat($0, &status) } == 0 ? FileStamp(status) : nil
    }

    /// Bytewise, which is the same order everywhere whatever the locale.
    package static func < (left: FilePath, right: FilePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

/// Identity, length and times of a file, the times in nanoseconds of the file system's clock.
package struct FileStamp: Sendable, Equatable {
    private let device: UInt64
    package let inode: UInt64
    /// In bytes.
    package let size: UInt64
    /// The last change of its bytes.
    package let modified: Int64
    /// The last change of its bytes or of what the system knows of it, which nobody can set.
    package let changed: Int64

    /// Nil if it is not that of a regular file.
    init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = UInt64(clamping: status.st_size)
        modified = nanoseconds(status.st_mtim)
        changed = nanoseconds(status.st_ctim)
    }

    /// Seconds in which a file may change again without another time: that of the coarsest clock of a file system.
    private static let coarsest: Int64 = 2

    /// True if every change of the file after that moment, in nanoseconds since 1970, has given it another time.
    package func isSettled(at moment: Int64) -> Bool {
        max(modified, changed) < moment - Self.coarsest * 1_000_000_000
    }

    /// True if the file system tells times in parts of a second, so that a file that changes has another.
    package var hasFineTimes: Bool {
        !modified.isMultiple(of: 1_000_000_000) && !changed.isMultiple(of: 1_000_000_000)
    }

    /// The present moment in nanoseconds since 1970.
    package static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

extension DefaultStringInterpolation {
    /// A path is shown by ``FilePath/displayed`` and opened by its bytes: text made in passing would be mistaken for either. Deprecated, as
    /// warnings are errors here: overloads that are unavailable lose against the general one, which would print the bytes.
    @available(*, deprecated, message: "write `displayed` for messages; give the FilePath itself to what opens it")
    package mutating func appendInterpolation(_ path: FilePath) { appendInterpolation(path.displayed) }

    @available(*, deprecated, message: "write `displayed` for messages; give the FilePath itself to what opens it")
    package mutating func appendInterpolation(_ path: FilePath?) { appendInterpolation(path?.displayed ?? "") }
}
