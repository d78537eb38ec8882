import DICOM

/// Goes over the elements of a command set.
private protocol CommandVisitor {
    /// - Parameters:
    ///   - number: of the element in group 0000.
    ///   - name: for logs.
    ///   - value: the property of the command set; nil where it does not have the element.
    mutating func visit<Value: CommandValue>(
        _ number: UInt16, _ vr: ValueRepresentation, _ name: StaticString, _ value: inout Value?)
}

extension CommandSet {
    /// The one list of the elements of group 0000, PS3.7 E.1, in ascending order, without the group length. Command sets are
    /// decoded, encoded and described by it.
    @inline(__always)
    private mutating func visit(_ visitor: inout some CommandVisitor) {
        visitor.visit(0x0002, .UI, "affected SOP class", &affectedSOPClassUID)
        visitor.visit(0x0003, .UI, "requested SOP class", &requestedSOPClassUID)
        visitor.visit(0x0100, .US, "command", &commandField)
        visitor.visit(0x0110, .US, "message id", &messageID)
        visitor.visit(0x0120, .US, "message id being responded to", &messageIDBeingRespondedTo)
        visitor.visit(0x0600, .AE, "move destination", &moveDestination)
        visitor.visit(0x0700, .US, "priority", &priority)
        visitor.visit(0x0800, .US, "command data set type", &commandDataSetType)
        visitor.visit(0x0900, .US, "status", &status)
        visitor.visit(0x0901, .AT, "offending elements", &offendingElementList)
        visitor.visit(0x0902, .LO, "error comment", &errorComment)
        visitor.visit(0x0903, .US, "error id", &errorID)
        visitor.visit(0x1000, .UI, "affected SOP instance", &affectedSOPInstanceUID)
        visitor.visit(0x1001, .UI, "requested SOP instance", &requestedSOPInstanceUID)
        visitor.visit(0x1002, .US, "event type", &eventTypeID)
        visitor.visit(0x1008, .US, "action type", &actionTypeID)
        visitor.visit(0x1020, .US, "remaining sub-operations", &numberOfRemainingSuboperations)
        visitor.visit(0x1021, .US, "completed sub-operations", &numberOfCompletedSuboperations)
        visitor.visit(0x1022, .US, "failed sub-operations", &numberOfFailedSuboperations)
        visitor.visit(0x1023, .US, "sub-operations with warnings", &numberOfWarningSuboperations)
        visitor.visit(0x1030, .AE, "move originator", &moveOriginatorAETitle)
        visitor.visit(0x1031, .US, "move originator message id", &moveOriginatorMessageID)
    }

    private var offendingElementList: [Tag]? {
        get { offendingElements.isEmpty ? nil : offendingElements }
        set { offendingElements = newValue ?? [] }
    }

    // MARK: Decoding

    /// Decodes a command set, PS3.7 6.3.1.
    ///
    /// Lenient where possible: the group length is ignored, elements may come in any order, unknown ones and those of
    /// other groups are skipped, an odd length is accepted, and a value whose length does not fit its representation
    /// counts as absent.
    ///
    /// - Throws: `ProtocolError` with `invalidCommandSet` if an element does not end within the bytes.
    package init(decoding bytes: RawSpan) throws(ProtocolError) {
        self.init()
        var offset = 0
        while offset < bytes.byteCount {
            let available = bytes.byteCount - offset
            guard available >= Self.elementHeaderLength else {
                throw .commandSetTruncated("\(available) bytes are left where an element has at least 8")
            }
            let tag = Tag(group: bytes.uint16(at: offset), element: bytes.uint16(at: offset + 2))
            let length = Int(bytes.uint16(at: offset + 4)) | Int(bytes.uint16(at: offset + 6)) << 16
            offset += Self.elementHeaderLength
            guard length <= bytes.byteCount - offset else {
                throw .commandSetTruncated(
                    "\(tag) claims \(length) bytes, \(bytes.byteCount - offset) are left")
            }
            if tag.group == 0 {
                decode(tag.element, bytes.extracting(offset..<(offset + length)))
            }
            offset += length
        }
    }

    private mutating func decode(_ number: UInt16, _ value: RawSpan) {
        value.withUnsafeBytes { bytes in
            var decoding = Decoding(number: number, bytes: bytes)
            visit(&decoding)
        }
    }

    /// Sets the one element of a number.
    private struct Decoding: CommandVisitor {
        let number: UInt16
        let bytes: UnsafeRawBufferPointer

        @inline(__always)
        mutating func visit<Value: CommandValue>(
            _ number: UInt16, _ vr: ValueRepresentation, _ name: StaticString, _ value: inout Value?
        ) {
            if number == self.number { value = Value(commandValue: bytes) }
        }
    }

    /// Tag and 32-bit length of Implicit VR, PS3.5 7.1.3.
    private static let elementHeaderLength = 8

    // MARK: Encoding

    /// The bytes of the command set: group length first, then the other elements in ascending order.
    package func encode() -> [UInt8] {
        // A C-STORE-RQ with two long UIDs is about 250 bytes.
        var encoding = Encoding(capacity: 256)
        var command = self
        encoding.begin(0)
        UInt32(0).append(to: &encoding.output)
        let start = encoding.output.count
        encoding.end()
        command.visit(&encoding)
        // The value of the group length.
        encoding.setLength(encoding.output.count - start, before: start)
        return encoding.output
    }

