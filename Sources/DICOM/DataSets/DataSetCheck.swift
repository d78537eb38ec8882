/// Elements at the beginning of a data set that were read and make sense: their tags ascend, and none is of pixels.
package struct WalkedElements: Sendable, Equatable {
    /// In bytes.
    package let length: Int
    /// The tags of the first value and of the last; sequences and fragments are none. Nil without a value.
    let firstValue: Tag?
    let lastValue: Tag
}

/// Checks, while its bytes come, that a data set is whole and makes sense, and holds none of it: headers are read, values
/// are passed over. Of a deflated data set the inflated bytes are walked.
package struct DataSetCheck: ~Copyable {
    private var scanner: DataSetScanner
    private var inflater: Inflater?
    /// Kept for its capacity.
    private var inflated: [UInt8] = []
    /// True if Pixel Data may be fragments.
    package let isEncapsulated: Bool
    /// True if pixels of the outermost level have come that are native: of a defined length, as Float and Double Float Pixel Data
    /// are in every syntax that may have them (PS3.5 A.4). An icon's may be native or fragments in an encapsulated syntax.
    package private(set) var hasNativePixelData = false
    private var first: Tag?
    private var previous = Tag(0)
    /// The bytes to come that are left out.
    private var walkedLength = 0
    /// The bytes of zeros where elements should be; no element may follow them.
    private var filling: UInt64 = 0

    /// Zeros behind the data set that are taken for the filling of a block; more are a sign of something else.
    package static let longestFilling: UInt64 = 1024 * 1024

    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard) {
        inflater = syntax.isDeflated ? Inflater(limits: limits) : nil
        scanner = DataSetScanner(ElementEncoding(syntax), limits: limits)
        isEncapsulated = syntax.isEncapsulated
    }

    /// Leaves out the elements at the beginning, which were walked over already.
    package mutating func pass(_ walked: WalkedElements) {
        scanner.pass(walked.length)
        walkedLength = walked.length
        first = walked.firstValue
        previous = walked.lastValue
    }

    /// Walks over the next bytes.
    ///
    /// - Throws: a `DataSetError` with the position and the tag if they are not a data set. Nothing may follow then.
    package mutating func consume(_ bytes: RawSpan) throws(DataSetError) {
        guard inflater == nil else { return try inflate(bytes) }
        let walked = min(walkedLength, bytes.byteCount)
        walkedLength -= walked
        try scan(bytes.extracting(walked...))
    }

    private mutating func scan(_ bytes: RawSpan) throws(DataSetError) {
        var offset = 0
        while true {
            passPlainElements(bytes, at: &offset)
            guard let event = try scanner.next(bytes, at: &offset) else { return }
            let (tag, length): (Tag, UInt32)
            switch event {
            case .element(let found, _, let itsLength, _): (tag, length) = (found, itsLength)
            case .fragmentsStart(.pixelData, _)
            where scanner.isInOutermostFragments && (!isEncapsulated || hasNativePixelData):
                throw scanner.error(
                    .notDICOM, .pixelData, "fragments, where nothing tells which transfer syntax they are in")
            case .fragmentsStart(let tag, _) where scanner.isInOutermostFragments && tag.isPixels && tag != .pixelData:
                throw scanner.error(.notDICOM, tag, "fragments, which floating point pixels never are (PS3.5 A.4)")
            default: continue
            }
            if scanner.isInOutermostElement { try note(tag, length) }
            if tag == Tag(0), length == 0, scanner.isInOutermostElement {
                filling += UInt64(ElementHeader.shortest)
                guard filling <= Self.longestFilling else {
                    throw scanner.error(
                        .notDICOM, nil, "more than \(Self.longestFilling) zeros in the place of elements")
                }
            } else if filling > 0 {
                throw scanner.error(.notDICOM, tag, "an element behind \(filling) zeros")
            }
        }
    }

    /// Passes over elements of which ``note(_:_:)`` would keep nothing but the tag.
    private mutating func passPlainElements(_ bytes: RawSpan, at offset: inout Int) {
        guard first != nil, filling == 0 else { return }
        let isOutermost = scanner.isInOutermostElement
        var last = previous
        _ = scanner.passPlainElements(bytes, at: &offset) { element in
            guard isOutermost else { return true }
            let tag = element.tag
            guard tag > last, !tag.isPixels else { return false }
            last = tag
            return true
        }
        previous = last
    }

    /// Takes down an element of the outermost level.
    private mutating func note(_ tag: Tag, _ length: UInt32) throws(DataSetError) {
        if tag.isPixels { hasNativePixelData = true }
        // Zeros are filling.
        guard length > 0 || tag != Tag(0) else { return }
        if tag == first, previous > tag {
            throw scanner.error(.notDICOM, tag, "the first element again, as if another data set began")
        }
        first = first ?? tag
        previous = tag
    }

    private mutating func inflate(_ bytes: RawSpan) throws(DataSetError) {
        guard var inflater = inflater.take() else { return }
        var output: [UInt8] = []
        swap(&output, &inflated)
        var flaw: DataSetError?
        var offset = 0
        // One step of the inflater at a time: a small piece may inflate to a thousand times its size.
        var goesOn = true
        while goesOn, flaw == nil {
            output.removeAll(keepingCapacity: true)
            do throws(DataSetError) {
                goesOn = try inflater.consume(bytes, at: &offset, into: &output)
                try scan(output.span.bytes)
            } catch {
                flaw = error
            }
        }
        swap(&output, &inflated)
        self.inflater = consume inflater
        if let flaw { throw flaw }
    }

    /// Ends the data set.
    ///
    /// - Throws: `.truncated` if it must not end here.
    package mutating func finish() throws(DataSetError) {
        try inflater?.finish()
        // Less than a header of zeros: the padding of an odd data set, or the end of a filling.
        if scanner.endsInZeros { return }
        try scanner.finish()
    }
}
