package import System

/// Reads the lines of a journal, in their order, with little memory.
///
/// Lines that cannot be read are counted and passed over: the last one may have been cut by a power cut, and what it recorded is
/// then simply done again.
package struct JournalReader: ~Copyable {
    private let path: FilePath
    private let descriptor: FileDescriptor
    private var lines: LineReader
    /// Lines that were passed over.
    package private(set) var damagedLines = 0

    /// No line of ours is nearly as long: one that is holds no entry.
    private static let maximumLineLength = 1 << 20

    /// - Throws: `notFound` where there is no journal yet.
    package init(_ path: FilePath) throws(FileProblem) {
        self.path = path
        descriptor = try FileProblem.reading(path) { () throws(SystemError) in try FileDescriptor.open(path) }
        lines = LineReader(descriptor: descriptor.rawValue, maximumLength: Self.maximumLineLength)
    }

    /// The next entry; nil at the end.
    package mutating func next() throws(FileProblem) -> JournalEntry? {
        do throws(SystemError) {
            while let next = try lines.next() {
                guard case .whole(let line) = next, !line.isEmpty else { continue }
                if let entry = JournalEntry(line: line) { return entry }
                damagedLines += 1
            }
            return nil
        } catch {
            throw FileProblem(reading: path, error)
        }
    }
}
