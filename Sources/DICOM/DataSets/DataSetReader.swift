/// One run of a `DataSetDecoder`: a recursive descent, as deep as `DecodingLimits.maximumNestingDepth` at most.
///
/// All offsets count from the first byte of `source`. The span passed along is `source` again: reading through it costs
/// no reference count.
struct DataSetReader {
    private let source: ArraySlice<UInt8>
    private let limits: DecodingLimits
    private(set) var position = 0
    private var elementCount = 0

    /// Where a run of elements or items ends.
    private struct Extent {
        /// Nothing may reach beyond it.
        let end: Int
        /// Whether a length said so; else it is where the bytes end.
        let isGiven: Bool
        /// Whether a delimiter must come before.
        let needsDelimiter: Bool
    }

    /// What the elements of one data set share with those around it.
    private struct Context {
        let encoding: ElementEncoding
        let depth: Int
        /// Pixel Representation (0028,0103), also for the items within.
        var isSigned: Bool
    }

    init(source: ArraySlice<UInt8>, limits: DecodingLimits) {
        self.source = source
        self.limits = limits
    }

    mutating func readDataSet(_ bytes: RawSpan, _ encoding: ElementEncoding) throws(DataSetError) -> DataSet {
        try readElements(
            bytes, Extent(end: bytes.byteCount, isGiven: false, needsDelimiter: false),
            Context(encoding: encoding, depth: 0, isSigned: false))
    }

    mutating func readPrefix(
        _ bytes: RawSpan, _ encoding: ElementEncoding, through last: Tag
    ) throws(DataSetError) -> DataSet {
        let extent = Extent(end: bytes.byteCount, isGiven: false, needsDelimiter: false)
        var context = Context(encoding: encoding, depth: 0, isSigned: false)
        var collected = ElementCollector(expectedCount: 16)
        while let header = try ElementHeader.read(bytes, at: position, encoding), header.tag <= last {
            let start = position
            do throws(DataSetError) {
                collected.append(try readElement(bytes, header, extent, &context))
            } catch  where error.code == .truncated {
                position = start
                break
            }
        }
        return collected.dataSet()
    }

