package import DICOM
import Glibc
package import System

/// Reads the lines of a journal, in their order, with little memory.
///
/// Lines that cannot be read are counted and passed over: the last one may have been cut by a power cut, and what it recorded is
/// then simply done again.
package struct JournalReader: ~Copyable, Sendable {
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

    /// Hands on the entries of the runs of one operation with one peer; of a journal that is not there yet, none.
    ///
    /// - Returns: the number of lines that could not be read.
    /// - Throws: `FileProblem` if the file cannot be read, or is a journal of another kind.
    fileprivate static func forEach(
        of operation: String, with peer: String, in path: FilePath, _ body: (Record) -> Void
    ) throws(FileProblem) -> Int {
        var reader: JournalReader
        do throws(FileProblem) {
            reader = try JournalReader(path)
        } catch {
            guard error.code == .notFound else { throw error }
            return 0
        }
        var isOurs = false
        try reader.forEach { record throws(FileProblem) in
            guard let start = record.start else { return isOurs ? body(record) : () }
            guard start[.journal]?.string == Journal.program, start[.version]?.integer == Journal.version else {
                throw FileProblem(path, .malformed, "a journal of another kind")
            }
            isOurs = start[.operation]?.string == operation && start[.peer]?.string == peer
        }
        return reader.damagedLines
    }

    /// Hands on all entries, the first of a run with all its members and of the others what tells which instance they are about:
    /// a journal of millions of lines is read before anything is sent.
    ///
    /// - Throws: `FileProblem` if the journal cannot be read, and what `body` throws.
    package mutating func forEach(_ body: (Record) throws(FileProblem) -> Void) throws(FileProblem) {
        var problem: FileProblem?
        var damaged = 0
        func take(_ line: UnsafeRawBufferPointer, _ offset: UInt64) {
            guard !line.isEmpty else { return }
            do throws(FileProblem) {
                var record = Record(at: offset)
                if record.scan(line) {
                    try body(record)
                } else if let entry = JournalEntry(line: Array(line)) {
                    try Record.with(entry, at: offset, body)
                } else {
                    damaged += 1
                }
            } catch {
                problem = error
            }
        }
        do throws(SystemError) {
            while problem == nil, try lines.next(take) {}
        } catch {
            throw FileProblem(reading: path, error)
        }
        damagedLines += damaged
        if let problem { throw problem }
    }

    /// The entry that begins at an offset; nil if there is none.
    ///
    /// - Throws: `FileProblem` if the journal cannot be read.
    package func entry(at offset: UInt64) throws(FileProblem) -> JournalEntry? {
        var line: [UInt8] = []
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 10, alignment: 16)
        defer { piece.deallocate() }
        while line.count <= Self.maximumLineLength {
            let count: Int
            do throws(SystemError) {
                count = try descriptor.read(into: piece, at: offset + UInt64(line.count))
            } catch {
                throw FileProblem(reading: path, error)
            }
            let read = piece[..<count]
            line += read.prefix { $0 != UInt8(ascii: "\n") }
            if count == 0 || read.contains(UInt8(ascii: "\n")) { break }
        }
        return JournalEntry(line: line)
    }

    /// What an entry says about its instance. Its texts are where they stand in the line: nobody keeps them.
    package struct Record {
        /// Of the line, from the beginning of the file.
        package let offset: UInt64
        package private(set) var outcome: JournalOutcome?
        package private(set) var path: UnsafeRawBufferPointer?
        package private(set) var sopInstanceUID: UnsafeRawBufferPointer?
        package private(set) var studyInstanceUID: UnsafeRawBufferPointer?
        package private(set) var seriesInstanceUID: UnsafeRawBufferPointer?
        /// The length of the file, and its last change.
        package private(set) var bytes: Int?
        package private(set) var modified: Int?
        /// The first entry of a run.
        package private(set) var start: JournalEntry?

        fileprivate init(at offset: UInt64) { self.offset = offset }

        /// From an entry that was parsed.
        static func with(
            _ entry: JournalEntry, at offset: UInt64, _ body: (Record) throws(FileProblem) -> Void
        ) throws(FileProblem) {
            var record = Record(at: offset)
            record.outcome = entry.outcome
            record.bytes = entry[.bytes]?.integer
            record.modified = entry[.modified]?.integer
            if entry[.journal] != nil { record.start = entry }
            let path = entry.path?.bytes
            // One array of all texts, so that all of them stay where they are.
            let texts = [
                path, entry[.sopInstanceUID]?.string.map { Array($0.utf8) },
                entry[.studyInstanceUID]?.string.map { Array($0.utf8) },
                entry[.seriesInstanceUID]?.string.map { Array($0.utf8) },
            ]
            var result: Result<Void, FileProblem> = .success(())
            texts.flatMap { $0 ?? [] }.withUnsafeBytes { bytes in
                var rest = bytes[...]
                func next(_ text: [UInt8]?) -> UnsafeRawBufferPointer? {
                    guard let text else { return nil }
                    defer { rest = rest.dropFirst(text.count) }
                    return UnsafeRawBufferPointer(rebasing: rest.prefix(text.count))
                }
                record.path = next(texts[0])
                record.sopInstanceUID = next(texts[1])
                record.studyInstanceUID = next(texts[2])
                record.seriesInstanceUID = next(texts[3])
                result = Result { () throws(FileProblem) in try body(record) }
            }
            try result.get()
        }

        /// Takes what a line says that is as nearly all are: one object of whole numbers and of texts of ASCII without escapes. False
        /// for any other, which has to be parsed; also for the first of a run.
        fileprivate mutating func scan(_ line: UnsafeRawBufferPointer) -> Bool {
            var scanner = Scanner(line: line)
            guard scanner.skip(UInt8(ascii: "{")) else { return false }
            repeat {
                guard let key = scanner.text(), scanner.skip(UInt8(ascii: ":")) else { return false }
                guard take(key, &scanner) else { return false }
            } while scanner.skip(UInt8(ascii: ","))
            return scanner.skip(UInt8(ascii: "}")) && scanner.isAtEnd
        }

        private mutating func take(_ key: UnsafeRawBufferPointer, _ scanner: inout Scanner) -> Bool {
            guard let known = Self.key(key) else { return scanner.text() != nil || scanner.number() != nil }
            switch known {
            case .bytes where bytes == nil:
                bytes = scanner.number()
                return bytes != nil
            case .modified where modified == nil:
                modified = scanner.number()
                return modified != nil
            case .path where path == nil:
                path = scanner.text()
                return path != nil
            case .sopInstanceUID where sopInstanceUID == nil:
                sopInstanceUID = scanner.text()
                return sopInstanceUID != nil
            case .studyInstanceUID where studyInstanceUID == nil:
                studyInstanceUID = scanner.text()
                return studyInstanceUID != nil
            case .seriesInstanceUID where seriesInstanceUID == nil:
                seriesInstanceUID = scanner.text()
                return seriesInstanceUID != nil
            case .outcome where outcome == nil:
                guard let text = scanner.text() else { return false }
                outcome = text.isText("done") ? .done : JournalOutcome(rawValue: String(decoding: text, as: UTF8.self))
                return outcome != nil
            // A path that is no UTF-8, the first of a run, a key that is there twice.
            default: return false
            }
        }

        /// The key of a name, of those that matter here: by its length, which few others have.
        private static func key(_ name: UnsafeRawBufferPointer) -> JournalEntry.Key? {
            switch name.count {
            case 4: name.isText("path") ? .path : nil
            case 5: name.isText("bytes") ? .bytes : nil
            case 7: name.isText("outcome") ? .outcome : name.isText("journal") ? .journal : nil
            case 8: name.isText("modified") ? .modified : nil
            case 9: name.isText("pathBytes") ? .pathBytes : nil
            case 14: name.isText("sopInstanceUID") ? .sopInstanceUID : nil
            case 16: name.isText("studyInstanceUID") ? .studyInstanceUID : nil
            case 17: name.isText("seriesInstanceUID") ? .seriesInstanceUID : nil
            default: nil
            }
        }
    }

    /// A position in a line.
    private struct Scanner {
        let line: UnsafeRawBufferPointer
        var index = 0

        var isAtEnd: Bool { index == line.count }

        @inline(__always)
        mutating func skip(_ byte: UInt8) -> Bool {
            guard index < line.count, line[index] == byte else { return false }
            index &+= 1
            return true
        }

        /// A text in quotation marks, of ASCII without escapes.
        mutating func text() -> UnsafeRawBufferPointer? {
            guard skip(UInt8(ascii: "\"")) else { return nil }
            let start = index
            // Eight bytes a step: a line has some three hundred bytes of text.
            while index &+ 8 <= line.count {
                let others = Self.others(
                    in: UInt64(littleEndian: line.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
                index &+= others.trailingZeroBitCount &>> 3
                if others != 0 { break }
            }
            while index < line.count {
                let byte = line[index]
                if byte == UInt8(ascii: "\"") {
                    defer { index &+= 1 }
                    return UnsafeRawBufferPointer(rebasing: line[start..<index])
                }
                guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { return nil }
                index &+= 1
            }
            return nil
        }

        /// The upper bit of each byte that ends a text or may not be in it: of the first one for certain, of those behind it perhaps.
        @inline(__always)
        private static func others(in word: UInt64) -> UInt64 {
            let ones: UInt64 = 0x0101_0101_0101_0101
            // Where a byte is zero, or less than what is taken from it, its upper bit is set afterwards.
            let quotes = (word ^ (ones &* 0x22)) &- ones
            let backslashes = (word ^ (ones &* 0x5C)) &- ones
            let controls = word &- (ones &* 0x20)
            return (quotes | backslashes | controls | word) & (ones &* 0x80)
        }

        /// A whole number that is not negative, such as the nanoseconds of a time, of 19 digits.
        mutating func number() -> Int? {
            let start = index
            let end = min(line.count, start &+ 19)
            var (place, value) = (start, UInt64(0))
            while place < end {
                let digit = line[place] &- 0x30
                guard digit < 10 else { break }
                value = value &* 10 &+ UInt64(digit)
                place &+= 1
            }
            index = place
            guard place > start, line[start] != 0x30 || place == start + 1 else { return nil }
            return Int(exactly: value)
        }
    }
}

/// The instances that a journal says were done at a peer: a run that goes on with it leaves them out.
///
/// A file that has changed since is another one, and what was done at another peer counts for nothing. Sixteen bytes are held of each
/// instance, so that a journal of millions fits in memory (``MarkTable``).
package struct CompletedInstances: Sendable {
    /// The way in which an instance came to be at the peer.
    package enum Completion: UInt8, Sendable {
        case wasSent = 1
        case wasSentWithWarning
        /// The peer had an instance of its UID; what that holds nobody has compared.
        case wasThere
    }

    /// The completion of each.
    private var instances = MarkTable()
    /// Lines of the journal that could not be read.
    package private(set) var damagedLines = 0

    /// Reads a journal; where there is none yet, nothing was done.
    ///
    /// - Throws: `FileProblem` if the file cannot be read, or is a journal of another kind.
    package init(reading path: FilePath, operation: String, peer: String) throws(FileProblem) {
        damagedLines = try JournalReader.forEach(of: operation, with: peer, in: path) { take($0) }
    }

    package var count: Int { instances.count }

    package func contains(_ file: InstanceFile) -> Bool { self[file] != nil }

    /// Nil: it is still to be sent.
    package subscript(file: InstanceFile) -> Completion? {
        var instance = file.sopInstanceUID.string
        let digest = instance.withUTF8 { instance in
            file.path.bytes.withUnsafeBytes { path in
                Self.digest(path, UnsafeRawBufferPointer(instance), Int(clamping: file.size), Int(file.modified))
            }
        }
        return Completion(rawValue: instances[digest])
    }

    private static func digest(
        _ path: UnsafeRawBufferPointer, _ instance: UnsafeRawBufferPointer, _ bytes: Int, _ modified: Int
    ) -> WideDigest {
        var digest = WideDigest()
        digest.combine(path)
        digest.combine(instance)
        digest.combine(bytes)
        digest.combine(modified)
        return digest
    }

    /// The last entry on an instance is the one that counts.
    private mutating func take(_ record: JournalReader.Record) {
        guard let path = record.path, let instance = record.sopInstanceUID else { return }
        guard let bytes = record.bytes, let modified = record.modified else { return }
        let completion: Completion?
        switch record.outcome {
        case .done: completion = .wasSent
        case .warning: completion = .wasSentWithWarning
        case .skipped: completion = .wasThere
        // Refused this time; or accepted, and not confirmed or committed to since.
        case .failed, .uncommitted: completion = nil
        case .pending, .confirmed, .committed, .unanswered, .synced, nil: return
        }
        instances[Self.digest(path, instance, bytes, modified)] = completion?.rawValue ?? 0
    }
}

/// The files of instances that a journal says were retrieved. Of each nothing but the place of its entry is held, which is read
/// again when it is asked for: a journal of millions fits in memory, and is read fast.
package final class RetrievedFiles: Sendable {
    /// A file as it was written, or was there.
    package struct File: Sendable {
        package let path: FilePath
        package let bytes: UInt64
        /// The last change of the file when it was written.
        package let modified: Int64?
        /// Of the file as it was written; nil where the file was there before.
        package let digest: String?
        /// The last line of its run says that everything was forced onto the disk.
        package let isSynced: Bool
    }

    /// Where a run begins, and up to where its entries were forced onto the disk.
    private struct Run {
        let start: UInt64
        var synced: UInt64
    }

    private let reader: JournalReader
    /// The last entry of each instance, by the digest of its UID: the entry has the UID itself.
    private let offsets: [UInt64: UInt64]
    private let runs: [Run]
    /// Lines of the journal that could not be read.
    package let damagedLines: Int

    /// Reads a journal.
    ///
    /// - Throws: `FileProblem`: `.notFound` if there is no journal yet, otherwise the reason why it cannot be read.
    package init(reading path: FilePath) throws(FileProblem) {
        var reader = try JournalReader(path)
        var offsets: [UInt64: UInt64] = [:]
        var runs = [Run(start: 0, synced: 0)]
        try reader.forEach { record throws(FileProblem) in
            if record.start != nil { runs.append(Run(start: record.offset, synced: record.offset)) }
            if record.outcome == .synced { runs[runs.count - 1].synced = record.offset }
            guard record.outcome == .done, record.path != nil, let bytes = record.bytes, bytes >= 0,
                let instance = record.sopInstanceUID
            else { return }
            offsets[SeededDigest.of(instance)] = record.offset
        }
        damagedLines = reader.damagedLines
        self.reader = reader
        self.offsets = offsets
        self.runs = runs
    }

    /// The file of an instance; nil if it has none, or its entry cannot be read any more.
    package func file(of instance: UID) -> File? {
        guard let offset = offsets[SeededDigest.of(instance.string)], let entry = try? reader.entry(at: offset),
            entry[.sopInstanceUID]?.string == instance.string, let path = entry.path,
            let bytes = entry[.bytes]?.integer.flatMap({ UInt64(exactly: $0) })
        else { return nil }
        return File(
            path: path, bytes: bytes, modified: entry[.modified]?.integer.map { Int64($0) },
            digest: entry[.sha256]?.string, isSynced: offset < synced(ofRunAt: offset))
    }

    /// Up to where the run is on the disk that the entry at an offset belongs to.
    private func synced(ofRunAt offset: UInt64) -> UInt64 {
        var (low, high) = (0, runs.count)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if runs[middle].start <= offset { low = middle } else { high = middle }
        }
        return runs[low].synced
    }
}

