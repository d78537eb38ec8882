import Glibc
package import System

/// Reads the lines of a journal, in their order, with little memory.
///
/// Lines that cannot be read are counted and passed over: the last one may have been cut by a power cut, and what it recorded is
/// then simply done again.
package struct JournalReader: ~Copyable {
    private let path: FilePath
    private let descriptor: FileDescriptor
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    /// Lines that were passed over.
    package private(set) var damagedLines = 0

    private static let readSize = 64 * 1024
    /// No line of ours is nearly as long: one that is holds no entry.
    private static let maximumLineLength = 1 << 20

    /// - Throws: `notFound` where there is no journal yet.
    package init(_ path: FilePath) throws(FileProblem) {
        self.path = path
        do throws(SystemError) {
            descriptor = FileDescriptor(
                owning: try systemCall("open") { path.withCString { open($0, O_RDONLY | O_CLOEXEC) } })
        } catch {
            throw FileProblem(reading: path, error)
        }
    }

    /// The next entry; nil at the end.
    package mutating func next() throws(FileProblem) -> JournalEntry? {
        while let line = try nextLine() {
            if line.isEmpty { continue }
            if let entry = JournalEntry(line: line) { return entry }
            damagedLines += 1
        }
        return nil
    }

    private mutating func nextLine() throws(FileProblem) -> [UInt8]? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                return Array(buffer[position..<end])
            }
            searched = buffer.count
            if isAtEnd {
                defer { position = buffer.count }
                return position < buffer.count ? Array(buffer[position...]) : nil
            }
            if buffer.count - position > Self.maximumLineLength { position = buffer.count }
            searched -= position
            buffer.removeFirst(position)
            position = 0
            try fill()
        }
    }

    private mutating func fill() throws(FileProblem) {
        let old = buffer.count
        let number = descriptor.rawValue
        buffer.append(contentsOf: repeatElement(0, count: Self.readSize))
        do throws(SystemError) {
            let count = try systemCall("read") {
                buffer.withUnsafeMutableBytes { read(number, $0.baseAddress.map { $0 + old }, Self.readSize) }
            }
            buffer.removeLast(Self.readSize - count)
            isAtEnd = count == 0
        } catch {
            throw FileProblem(reading: path, error)
        }
    }
}
