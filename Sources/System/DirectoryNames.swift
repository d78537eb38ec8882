/// The names in one directory, sorted bytewise, with what the directory itself says of their kinds.
///
/// One buffer holds all names: a directory of a million files takes some 80 MB as arrays, and 40 MB like this.
package struct DirectoryNames {
    package enum Kind: UInt8 {
        case file, directory
        /// A link, something special, or a file system that does not tell: ask `stat`.
        case unknown
    }

    private struct Entry {
        let start: Int
        let length: UInt16
        let kind: Kind
    }

    private let buffer: [UInt8]
    private let entries: [Entry]

    /// - Parameter isGivenUp: asked now and then; true leaves the rest of the names unread.
    /// - Throws: `SystemError` if the folder cannot be opened or read; of `EINTR` if it was given up.
    package init(of path: FilePath, unless isGivenUp: () -> Bool = { false }) throws(SystemError) {
        var (buffer, entries): ([UInt8], [Entry]) = ([], [])
        try FileDescriptor.open(path, [.folder, .notWaiting]).forEachEntry(unless: isGivenUp) { name, kind in
            let length = UInt16(clamping: name.count)
            entries.append(Entry(start: buffer.count, length: length, kind: kind))
            buffer.append(contentsOf: name)
        }
        buffer.withUnsafeBufferPointer { bytes in
            entries.sort {
                bytes[$0.start..<$0.start + Int($0.length)].lexicographicallyPrecedes(
                    bytes[$1.start..<$1.start + Int($1.length)])
            }
        }
        (self.buffer, self.entries) = (buffer, entries)
    }

    package var count: Int { entries.count }

    package func name(at index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        return buffer[entry.start..<entry.start + Int(entry.length)]
    }

    package func kind(at index: Int) -> Kind { entries[index].kind }
}
