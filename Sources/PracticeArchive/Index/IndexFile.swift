import DICOM
import DICOMNode
import Glibc
import System

/// The index of an archive in a hidden file of its folder: at the next start the attributes of each file that is as it was come
/// from there, and the file is not opened.
///
/// The folder may be anybody's. A file that is not ours alone, or not of this version, is not read; a part of it that is damaged,
/// and all behind it, counts as not there. It names no file to be opened: it is asked for the files that are met in the folder, and what
/// it says of one holds only if size, times and inode of the file are those that it tells.
///
///     first line              "dcmscu index 1 VERSION"
///     block, again and again  length 4 | sum 8 | entries            entries of `longestBlock` bytes, and the last one whole
///     entry                   kind 1 | length 4 | base or instance
///     base                    the elements from which those of instances differ; numbered from 0
///     instance                path in the folder, UIDs, state of the file, number of the base, differences
///
/// Numbers are little endian. Instances stand in the order in which ``FileScanner`` meets their files, so that no more of them is
/// held than a block, beside the bases.
enum IndexFile {
    /// In folders of fewer instances, to read all of them takes less than a glance; no file of ours has to be there.
    static let fewestInstances = 256
    static let longestBlock = 64 << 10
    /// In bytes, of an instance or a base; see ``InstanceAttributes``.
    static let longestElements = 64 << 10

    static let head = Array("dcmscu index 1 \(ImplementationIdentity.version)\n".utf8)

    enum Kind: UInt8 {
        case base = 1
        case instance = 2
    }

    /// Damage is found by it, and no intent: who may write the file may write a sum, too.
    static func sum(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { bytes in
            var sum = UInt64(bytes.count)
            var offset = 0
            while offset < bytes.count {
                var word: UInt64 = 0
                withUnsafeMutableBytes(of: &word) { word in
                    word.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + 8, bytes.count)]))
                }
                sum = (sum ^ UInt64(littleEndian: word)) &* 0x9E37_79B9_7F4A_7C15
                sum ^= sum >> 29
                offset += 8
            }
            return sum
        }
    }

    /// True if a path is met before another one in the same folder: a name that ends there before one that goes on.
    static func precedes(_ one: some Sequence<UInt8>, _ other: some Sequence<UInt8>) -> Bool {
        func rank(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "/") ? 0 : byte }
        return one.lexicographicallyPrecedes(other) { rank($0) < rank($1) }
    }
}

// MARK: Records

/// What the index file tells of one file.
struct IndexRecord: Sendable {
    let path: ArraySlice<UInt8>
    /// Behind the path.
    fileprivate let rest: ArraySlice<UInt8>
    fileprivate let base: CommonElements

    /// The instance in the file, if the file is as it was, and the record is sound; nil if it is to be read anew.
    func instance(
        at path: FilePath, like other: ArchivedInstance?, replacedFiles: ReplacedFiles
    ) -> ArchivedInstance? {
        var fields = ByteReader(rest)
        guard let inode = fields.number(UInt64.self), let changed = fields.number(Int64.self),
            let modified = fields.number(Int64.self), let size = fields.number(UInt64.self),
            let offset = fields.number(UInt64.self), let form = fields.number(UInt8.self),
            let sopClass = fields.uid(), let instance = fields.uid(), let syntax = fields.uid(),
            let known = fields.number(UInt8.self), let removedCount = fields.number(UInt16.self)
        else { return nil }
        var removed: [Tag] = []
        for _ in 0..<removedCount {
            guard let tag = fields.number(UInt32.self) else { return nil }
            removed.append(Tag(tag))
        }
        let changes = EncodedElements(bytes: Array(fields.rest))
        guard let stamp = path.ownStamp, stamp.inode == inode, stamp.changed == changed, stamp.modified == modified,
            stamp.size == size, let form = InstanceFile.Form(number: form), changes.isAscending
        else { return nil }
        let study =
            known & 1 == 0 ? nil : changes.uid(.studyInstanceUID) ?? base.string(.studyInstanceUID).map { UID($0) }
        let series =
            known & 2 == 0 ? nil : changes.uid(.seriesInstanceUID) ?? base.string(.seriesInstanceUID).map { UID($0) }
        guard
            let file = InstanceFile(
                path: path, size: size, modified: modified, dataSetOffset: offset, form: form, sopClassUID: sopClass,
                sopInstanceUID: instance, transferSyntax: TransferSyntax(syntax), studyInstanceUID: study,
                seriesInstanceUID: series)
        else { return nil }
        return ArchivedInstance(
            file, identity: FileIdentity(stamp), base: base, changes: changes, removed: removed, like: other,
            replacedFiles: replacedFiles)
    }
}

