import DICOM

/// An element of group 0000, PS3.7 E.1: its number, its VR and the property of `CommandSet` that holds its value.
///
/// The table `all` is the one list of these elements. Command sets are decoded, encoded and described by it.
struct CommandElement: Sendable {
    let number: UInt16
    /// The name for logs.
    let name: String
    let decode: @Sendable (ArraySlice<UInt8>, inout CommandSet) -> Void
    let encode: @Sendable (CommandSet, inout [UInt8]) -> Void
    /// Returns the value for a log; nil if the command set does not have the element.
    let describe: @Sendable (CommandSet) -> String?

    /// The number of each element in the table: looked through for every element of every message.
    private static let numbers = all.map(\.number)

    /// The place of an element in the table; nil for one that it does not have.
    static func index(of number: UInt16) -> Int? { numbers.firstIndex(of: number) }

    /// The elements in ascending order, without the group length. Values are got and set by functions, as key paths take several
    /// times as long.
    static let all: [CommandElement] = [
        CommandElement(0x0002, .UI, "affected SOP class", { $0.affectedSOPClassUID }, { $0.affectedSOPClassUID = $1 }),
        CommandElement(
            0x0003, .UI, "requested SOP class", { $0.requestedSOPClassUID },
            { $0.requestedSOPClassUID = $1 }),
        CommandElement(0x0100, .US, "command", { $0.commandField }, { $0.commandField = $1 }),
        CommandElement(0x0110, .US, "message id", { $0.messageID }, { $0.messageID = $1 }),
        CommandElement(
            0x0120, .US, "message id being responded to", { $0.messageIDBeingRespondedTo },
            { $0.messageIDBeingRespondedTo = $1 }),
        CommandElement(0x0600, .AE, "move destination", { $0.moveDestination }, { $0.moveDestination = $1 }),
        CommandElement(0x0700, .US, "priority", { $0.priority }, { $0.priority = $1 }),
        CommandElement(0x0800, .US, "command data set type", { $0.commandDataSetType }, { $0.commandDataSetType = $1 }),
        CommandElement(0x0900, .US, "status", { $0.status }, { $0.status = $1 }),
        CommandElement(
            0x0901, .AT, "offending elements", { $0.offendingElementList },
            { $0.offendingElementList = $1 }),
        CommandElement(0x0902, .LO, "error comment", { $0.errorComment }, { $0.errorComment = $1 }),
        CommandElement(0x0903, .US, "error id", { $0.errorID }, { $0.errorID = $1 }),
        CommandElement(
            0x1000, .UI, "affected SOP instance", { $0.affectedSOPInstanceUID },
            { $0.affectedSOPInstanceUID = $1 }),
        CommandElement(
            0x1001, .UI, "requested SOP instance", { $0.requestedSOPInstanceUID },
            { $0.requestedSOPInstanceUID = $1 }),
        CommandElement(0x1002, .US, "event type", { $0.eventTypeID }, { $0.eventTypeID = $1 }),
        CommandElement(0x1008, .US, "action type", { $0.actionTypeID }, { $0.actionTypeID = $1 }),
        CommandElement(
            0x1020, .US, "remaining sub-operations", { $0.numberOfRemainingSuboperations },
            { $0.numberOfRemainingSuboperations = $1 }),
        CommandElement(
            0x1021, .US, "completed sub-operations", { $0.numberOfCompletedSuboperations },
            { $0.numberOfCompletedSuboperations = $1 }),
        CommandElement(
            0x1022, .US, "failed sub-operations", { $0.numberOfFailedSuboperations },
            { $0.numberOfFailedSuboperations = $1 }),
        CommandElement(
            0x1023, .US, "sub-operations with warnings", { $0.numberOfWarningSuboperations },
            { $0.numberOfWarningSuboperations = $1 }),
        CommandElement(0x1030, .AE, "move originator", { $0.moveOriginatorAETitle }, { $0.moveOriginatorAETitle = $1 }),
        CommandElement(
            0x1031, .US, "move originator message id", { $0.moveOriginatorMessageID },
            { $0.moveOriginatorMessageID = $1 }),
    ]

    private init<Value: CommandValue>(
        _ number: UInt16, _ vr: ValueRepresentation, _ name: String,
        _ get: @escaping @Sendable (borrowing CommandSet) -> Value?,
        _ set: @escaping @Sendable (inout CommandSet, Value?) -> Void
    ) {
        self.number = number
        self.name = name
        decode = { bytes, command in set(&command, Value(commandValue: bytes)) }
        encode = { command, output in
            guard let value = get(command) else { return }
            CommandSet.appendHeader(number, to: &output)
            let start = output.count
            value.append(to: &output)
            if (output.count - start) & 1 == 1 { output.append(vr == .UI ? 0 : UInt8(ascii: " ")) }
            CommandSet.setLength(output.count - start, before: start, in: &output)
        }
        describe = { command in get(command).map(\.text) }
    }
}

extension CommandSet {
    /// Decodes a command set, PS3.7 6.3.1.
    ///
    /// Lenient where possible: the group length is ignored, elements may come in any order, unknown ones and those of
    /// other groups are skipped, an odd length is accepted, and a value whose length does not fit its representation
    /// counts as absent.
    ///
    /// - Throws: `ProtocolError` with `invalidCommandSet` if an element does not end within the bytes.
    package init(decoding bytes: ArraySlice<UInt8>) throws(ProtocolError) {
        self.init()
        var rest = bytes
        while !rest.isEmpty {
            guard rest.count >= Self.elementHeaderLength else {
                throw .commandSetTruncated("\(rest.count) bytes are left where an element has at least 8")
            }
            let tag = Tag(group: Self.uint16(rest, at: 0), element: Self.uint16(rest, at: 2))
            let length = Int(Self.uint16(rest, at: 4)) | Int(Self.uint16(rest, at: 6)) << 16
            rest = rest.dropFirst(Self.elementHeaderLength)
            guard length <= rest.count else {
                throw .commandSetTruncated("\(tag) claims \(length) bytes, \(rest.count) are left")
            }
            if tag.group == 0, let index = CommandElement.index(of: tag.element) {
                CommandElement.all[index].decode(rest.prefix(length), &self)
            }
            rest = rest.dropFirst(length)
        }
    }