    /// Appends the elements that there are.
    private struct Encoding: CommandVisitor {
        var output: [UInt8] = []
        /// Where the value of the last element begins.
        private var start = 0

        init(capacity: Int) { output.reserveCapacity(capacity) }

        @inline(__always)
        mutating func visit<Value: CommandValue>(
            _ number: UInt16, _ vr: ValueRepresentation, _ name: StaticString, _ value: inout Value?
        ) {
            guard let value else { return }
            begin(number)
            value.append(to: &output)
            if (output.count - start) & 1 == 1 { output.append(vr == .UI ? 0 : UInt8(ascii: " ")) }
            end()
        }

        /// Appends the tag and a length of zero.
        mutating func begin(_ number: UInt16) {
            (UInt64(number) << 16).append(to: &output)
            start = output.count
        }

        /// Gives the element that was begun the length of what was appended since.
        mutating func end() { setLength(output.count - start, before: start) }

        /// Writes a 32-bit number into the four bytes before an offset.
        mutating func setLength(_ length: Int, before offset: Int) {
            for index in 0..<4 { output[offset - 4 + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
        }
    }

    // MARK: Describing

    /// The elements that the command set has, by their names for logs, in ascending order.
    package var described: [(name: String, value: String)] {
        var description = Description()
        var command = self
        command.visit(&description)
        return description.elements
    }

    private struct Description: CommandVisitor {
        var elements: [(name: String, value: String)] = []

        mutating func visit<Value: CommandValue>(
            _ number: UInt16, _ vr: ValueRepresentation, _ name: StaticString, _ value: inout Value?
        ) {
            if let value { elements.append(("\(name)", value.text)) }
        }
    }
}

extension RawSpan {
    /// The number in the two bytes from an offset on, which the caller has made sure of.
    fileprivate func uint16(at offset: Int) -> UInt16 {
        UInt16(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }
}

extension FixedWidthInteger {
    /// Appends the bytes of the number, the lowest first.
    fileprivate func append(to output: inout [UInt8]) {
        for byte in 0..<(Self.bitWidth / 8) { output.append(UInt8(truncatingIfNeeded: self >> (8 * byte))) }
    }
}

// MARK: Values

/// A value of a command element.
private protocol CommandValue: Sendable {
    /// Decodes the value field; nil if the value counts as absent.
    init?(commandValue bytes: UnsafeRawBufferPointer)

    /// Appends the value field without padding.
    func append(to output: inout [UInt8])

    /// The value for a log.
    var text: String { get }
}

extension CommandValue {
    fileprivate var text: String { "\(self)" }
}

extension UInt16: CommandValue {
    fileprivate init?(commandValue bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 2 else { return nil }
        self = bytes.bytes.uint16(at: 0)
    }
}

extension WireCode where RawValue == UInt16 {
    fileprivate init?(commandValue bytes: UnsafeRawBufferPointer) {
        guard let number = UInt16(commandValue: bytes) else { return nil }
        self.init(rawValue: number)
    }

    fileprivate func append(to output: inout [UInt8]) { rawValue.append(to: &output) }
}

extension CommandField: CommandValue {}
extension DIMSEStatus: CommandValue {}

extension UID: CommandValue {
    fileprivate init?(commandValue bytes: UnsafeRawBufferPointer) {
        var count = bytes.count
        while count > 0, bytes[count - 1] == 0x00 || bytes[count - 1] == 0x20 { count -= 1 }
        guard count > 0 else { return nil }
        self.init(String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<count]), as: UTF8.self))
    }

    fileprivate func append(to output: inout [UInt8]) { output.append(utf8: string) }
}

extension AETitle: CommandValue {
    fileprivate init?(commandValue bytes: UnsafeRawBufferPointer) {
        self.init(wire: bytes)
        guard !isEmpty else { return nil }
    }

    fileprivate func append(to output: inout [UInt8]) { output.append(contentsOf: WireText.encode(string)) }
}

extension String: CommandValue {
    /// A text for people: without characters that could disturb a terminal or a log.
    fileprivate init?(commandValue bytes: UnsafeRawBufferPointer) {
        let text = WireText.trimmed(Array(bytes)[...])
        guard !text.isEmpty else { return nil }
        self = WireText.printableASCII(WireText.decode(text))
    }

    fileprivate func append(to output: inout [UInt8]) { output.append(contentsOf: WireText.encode(self)) }
}

extension [Tag]: CommandValue {
    fileprivate init?(commandValue bytes: UnsafeRawBufferPointer) {
        guard bytes.count % 4 == 0 else { return nil }
        self = stride(from: 0, to: bytes.count, by: 4).map {
            Tag(group: bytes.bytes.uint16(at: $0), element: bytes.bytes.uint16(at: $0 + 2))
        }
    }

    fileprivate func append(to output: inout [UInt8]) {
        for tag in self {
            tag.group.append(to: &output)
            tag.element.append(to: &output)
        }
    }

    fileprivate var text: String {
        map { DataDictionary.label(of: $0) }.joined(separator: ", ")
    }
}
