/// What was read of the beginning of a data set.
package struct DataSetBeginning {
    package let dataSet: DataSet
    /// True if the bytes reach beyond the last element that was asked for: if not, more elements may follow.
    package let isComplete: Bool
    /// The elements that a ``DataSetCheck`` of the same data set need not walk over again; nil if there are none.
    package let walked: WalkedElements?
}

/// Reads a data set from bytes that are all in memory (PS3.5 7 and annex A).
///
/// The values of the result are slices of the bytes given, so they keep all of them alive; only big endian numbers
/// and what was deflated are copied. Whatever the bytes, the result is a data set or an error. Tolerated, since files
/// have them: odd lengths, elements out of order (they are sorted), an element twice (the first one stays).
package struct DataSetDecoder: Sendable {
    let encoding: ElementEncoding
    let isDeflated: Bool
    let limits: DecodingLimits

    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard) {
        self.init(ElementEncoding(syntax), isDeflated: syntax.isDeflated, limits: limits)
    }

    init(_ encoding: ElementEncoding, isDeflated: Bool = false, limits: DecodingLimits = .standard) {
        self.encoding = encoding
        self.isDeflated = isDeflated
        self.limits = limits
    }

    /// Decodes a whole data set.
    ///
    /// - Throws: a `DataSetError` with the offset and the tag if the bytes are no data set or exceed the limits.
    package func decode(_ bytes: ArraySlice<UInt8>) throws(DataSetError) -> DataSet {
        let source = isDeflated ? try Inflater.inflated(bytes, limits: limits)[...] : bytes
        var builder = DataSetBuilder(source, encoding, limits)
        return try builder.readDataSet(source.span.bytes)
    }

    /// Decodes the beginning of a data set up to the element `last`, included, or to the end of the bytes; an element
    /// that is not there as a whole is left out.
    ///
    /// - Throws: a `DataSetError` if the bytes are wrong, and not merely cut.
    package func decodePrefix(_ bytes: ArraySlice<UInt8>, through last: Tag) throws(DataSetError) -> DataSet {
        try decodeBeginning(bytes, through: last).dataSet
    }

    /// Decodes as ``decodePrefix(_:through:)`` does, and tells whether the bytes reach beyond the element `last`: if
    /// not, more elements may follow.
    ///
    /// - Parameter wanted: the elements that are needed, ascending; any other one may be left out. Nil: all are needed.
    /// - Throws: a `DataSetError` if the bytes are wrong, and not merely cut.
    package func decodeBeginning(
        _ bytes: ArraySlice<UInt8>, through last: Tag, only wanted: [Tag]? = nil
    ) throws(DataSetError) -> DataSetBeginning {
        let source = isDeflated ? try Inflater.inflatedPrefix(bytes, limits: limits)[...] : bytes
        var builder = DataSetBuilder(source, encoding, limits, only: wanted)
        let dataSet = try builder.readPrefix(source.span.bytes, through: last)
        return DataSetBeginning(
            dataSet: dataSet, isComplete: builder.isBeyondLast, walked: isDeflated ? nil : builder.walked)
    }

    /// Decodes the first element of the bytes, and returns how many bytes it is; nil without one.
    ///
    /// - Throws: a `DataSetError`; `.truncated` if the bytes end inside the element.
    func decodeFirst(_ bytes: ArraySlice<UInt8>) throws(DataSetError) -> (element: DataElement?, length: Int) {
        var builder = DataSetBuilder(bytes, encoding, limits)
        let element = try builder.readFirst(bytes.span.bytes)
        return (element, builder.offset)
    }

    /// Decodes the elements of one group at the beginning of the bytes, and returns how many bytes they are.
    ///
    /// - Throws: a `DataSetError`; `.truncated` if the bytes end inside an element.
    func decodeGroup(
        _ group: UInt16, _ bytes: ArraySlice<UInt8>
    ) throws(DataSetError) -> (elements: DataSet, length: Int) {
        var builder = DataSetBuilder(bytes, encoding, limits)
        let elements = try builder.readGroup(bytes.span.bytes, group)
        return (elements, builder.offset)
    }
}

