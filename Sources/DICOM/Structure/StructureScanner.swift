/// Takes a data set apart as its bytes come, in pieces of any size, and holds no value: one event after the other.
///
/// Where sequences and items end is kept on a stack that `DecodingLimits.maximumNestingDepth` bounds, so neither size nor
/// nesting of what comes costs memory.
struct StructureScanner: Sendable {
    private let limits: DecodingLimits
    private var open: [Enclosure] = []
    private var encoding: ElementEncoding
    private var isSigned = false
    private var sequenceDepth = 0

    /// The beginning of a header whose rest has not come yet.
    private var partialHeader: [UInt8] = []

    /// Bytes behind us since the first one of the data set.
    private(set) var position: UInt64 = 0

    /// Bytes of the current value still to come.
    private(set) var remaining: UInt64 = 0

    /// The element whose value, items or fragments we are in, for errors.
    private var currentTag: Tag?
    private var isPixelRepresentation = false

    enum Event {
        /// A value of `length` bytes follows: as `.value` events, if it is not empty.
        case element(Tag, ValueRepresentation, length: UInt32, isBigEndian: Bool)
        /// Some bytes of the current value or fragment: their place in the span given.
        case value(Range<Int>)
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

    private struct Enclosure: Sendable {
        enum Kind {
            case sequence, item, fragments
        }
        let kind: Kind
        let tag: Tag
        /// Nothing may reach beyond it; the greatest number if nothing limits it.
        let end: UInt64
        let needsDelimiter: Bool
        /// What is valid again behind it.
        let outerEncoding: ElementEncoding
        let outerIsSigned: Bool
    }

    /// What the current bytes belong to.
    private enum Phase {
        case header, value
    }
    private var phase = Phase.header

    init(_ encoding: ElementEncoding, limits: DecodingLimits) {
        self.encoding = encoding
        self.limits = limits
        partialHeader.reserveCapacity(ElementHeader.longest)
    }

    /// Whether the data set may end here.
    var isAtEnd: Bool {
        phase == .header && partialHeader.isEmpty && open.allSatisfy { !$0.needsDelimiter && $0.end == position }
    }

    /// Leaves out bytes of the current value; the caller has made sure that they exist.
    mutating func skip(_ count: UInt64) {
        let count = min(count, remaining)
        position += count
        remaining -= count
    }

    func finish() throws(DataSetError) {
        guard isAtEnd else {
            throw DataSetError(
                .truncated, offset: position + UInt64(partialHeader.count), tag: currentTag ?? open.last?.tag,
                "the data set ends too early")
        }
    }

    /// The next event in `bytes` from `offset` on, which it moves; nil when all of them are used.
    mutating func next(_ bytes: RawSpan, at offset: inout Int) throws(DataSetError) -> Event? {
        if phase == .value {
            guard remaining > 0 else {
                phase = .header
                currentTag = nil
                return .valueEnd
            }
            guard offset < bytes.byteCount else { return nil }
            return takeValue(bytes, at: &offset)
        }
        if let last = open.last, !last.needsDelimiter, last.end == position {
            return close(last)
        }
        guard let header = try takeHeader(bytes, at: &offset) else { return nil }
        return try interpret(header)
    }
}

extension StructureScanner {
    private mutating func takeValue(_ bytes: RawSpan, at offset: inout Int) -> Event {
        let start = offset
        let count = Int(min(remaining, UInt64(bytes.byteCount - offset)))
        if isPixelRepresentation {
            // Its low byte, 0 or 1, is the first one: little endian, since only Implicit VR asks for it.
            isSigned = bytes.unsafeLoad(fromByteOffset: start, as: UInt8.self) == 1
            isPixelRepresentation = false
        }
        offset += count
        position += UInt64(count)
        remaining -= UInt64(count)
        return .value(start..<offset)
    }

    /// The next header, also if it came in pieces; behind it.
    private mutating func takeHeader(_ bytes: RawSpan, at offset: inout Int) throws(DataSetError) -> ElementHeader? {
        if partialHeader.isEmpty {
            if let header = try ElementHeader.read(bytes, at: offset, encoding, origin: position &- UInt64(offset)) {
                offset += header.headerLength
                try advance(over: header)
                return header
            }
            while offset < bytes.byteCount {
                partialHeader.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
                offset += 1
            }
            return nil
        }
        while offset < bytes.byteCount {
            partialHeader.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
            if let header = try ElementHeader.read(partialHeader.span.bytes, at: 0, encoding, origin: position) {
                partialHeader.removeAll(keepingCapacity: true)
                try advance(over: header)
                return header
            }
        }
        return nil
    }

    private var end: UInt64 { open.last?.end ?? .max }

