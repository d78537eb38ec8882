import DICOM
package import System

/// What a journal says was done at a peer: what a run that goes on with it leaves out.
///
/// A file that has changed since is another one, and what was done at another peer counts for nothing. Sixteen bytes are held of each
/// instance, so that a journal of millions fits in memory; that two different ones have the same is less likely than that the
/// memory errs.
package struct CompletedInstances: Sendable {
    private struct Key: Hashable {
        let high: Int
        let low: Int
    }

    /// How an instance came to be at the peer.
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

    /// What an entry says last is what counts.
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