extension InstanceFile.Form {
    fileprivate init?(number: UInt8) {
        switch number {
        case 0: self = .part10
        case 1: self = .metaInformationAlone
        case 2: self = .dataSetAlone
        default: return nil
        }
    }

    fileprivate var number: UInt8 {
        switch self {
        case .part10: 0
        case .metaInformationAlone: 1
        case .dataSetAlone: 2
        }
    }
}

/// Fields one after the other, as far as there are bytes.
private struct ByteReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        let taken = rest.prefix(count)
        rest = rest.dropFirst(count)
        return taken
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard let bytes = take(MemoryLayout<Number>.size) else { return nil }
        return Number(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
    }

    /// Nil also for one that is empty.
    mutating func uid() -> UID? {
        guard let count = number(UInt8.self), count > 0, let bytes = take(Int(count)) else { return nil }
        return UID(String(decoding: bytes, as: UTF8.self))
    }
}

// MARK: Reading

/// Reads an index file beside a walk through its folder.
final class IndexFileReader {
    private let file: FileDescriptor
    /// The rest of the block that is being read.
    private var block: ArraySlice<UInt8> = []
    /// Of the next block.
    private var offset = UInt64(IndexFile.head.count)
    private var bases: [CommonElements] = []
    private var next: IndexRecord?
    private var passedCount = 0

    /// Nil if there is no index file that can be believed.
    init?(in folder: FilePath) {
        let path = folder.appending(FileScanner.indexName.bytes)
        do throws(SystemError) {
            file = try FileDescriptor.open(path, [.notFollowingLinks, .notWaiting, .noControllingTerminal])
        } catch {
            return nil
        }
        guard file.isOursAlone, read(IndexFile.head.count, at: 0) == IndexFile.head else { return nil }
        advance()
    }

    /// The record of a file, which is asked for in the order of the walk; nil if there is none.
    func record(for path: ArraySlice<UInt8>) -> IndexRecord? {
        while let found = next {
            if found.path.elementsEqual(path) {
                advance()
                return found
            }
            guard IndexFile.precedes(found.path, path) else { return nil }
            passedCount += 1
            advance()
        }
        return nil
    }

    /// True if there are records that nobody has asked for: their files are gone.
    func hasPassed() -> Bool { passedCount > 0 || next != nil }

    private func advance() {
        next = nil
        while next == nil {
            if block.isEmpty {
                guard let following = nextBlock() else { return }
                block = following
            }
            var entry = ByteReader(block)
            guard let kind = entry.number(UInt8.self).flatMap({ IndexFile.Kind(rawValue: $0) }),
                let length = entry.number(UInt32.self), let content = entry.take(Int(length)), take(kind, content)
            else {
                // Nothing behind it can be told apart.
                block = []
                offset = .max
                return
            }
            block = entry.rest
        }
    }

    /// False if it makes no sense.
    private func take(_ kind: IndexFile.Kind, _ content: ArraySlice<UInt8>) -> Bool {
        switch kind {
        case .base:
            let base = EncodedElements(bytes: Array(content))
            guard base.isAscending else { return false }
            bases.append(CommonElements(base))
        case .instance:
            var fields = ByteReader(content)
            guard let length = fields.number(UInt16.self), let path = fields.take(Int(length)),
                let number = fields.number(UInt32.self), number < bases.count
            else { return false }
            next = IndexRecord(path: path, rest: fields.rest, base: bases[Int(number)])
        }
        return true
    }

    private func nextBlock() -> ArraySlice<UInt8>? {
        guard offset != .max, let head = read(12, at: offset) else { return nil }
        var fields = ByteReader(head[...])
        guard let length = fields.number(UInt32.self), length > 0,
            Int(length) <= IndexFile.longestBlock + 3 * IndexFile.longestElements,
            let sum = fields.number(UInt64.self), let block = read(Int(length), at: offset + 12),
            IndexFile.sum(block) == sum
        else { return nil }
        offset += 12 + UInt64(length)
        return block[...]
    }

