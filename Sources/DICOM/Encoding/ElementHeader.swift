/// The bytes before a value: tag, representation, length.
///
///     Implicit VR (PS3.5 7.1.3)   group 2 | element 2 | length 4
///     Explicit VR (PS3.5 7.1.2)   group 2 | element 2 | VR 2 | length 2
///                                 group 2 | element 2 | VR 2 | reserved 2 | length 4     OB, SQ, UN, UT ...
///     Items and delimiters (7.5)  group 2 | element 2 | length 4
struct ElementHeader {
    let tag: Tag
    let vr: ValueRepresentation
    let length: UInt32
    /// 8 or 12 bytes.
    let headerLength: Int
    /// "US or SS" in Implicit VR: read here as US.
    let dependsOnPixelRepresentation: Bool

    /// The length field of what ends with a delimiter (PS3.5 7.5).
    static let undefinedLength: UInt32 = 0xFFFF_FFFF
    static let shortest = 8
    static let longest = 12

    var isUndefinedLength: Bool { length == ElementHeader.undefinedLength }

    /// Reads the header at `offset`; nil if `bytes` end inside it. `origin` is where the bytes begin, for errors.
    @inline(__always)
    static func read(
        _ bytes: RawSpan, at offset: Int, _ encoding: ElementEncoding, origin: UInt64 = 0
    ) throws(DataSetError) -> ElementHeader? {
        let available = bytes.byteCount - offset
        guard available >= shortest else { return nil }
        let first = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let second = bytes.unsafeLoadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        let tag =
            encoding.isBigEndian
            ? Tag(UInt32(bigEndian: first))
            : Tag(littleEndian: UInt32(littleEndian: first))
        guard encoding.isExplicitVR, !tag.isDelimiter else {
            let length = encoding.isBigEndian ? UInt32(bigEndian: second) : UInt32(littleEndian: second)
            let (vr, isChoice) = tag.isDelimiter ? (.UN, false) : DataDictionary.implicitRepresentation(of: tag)
            return ElementHeader(
                tag: tag, vr: vr, length: length, headerLength: shortest, dependsOnPixelRepresentation: isChoice)
        }
        let letters = UInt16(truncatingIfNeeded: UInt32(bigEndian: second) >> 16)
        let vr: ValueRepresentation
        let hasLongLength: Bool
        if let known = ValueRepresentation(rawValue: letters) {
            vr = known
            hasLongLength = known.hasLongLength
        } else {
            guard let isLong = lengthIsLong(unknown: letters) else {
                throw DataSetError(
                    .unknownVR, offset: origin + UInt64(offset), tag: tag, "no value representation")
            }
            vr = .UN
            hasLongLength = isLong
        }
        guard hasLongLength else {
            let raw = bytes.unsafeLoadUnaligned(fromByteOffset: offset + 6, as: UInt16.self)
            let length = encoding.isBigEndian ? UInt16(bigEndian: raw) : UInt16(littleEndian: raw)
            return ElementHeader(
                tag: tag, vr: vr, length: UInt32(length), headerLength: shortest,
                dependsOnPixelRepresentation: false)
        }
        guard available >= longest else { return nil }
        let raw = bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt32.self)
        let length = encoding.isBigEndian ? UInt32(bigEndian: raw) : UInt32(littleEndian: raw)
        return ElementHeader(
            tag: tag, vr: vr, length: length, headerLength: longest, dependsOnPixelRepresentation: false)
    }

    /// The form of the length (PS3.5 7.1.2) that belongs to each pair of letters, in a table: a look-up takes a fraction of the time of
    /// finding the representation.
    struct LengthForms {
        enum Form { case none, short, long }
        private let forms: [Form]

        /// Of all representations of PS3.5 6.2 but SQ.
        static let ofValues = LengthForms()

        private init() {
            var forms = [Form](repeating: .none, count: 1 << 10)
            for vr in ValueRepresentation.allCases where vr != .SQ {
                forms[Self.place(vr.rawValue.byteSwapped)] = vr.hasLongLength ? .long : .short
            }
            self.forms = forms
        }

        /// The place of two letters: the five bits by which capitals differ of each.
        private static func place(_ letters: UInt16) -> Int { Int(letters & 0x1F) << 5 | Int(letters >> 8 & 0x1F) }

        /// - Parameter letters: the first one in the lower byte, as they are read in little endian.
        @inline(__always)
        subscript(letters: UInt16) -> Form { letters & 0xE0E0 == 0x4040 ? forms[Self.place(letters)] : .none }
    }

    /// An element in Explicit VR Little Endian that is there as a whole, and neither a sequence nor a delimiter.
    struct PlainElement {
        let tag: Tag
        /// The first one in the lower byte.
        fileprivate let letters: UInt16
        /// Of the value, in bytes.
        let length: Int
        /// Where its value ends.
        let end: Int

        private static let unknown = UInt16(UInt8(ascii: "U")) | UInt16(UInt8(ascii: "N")) << 8

        /// True if the representation is UN.
        @inline(__always)
        var isUnknown: Bool { letters == Self.unknown }
    }

    /// Reads no more of an element in Explicit VR Little Endian than what it is and where its value ends; nil if that is beyond `end`,
    /// its length is undefined, it is a sequence or a delimiter, or its representation is not one of PS3.5 6.2.
    ///
    /// - Parameter end: at most the number of the bytes; nothing is read from there on.
    @inline(__always)
    static func plainElement(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, before end: Int, _ forms: LengthForms
    ) -> PlainElement? {
        guard end &- offset >= shortest else { return nil }
        let head = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let tag = Tag(littleEndian: UInt32(truncatingIfNeeded: head))
        guard !tag.isDelimiter else { return nil }
        let letters = UInt16(truncatingIfNeeded: head >> 32)
        let (length, headerLength): (Int, Int)
        switch forms[letters] {
        case .none: return nil
        case .short: (length, headerLength) = (Int(truncatingIfNeeded: head >> 48), shortest)
        case .long:
            guard end &- offset >= longest else { return nil }
            let long = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt32.self))
            guard long != undefinedLength else { return nil }
            (length, headerLength) = (Int(long), longest)
        }
        let next = offset &+ headerLength &+ length
        return next <= end ? PlainElement(tag: tag, letters: letters, length: length, end: next) : nil
    }

    /// Representations to come have the long form (PS3.5 6.2, last note). Some writers put blanks, question marks or
    /// NULs there and go on in the short form. Nil for anything else: then this is no data set.
    private static func lengthIsLong(unknown letters: UInt16) -> Bool? {
        let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
        if capitals.contains(UInt8(letters >> 8)) && capitals.contains(UInt8(letters & 0xFF)) {
            return true
        }
        switch letters {
        case 0x0000, 0x2020, 0x2D2D, 0x3F3F: return false
        default: return nil
        }
    }
}