    /// Reads elements while they are of this group; a beginning of another one may be cut.
    mutating func readGroup(
        _ bytes: RawSpan, _ encoding: ElementEncoding, _ group: UInt16
    ) throws(DataSetError) -> DataSet {
        let extent = Extent(end: bytes.byteCount, isGiven: false, needsDelimiter: false)
        var context = Context(encoding: encoding, depth: 0, isSigned: false)
        var collected = ElementCollector(expectedCount: 16)
        // What follows has another encoding: only its group, in either byte order, may be looked at.
        while bytes.byteCount - position >= 2,
            UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt16.self)) == group
        {
            guard let header = try ElementHeader.read(bytes, at: position, encoding) else {
                throw beyondEnd(extent, nil, "the bytes end in the header of an element")
            }
            collected.append(try readElement(bytes, header, extent, &context))
        }
        guard bytes.byteCount - position != 1 else {
            throw beyondEnd(extent, nil, "the bytes end in the header of an element")
        }
        return collected.dataSet()
    }

    private mutating func readElements(
        _ bytes: RawSpan, _ extent: Extent, _ outer: Context
    ) throws(DataSetError) -> DataSet {
        var context = outer
        // An answer has a dozen elements: room for them at once. Not so for items: a file made of tiny ones would take
        // fifty times its size.
        let room = context.depth == 0 ? min(16, (extent.end - position) / ElementHeader.shortest) : 0
        var collected = ElementCollector(expectedCount: room)
        while position < extent.end {
            guard let header = try ElementHeader.read(bytes, at: position, context.encoding),
                header.headerLength <= extent.end - position
            else {
                throw beyondEnd(extent, nil, "the bytes end in the header of an element")
            }
            if header.tag.isDelimiter {
                guard header.tag == .itemDelimitationItem, context.depth > 0 else {
                    throw error(.unexpectedDelimiter, header.tag, "a delimiter that closes nothing")
                }
                position += header.headerLength
                // Some writers put a delimiter after an item whose length is given, too.
                guard extent.needsDelimiter || position == extent.end else {
                    throw error(.unexpectedDelimiter, header.tag, "an item ends before its length says")
                }
                return collected.dataSet()
            }
            collected.append(try readElement(bytes, header, extent, &context))
        }
        guard !extent.needsDelimiter else {
            throw beyondEnd(extent, nil, "an item without its delimiter")
        }
        return collected.dataSet()
    }

    @inline(__always)
    private mutating func readElement(
        _ bytes: RawSpan, _ header: ElementHeader, _ extent: Extent, _ context: inout Context
    ) throws(DataSetError) -> DataElement {
        try countElement(header.tag)
        guard let content = header.content(context.encoding) else {
            throw error(.undefinedLength, header.tag, "\(header.vr) with an undefined length")
        }
        switch content {
        case .value:
            let start = position
            position += header.headerLength
            guard header.length <= extent.end - position else {
                position = start
                throw beyondEnd(extent, header.tag, "a length of \(header.length)")
            }
            let length = Int(header.length)
            if header.tag == .pixelRepresentation, length >= 2 {
                let low = context.encoding.isBigEndian ? position + 1 : position
                context.isSigned = bytes.unsafeLoad(fromByteOffset: low, as: UInt8.self) == 1
            }
            let vr = header.dependsOnPixelRepresentation && context.isSigned ? .SS : header.vr
            let value = takeValue(length, context.encoding.isBigEndian ? vr.wordSize : 1)
            return DataElement(tag: header.tag, vr: vr, value: .bytes(value))
        case .sequence(let encoding):
            let inner = try enter(header, extent)
            let context = Context(encoding: encoding, depth: context.depth + 1, isSigned: context.isSigned)
            return DataElement(
                tag: header.tag, vr: .SQ, value: .items(try readItems(bytes, header.tag, inner, context)))
        case .fragments:
            let inner = try enter(header, extent)
            return DataElement(
                tag: header.tag, vr: header.vr,
                value: .fragments(try readFragments(bytes, header.tag, inner, context.encoding)))
        }
    }

    private mutating func readItems(
        _ bytes: RawSpan, _ tag: Tag, _ extent: Extent, _ context: Context
    ) throws(DataSetError) -> [DataSet] {
        guard context.depth <= limits.maximumNestingDepth else {
            throw error(.nestingTooDeep, tag, "more than \(limits.maximumNestingDepth) sequences within each other")
        }
        var items: [DataSet] = []
        while let item = try nextItem(bytes, tag, extent, context.encoding) {
            items.append(try readElements(bytes, try enter(item, extent), context))
        }
        return items
    }

    private mutating func readFragments(
        _ bytes: RawSpan, _ tag: Tag, _ extent: Extent, _ encoding: ElementEncoding
    ) throws(DataSetError) -> [ArraySlice<UInt8>] {
        var fragments: [ArraySlice<UInt8>] = []
        while let item = try nextItem(bytes, tag, extent, encoding) {
            guard !item.isUndefinedLength else {
                throw error(.undefinedLength, tag, "a fragment with an undefined length")
            }
            _ = try enter(item, extent)
            fragments.append(takeValue(Int(item.length), 1))
        }
        return fragments
    }

    /// The header of the next item, still in front of us; nil, and behind it, at the end of the sequence.
    private mutating func nextItem(
        _ bytes: RawSpan, _ tag: Tag, _ extent: Extent, _ encoding: ElementEncoding
    ) throws(DataSetError) -> ElementHeader? {
        while position < extent.end {
            guard let header = try ElementHeader.read(bytes, at: position, encoding),
                header.headerLength <= extent.end - position
            else {
                throw beyondEnd(extent, tag, "the bytes end in a sequence")
            }
            switch header.tag {
            case .item:
                try countElement(tag)
                return header
            case .sequenceDelimitationItem:
                position += header.headerLength
                if extent.needsDelimiter { return nil }
                // Superfluous where the length was given, yet some write it.
                guard position == extent.end else {
                    throw error(.unexpectedDelimiter, tag, "a sequence ends before its length says")
                }
            default:
                throw error(.oddSequence, tag, "\(header.tag) where an item must begin")
            }
        }
        guard !extent.needsDelimiter else {
            throw beyondEnd(extent, tag, "a sequence without its delimiter")
        }
        return nil
    }
}

extension DataSetReader {
    /// Steps over the header of a sequence or item and gives where it ends.
    private mutating func enter(_ header: ElementHeader, _ outer: Extent) throws(DataSetError) -> Extent {
        let start = position + header.headerLength
        if header.isUndefinedLength {
            position = start
            return Extent(end: outer.end, isGiven: outer.isGiven, needsDelimiter: true)
        }
        guard header.length <= outer.end - start else {
            throw beyondEnd(outer, header.tag, "a length of \(header.length)")
        }
        position = start
        return Extent(end: start + Int(header.length), isGiven: true, needsDelimiter: false)
    }

    /// The caller has made sure that so many bytes are there.
    @inline(__always)
    private mutating func takeValue(_ length: Int, _ wordSize: Int) -> ArraySlice<UInt8> {
        let start = source.startIndex + position
        position += length
        let value = source[start..<start + length]
        return wordSize == 1 ? value : ByteOrder.swapped(value, wordSize: wordSize)
    }

    private mutating func countElement(_ tag: Tag) throws(DataSetError) {
        elementCount += 1
        guard elementCount <= limits.maximumElements else {
            throw error(.tooManyElements, tag, "more than \(limits.maximumElements) elements")
        }
    }

    private func error(_ code: DataSetError.Code, _ tag: Tag?, _ detail: String) -> DataSetError {
        DataSetError(code, offset: UInt64(position), tag: tag, detail)
    }

    private func beyondEnd(_ extent: Extent, _ tag: Tag?, _ detail: String) -> DataSetError {
        extent.isGiven
            ? error(.lengthBeyondEnd, tag, detail + " beyond the end of what encloses it")
            : error(.truncated, tag, detail + " beyond the end of the bytes")
    }
}
