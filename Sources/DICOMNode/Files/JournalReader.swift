import DICOM
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

    /// Opens a journal.
    ///
    /// - Throws: `FileProblem`: `.notFound` if there is no journal yet, otherwise the reason why it cannot be read.
    package init(_ path: FilePath) throws(FileProblem) {
        self.path = path
        // A named pipe is no journal, and nobody waits for what somebody may write into it.
        let file = try FileProblem.reading(path) { () throws(SystemError) in
            try FileDescriptor.open(path, [.notWaiting, .noControllingTerminal])
        }
        guard try FileState(of: file, path: path).isRegular else {
            throw FileProblem(path, .notAFile, "it cannot be \(RecordFile.Kind.journal.name)")
        }
        descriptor = file
        lines = LineReader(descriptor: descriptor.rawValue, maximumLength: Self.maximumLineLength)
    }

    /// Returns the next entry; nil at the end.
    ///
    /// - Throws: `FileProblem` if the journal cannot be read.
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

/// The instances that a journal says were done at a peer: a run that goes on with it leaves them out.
///
/// A file that has changed since is another one, and what was done at another peer counts for nothing. Sixteen bytes are held of each
/// instance, so that a journal of millions fits in memory; that two different ones have the same is less likely than that the
/// memory errs.
package struct CompletedInstances: Sendable {
    private struct Key: Hashable {
        let high: Int
        let low: Int
    }

    /// The way in which an instance came to be at the peer.
    package enum Completion: Sendable {
        case wasSent
        case wasSentWithWarning
        /// The peer had an instance of its UID; what that holds nobody has compared.
        case wasThere
    }

    private var keys: [Key: Completion] = [:]
    /// Lines of the journal that could not be read.
    package private(set) var damagedLines = 0

    /// Reads a journal; where there is none yet, nothing was done.
    ///
    /// - Throws: `FileProblem` if the file cannot be read, or is a journal of another kind.
    package init(reading path: FilePath, operation: String, peer: String) throws(FileProblem) {
        var reader: JournalReader
        do throws(FileProblem) {
            reader = try JournalReader(path)
        } catch {
            guard error.code == .notFound else { throw error }
            return
        }
        var isOurs = false
        while let entry = try reader.next() {
            if let program = entry[.journal] {
                guard program.string == Journal.program, entry[.version]?.integer == Journal.version else {
                    throw FileProblem(path, .malformed, "a journal of another kind")
                }
                isOurs = entry[.operation]?.string == operation && entry[.peer]?.string == peer
            } else if isOurs {
                take(entry)
            }
        }
        damagedLines = reader.damagedLines
    }

    package var count: Int { keys.count }

    package func contains(_ file: InstanceFile) -> Bool { self[file] != nil }

    /// Nil: it is still to be sent.
    package subscript(file: InstanceFile) -> Completion? {
        keys[Self.key(file.path, file.sopInstanceUID.string, Int(clamping: file.size), Int(file.modified))]
    }

    /// The last entry on an instance is the one that counts.
    private mutating func take(_ entry: JournalEntry) {
        guard let path = entry.path, let instance = entry[.sopInstanceUID]?.string else { return }
        guard let bytes = entry[.bytes]?.integer, let modified = entry[.modified]?.integer else { return }
        let key = Self.key(path, instance, bytes, modified)
        switch entry.outcome {
        case .done: keys[key] = .wasSent
        case .warning: keys[key] = .wasSentWithWarning
        case .skipped: keys[key] = .wasThere
        // Refused this time; or accepted, and not confirmed or committed to since.
        case .failed, .uncommitted: keys[key] = nil
        case .pending, .committed, .unanswered, .synced, nil: break
        }
    }

    private static func key(_ path: FilePath, _ instance: String, _ bytes: Int, _ modified: Int) -> Key {
        func hash(_ salt: UInt8) -> Int {
            var hasher = Hasher()
            hasher.combine(salt)
            hasher.combine(path.bytes)
            hasher.combine(instance)
            hasher.combine(bytes)
            hasher.combine(modified)
            return hasher.finalize()
        }
        return Key(high: hash(1), low: hash(2))
    }
}
