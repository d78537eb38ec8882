package import DICOM
package import DICOMNode
package import System

/// An instance that the archive holds: its file, and the attributes that queries can match and return.
///
/// An archive holds many: the attributes are kept encoded, as what differs from another instance, mostly the first one of
/// the series.
package final class ArchivedInstance: Sendable {
    package let file: InstanceFile
    /// Empty if the data set has none: such an instance is in no response.
    let studyInstanceUID: UID
    let seriesInstanceUID: UID
    let patientID: String
    /// The attributes of the other instance, which has this array, too.
    private let base: [UInt8]
    /// The elements that are not in the base, or differ there.
    private let changes: [UInt8]
    /// The elements that only the base has.
    private let removed: [Tag]
    /// Told when nobody uses this instance any more; nil if that makes no difference.
    private let replacedFiles: ReplacedFiles?

    private static let encoder = DataSetEncoder(.explicitVRLittleEndian)
    private static let decoder = DataSetDecoder(.explicitVRLittleEndian)

    /// - Parameters:
    ///   - other: An instance that is likely to have most of the attributes.
    ///   - replacedFiles: Where the file is marked once another takes its place.
    init(
        _ file: InstanceFile, attributes: DataSet, like other: ArchivedInstance? = nil,
        replacedFiles: ReplacedFiles? = nil
    ) {
        func shared<Value: Equatable>(_ value: Value, _ same: Value?) -> Value { value == same ? same ?? value : value }
        self.file = other.map { file.sharingUIDs(with: $0.file) } ?? file
        self.replacedFiles = replacedFiles
        studyInstanceUID = shared(attributes.uid(.studyInstanceUID) ?? "", other?.studyInstanceUID)
        seriesInstanceUID = shared(attributes.uid(.seriesInstanceUID) ?? "", other?.seriesInstanceUID)
        patientID = shared(attributes.string(.patientID) ?? "", other?.patientID)
        let encoded = Self.encoder.encode(attributes)
        if let other {
            let (changes, removed) = Self.difference(Self.decoded(encoded), Self.decoded(other.base))
            // Where little is alike, others will rather be like this one.
            if changes.count <= encoded.count / 2 {
                base = other.base
                self.changes = changes
                self.removed = removed
                return
            }
        }
        base = encoded
        changes = []
        removed = []
    }

    deinit { replacedFiles?.release(file.path) }

    /// The small elements before the pixels; see ``InstanceAttributes``. Made anew at each call.
    var attributes: DataSet {
        let base = Self.decoded(base)
        guard !changes.isEmpty || !removed.isEmpty else { return base }
        let old = base.elements
        var merged = DataSet()
        var index = 0
        func takeOld(below tag: Tag?) {
            while index < old.count, tag.map({ old[index].tag < $0 }) ?? true {
                if !removed.contains(old[index].tag) { merged.append(old[index]) }
                index += 1
            }
        }
        for changed in Self.decoded(changes).elements {
            takeOld(below: changed.tag)
            if index < old.count, old[index].tag == changed.tag { index += 1 }
            merged.append(changed)
        }
        takeOld(below: nil)
        return merged
    }

    /// The bytes that this instance has for itself; for tests.
    var ownBytes: Int { changes.count }

    private static func difference(_ one: DataSet, _ base: DataSet) -> (changes: [UInt8], removed: [Tag]) {
        var changed = DataSet()
        for element in one.elements where base[element.tag] != element { changed.append(element) }
        return (encoder.encode(changed), base.elements.map(\.tag).filter { one[$0] == nil })
    }

    private static func decoded(_ bytes: [UInt8]) -> DataSet {
        // Our own bytes.
        do throws(DataSetError) { return try decoder.decode(bytes[...]) } catch { return DataSet() }
    }

    /// Opens a file and reads its attributes.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    static func read(_ path: FilePath) throws(FileProblem) -> (file: InstanceFile, attributes: DataSet) {
        let opened = try InstanceFile.open(path)
        return (opened.file, try InstanceAttributes.read(opened.file, opened.descriptor))
    }
}

/// Files whose instances were stored again with another content: they stay until nobody reads them any more.
final class ReplacedFiles: Sendable {
    private struct State {
        /// Files of instances that were replaced, and that somebody may still use.
        var replaced: Set<FilePath> = []
        /// Files that nobody uses any more.
        var unused: Set<FilePath> = []
        /// Instances that are on the way to their file.
        var stores = 0

        mutating func removeUnused() {
            guard stores == 0 else { return }
            for path in unused { FileDescriptor.remove(path) }
            unused = []
        }
    }

    private let state = Locked(State())

    /// Called when another instance has taken the place of the one in this file.
    func mark(_ path: FilePath) { state.withLock { _ = $0.replaced.insert(path) } }

