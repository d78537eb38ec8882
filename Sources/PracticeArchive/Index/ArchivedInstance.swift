package import DICOM
package import DICOMNode
package import System

/// An instance that the archive holds: its file, and the attributes that queries can match and return.
///
/// An archive holds many: the attributes are kept encoded, as what differs from what the instances of a series have in common.
package final class ArchivedInstance: Sendable {
    package let file: InstanceFile
    /// Empty if the data set has none: such an instance is in no response.
    let studyInstanceUID: UID
    let seriesInstanceUID: UID
    let patientID: String
    /// Tells, beside length and time, that the file is as it was read; nil if that cannot be told.
    let identity: FileIdentity?
    /// The attributes of another instance, which others have, too.
    let base: CommonElements
    /// The elements that are not in the base, or differ there.
    let changes: EncodedElements
    /// The elements that only the base has.
    let removed: [Tag]
    /// Told when nobody uses this instance any more; nil if that makes no difference.
    private let replacedFiles: ReplacedFiles?

    /// - Parameters:
    ///   - other: An instance that is likely to have most of the attributes.
    ///   - whole: all elements of common ones: for many instances of a series they are the same.
    ///   - replacedFiles: Where the file is marked once another takes its place.
    convenience init(
        _ file: InstanceFile, identity: FileIdentity? = nil, attributes: EncodedElements,
        like other: ArchivedInstance? = nil, whole: (CommonElements) -> EncodedElements = { $0.whole },
        replacedFiles: ReplacedFiles? = nil
    ) {
        let common = other?.common(with: attributes.uid(.seriesInstanceUID))
        let difference = common.map { attributes.difference(from: whole($0)) }
        // Where little is alike, others will rather be like this one.
        if let common, let difference, difference.changes.bytes.count <= attributes.bytes.count / 2 {
            self.init(
                file, identity: identity, base: common, changes: difference.changes, removed: difference.removed,
                like: other, replacedFiles: replacedFiles)
        } else {
            self.init(
                file, identity: identity, base: CommonElements(attributes), changes: EncodedElements(), removed: [],
                like: other, replacedFiles: replacedFiles)
        }
    }

    /// The elements that an instance of a series is likely to have.
    private func common(with series: UID?) -> CommonElements {
        guard series == seriesInstanceUID else { return base.other ?? base }
        guard base.other == nil, !changes.isEmpty || !removed.isEmpty else { return base }
        return CommonElements(changes, removing: removed, from: base)
    }

    /// - Parameters:
    ///   - base: The elements that others have, too, of which `changes` and `removed` are the difference.
    ///   - other: An instance that is likely to be of the same study.
    init(
        _ file: InstanceFile, identity: FileIdentity?, base: CommonElements, changes: EncodedElements, removed: [Tag],
        like other: ArchivedInstance?, replacedFiles: ReplacedFiles?
    ) {
        func value(_ tag: Tag) -> String {
            (changes.string(tag) ?? (changes[tag] != nil || removed.contains(tag) ? nil : base.string(tag))) ?? ""
        }
        func shared<Value: Equatable>(_ value: Value, _ same: Value?) -> Value { value == same ? same ?? value : value }
        self.file = other.map { file.sharingUIDs(with: $0.file) } ?? file
        self.replacedFiles = replacedFiles
        studyInstanceUID = shared(UID(value(.studyInstanceUID)), other?.studyInstanceUID)
        seriesInstanceUID = shared(UID(value(.seriesInstanceUID)), other?.seriesInstanceUID)
        patientID = shared(value(.patientID), other?.patientID)
        self.identity = identity
        self.base = base
        self.changes = changes
        self.removed = removed
    }

    deinit { replacedFiles?.release(file.path) }

    /// The small elements before the pixels; see ``InstanceAttributes``. Made anew at each call.
    var attributes: DataSet {
        changes.isEmpty && removed.isEmpty
            ? base.whole.dataSet : changes.applied(to: base.whole, removing: removed).dataSet
    }

    /// One of the attributes.
    subscript(tag: Tag) -> DataElement? {
        if let own = changes[tag] { return own }
        return removed.contains(tag) ? nil : base[tag]
    }

    /// The first value of an attribute without its padding; nil if it is absent or empty.
    func string(_ tag: Tag) -> String? {
        var own = DataSet()
        own[tag] = self[tag]
        return own.string(tag)
    }

    /// The key of instances whose Patient ID is not plain text alone: of several values, or in a character set of its own.
    static let irregularPatientKey = "\u{1B}"

    /// The Patient ID by which instances are looked up.
    var patientKey: String {
        guard case .bytes(let bytes)? = self[.patientID]?.value else { return "" }
        return Self.patientKey(bytes) ?? Self.irregularPatientKey
    }

    /// The Patient ID of these bytes, as it is looked up; nil if only a comparison can tell what it is equal to.
    static func patientKey(_ bytes: ArraySlice<UInt8>) -> String? {
        let kept = bytes.drop { $0 == 0x20 }.prefix { $0 != 0 }
        guard kept.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return nil }
        let end = kept.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? kept.startIndex
        return String(decoding: kept[..<end], as: UTF8.self)
    }

    /// The bytes that this instance has for itself; for tests.
    var ownBytes: Int { changes.bytes.count }

    /// A file that was opened, and what was found in it.
    struct Reading: Sendable {
        let file: InstanceFile
        /// Of the file before it was read; nil if it has changed since it was opened.
        let stamp: FileStamp?
        let attributes: EncodedElements
    }

    /// Opens a file and reads its attributes.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    static func read(_ path: FilePath) throws(FileProblem) -> Reading {
        let opened = try InstanceFile.open(path)
        let stamp = opened.descriptor.stamp
        let isSame = stamp?.size == opened.file.size && stamp?.modified == opened.file.modified
        let beginning = opened.beginning.dropFirst(Int(clamping: opened.file.dataSetOffset))
        return Reading(
            file: opened.file, stamp: isSame ? stamp : nil,
            attributes: try InstanceAttributes.readEncoded(opened.file, opened.descriptor, beginning: beginning))
    }
}