/// Builds a tree from the events of a scanner.
///
/// The span passed along is `source` again: reading through it costs no reference count.
private struct DataSetBuilder {
    private let source: ArraySlice<UInt8>
    private let encoding: ElementEncoding
    private let maximumElements: Int
    /// The elements of the outermost level that are needed, ascending; nil if all are.
    private let wanted: [Tag]?
    /// The number of those whose tags are not above ``highest``.
    private var wantedCount = 0
    /// The highest tag of the outermost level so far, where a prefix is read.
    private var highest = Tag(0)
    /// The tags of the first and of the last value of the outermost level so far; sequences and fragments are none.
    private var firstValue: Tag?
    private var lastValue = Tag(0)
    /// True if each of them was above the one before.
    private var isAscending = true
    private var scanner: DataSetScanner
    /// The number of bytes read.
    private(set) var offset = 0
    /// True if an element beyond the last one that was asked for has been seen.
    private(set) var isBeyondLast = false
    private var elementCount = 0

    /// The elements so far of the innermost data set.
    private var collected: ElementCollector
    /// The sequences around it, the outermost first.
    private var openSequences: [OpenSequence] = []

    private struct OpenSequence {
        let tag: Tag
        /// The elements so far of the data set that the sequence belongs to.
        var enclosing: ElementCollector
        var items: [DataSet] = []
    }

    init(
        _ source: ArraySlice<UInt8>, _ encoding: ElementEncoding, _ limits: DecodingLimits, only wanted: [Tag]? = nil
    ) {
        self.source = source
        self.wanted = wanted
        self.encoding = encoding
        maximumElements = limits.maximumElements
        scanner = DataSetScanner(encoding, limits: limits, length: source.count)
        // A match has a dozen elements: room for them at once. Not so for items: a file of tiny ones would take fifty
        // times its size.
        collected = ElementCollector(expectedCount: min(16, source.count / ElementHeader.shortest))
    }

    mutating func readDataSet(_ bytes: RawSpan) throws(DataSetError) -> DataSet {
        while try readNext(bytes) {}
        return collected.dataSet()
    }

    mutating func readPrefix(_ bytes: RawSpan, through last: Tag) throws(DataSetError) -> DataSet {
        do throws(DataSetError) {
            while try continues(bytes, through: last), try readNext(bytes) {}
        } catch  where error.code == .truncated {}
        // Wherever the bytes end, what is in a sequence is no part of the outermost level.
        return openSequences.first?.enclosing.dataSet() ?? collected.dataSet()
    }

    /// True inside of an element, and where one begins whose tag is not beyond the last one.
    private mutating func continues(_ bytes: RawSpan, through last: Tag) throws(DataSetError) -> Bool {
        guard scanner.isOutermost else { return true }
        if wanted != nil {
            let next = firstValue == nil ? try ElementHeader.read(bytes, at: offset, encoding)?.tag : nil
            if passUnwanted(bytes, through: last) {
                firstValue = firstValue ?? next
                lastValue = highest
            }
        }
        guard let header = try ElementHeader.read(bytes, at: offset, encoding) else { return false }
        guard header.tag <= last else {
            isBeyondLast = true
            return false
        }
        if header.tag <= highest { isAscending = false }
        highest = max(highest, header.tag)
        return true
    }

    /// The elements that were read up to one beyond the last that was asked for.
    var walked: WalkedElements? {
        guard isBeyondLast, isAscending, highest < .floatPixelData else { return nil }
        return WalkedElements(length: offset, firstValue: firstValue, lastValue: lastValue)
    }

    /// Passes over the values before the next element that is wanted, as long as their tags ascend; false if there are none.
    private mutating func passUnwanted(_ bytes: RawSpan, through last: Tag) -> Bool {
        var previous = highest
        var next = Tag(.max)
        while let wanted, wantedCount < wanted.count {
            guard wanted[wantedCount] <= previous else {
                next = wanted[wantedCount]
                break
            }
            wantedCount += 1
        }
        let count = scanner.passPlainElements(bytes, at: &offset) { element in
            let tag = element.tag
            guard tag > previous, tag < next, tag <= last else { return false }
            previous = tag
            return true
        }
        elementCount += count
        highest = previous
        return count > 0
    }

    mutating func readFirst(_ bytes: RawSpan) throws(DataSetError) -> DataElement? {
        repeat {
            guard try readNext(bytes) else { break }
        } while !scanner.isOutermost
        return collected.dataSet().elements.first
    }

    /// Reads elements while they are of this group. What follows has another encoding: only its group, in either byte
    /// order, may be looked at.
    mutating func readGroup(_ bytes: RawSpan, _ group: UInt16) throws(DataSetError) -> DataSet {
        while !scanner.isOutermost || isGroup(group, bytes) {
            _ = try readNext(bytes)
        }
        return collected.dataSet()
    }