    private mutating func advance(over header: ElementHeader) throws(DataSetError) {
        guard UInt64(header.headerLength) <= end - position else {
            throw error(.lengthBeyondEnd, header.tag, "the header of an element beyond the end of what encloses it")
        }
        position += UInt64(header.headerLength)
    }

    private mutating func interpret(_ header: ElementHeader) throws(DataSetError) -> Event {
        switch open.last?.kind {
        case .sequence: try interpretInSequence(header, isOfFragments: false)
        case .fragments: try interpretInSequence(header, isOfFragments: true)
        case .item, nil: try interpretElement(header)
        }
    }

    private mutating func interpretElement(_ header: ElementHeader) throws(DataSetError) -> Event {
        if header.tag.isDelimiter {
            guard header.tag == .itemDelimitationItem, let last = open.last else {
                throw error(.unexpectedDelimiter, header.tag, "a delimiter that closes nothing")
            }
            // Some writers put a delimiter after an item whose length is given, too.
            guard last.needsDelimiter || last.end == position else {
                throw error(.unexpectedDelimiter, header.tag, "an item ends before its length says")
            }
            return close(last)
        }
        guard let content = header.content(encoding) else {
            throw error(.undefinedLength, header.tag, "\(header.vr) with an undefined length")
        }
        switch content {
        case .value:
            try startValue(header, header.tag)
            isPixelRepresentation = header.tag == .pixelRepresentation
            let vr = header.dependsOnPixelRepresentation && isSigned ? .SS : header.vr
            return .element(header.tag, vr, length: header.length, isBigEndian: encoding.isBigEndian)
        case .sequence(let inner):
            sequenceDepth += 1
            guard sequenceDepth <= limits.maximumNestingDepth else {
                throw error(
                    .nestingTooDeep, header.tag,
                    "more than \(limits.maximumNestingDepth) sequences within each other")
            }
            try push(.sequence, header, header.tag, inner)
            return .sequenceStart(header.tag)
        case .fragments:
            try push(.fragments, header, header.tag, encoding)
            return .fragmentsStart(header.tag, header.vr)
        }
    }

    private mutating func interpretInSequence(
        _ header: ElementHeader, isOfFragments: Bool
    ) throws(DataSetError) -> Event {
        guard let last = open.last else {
            throw error(.unexpectedDelimiter, header.tag, "a delimiter that closes nothing")
        }
        switch header.tag {
        case .item where isOfFragments:
            guard !header.isUndefinedLength else {
                throw error(.undefinedLength, last.tag, "a fragment with an undefined length")
            }
            try startValue(header, last.tag)
            return .fragment(length: header.length)
        case .item:
            try push(.item, header, last.tag, encoding)
            return .itemStart
        case .sequenceDelimitationItem:
            // Superfluous where the length was given, yet some write it.
            guard last.needsDelimiter || last.end == position else {
                throw error(.unexpectedDelimiter, last.tag, "a sequence ends before its length says")
            }
            return close(last)
        default:
            throw error(.oddSequence, last.tag, "\(header.tag) where an item must begin")
        }
    }

    private mutating func startValue(_ header: ElementHeader, _ tag: Tag) throws(DataSetError) {
        guard header.length <= end - position else {
            throw error(
                .lengthBeyondEnd, tag, "a length of \(header.length) beyond the end of what encloses it")
        }
        remaining = UInt64(header.length)
        phase = .value
        currentTag = tag
    }

    private mutating func push(
        _ kind: Enclosure.Kind, _ header: ElementHeader, _ tag: Tag, _ inner: ElementEncoding
    ) throws(DataSetError) {
        var innerEnd = end
        if !header.isUndefinedLength {
            guard header.length <= innerEnd - position else {
                throw error(
                    .lengthBeyondEnd, tag, "a length of \(header.length) beyond the end of what encloses it")
            }
            innerEnd = position + UInt64(header.length)
        }
        open.append(
            Enclosure(
                kind: kind, tag: tag, end: innerEnd, needsDelimiter: header.isUndefinedLength,
                outerEncoding: encoding, outerIsSigned: isSigned))
        encoding = inner
    }

    private mutating func close(_ enclosure: Enclosure) -> Event {
        open.removeLast()
        encoding = enclosure.outerEncoding
        isSigned = enclosure.outerIsSigned
        switch enclosure.kind {
        case .item: return .itemEnd
        case .fragments: return .fragmentsEnd
        case .sequence:
            sequenceDepth -= 1
            return .sequenceEnd
        }
    }

    private func error(_ code: DataSetError.Code, _ tag: Tag?, _ detail: String) -> DataSetError {
        DataSetError(code, offset: position, tag: tag, detail)
    }
}