/// The instances that a journal says are at the archive that they were copied to, as that has confirmed: a run that goes on with it
/// leaves them out. Sixteen bytes are held of each, as of ``CompletedInstances``.
package struct CopiedInstances: Sendable {
    private var instances = MarkTable()
    /// Lines of the journal that could not be read.
    package private(set) var damagedLines = 0

    /// Reads a journal; where there is none yet, nothing was copied.
    ///
    /// - Parameters:
    ///   - peer: the archive that the instances were copied to; what is at another counts for nothing.
    ///   - onlyCommitted: true if that the archive lists an instance, and has not committed to keep it, counts for nothing.
    /// - Throws: `FileProblem` if the file cannot be read, or is a journal of another kind.
    package init(
        reading path: FilePath, operation: String, peer: String, onlyCommitted: Bool = false
    ) throws(FileProblem) {
        damagedLines = try JournalReader.forEach(of: operation, with: peer, in: path) { record in
            guard let instance = record.sopInstanceUID, let study = record.studyInstanceUID,
                let series = record.seriesInstanceUID
            else { return }
            let isThere: Bool
            switch record.outcome {
            case .committed: isThere = true
            case .confirmed, .skipped:
                if onlyCommitted { return }
                isThere = true
            // The last entry on an instance is the one that counts.
            case .failed, .uncommitted: isThere = false
            case .done, .warning, .pending, .unanswered, .synced, nil: return
            }
            instances[Self.digest(instance, study: study, series: series)] = isThere ? 1 : 0
        }
    }

    package var count: Int { instances.count }

    package func contains(_ instance: UID, study: UID, series: UID) -> Bool {
        Array(instance.string.utf8).withUnsafeBytes { instance in
            Array(study.string.utf8).withUnsafeBytes { study in
                Array(series.string.utf8).withUnsafeBytes { series in
                    instances[Self.digest(instance, study: study, series: series)] != 0
                }
            }
        }
    }

    /// The same UID in another series is another instance, whatever the standard says.
    private static func digest(
        _ instance: UnsafeRawBufferPointer, study: UnsafeRawBufferPointer, series: UnsafeRawBufferPointer
    ) -> WideDigest {
        var digest = WideDigest()
        digest.combine(study)
        digest.combine(series)
        digest.combine(instance)
        return digest
    }
}

extension UnsafeRawBufferPointer {
    /// True if the bytes are those of a text.
    @inline(__always)
    fileprivate func isText(_ text: StaticString) -> Bool {
        guard let baseAddress, count == text.utf8CodeUnitCount else { return false }
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }
}
