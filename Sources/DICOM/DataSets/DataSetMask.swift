/// Hides the patient data of an encoded data set in place, every length kept, as its bytes come; and finds the bytes of
/// pixels and other long binary values that need not be kept.
///
/// It hides what logs hide of a data set, ``DataSet/hidingPatientData``: text becomes asterisks, binary values become
/// zeros. Bytes that are not understood are hidden as a whole: nobody knows what they say.
package struct DataSetMask: Sendable {
    private enum State: Sendable {
        /// Before the first bytes, which show the encoding.
        case beginning(agreed: TransferSyntax)
        case walking
        /// The rest of the data set cannot be read.
        case lost
    }

    private var state: State
    private var scanner: DataSetScanner
    private let hides: Bool
    /// The number of bytes of a long binary value that are kept.
    private let kept: UInt64
    private var position: UInt64 = 0
    private var fill: UInt8?
    /// The number of sequences around the current element.
    private var depth = 0
    /// The depth of the outermost sequence that is hidden as a whole.
    private var hiddenDepth: Int?
    /// The place of the first byte of the long value that is being walked over.
    private var longStart: UInt64?
    private var isInFragments = false
    private let isCommand: Bool
    /// The last tag of each data set that is open, the outermost first: tags ascend in each (PS3.5 7.1).
    private var lastTags = [Tag(0)]
    /// True in a value of codes, numbers in text, dates or UIDs, in which a name has no place.
    private var isPlain = false

    /// Hidden text that is longer is cut, too, in bytes.
    private static let longText: UInt32 = 64 * 1024
    /// Shorter binary values are kept whole but for pixels, in bytes.
    private static let shortestLong: UInt64 = 1_024
    private static let textFill = UInt8(ascii: "*")

    /// - Parameters:
    ///   - syntax: the transfer syntax that was agreed on; what the bytes show to be another native one is read as that. Of
    ///     nil and of a deflated one nothing can be read.
    ///   - hides: False to hide nothing, and only to find long values.
    ///   - kept: the number of bytes of a long binary value that are kept.
    package init(_ syntax: TransferSyntax?, hides: Bool, kept: Int) {
        state = .lost
        if let syntax, !syntax.isDeflated { state = .beginning(agreed: syntax) }
        scanner = DataSetScanner(.implicitLittleEndian, limits: .standard)
        self.hides = hides
        self.kept = UInt64(clamping: kept)
        isCommand = false
        if case .lost = state { lose(at: 0) }
    }

    /// For a command set, PS3.7 6.3.1: an Error Comment may say whose data it is about.
    package init(ofCommandHiding hides: Bool) {
        state = .walking
        scanner = DataSetScanner(.implicitLittleEndian, limits: .standard)
        self.hides = hides
        kept = .max
        isCommand = true
    }

    /// Hides patient data in the next bytes; returns the ranges that need not be kept, in ascending order.
    package mutating func apply(to bytes: UnsafeMutableRawBufferPointer) -> [Range<Int>] {
        guard !bytes.isEmpty else { return [] }
        defer { position += UInt64(bytes.count) }
        var cut: [Range<Int>] = []
        if case .beginning(let agreed) = state { begin(bytes, agreed) }
        if case .walking = state { walk(bytes, &cut) }
        if case .lost = state {
            if hides, let longStart, longStart < position + UInt64(bytes.count) {
                Self.overwrite(bytes, relative(longStart)..<bytes.count, 0)
            }
        }
        endLong(at: position + UInt64(bytes.count), bytes, &cut, isOver: false)
        return cut
    }

    private mutating func begin(_ bytes: UnsafeMutableRawBufferPointer, _ agreed: TransferSyntax) {
        guard let encoding = Self.encoding(Array(bytes.prefix(ElementHeader.shortest)), agreed) else {
            return lose(at: position)
        }
        scanner = DataSetScanner(encoding, limits: .standard)
        state = .walking
    }

    /// The encoding that the first bytes show; nil if they are none of a data set, or too few.
    private static func encoding(_ head: [UInt8], _ agreed: TransferSyntax) -> ElementEncoding? {
        guard head.count == ElementHeader.shortest else { return nil }
        if let seen = TransferSyntax.guessed(fromDataSet: head[...]) { return ElementEncoding(seen) }
        let hasVR = ValueRepresentation(rawValue: UInt16(head[4]) << 8 | UInt16(head[5])) != nil
        return hasVR == agreed.isExplicitVR ? ElementEncoding(agreed) : nil
    }

    private mutating func walk(_ bytes: UnsafeMutableRawBufferPointer, _ cut: inout [Range<Int>]) {
        let span = UnsafeRawBufferPointer(bytes).bytes
        var offset = 0
        do throws(DataSetError) {
            while let event = try scanner.next(span, at: &offset) {
                guard isPlausible(event, bytes) else { return lose(at: scanner.headerStart) }
                switch event {
                case .element(let tag, let vr, let length, _): beginValue(tag, vr, length)
                case .value(let range):
                    if let fill {
                        Self.overwrite(bytes, range, fill)
                    } else if hides, isPlain, !Self.isPlainText(UnsafeRawBufferPointer(rebasing: bytes[range])) {
                        return lose(at: position + UInt64(range.lowerBound))
                    }
                case .heldValue:
                    // Its first bytes came before; they are in these ones but for a header that was split.
                    let end = relative(scanner.position)
                    if let fill { Self.overwrite(bytes, max(0, end - scanner.heldValue.count)..<end, fill) }
                case .valueEnd: if !isInFragments { endLong(at: scanner.position, bytes, &cut) }
                case .sequenceStart(let tag):
                    depth += 1
                    if hiddenDepth == nil, hides, Self.isHidden(tag, .SQ) { hiddenDepth = depth }
                case .sequenceEnd:
                    if hiddenDepth == depth { hiddenDepth = nil }
                    depth -= 1
                case .itemStart: lastTags.append(Tag(0))
                case .itemEnd: if lastTags.count > 1 { lastTags.removeLast() }
                case .fragment: break
                case .fragmentsStart(let tag, let vr):
                    isInFragments = true
                    beginValue(tag, vr, .max)
                case .fragmentsEnd:
                    isInFragments = false
                    endLong(at: scanner.position, bytes, &cut)
                }
            }
        } catch {
            lose(at: scanner.headerStart)
        }
    }

    /// False where an element shows that what stands there is no data set, or not read as it was meant.
    private mutating func isPlausible(
        _ event: DataSetScanner.Event, _ bytes: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard hides else { return true }
        let next: Tag
        switch event {
        case .element(let tag, let vr, _, _):
            guard vr != .UN || isUnknownByName(bytes) else { return false }
            next = tag
        case .sequenceStart(let tag), .fragmentsStart(let tag, _): next = tag
        default: return true
        }
        // A sequence is left before the next element of the same level comes.
        guard let last = lastTags.last, last < next || last == Tag(0), !isCommand || next.group == 0 else {
            return false
        }
        lastTags[lastTags.count - 1] = next
        return true
    }

    /// False for two letters that are no representation in Explicit VR, which is read as UN.
    private func isUnknownByName(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        let place = relative(scanner.headerStart) + Self.tagLength
        guard scanner.encoding.isExplicitVR, scanner.headerStart >= position, place + 1 < bytes.count else {
            return true
        }
        return bytes[place] == UInt8(ascii: "U") && bytes[place + 1] == UInt8(ascii: "N")
    }

    private static let tagLength = 4

    /// False for bytes of a value that cannot be in codes, numbers, dates and UIDs (PS3.5 table 6.2-1); zeros fill up UIDs.
    private static func isPlainText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.allSatisfy { $0 == 0 || ((0x20...0x7E).contains($0) && $0 != UInt8(ascii: "^")) }
    }

    /// From here on nothing is understood.
    private mutating func lose(at place: UInt64) {
        state = .lost
        longStart = longStart ?? place
    }

    private mutating func beginValue(_ tag: Tag, _ vr: ValueRepresentation, _ length: UInt32) {
        let isPixels = tag.isPixels
        let isHidden = hides && (hiddenDepth != nil || (!isPixels && Self.isHidden(tag, vr)))
        fill = isHidden ? (vr.isText ? Self.textFill : 0) : nil
        let isLong = isPixels || vr.isBulk || (isHidden && length > Self.longText)
        let limit = isPixels ? kept : max(kept, Self.shortestLong)
        if isLong, UInt64(length) > limit { longStart = scanner.position }
        isPlain = vr.isPlain
    }

    private static func isHidden(_ tag: Tag, _ vr: ValueRepresentation) -> Bool {
        !(tag.isGroupLength && vr == .UL)
            && (tag.mayHoldPatientData(vr) || tag.mayHoldPatientData(DataDictionary.vr(of: tag)))
    }

    /// Adds the part of the current long value that is in the bytes and need not be kept, and makes it zeros.
    private mutating func endLong(
        at end: UInt64, _ bytes: UnsafeMutableRawBufferPointer, _ cut: inout [Range<Int>], isOver: Bool = true
    ) {
        guard let start = longStart else { return }
        if isOver { longStart = nil }
        let (first, isTooFar) = start.addingReportingOverflow(kept)
        guard !isTooFar, first < end else { return }
        let range = relative(first)..<relative(end)
        guard !range.isEmpty else { return }
        Self.overwrite(bytes, range, 0)
        cut.append(range)
    }

    /// The place in the present bytes of a place in the data set; those before are at its beginning.
    private func relative(_ place: UInt64) -> Int { place <= position ? 0 : Int(place - position) }

    private static func overwrite(_ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ value: UInt8) {
        UnsafeMutableRawBufferPointer(rebasing: bytes[range]).initializeMemory(as: UInt8.self, repeating: value)
    }
}

extension ValueRepresentation {
    /// True if its values may be long and are binary.
    fileprivate var isBulk: Bool {
        switch self {
        case .OB, .OW, .OD, .OF, .OL, .OV, .UN: true
        default: false
        }
    }

    /// True if its values are codes, numbers in text, dates or UIDs.
    fileprivate var isPlain: Bool {
        switch self {
        case .AE, .AS, .CS, .DA, .DS, .DT, .IS, .TM, .UI: true
        default: false
        }
    }
}
