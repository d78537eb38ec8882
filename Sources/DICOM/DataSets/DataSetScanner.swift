/// The grammar of data elements (PS3.5 7.1, 7.5 and A.4): takes a data set apart and gives one event after the other,
/// without holding any value. `DataSetDecoder`, `DataSetWalker` and `DataSetRewriter` are built on it.
///
/// The bytes come in pieces of any size, or all at once if the length of the data set is given. Where sequences and
/// items end is kept on a stack that `DecodingLimits.maximumNestingDepth` bounds, so neither the size nor the nesting of
/// the data set costs memory.
struct DataSetScanner: Sendable {
    enum Event {
        /// A value of `length` bytes follows: as `.value` events, if it is not empty, or by `takeWholeValue`.
        case element(Tag, ValueRepresentation, length: UInt32, isBigEndian: Bool)
        /// Some bytes of the current value or fragment: their place in the span given.
        case value(Range<Int>)
        /// The first bytes of the current value, which came before the span given: ``DataSetScanner/heldValue``.
        case heldValue
        case valueEnd
        case sequenceStart(Tag)
        case itemStart
        case itemEnd
        case sequenceEnd
        case fragmentsStart(Tag, ValueRepresentation)
        /// A fragment of `length` bytes follows, like a value.
        case fragment(length: UInt32)
        case fragmentsEnd
    }

    /// A data set, or a part of it that has an end of its own.
    private struct Enclosure: Sendable {
        enum Kind {
            /// The whole data set.
            case dataSet
            case sequence, item, fragments
        }
        let kind: Kind
        /// The tag of the sequence or the fragments; nil for the whole data set.
        let tag: Tag?
        /// The position that nothing may reach beyond; the greatest number if nothing limits it.
        let end: UInt64
        /// True if a length says where it or something around it ends.
        let isBounded: Bool
        let needsDelimiter: Bool
        let encoding: ElementEncoding
        /// The number of sequences within each other.
        let depth: Int
        /// True if Pixel Representation (0028,0103) is 1; sequences inherit it from what encloses them.
        var isSigned: Bool
    }

    private enum Phase {
        case header, value
    }

    private let maximumNestingDepth: Int
    /// True if the bytes come all at once, so that their end is that of the data set.
    private let isWhole: Bool
    private var innermost: Enclosure
    /// The enclosures around the innermost one, the outermost first.
    private var outer: [Enclosure] = []
    private var phase = Phase.header

    /// The beginning of a header whose rest has not come yet.
    private var partialHeader: [UInt8] = []
    /// The first bytes of a value that had to be looked at to know that it is one.
    private(set) var heldValue: [UInt8] = []
    private var reportsHeldValue = false
    /// The position of the first byte of the last header.
    private(set) var headerStart: UInt64 = 0

    /// The number of bytes scanned since the first one of the data set.
    private(set) var position: UInt64 = 0

    /// The number of bytes of the current value that are still to come.
    private(set) var remaining: UInt64 = 0

    /// The element whose value or fragment is being scanned.
    private var currentTag: Tag?
    /// The position of the low byte of Pixel Representation; the greatest number outside of its value.
    private var signPosition = UInt64.max

    /// - Parameter length: the number of bytes of the whole data set, which `next` then gets at once; nil if they come in
    ///   pieces.
    init(_ encoding: ElementEncoding, limits: DecodingLimits, length: Int? = nil) {
        maximumNestingDepth = limits.maximumNestingDepth
        isWhole = length != nil
        innermost = Enclosure(
            kind: .dataSet, tag: nil, end: length.map { UInt64($0) } ?? .max, isBounded: false, needsDelimiter: false,
            encoding: encoding, depth: 0, isSigned: false)
        if length == nil { partialHeader.reserveCapacity(ElementHeader.longest) }
    }

    /// True between two elements of the outermost level.
    var isOutermost: Bool { innermost.kind == .dataSet && phase == .header && partialHeader.isEmpty }

    /// True if the data set may end here.
    var isAtEnd: Bool {
        func mayEnd(_ enclosure: Enclosure) -> Bool {
            enclosure.kind == .dataSet || (!enclosure.needsDelimiter && enclosure.end == position)
        }
        return phase == .header && partialHeader.isEmpty && mayEnd(innermost) && outer.allSatisfy(mayEnd)
    }

    /// True if the element whose header came last is one of the outermost level.
    var isInOutermostElement: Bool { innermost.kind == .dataSet }

