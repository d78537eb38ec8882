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
        let ordered = encoding.isBigEndian ? number.bigEndian : number.littleEndian
        withUnsafeBytes(of: ordered) { output.append(contentsOf: $0) }
    }

    private func append(_ number: UInt32, to output: inout [UInt8]) {
        let ordered = encoding.isBigEndian ? number.bigEndian : number.littleEndian
        withUnsafeBytes(of: ordered) { output.append(contentsOf: $0) }
    }
}
