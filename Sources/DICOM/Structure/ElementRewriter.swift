/// The part of a `DataSetRewriter` between inflating and deflating.
struct ElementRewriter {
    private var scanner: DataSetScanner
    private let writer: ElementHeaderWriter
    private let target: ElementEncoding

    /// How the current value is treated.
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