    /// True within the fragments of an element of the outermost level.
    var isInOutermostFragments: Bool { innermost.kind == .fragments && outer.count == 1 }

    /// The encoding of the elements of the innermost enclosure.
    var encoding: ElementEncoding { innermost.encoding }

    /// The length that the header of the innermost enclosure has just told; nil for an undefined one.
    var lengthOfEnclosure: UInt64? { innermost.needsDelimiter ? nil : innermost.end - position }

    /// True if an incomplete header of nothing but zeros has come between two elements of the outermost level.
    var endsInZeros: Bool {
        innermost.kind == .dataSet && phase == .header && !partialHeader.isEmpty
            && partialHeader.allSatisfy { $0 == 0 }
    }

    /// Begins behind elements of the outermost level, of so many bytes.
    mutating func pass(_ length: Int) { position += UInt64(length) }

    /// Leaves out bytes of the current value; the caller has made sure that they exist.
    mutating func skip(_ count: UInt64) {
        let count = min(count, remaining)
        position += count
        remaining -= count
    }

    /// Ends the data set.
    ///
    /// - Throws: `.truncated` if it must not end here.
    func finish() throws(DataSetError) {
        guard isAtEnd else {
            throw DataSetError(
                .truncated, offset: position + UInt64(partialHeader.count), tag: currentTag ?? innermost.tag,
                "the data set ends too early")
        }
    }

    /// Returns the next event in the bytes from `offset` on, which it moves; nil when all of them are used.
    ///
    /// - Throws: a `DataSetError` with the position and the tag if the bytes are not a data set.
    @inline(__always)
    mutating func next(_ bytes: RawSpan, at offset: inout Int) throws(DataSetError) -> Event? {
        if phase == .value {
            if reportsHeldValue {
                reportsHeldValue = false
                position += UInt64(heldValue.count)
                remaining -= UInt64(heldValue.count)
                return .heldValue
            }
            guard remaining > 0 else {
                phase = .header
                currentTag = nil
                return .valueEnd
            }
            guard offset < bytes.byteCount else { return nil }
            return .value(takeValue(bytes, at: &offset))
        }
        if position == innermost.end, innermost.kind != .dataSet {
            guard !innermost.needsDelimiter else {
                headerStart = position
                throw beyondEnd(nil, "the delimiter of \(innermost.kind == .item ? "an item" : "a sequence")")
            }
            return close()
        }
        guard let header = try takeHeader(bytes, at: &offset) else { return nil }
        switch innermost.kind {
        case .dataSet, .item: return try interpretElement(header)
        case .sequence, .fragments: return try interpretItem(header)
        }
    }

    /// Takes the value or fragment of an event just given and returns its place in the bytes. For a scanner of a given
    /// length, which has made sure that the value is there.
    @inline(__always)
    mutating func takeWholeValue(_ bytes: RawSpan, at offset: inout Int, length: UInt32) -> Range<Int> {
        let start = offset
        offset += Int(length)
        position += UInt64(length)
        if signPosition != .max { readSign(bytes, at: offset) }
        return start..<offset
    }

    /// Passes over the elements that come next and are plain: in Explicit VR Little Endian, there as a whole, and no sequences. Nearly
    /// all elements of nearly all data sets are, and without an event for each header and value they take a tenth of the time.
    ///
    /// - Parameter passes: asked for each; the first one that it refuses is the next event, as is one that is not plain.
    /// - Returns: the number of elements that were passed over.
    @inline(__always)
    mutating func passPlainElements(
        _ bytes: RawSpan, at offset: inout Int, while passes: (ElementHeader.PlainElement) -> Bool
    ) -> Int {
        guard phase == .header, partialHeader.isEmpty, innermost.encoding == .explicitLittleEndian,
            innermost.kind == .dataSet || innermost.kind == .item
        else { return 0 }
        let start = offset
        let end = start + Int(min(UInt64(bytes.byteCount - start), innermost.end - position))
        let forms = ElementHeader.LengthForms.ofValues
        var place = start
        var count = 0
        bytes.withUnsafeBytes { bytes in
            // The value of Pixel Representation is looked at.
            while let element = ElementHeader.plainElement(bytes, at: place, before: end, forms),
                element.tag != .pixelRepresentation, passes(element)
            {
                place = element.end
                count &+= 1
            }
        }
        offset = place
        position += UInt64(place - start)
        return count
    }