/// Elements that several instances have: all of those of an archive, or what those of a series have otherwise than these.
final class CommonElements: Sendable {
    private let elements: EncodedElements
    private let removed: [Tag]
    /// Has no others itself.
    let other: CommonElements?
    /// The bytes of ``whole``.
    let length: Int

    init(_ elements: EncodedElements) {
        self.elements = elements
        removed = []
        other = nil
        length = elements.bytes.count
    }

    /// - Parameter other: one that has no others.
    init(_ changes: EncodedElements, removing removed: [Tag], from other: CommonElements) {
        elements = changes
        self.removed = removed
        self.other = other
        length = changes.applied(to: other.whole, removing: removed).bytes.count
    }

    /// All of them.
    var whole: EncodedElements { other.map { elements.applied(to: $0.whole, removing: removed) } ?? elements }

    subscript(tag: Tag) -> DataElement? {
        if let found = elements[tag] { return found }
        return removed.contains(tag) ? nil : other?[tag]
    }

    /// See ``EncodedElements/string(_:)``.
    func string(_ tag: Tag) -> String? {
        guard let other, elements[tag] == nil, !removed.contains(tag) else { return elements.string(tag) }
        return other.string(tag)
    }
}

/// What is another one when a file is another one of the same name, length and time.
struct FileIdentity: Sendable, Equatable {
    let inode: UInt64
    /// See ``FileStamp``.
    let changed: Int64

    init(_ stamp: FileStamp) {
        inode = stamp.inode
        changed = stamp.changed
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
    /// For queries: no key is so long.
    private static let index = SmallElements(
        longestValue: 1_024, longestWhole: 32 << 10, isStandardOnly: true, keepsText: false)
    /// All but bulk data: binary values of more than a kilobyte, and the pixels.
    private static let metadata = SmallElements(
        longestValue: 1_024, longestWhole: 4 << 20, isStandardOnly: false, keepsText: true)

    /// The numbers of bytes that are read, one after the other until the pixels begin. In nearly all files they do so in
    /// the first; a long private element in front of them costs a second read.
    private static let pieces = [64 << 10, 1 << 20, 16 << 20]
    /// The last tag before the pixels.
    private static let last = Tag(0x7FDF_FFFF)
    /// Long pieces, and what they inflate to, are in memory for one association at a time.
    private static let longPieces = Locked(())

    /// Reads the elements of a file that is open which queries can match and return.
    ///
    /// - Parameter beginning: the first bytes of the data set, as far as they are known.
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    static func readEncoded(
        _ file: InstanceFile, _ descriptor: borrowing FileDescriptor, beginning: ArraySlice<UInt8>
    ) throws(FileProblem) -> EncodedElements {
        if file.transferSyntax == .explicitVRLittleEndian || file.transferSyntax.isEncapsulated {
            func found(in bytes: ArraySlice<UInt8>) -> EncodedElements? {
                index.encoded(bytes, through: last, isWhole: UInt64(bytes.count) == file.dataSetLength)
            }
            if let found = found(in: beginning) { return found }
            if let found = try found(in: file.dataSetBytes(descriptor, count: pieces[0])[...]) { return found }
        }
        return EncodedElements(try read(file, descriptor, keeping: index))
    }

    /// Reads all elements of a file that is open but bulk data and the pixels.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    package static func readMetadata(
        _ file: InstanceFile, _ descriptor: borrowing FileDescriptor
    ) throws(FileProblem) -> DataSet {
        try read(file, descriptor, keeping: metadata)
    }

    private static func read(
        _ file: InstanceFile, _ descriptor: borrowing FileDescriptor, keeping rules: SmallElements
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
        _ file: InstanceFile, _ descriptor: CInt, length: Int, _ rules: SmallElements
    ) throws(FileProblem) -> (dataSet: DataSet, isComplete: Bool) {
        let bytes = try file.dataSetBytes(descriptor, count: length)
        do throws(DataSetError) {
            let decoder = DataSetDecoder(file.transferSyntax, limits: .beginning(of: length))
            let found = try decoder.decodeBeginning(bytes[...], through: last)
            let isWhole = UInt64(length) >= file.dataSetLength && !file.transferSyntax.isDeflated
            return (rules.kept(found.dataSet), found.isComplete || isWhole)
        } catch {
            throw FileProblem(file.path, .malformed, error.description)
        }
    }
}
