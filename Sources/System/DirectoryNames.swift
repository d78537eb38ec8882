import Glibc

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

    private var buffer: [UInt8] = []
    private var entries: [Entry] = []

    package init(of path: FilePath) throws(SystemError) {
        guard let directory = path.withCString({ opendir($0) }) else { throw SystemError.last("opendir") }
        defer { closedir(directory) }
        while true {
            // The end and an error are told apart by errno alone.
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw SystemError.last("readdir") }
                break
            }
            append(entry)
        }
        buffer.withUnsafeBufferPointer { bytes in
            entries.sort {
                bytes[$0.start..<$0.start + Int($0.length)].lexicographicallyPrecedes(
                    bytes[$1.start..<$1.start + Int($1.length)])
            }
        }
    }

    package var count: Int { entries.count }

    package func name(at index: Int) -> ArraySlice<UInt8> {
        let entry = entries[index]
        return buffer[entry.start..<entry.start + Int(entry.length)]
    }

    package func kind(at index: Int) -> Kind { entries[index].kind }

    private mutating func append(_ entry: UnsafeMutablePointer<dirent>) {
        guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return }
        let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
        let length = strlen(name)
        let dot = CChar(bitPattern: UInt8(ascii: "."))
        if length == 1, name[0] == dot { return }
        if length == 2, name[0] == dot, name[1] == dot { return }
        let start = buffer.count
        buffer.append(contentsOf: UnsafeRawBufferPointer(start: name, count: length))
        let kind: Kind =
            switch CInt(entry.pointee.d_type) {
            case CInt(DT_REG): .file
            case CInt(DT_DIR): .directory
            default: .unknown
            }
        entries.append(Entry(start: start, length: UInt16(clamping: length), kind: kind))
    }
}