    /// Nil if there are not as many bytes.
    private func read(_ count: Int, at start: UInt64) -> [UInt8]? {
        var isWhole = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, isWhole {
                let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let read = (try? file.read(into: room, at: start + UInt64(filled))) ?? 0
                filled += read
                isWhole = read > 0
            }
        }
        return isWhole ? bytes : nil
    }
}

// MARK: Writing

extension IndexFile {
    /// Writes the index of these instances, all of the folder, in the place of the one that is there.
    ///
    /// Something else that has the name, such as a link or a folder, stays, and nothing is written.
    ///
    /// - Throws: `FileProblem` if it cannot be written.
    static func write(_ instances: some Sequence<ArchivedInstance>, in folder: OutputFolder) throws(FileProblem) {
        guard mayWrite(in: folder.path) else { return }
        let prefix = folder.path.appending("").bytes.count
        var recorded: [(path: ArraySlice<UInt8>, instance: ArchivedInstance)] = []
        for instance in instances where instance.isRecordable && instance.file.path.bytes.count > prefix {
            recorded.append((instance.file.path.bytes.dropFirst(prefix), instance))
        }
        // In place: there may be many, and their paths are taken once.
        recorded.sort { precedes($0.path, $1.path) }
        try folder.replace(FileScanner.indexName) { (write) throws(FileProblem) in
            try write(head)
            var bases: [ObjectIdentifier: UInt32] = [:]
            var block: [UInt8] = []
            for (_, instance) in recorded {
                let base = ObjectIdentifier(instance.base)
                if bases[base] == nil {
                    bases[base] = UInt32(bases.count)
                    append(.base, instance.base.whole.bytes, to: &block)
                }
                append(.instance, fields(of: instance, bases[base] ?? 0, from: prefix), to: &block)
                guard block.count >= longestBlock else { continue }
                try write(numbered(block))
                block.removeAll(keepingCapacity: true)
            }
            if !block.isEmpty { try write(numbered(block)) }
        }
    }

    /// True if nobody has the name, or a file of ours.
    private static func mayWrite(in folder: FilePath) -> Bool {
        do throws(SystemError) {
            return try FileDescriptor.open(
                folder.appending(FileScanner.indexName.bytes),
                [.notFollowingLinks, .notWaiting, .noControllingTerminal]
            ).isOursAlone
        } catch {
            return error.isNotFound
        }
    }

    private static func numbered(_ block: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(12 + block.count)
        append(UInt32(block.count), to: &bytes)
        append(sum(block), to: &bytes)
        return bytes + block
    }

    private static func append(_ kind: Kind, _ content: [UInt8], to block: inout [UInt8]) {
        block.append(kind.rawValue)
        append(UInt32(content.count), to: &block)
        block += content
    }

    private static func fields(of instance: ArchivedInstance, _ base: UInt32, from prefix: Int) -> [UInt8] {
        let file = instance.file
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        let path = file.path.bytes.dropFirst(prefix)
        append(UInt16(path.count), to: &bytes)
        bytes += path
        append(base, to: &bytes)
        append(instance.identity?.inode ?? 0, to: &bytes)
        append(instance.identity?.changed ?? 0, to: &bytes)
        append(file.modified, to: &bytes)
        append(file.size, to: &bytes)
        append(file.dataSetOffset, to: &bytes)
        bytes.append(file.form.number)
        for uid in [file.sopClassUID, file.sopInstanceUID, file.transferSyntax.uid] {
            bytes.append(UInt8(uid.string.utf8.count))
            bytes += uid.string.utf8
        }
        bytes.append((file.studyInstanceUID == nil ? 0 : 1) | (file.seriesInstanceUID == nil ? 0 : 2))
        append(UInt16(instance.removed.count), to: &bytes)
        for tag in instance.removed { append(tag.rawValue, to: &bytes) }
        return bytes + instance.changes.bytes
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

extension ArchivedInstance {
    /// True if the index file can tell all of it.
    var isRecordable: Bool {
        func isShort(_ uid: UID) -> Bool { (1...255).contains(uid.string.utf8.count) }
        return identity != nil && file.path.bytes.count <= 4_096 && isShort(file.sopClassUID)
            && isShort(file.sopInstanceUID) && isShort(file.transferSyntax.uid)
            && (file.studyInstanceUID == nil || file.studyInstanceUID == studyInstanceUID)
            && (file.seriesInstanceUID == nil || file.seriesInstanceUID == seriesInstanceUID)
            && removed.count < 10_000 && base.length < IndexFile.longestElements
            && changes.bytes.count < IndexFile.longestElements
    }
}