    /// The bytes of the command set: group length first, then the other elements in ascending order.
    package func encode() -> [UInt8] {
        var output: [UInt8] = []
        // A C-STORE-RQ with two long UIDs is about 250 bytes.
        output.reserveCapacity(256)
        encode(into: &output)
        return output
    }

    /// Appends the bytes of the command set, so that a sender of thousands of messages reuses one buffer.
    package func encode(into output: inout [UInt8]) {
        Self.appendHeader(0, to: &output)
        Self.setLength(4, before: output.count, in: &output)
        output.append(contentsOf: [0, 0, 0, 0])
        let start = output.count
        for index in CommandElement.all.indices { CommandElement.all[index].encode(self, &output) }
        // The value of the group length.
        Self.setLength(output.count - start, before: start, in: &output)
    }

    /// The elements that the command set has, by their names for logs, in ascending order.
    package var described: [(name: String, value: String)] {
        CommandElement.all.compactMap { element in element.describe(self).map { (element.name, $0) } }
    }

    fileprivate var offendingElementList: [Tag]? {
        get { offendingElements.isEmpty ? nil : offendingElements }
        set { offendingElements = newValue ?? [] }
    }

    /// Tag and 32-bit length of Implicit VR, PS3.5 7.1.3.
    private static let elementHeaderLength = 8

    /// Appends the tag and a length of zero.
    fileprivate static func appendHeader(_ element: UInt16, to output: inout [UInt8]) {
        output.append(0)
        output.append(0)
        element.append(to: &output)
        for _ in 0..<4 { output.append(0) }
    }

    /// Writes a 32-bit number into the four bytes before an offset.
    fileprivate static func setLength(_ length: Int, before offset: Int, in output: inout [UInt8]) {
        for index in 0..<4 { output[offset - 4 + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    }

    fileprivate static func uint16(_ bytes: ArraySlice<UInt8>, at offset: Int) -> UInt16 {
        UInt16(bytes[bytes.startIndex + offset]) | UInt16(bytes[bytes.startIndex + offset + 1]) << 8
    }
}

// MARK: Values

/// A value of a command element.
private protocol CommandValue: Sendable {
    /// Decodes the value field; nil if the value counts as absent.
    init?(commandValue bytes: ArraySlice<UInt8>)

    /// Appends the value field without padding.
    func append(to output: inout [UInt8])

    /// The value for a log.
    var text: String { get }
}

extension CommandValue {
    fileprivate var text: String { "\(self)" }
}

extension UInt16: CommandValue {
    fileprivate init?(commandValue bytes: ArraySlice<UInt8>) {
        guard bytes.count == 2 else { return nil }
        self = CommandSet.uint16(bytes, at: 0)
    }

    fileprivate func append(to output: inout [UInt8]) {
        output.append(UInt8(truncatingIfNeeded: self))
        output.append(UInt8(truncatingIfNeeded: self >> 8))
    }
}

extension WireCode where RawValue == UInt16 {
    fileprivate init?(commandValue bytes: ArraySlice<UInt8>) {
        guard let number = UInt16(commandValue: bytes) else { return nil }
        self.init(rawValue: number)
    }

    fileprivate func append(to output: inout [UInt8]) { rawValue.append(to: &output) }
}

extension CommandField: CommandValue {}
extension DIMSEStatus: CommandValue {}

extension UID: CommandValue {
    /// As `init(bytes:)`, but for the one collection that is used here: every message has two UIDs.
    fileprivate init?(commandValue bytes: ArraySlice<UInt8>) {
        var bytes = bytes
        while let last = bytes.last, last == 0x00 || last == 0x20 { bytes.removeLast() }
        guard !bytes.isEmpty else { return nil }
        self.init(String(decoding: bytes, as: UTF8.self))
    }

    fileprivate func append(to output: inout [UInt8]) { output.append(contentsOf: string.utf8) }
}

extension AETitle: CommandValue {
    fileprivate init?(commandValue bytes: ArraySlice<UInt8>) {
        self.init(wire: bytes)
        guard !isEmpty else { return nil }
    }

    fileprivate func append(to output: inout [UInt8]) { output.append(contentsOf: WireText.encode(string)) }
}

extension String: CommandValue {
    /// A text for people: without characters that could disturb a terminal or a log.
    fileprivate init?(commandValue bytes: ArraySlice<UInt8>) {
        let text = WireText.trimmed(bytes)
        guard !text.isEmpty else { return nil }
        self = WireText.printableASCII(WireText.decode(text))
    }

    fileprivate func append(to output: inout [UInt8]) { output.append(contentsOf: WireText.encode(self)) }
}

extension [Tag]: CommandValue {
    fileprivate init?(commandValue bytes: ArraySlice<UInt8>) {
        guard bytes.count % 4 == 0 else { return nil }
        self = stride(from: 0, to: bytes.count, by: 4).map {
            Tag(group: CommandSet.uint16(bytes, at: $0), element: CommandSet.uint16(bytes, at: $0 + 2))
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