    /// True if an element of the group begins here, as far as the bytes go.
    private func isGroup(_ group: UInt16, _ bytes: RawSpan) -> Bool {
        switch bytes.byteCount - offset {
        case 0: false
        case 1: true
        default:
            UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)) == group
        }
    }

    /// Reads an element without items, or the beginning or end of one that has items; false at the end of the bytes.
    @inline(__always)
    private mutating func readNext(_ bytes: RawSpan) throws(DataSetError) -> Bool {
        guard let event = try scanner.next(bytes, at: &offset) else { return false }
        switch event {
        case .element(let tag, let vr, let length, let isBigEndian):
            try countElement(tag)
            if openSequences.isEmpty {
                firstValue = firstValue ?? tag
                lastValue = tag
            }
            let value = takeValue(bytes, length, wordSize: isBigEndian ? vr.wordSize : 1)
            collected.append(DataElement(tag: tag, vr: vr, value: .bytes(value)))
        case .sequenceStart(let tag):
            try countElement(tag)
            if let wanted, openSequences.isEmpty, !wanted.contains(tag) {
                try passSequence(bytes)
                break
            }
            if openSequences.isEmpty { openSequences.reserveCapacity(4) }
            var sequence = OpenSequence(tag: tag, enclosing: ElementCollector())
            swap(&sequence.enclosing, &collected)
            openSequences.append(sequence)
        case .itemStart:
            try countElement(nil)
            collected = ElementCollector()
        case .itemEnd:
            openSequences[openSequences.count - 1].items.append(collected.dataSet())
        case .sequenceEnd:
            if var sequence = openSequences.popLast() {
                // Moved, not copied: a second reference would make the next append copy all elements.
                swap(&sequence.enclosing, &collected)
                collected.append(DataElement(tag: sequence.tag, vr: .SQ, value: .items(sequence.items)))
            }
        case .fragmentsStart(let tag, let vr):
            try countElement(tag)
            collected.append(DataElement(tag: tag, vr: vr, value: .fragments(try readFragments(bytes))))
        case .fragment, .fragmentsEnd, .value, .heldValue, .valueEnd:
            break
        }
        return true
    }

    /// Passes over the rest of a sequence of the outermost level.
    private mutating func passSequence(_ bytes: RawSpan) throws(DataSetError) {
        repeat {
            elementCount += scanner.passPlainElements(bytes, at: &offset) { _ in true }
            guard let event = try scanner.next(bytes, at: &offset) else { return }
            switch event {
            case .element(let tag, _, let length, _):
                try countElement(tag)
                _ = scanner.takeWholeValue(bytes, at: &offset, length: length)
            case .fragment(let length):
                try countElement(nil)
                _ = scanner.takeWholeValue(bytes, at: &offset, length: length)
            case .sequenceStart(let tag), .fragmentsStart(let tag, _): try countElement(tag)
            case .itemStart: try countElement(nil)
            case .itemEnd, .sequenceEnd, .fragmentsEnd, .value, .heldValue, .valueEnd: break
            }
        } while !scanner.isOutermost
    }

    private mutating func readFragments(_ bytes: RawSpan) throws(DataSetError) -> [ArraySlice<UInt8>] {
        var fragments: [ArraySlice<UInt8>] = []
        while case .fragment(let length)? = try scanner.next(bytes, at: &offset) {
            try countElement(nil)
            fragments.append(takeValue(bytes, length, wordSize: 1))
        }
        return fragments
    }

    @inline(__always)
    private mutating func takeValue(_ bytes: RawSpan, _ length: UInt32, wordSize: Int) -> ArraySlice<UInt8> {
        let place = scanner.takeWholeValue(bytes, at: &offset, length: length)
        let value = source[source.startIndex + place.lowerBound..<source.startIndex + place.upperBound]
        return wordSize == 1 ? value : ByteOrder.swapped(value, wordSize: wordSize)
    }

    /// - Parameter tag: nil for an item.
    @inline(__always)
    private mutating func countElement(_ tag: Tag?) throws(DataSetError) {
        elementCount += 1
        guard elementCount <= maximumElements else {
            throw scanner.error(.tooManyElements, tag, "more than \(maximumElements) elements")
        }
    }
}