    /// Makes an error in the element whose header came last.
    func error(_ code: DataSetError.Code, _ tag: Tag?, _ detail: String) -> DataSetError {
        DataSetError(code, offset: headerStart, tag: tag ?? innermost.tag, detail)
    }
}

extension DataSetScanner {
    @inline(__always)
    private mutating func takeValue(_ bytes: RawSpan, at offset: inout Int) -> Range<Int> {
        let start = offset
        let count = Int(truncatingIfNeeded: min(remaining, UInt64(bytes.byteCount - offset)))
        offset += count
        position += UInt64(count)
        remaining -= UInt64(count)
        if signPosition < position { readSign(bytes, at: offset) }
        return start..<offset
    }

    /// Reads the low byte of Pixel Representation, which is behind the bytes' `offset` and our position by as much.
    private mutating func readSign(_ bytes: RawSpan, at offset: Int) {
        let place = offset - Int(position - signPosition)
        if (0..<bytes.byteCount).contains(place) {
            innermost.isSigned = bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self) == 1
        }
        signPosition = .max
    }

    /// Takes the next header, also if it came in pieces; nil if it is not there as a whole.
    @inline(__always)
    private mutating func takeHeader(_ bytes: RawSpan, at offset: inout Int) throws(DataSetError) -> ElementHeader? {
        headerStart = position
        if partialHeader.isEmpty {
            if var header = try ElementHeader.read(
                bytes, at: offset, innermost.encoding, origin: position &- UInt64(offset))
            {
                if header.vr == .SQ, mayHaveValue(header) {
                    guard isWhole || isTold(header, bytes, at: offset) else {
                        return try takePartialHeader(bytes, at: &offset)
                    }
                    if hasValue(header, bytes, at: offset) { header = header.withValue }
                }
                offset += header.headerLength
                try advance(over: header)
                return header
            }
            guard !isWhole || offset == bytes.byteCount else {
                throw beyondEnd(nil, "the header of an element")
            }
        }
        return try takePartialHeader(bytes, at: &offset)
    }

    private mutating func takePartialHeader(
        _ bytes: RawSpan, at offset: inout Int
    ) throws(DataSetError) -> ElementHeader? {
        while offset < bytes.byteCount {
            partialHeader.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
            if var header = try ElementHeader.read(
                partialHeader.span.bytes, at: 0, innermost.encoding, origin: position)
            {
                if header.vr == .SQ, mayHaveValue(header) {
                    guard isTold(header, partialHeader.span.bytes, at: 0) else { continue }
                    if hasValue(header, partialHeader.span.bytes, at: 0) { header = header.withValue }
                }
                partialHeader.removeFirst(header.headerLength)
                try advance(over: header)
                if header.vr != .SQ, !partialHeader.isEmpty {
                    heldValue = partialHeader
                    reportsHeldValue = true
                    partialHeader.removeAll(keepingCapacity: true)
                }
                return header
            }
        }
        return nil
    }

    // MARK: Values in the place of sequences

    /// In Implicit VR the dictionary tells what a sequence is, and some writers have put a value there. A sequence of a
    /// defined length begins with an item; what does not is a value of unknown representation.
    @inline(__always)
    private func mayHaveValue(_ header: ElementHeader) -> Bool {
        !innermost.encoding.isExplicitVR && !header.isUndefinedLength && header.length > 0
            && (innermost.kind == .dataSet || innermost.kind == .item)
    }

    private static let tagLength = 4

    /// True if the bytes with the header at `offset` tell whether a value follows.
    private func isTold(_ header: ElementHeader, _ bytes: RawSpan, at offset: Int) -> Bool {
        header.length < Self.tagLength
            || bytes.byteCount - offset - header.headerLength >= Self.tagLength
    }

    private func hasValue(_ header: ElementHeader, _ bytes: RawSpan, at offset: Int) -> Bool {
        guard header.length >= Self.tagLength else { return true }
        let start = offset + header.headerLength
        guard bytes.byteCount - start >= Self.tagLength else { return false }
        let group = UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt16.self))
        let element = UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start + 2, as: UInt16.self))
        let tag = Tag(group: group, element: element)
        return tag != .item && tag != .sequenceDelimitationItem
    }

    @inline(__always)
    private mutating func advance(over header: ElementHeader) throws(DataSetError) {
        guard UInt64(header.headerLength) <= innermost.end - position else {
            throw beyondEnd(nil, "the header of an element")
        }
        position += UInt64(header.headerLength)
    }

    @inline(__always)
    private mutating func interpretElement(_ header: ElementHeader) throws(DataSetError) -> Event {
        if header.tag.isDelimiter { return try interpretDelimiter(header) }
        guard let content = header.content(innermost.encoding) else {
            throw error(.undefinedLength, header.tag, "\(header.vr) with an undefined length")
        }
        switch content {
        case .value:
            try startValue(header, header.tag)
            let isBigEndian = innermost.encoding.isBigEndian
            if header.tag == .pixelRepresentation, header.length >= 2 {
                signPosition = position + (isBigEndian ? 1 : 0)
            }
            let vr = header.dependsOnPixelRepresentation && innermost.isSigned ? .SS : header.vr
            return .element(header.tag, vr, length: header.length, isBigEndian: isBigEndian)
        case .sequence(let encoding):
            guard innermost.depth < maximumNestingDepth else {
                throw error(
                    .nestingTooDeep, header.tag, "more than \(maximumNestingDepth) sequences within each other")
            }
            try open(.sequence, header, header.tag, encoding)
            return .sequenceStart(header.tag)
        case .fragments:
            try open(.fragments, header, header.tag, innermost.encoding)
            return .fragmentsStart(header.tag, header.vr)
        }
    }

    private mutating func interpretDelimiter(_ header: ElementHeader) throws(DataSetError) -> Event {
        guard header.tag == .itemDelimitationItem, innermost.kind == .item else {
            throw error(.unexpectedDelimiter, header.tag, "a delimiter that closes nothing")
        }
        // Some writers put a delimiter after an item whose length is given, too.
        guard innermost.needsDelimiter || innermost.end == position else {
            throw error(.unexpectedDelimiter, header.tag, "an item ends before its length says")
        }
        return close()
    }

    /// Interprets the header of an item or fragment, or the end of the sequence.
    private mutating func interpretItem(_ header: ElementHeader) throws(DataSetError) -> Event {
        switch header.tag {
        case .item where innermost.kind == .fragments:
            guard !header.isUndefinedLength else {
                throw error(.undefinedLength, nil, "a fragment with an undefined length")
            }
            try startValue(header, innermost.tag)
            return .fragment(length: header.length)
        case .item:
            try open(.item, header, innermost.tag, innermost.encoding)
            return .itemStart
        case .sequenceDelimitationItem:
            // Superfluous where the length was given, yet some write it.
            guard innermost.needsDelimiter || innermost.end == position else {
                throw error(.unexpectedDelimiter, nil, "a sequence ends before its length says")
            }
            return close()
        default:
            throw error(.malformedSequence, nil, "\(header.tag) where an item must begin")
        }
    }

    @inline(__always)
    private mutating func startValue(_ header: ElementHeader, _ tag: Tag?) throws(DataSetError) {
        guard header.length <= innermost.end - position else {
            throw beyondEnd(tag, "a length of \(header.length)")
        }
        guard !isWhole else { return }
        remaining = UInt64(header.length)
        phase = .value
        currentTag = tag
    }

    private mutating func open(
        _ kind: Enclosure.Kind, _ header: ElementHeader, _ tag: Tag?, _ encoding: ElementEncoding
    ) throws(DataSetError) {
        let isUndefined = header.isUndefinedLength
        guard isUndefined || header.length <= innermost.end - position else {
            throw beyondEnd(tag, "a length of \(header.length)")
        }
        if outer.isEmpty { outer.reserveCapacity(8) }
        outer.append(innermost)
        innermost = Enclosure(
            kind: kind, tag: tag, end: isUndefined ? innermost.end : position + UInt64(header.length),
            isBounded: innermost.isBounded || !isUndefined, needsDelimiter: isUndefined, encoding: encoding,
            depth: innermost.depth + (kind == .sequence ? 1 : 0), isSigned: innermost.isSigned)
    }

    private mutating func close() -> Event {
        let closed = innermost.kind
        // The whole data set, which has nothing around it, is never closed.
        if let enclosing = outer.popLast() { innermost = enclosing }
        return closed == .item ? .itemEnd : closed == .fragments ? .fragmentsEnd : .sequenceEnd
    }

    private func beyondEnd(_ tag: Tag?, _ detail: String) -> DataSetError {
        innermost.isBounded
            ? error(.lengthBeyondEnd, tag, detail + " beyond the end of what encloses it")
            : error(.truncated, tag, detail + " beyond the end of the bytes")
    }
}