    /// Called when the file is that of an instance again.
    func revive(_ path: FilePath) {
        state.withLock { state in
            state.replaced.remove(path)
            state.unused.remove(path)
        }
    }

    /// Called when nobody uses the instance of the file any more.
    func release(_ path: FilePath) {
        state.withLock { state in
            guard state.replaced.remove(path) != nil else { return }
            state.unused.insert(path)
            state.removeUnused()
        }
    }

    /// Stores an instance. No file is removed meanwhile: it may turn out to be the equal of what is stored.
    ///
    /// - Throws: The error of `body`.
    func storing<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
        state.withLock { $0.stores += 1 }
        defer {
            state.withLock { state in
                state.stores -= 1
                state.removeUnused()
            }
        }
        try body()
    }
}

/// The elements of an instance before its pixels, as far as somebody wants them.
package enum InstanceAttributes {
    /// Which elements are kept.
    package struct Rules: Sendable {
        /// In bytes; longer values are left out.
        fileprivate let longestValue: Int
        /// In bytes, of all elements together: nobody shall fill memory with many small ones.
        fileprivate let longestAttributes: Int
        /// True to leave private elements out.
        fileprivate let isStandardOnly: Bool
        /// True to leave binary values out that are longer than ``longestValue`` only.
        fileprivate let keepsText: Bool

        /// For queries: no key is so long.
        package static let index = Rules(
            longestValue: 1_024, longestAttributes: 32 << 10, isStandardOnly: true, keepsText: false)
        /// All but bulk data: binary values of more than a kilobyte, and the pixels.
        package static let metadata = Rules(
            longestValue: 1_024, longestAttributes: 4 << 20, isStandardOnly: false, keepsText: true)
    }

    /// The numbers of bytes that are read, one after the other until the pixels begin. In nearly all files they do so in
    /// the first; a long private element in front of them costs a second read.
    private static let pieces = [64 << 10, 1 << 20, 16 << 20]
    /// The last tag before the pixels.
    private static let last = Tag(0x7FDF_FFFF)
    /// Long pieces, and what they inflate to, are in memory for one association at a time.
    private static let longPieces = Locked(())

    /// Reads the elements of a file that is open.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    package static func read(
        _ file: InstanceFile, _ descriptor: borrowing FileDescriptor, keeping rules: Rules = .index
    ) throws(FileProblem) -> DataSet {
        var found = DataSet()
        let descriptor = descriptor.rawValue
        for (number, length) in pieces.enumerated() {
            let piece: (dataSet: DataSet, isComplete: Bool)
            if number == 0 {
                piece = try read(file, descriptor, length: length, rules)
            } else {
                piece = try longPieces.withLock { (_) throws(FileProblem) in
                    try read(file, descriptor, length: length, rules)
                }
            }
            found = piece.dataSet
            if piece.isComplete { break }
        }
        return found
    }

    private static func read(
        _ file: InstanceFile, _ descriptor: CInt, length: Int, _ rules: Rules
    ) throws(FileProblem) -> (dataSet: DataSet, isComplete: Bool) {
        let bytes = try file.dataSetBytes(descriptor, count: length)
        do throws(DataSetError) {
            let decoder = DataSetDecoder(file.transferSyntax, limits: .beginning(of: length))
            let (dataSet, isComplete) = try decoder.decodeBeginning(bytes[...], through: last)
            let isWhole = UInt64(length) >= file.dataSetLength && !file.transferSyntax.isDeflated
            var room = rules.longestAttributes
            return (kept(dataSet, rules, &room), isComplete || isWhole)
        } catch {
            throw FileProblem(file.path, .malformed, error.description)
        }
    }

    /// A copy of the small elements, so that the bytes of the file are not kept alive.
    private static func kept(_ dataSet: DataSet, _ rules: Rules, _ room: inout Int) -> DataSet {
        var kept = DataSet()
        for element in dataSet.elements where !rules.isStandardOnly || element.tag.group % 2 == 0 {
            // With its header.
            room -= 12
            guard room >= 0 else { break }
            switch element.value {
            case .bytes(let bytes)
            where bytes.count <= room
                && (bytes.count <= rules.longestValue || (rules.keepsText && element.vr.isText)):
                room -= bytes.count
                kept.append(DataElement(tag: element.tag, vr: element.vr, value: .bytes(Array(bytes)[...])))
            case .items(let items):
                var found: [DataSet] = []
                for item in items {
                    room -= 8
                    guard room >= 0 else { break }
                    found.append(Self.kept(item, rules, &room))
                }
                kept.append(DataElement(tag: element.tag, vr: .SQ, value: .items(found)))
            case .bytes, .fragments:
                break
            }
        }
        return kept
    }
}
