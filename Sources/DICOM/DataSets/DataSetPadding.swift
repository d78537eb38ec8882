/// The changes that give each value of a data set an even length (PS3.5 7.1.1), and leave all else as it is.
///
/// A padding byte follows each odd value or fragment. The lengths of what encloses it grow, the group length before it is
/// left out (PS3.5 7.2), and the offset tables of the Pixel Data (PS3.5 A.4) are moved on.
package struct DataSetPadding: Sendable {
    /// A change at a place of the data set: so many bytes are left out, and others stand there instead.
    struct Edit: Sendable {
        let offset: UInt64
        let removed: UInt64
        /// The bytes that are put there, the first one lowest.
        let inserted: UInt64
        let insertedCount: Int
    }

    /// An offset table that has to be moved on if fragments grow; its values are little endian.
    package struct Table: Sendable {
        /// In the data set.
        package let offset: UInt64
        package let length: UInt64
        /// 4 in the Basic Offset Table, 8 in the Extended Offset Table.
        package let wordSize: Int
    }

    /// The whole data set, a sequence, an item or fragments.
    private struct Frame {
        let tag: Tag?
        /// The place of the length field, and its value; nil for an undefined length.
        let length: (field: UInt64, value: UInt64)?
        let isBigEndian: Bool
        var growth: Int64 = 0
        /// The group length of the current group.
        var groupLength: (tag: Tag, start: UInt64, count: UInt64)?
    }

    private var frames = [Frame(tag: nil, length: nil, isBigEndian: false)]
    private(set) var edits: [Edit] = []
    package private(set) var tables: [Table] = []
    /// Where fragments of odd length end, from the end of the Basic Offset Table on.
    private var oddFragmentEnds: [UInt64] = []
    /// The end of the Basic Offset Table, from which offsets are counted.
    private var firstFragment: UInt64?
    private var isInPixelData = false

    /// Far more than a file has that somebody has written by mistake.
    private static let maximumEdits = 1_000_000

    private static let extendedOffsetTable = Tag(group: 0x7FE0, element: 0x0001)

    package init() {}

    mutating func note(_ event: DataSetScanner.Event, _ scanner: DataSetScanner) throws(DataSetError) {
        switch event {
        case .element(let tag, let vr, let length, _):
            try noteElement(tag, vr, length, scanner)
        case .sequenceStart(let tag): open(tag, scanner)
        case .itemStart: open(nil, scanner)
        case .fragmentsStart(let tag, _):
            isInPixelData = tag == .pixelData && frames.count == 1
            open(tag, scanner)
        case .fragment(let length): try noteFragment(length, scanner)
        case .itemEnd, .sequenceEnd: try close(scanner)
        case .fragmentsEnd:
            isInPixelData = false
            try close(scanner)
        case .value, .heldValue, .valueEnd: break
        }
    }

    private mutating func noteElement(
        _ tag: Tag, _ vr: ValueRepresentation, _ length: UInt32, _ scanner: DataSetScanner
    ) throws(DataSetError) {
        let (start, value, isOdd) = (scanner.headerStart, scanner.position, !length.isMultiple(of: 2))
        let end = value + UInt64(length)
        if frames.count == 1, tag == Self.extendedOffsetTable {
            tables.append(Table(offset: value, length: UInt64(length), wordSize: 8))
        }
        if tag.isGroupLength {
            frames[frames.count - 1].groupLength = (tag, start, end - start)
            // It is left out, whatever its value is.
            if isOdd { try grow(by: 0, in: tag, scanner) }
            return
        }
        guard isOdd else { return }
        let encoding = scanner.encoding
        let (even, padding) = (UInt64(length) + 1, UInt64(vr.paddingByte))
        var growth: Int64 = 1
        let isShort = encoding.isExplicitVR && value - start == UInt64(ElementHeader.shortest)
        if !isShort {
            try replaceLength(at: value - 4, count: 4, by: even, encoding.isBigEndian, scanner)
        } else if even <= UInt64(ElementHeaderWriter.maximumShortLength) {
            try replaceLength(at: value - 2, count: 2, by: even, encoding.isBigEndian, scanner)
        } else {
            // The short form tells no longer one (PS3.5 6.2.2): U and N, two reserved bytes, a length of four bytes.
            let header = Self.ordered(even, count: 4, encoding.isBigEndian) << 32 | 0x4E55
            try append(Edit(offset: start + 4, removed: 4, inserted: header, insertedCount: 8), scanner)
            growth += 4
        }
        try append(Edit(offset: end, removed: 0, inserted: padding, insertedCount: 1), scanner)
        try grow(by: growth, in: tag, scanner)
    }

    private mutating func noteFragment(_ length: UInt32, _ scanner: DataSetScanner) throws(DataSetError) {
        let end = scanner.position + UInt64(length)
        let isTable = isInPixelData && firstFragment == nil
        if isTable {
            firstFragment = end
            tables.append(Table(offset: scanner.position, length: UInt64(length), wordSize: 4))
        }
        guard !length.isMultiple(of: 2) else { return }
        let isBigEndian = scanner.encoding.isBigEndian
        try replaceLength(at: scanner.position - 4, count: 4, by: UInt64(length) + 1, isBigEndian, scanner)
        try append(Edit(offset: end, removed: 0, inserted: 0, insertedCount: 1), scanner)
        frames[frames.count - 1].growth += 1
        if isInPixelData, !isTable, let firstFragment { oddFragmentEnds.append(end - firstFragment) }
    }

    private mutating func open(_ tag: Tag?, _ scanner: DataSetScanner) {
        let length = scanner.lengthOfEnclosure.map { (field: scanner.position - 4, value: $0) }
        frames.append(Frame(tag: tag, length: length, isBigEndian: scanner.encoding.isBigEndian))
    }

    private mutating func close(_ scanner: DataSetScanner) throws(DataSetError) {
        guard frames.count > 1, let closed = frames.popLast(), closed.growth != 0 else { return }
        if let length = closed.length {
            let grown = Int64(clamping: length.value) + closed.growth
            guard grown >= 0, grown < Int64(ElementHeader.undefinedLength) else {
                throw scanner.error(.tooLong, closed.tag, "no length for it with values of even length")
            }
            try replaceLength(at: length.field, count: 4, by: UInt64(grown), closed.isBigEndian, scanner)
        }
        try grow(by: closed.growth, in: closed.tag, scanner)
    }

    /// Counts the growth of what encloses an element; the group length that no longer holds is left out.
    private mutating func grow(by growth: Int64, in tag: Tag?, _ scanner: DataSetScanner) throws(DataSetError) {
        let innermost = frames.count - 1
        frames[innermost].growth += growth
        guard let group = frames[innermost].groupLength, group.tag.group == tag?.group else { return }
        frames[innermost].groupLength = nil
        frames[innermost].growth -= Int64(clamping: group.count)
        try append(Edit(offset: group.start, removed: group.count, inserted: 0, insertedCount: 0), scanner)
    }

    private mutating func replaceLength(
        at offset: UInt64, count: Int, by length: UInt64, _ isBigEndian: Bool, _ scanner: DataSetScanner
    ) throws(DataSetError) {
        let bytes = Self.ordered(length, count: count, isBigEndian)
        try append(
            Edit(offset: offset, removed: UInt64(count), inserted: bytes, insertedCount: count), scanner)
    }

    private static func ordered(_ number: UInt64, count: Int, _ isBigEndian: Bool) -> UInt64 {
        isBigEndian ? number.byteSwapped >> UInt64(64 - 8 * count) : number
    }

    private mutating func append(_ edit: Edit, _ scanner: DataSetScanner) throws(DataSetError) {
        guard edits.count < Self.maximumEdits else {
            throw scanner.error(.tooManyElements, nil, "more than \(Self.maximumEdits / 2) values of odd length")
        }
        edits.append(edit)
    }

    // MARK: Offset tables

    /// True if there are offsets that have to be moved on.
    package var movesFragments: Bool { !oddFragmentEnds.isEmpty }

    /// Moves the offsets of a table on: a piece of it, whose place in the data set is `offset`.
    ///
    /// - Throws: `.tooManyElements` if there are more changes than can be kept.
    package mutating func moveOffsets(
        _ bytes: ArraySlice<UInt8>, at offset: UInt64, of table: Table
    ) throws(DataSetError) {
        var place = offset
        var rest = bytes
        while rest.count >= table.wordSize {
            let value = rest.prefix(table.wordSize).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let moved = value &+ UInt64(oddFragments(before: value))
            if moved != value {
                guard edits.count < Self.maximumEdits else {
                    throw DataSetError(.tooManyElements, offset: place, "an offset table that is too long")
                }
                edits.append(
                    Edit(
                        offset: place, removed: UInt64(table.wordSize), inserted: moved,
                        insertedCount: table.wordSize))
            }
            rest = rest.dropFirst(table.wordSize)
            place += UInt64(table.wordSize)
        }
    }

    /// The number of fragments of odd length that end at an offset or before it.
    private func oddFragments(before offset: UInt64) -> Int {
        var (low, high) = (0, oddFragmentEnds.count)
        while low < high {
            let middle = (low + high) / 2
            if oddFragmentEnds[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Makes the changes of a ``DataSetPadding`` to the bytes of a data set, as they come.
package struct DataSetPadder: Sendable {
    private let edits: [DataSetPadding.Edit]
    private var next = 0
    private var position: UInt64 = 0
    /// The bytes that are still to be left out.
    private var leftOut: UInt64 = 0

    package init(_ padding: DataSetPadding) {
        // Where a padding byte stands before something that is left out, it comes first.
        edits = padding.edits.sorted { ($0.offset, $0.removed) < ($1.offset, $1.removed) }
    }

    /// Appends the bytes with the changes to them.
    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) {
        var offset = 0
        while offset < bytes.byteCount {
            let rest = UInt64(bytes.byteCount - offset)
            if leftOut > 0 {
                let count = min(leftOut, rest)
                leftOut -= count
                position += count
                offset += Int(count)
                continue
            }
            if insert(into: &output) { continue }
            let count = next < edits.count ? min(rest, edits[next].offset - position) : rest
            bytes.extracting(offset..<offset + Int(count)).withUnsafeBytes { output.append(contentsOf: $0) }
            position += count
            offset += Int(count)
        }
    }

    /// Appends what follows the last byte.
    package mutating func finish(into output: inout [UInt8]) {
        while insert(into: &output) {}
    }

    /// Makes the change that is due here; false if there is none.
    private mutating func insert(into output: inout [UInt8]) -> Bool {
        guard next < edits.count, edits[next].offset <= position else { return false }
        let edit = edits[next]
        for index in 0..<edit.insertedCount {
            output.append(UInt8(truncatingIfNeeded: edit.inserted >> UInt64(8 * index)))
        }
        leftOut = edit.removed
        next += 1
        return true
    }
}