extension ElementHeader {
    /// The header of a value of unknown representation, where the dictionary says that there is a sequence.
    var withValue: ElementHeader {
        ElementHeader(
            tag: tag, vr: .UN, length: length, headerLength: headerLength, dependsOnPixelRepresentation: false)
    }

    /// The content that follows the header.
    enum Content {
        case value
        /// A sequence of items whose elements have this encoding.
        case sequence(ElementEncoding)
        case fragments
    }

    /// A sequence of unknown representation has UN; with its length undefined its items are in Implicit VR Little Endian
    /// (PS3.5 6.2.2). In Implicit VR any undefined length is a sequence's, but for the pixel data.
    func content(_ encoding: ElementEncoding) -> Content? {
        guard isUndefinedLength else {
            return vr == .SQ ? .sequence(encoding) : .value
        }
        if tag == .pixelData {
            return .fragments
        }
        switch vr {
        case .SQ: return .sequence(encoding)
        case .UN: return .sequence(.implicitLittleEndian)
        case .OB, .OD, .OF, .OL, .OV, .OW: return encoding.isExplicitVR ? .fragments : .sequence(encoding)
        default: return encoding.isExplicitVR ? nil : .sequence(encoding)
        }
    }
}

/// Writes what `ElementHeader` reads.
struct ElementHeaderWriter {
    private let encoding: ElementEncoding

    /// The greatest even length that the short form of Explicit VR tells (PS3.5 7.1.2).
    static let maximumShortLength: UInt32 = 0xFFFE

    init(_ encoding: ElementEncoding) {
        self.encoding = encoding
    }

    /// The representation that Explicit VR gets: UN for a value that is too long for the short form of its own
    /// (PS3.5 6.2.2), and UN's bytes are little endian whatever the syntax.
    func writtenVR(_ vr: ValueRepresentation, length: UInt32) -> ValueRepresentation {
        encoding.isExplicitVR && !vr.hasLongLength && length > ElementHeaderWriter.maximumShortLength ? .UN : vr
    }

    /// Appends a header and gives the representation that was written.
    @discardableResult
    func append(_ tag: Tag, _ vr: ValueRepresentation, length: UInt32, to output: inout [UInt8]) -> ValueRepresentation
    {
        append(tag, to: &output)
        guard encoding.isExplicitVR else {
            append(length, to: &output)
            return vr
        }
        let written = writtenVR(vr, length: length)
        output.append(UInt8(truncatingIfNeeded: written.rawValue >> 8))
        output.append(UInt8(truncatingIfNeeded: written.rawValue))
        if written.hasLongLength {
            output.append(0)
            output.append(0)
            append(length, to: &output)
        } else {
            append(UInt16(truncatingIfNeeded: length), to: &output)
        }
        return written
    }

    func appendItem(length: UInt32, to output: inout [UInt8]) {
        append(.item, to: &output)
        append(length, to: &output)
    }

    func appendDelimiter(_ tag: Tag, to output: inout [UInt8]) {
        append(tag, to: &output)
        append(UInt32(0), to: &output)
    }

    /// Writes the length of what was appended from `start` on into the four bytes before it; a delimiter instead, if it
    /// is more than a length can tell.
    func close(_ delimiter: Tag, from start: Int, in output: inout [UInt8]) {
        let count = output.count - start
        guard let length = UInt32(exactly: count), length != ElementHeader.undefinedLength else {
            appendDelimiter(delimiter, to: &output)
            return
        }
        for byte in 0..<4 {
            let shift = 8 * (encoding.isBigEndian ? 3 - byte : byte)
            output[start - 4 + byte] = UInt8(truncatingIfNeeded: length >> shift)
        }
    }

    private func append(_ tag: Tag, to output: inout [UInt8]) {
        append(tag.group, to: &output)
        append(tag.element, to: &output)
    }

    private func append(_ number: UInt16, to output: inout [UInt8]) {
        let ordered = encoding.isBigEndian ? number.byteSwapped : number
        output.append(UInt8(truncatingIfNeeded: ordered))
        output.append(UInt8(truncatingIfNeeded: ordered >> 8))
    }

    private func append(_ number: UInt32, to output: inout [UInt8]) {
        let ordered = encoding.isBigEndian ? number.byteSwapped : number
        for byte in 0..<4 { output.append(UInt8(truncatingIfNeeded: ordered >> (8 * byte))) }
    }
}

extension Tag {
    /// The tag of two little-endian words, the group first, that were read as one number.
    @inline(__always)
    init(littleEndian words: UInt32) { self.init(words << 16 | words >> 16) }
}
