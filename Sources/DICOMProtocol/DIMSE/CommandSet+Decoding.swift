import DICOM

extension CommandSet {
    /// Reads a command set, PS3.7 6.3.1.
    ///
    /// Lenient where a reader can be: the group length is not believed, elements may come in any order, unknown ones
    /// and those of other groups are passed over, an odd length is taken as it is, and a value whose length does not
    /// fit its representation counts as absent. Strict in one thing: an element that does not end within the bytes.
    package init(decoding bytes: ArraySlice<UInt8>) throws(ProtocolError) {
        self.init()
        var offset = bytes.startIndex
        while offset < bytes.endIndex {
            guard bytes.endIndex - offset >= Self.elementHeaderLength else {
                throw .commandSetTruncated("\(bytes.endIndex - offset) bytes are left where an element has at least 8")
            }
            let group = Self.uint16(bytes, at: offset)
            let element = Self.uint16(bytes, at: offset + 2)
            let length = Int(Self.uint16(bytes, at: offset + 4)) | Int(Self.uint16(bytes, at: offset + 6)) << 16
            offset += Self.elementHeaderLength
            guard length <= bytes.endIndex - offset else {
                let tag = Tag(group: group, element: element)
                throw .commandSetTruncated("\(tag) claims \(length) bytes, \(bytes.endIndex - offset) are left")
            }
            let value = bytes[offset..<offset + length]
            offset += length
            if group == 0 { assign(element, value) }
        }
    }

    /// Tag and 32-bit length of Implicit VR, PS3.5 7.1.3.
    private static let elementHeaderLength = 8

    private mutating func assign(_ element: UInt16, _ value: ArraySlice<UInt8>) {
        switch element {
        case CommandElement.affectedSOPClassUID: affectedSOPClassUID = Self.uid(value)
        case CommandElement.requestedSOPClassUID: requestedSOPClassUID = Self.uid(value)
        case CommandElement.commandField: commandField = Self.uint16(value)
        case CommandElement.messageID: messageID = Self.uint16(value)
        case CommandElement.messageIDBeingRespondedTo: messageIDBeingRespondedTo = Self.uint16(value)
        case CommandElement.moveDestination: moveDestination = Self.title(value)
        case CommandElement.priority: priority = Self.uint16(value)
        case CommandElement.commandDataSetType: commandDataSetType = Self.uint16(value)
        case CommandElement.status: status = Self.uint16(value).map(DIMSEStatus.init(rawValue:))
        case CommandElement.offendingElement: offendingElements = Self.tags(value)
        case CommandElement.errorComment: errorComment = Self.text(value)
        case CommandElement.errorID: errorID = Self.uint16(value)
        case CommandElement.affectedSOPInstanceUID: affectedSOPInstanceUID = Self.uid(value)
        case CommandElement.requestedSOPInstanceUID: requestedSOPInstanceUID = Self.uid(value)
        case CommandElement.eventTypeID: eventTypeID = Self.uint16(value)
        case CommandElement.actionTypeID: actionTypeID = Self.uint16(value)
        case CommandElement.numberOfRemainingSuboperations: numberOfRemainingSuboperations = Self.uint16(value)
        case CommandElement.numberOfCompletedSuboperations: numberOfCompletedSuboperations = Self.uint16(value)
        case CommandElement.numberOfFailedSuboperations: numberOfFailedSuboperations = Self.uint16(value)
        case CommandElement.numberOfWarningSuboperations: numberOfWarningSuboperations = Self.uint16(value)
        case CommandElement.moveOriginatorAETitle: moveOriginatorAETitle = Self.title(value)
        case CommandElement.moveOriginatorMessageID: moveOriginatorMessageID = Self.uint16(value)
        default: break
        }
    }

    private static func uint16(_ bytes: ArraySlice<UInt8>, at offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    private static func uint16(_ value: ArraySlice<UInt8>) -> UInt16? {
        value.count == 2 ? uint16(value, at: value.startIndex) : nil
    }

    /// As `UID.init(bytes:)`, but for the one collection that is used here, because every message has two of them.
    private static func uid(_ value: ArraySlice<UInt8>) -> UID? {
        var value = value
        while let last = value.last, last == 0x00 || last == 0x20 { value.removeLast() }
        return value.isEmpty ? nil : UID(String(decoding: value, as: UTF8.self))
    }

    private static func title(_ value: ArraySlice<UInt8>) -> AETitle? {
        let title = AETitle(wire: value)
        return title.isEmpty ? nil : title
    }

    /// For people to read: without characters that could disturb a terminal or a log.
    private static func text(_ value: ArraySlice<UInt8>) -> String? {
        let text = WireText.trimmed(value)
        return text.isEmpty ? nil : WireText.printableASCII(WireText.decode(text))
    }

    private static func tags(_ value: ArraySlice<UInt8>) -> [Tag] {
        guard value.count % 4 == 0 else { return [] }
        return stride(from: value.startIndex, to: value.endIndex, by: 4).map {
            Tag(group: uint16(value, at: $0), element: uint16(value, at: $0 + 2))
        }
    }
}
