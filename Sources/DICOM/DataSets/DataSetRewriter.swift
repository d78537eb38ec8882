/// Rewrites a data set, as its bytes come, from one native transfer syntax to another: what PS3.5 10.1 wants for peers
/// that accept another one than the file has. Memory stays flat whatever the size.
///
/// Values stay as they are but for the byte order of numbers. A sequence and its items get undefined lengths, since a
/// defined one would have to be known before what it counts; group lengths are left out, since they would be wrong
/// (PS3.5 7.2); odd values become even (PS3.5 7.1.1). A representation that Implicit VR does not tell comes from the
/// dictionary, UN for what that does not know.
package struct DataSetRewriter: ~Copyable {
    private var inflater: Inflater?
    private var elements: ElementRewriter
    private var deflater: Deflater?
    /// The bytes that are inflated and not rewritten yet, and those that are rewritten and not deflated yet.
    private var inflated: [UInt8] = []
    private var rewritten: [UInt8] = []

    /// Makes a rewriter between two native syntaxes.
    ///
    /// - Throws: `.unsupportedConversion` unless both are native: all others differ in their pixels, too.
    package init(
        from source: TransferSyntax, to target: TransferSyntax, limits: DecodingLimits = .streaming
    ) throws(DataSetError) {
        for syntax in [source, target] where !syntax.isUncompressed {
            throw DataSetError(
                .unsupportedConversion, "pixels in \(syntax) would have to be decoded or encoded")
        }
        inflater = source.isDeflated ? Inflater(limits: limits) : nil
        deflater = target.isDeflated ? Deflater() : nil
        elements = ElementRewriter(from: ElementEncoding(source), to: ElementEncoding(target), limits: limits)
    }

    /// Rewrites the bytes that have arrived and appends the result. After an error the rewriter is of no more use.
    ///
    /// - Throws: a `DataSetError` if the bytes are no data set of the source syntax or exceed the limits.
    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {
        guard inflater != nil else {
            try rewrite(bytes, into: &output)
            return
        }
        // One step of the inflater at a time: a small piece may inflate to a thousand times its size.
        var position = 0
        var goesOn = true
        while goesOn {
            inflated.removeAll(keepingCapacity: true)
            goesOn = try inflater?.consume(bytes, at: &position, into: &inflated) ?? false
            let piece = inflated
            try rewrite(piece.span.bytes, into: &output)
        }
    }

    /// Ends the data set.
    ///
    /// - Throws: `.truncated` if it is not complete.
    package mutating func finish(into output: inout [UInt8]) throws(DataSetError) {
        try inflater?.finish()
        try elements.finish()
        deflater?.finish(into: &output)
    }

    private mutating func rewrite(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {
        guard deflater != nil else {
            try elements.consume(bytes, into: &output)
            return
        }
        rewritten.removeAll(keepingCapacity: true)
        try elements.consume(bytes, into: &rewritten)
        let piece = rewritten
        deflater?.consume(piece.span.bytes, into: &output)
    }
}

/// The part of a `DataSetRewriter` between inflating and deflating.
struct ElementRewriter {
    private var scanner: DataSetScanner
    private let writer: ElementHeaderWriter
    private let target: ElementEncoding

    /// The treatment of the current value.
    private var isDropped = false
    private var swappedWordSize = 1
    private var paddingByte: UInt8 = 0
    private var isOdd = false
    /// The beginning of a word whose rest has not come yet.
    private var partialWord: [UInt8] = []

    init(from source: ElementEncoding, to target: ElementEncoding, limits: DecodingLimits) {
        scanner = DataSetScanner(source, limits: limits)
        writer = ElementHeaderWriter(target)
        self.target = target
    }

    mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {
        var offset = 0
        while let event = try scanner.next(bytes, at: &offset) {
            switch event {
            case .element(let tag, let vr, let length, let isBigEndian):
                startValue(tag, vr, length, isBigEndian, into: &output)
            case .value(let range):
                appendValue(bytes, range, to: &output)
            case .heldValue:
                let held = scanner.heldValue
                appendValue(held.span.bytes, 0..<held.count, to: &output)
            case .valueEnd:
                endValue(in: &output)
            case .sequenceStart(let tag):
                writer.append(tag, .SQ, length: ElementHeader.undefinedLength, to: &output)
            case .itemStart:
                writer.appendItem(length: ElementHeader.undefinedLength, to: &output)
            case .itemEnd:
                writer.appendDelimiter(.itemDelimitationItem, to: &output)
            case .sequenceEnd, .fragmentsEnd:
                writer.appendDelimiter(.sequenceDelimitationItem, to: &output)
            case .fragmentsStart(let tag, let vr):
                writer.append(tag, vr, length: ElementHeader.undefinedLength, to: &output)
            case .fragment(let length):
                writer.appendItem(length: even(length), to: &output)
                prepare(isDropped: false, swappedWordSize: 1, paddingByte: 0, isOdd: !length.isMultiple(of: 2))
            }
        }
    }

    func finish() throws(DataSetError) {
        try scanner.finish()
    }

    private mutating func startValue(
        _ tag: Tag, _ vr: ValueRepresentation, _ length: UInt32, _ isBigEndian: Bool, into output: inout [UInt8]
    ) {
        guard !tag.isGroupLength else {
            prepare(isDropped: true, swappedWordSize: 1, paddingByte: 0, isOdd: false)
            return
        }
        let written = writer.append(tag, vr, length: even(length), to: &output)
        // What becomes UN is little endian there, in whatever syntax, as what is UN already stays as it is.
        let targetIsBigEndian = target.isBigEndian && written != .UN
        prepare(
            isDropped: false, swappedWordSize: isBigEndian == targetIsBigEndian ? 1 : vr.wordSize,
            paddingByte: written.paddingByte, isOdd: !length.isMultiple(of: 2))
    }

    private mutating func prepare(isDropped: Bool, swappedWordSize: Int, paddingByte: UInt8, isOdd: Bool) {
        self.isDropped = isDropped
        self.swappedWordSize = swappedWordSize
        self.paddingByte = paddingByte
        self.isOdd = isOdd
    }

    private mutating func appendValue(_ bytes: RawSpan, _ range: Range<Int>, to output: inout [UInt8]) {
        guard !isDropped else { return }
        var range = range
        // A word that came in two pieces.
        while !partialWord.isEmpty, let next = range.first {
            partialWord.append(bytes.unsafeLoad(fromByteOffset: next, as: UInt8.self))
            range = next + 1..<range.upperBound
            if partialWord.count == swappedWordSize {
                output.append(contentsOf: partialWord.reversed())
                partialWord.removeAll(keepingCapacity: true)
            }
        }
        let rest = range.count % swappedWordSize
        let whole = range.lowerBound..<range.upperBound - rest
        let start = output.count
        bytes.withUnsafeBytes { output.append(contentsOf: $0[whole]) }
        ByteOrder.swap(&output, from: start, wordSize: swappedWordSize)
        for offset in whole.upperBound..<range.upperBound {
            partialWord.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        }
    }

    private mutating func endValue(in output: inout [UInt8]) {
        guard !isDropped else { return }
        // A value that is no whole number of words is not of its representation: its end stays as it is.
        output.append(contentsOf: partialWord)
        partialWord.removeAll(keepingCapacity: true)
        if isOdd {
            output.append(paddingByte)
        }
    }

    /// The greatest length, 0xFFFFFFFE, is even itself, so there is always one above an odd one.
    private func even(_ length: UInt32) -> UInt32 {
        length &+ length % 2
    }
}
