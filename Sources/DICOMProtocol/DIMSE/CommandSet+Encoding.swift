import DICOM

extension CommandSet {
    /// The bytes of the command set: group length first, then ascending.
    package func encode() -> [UInt8] {
        var output: [UInt8] = []
        // A C-STORE-RQ with two long UIDs is about 250 bytes.
        output.reserveCapacity(256)
        encode(into: &output)
        return output
    }

    /// Appends the bytes of the command set, so that a sender of thousands of messages reuses one buffer.
    package func encode(into output: inout [UInt8]) {
        appendHeader(CommandElement.groupLength, length: 4, to: &output)
        let lengthOffset = output.count
        output.append(contentsOf: [0, 0, 0, 0])
        appendElements(to: &output)
        let length = UInt32(truncatingIfNeeded: output.count - lengthOffset - 4)
        for index in 0..<4 {
            output[lengthOffset + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index))
        }
    }

    private func appendElements(to output: inout [UInt8]) {
        append(CommandElement.affectedSOPClassUID, affectedSOPClassUID, to: &output)
        append(CommandElement.requestedSOPClassUID, requestedSOPClassUID, to: &output)
        append(CommandElement.commandField, commandField, to: &output)
        append(CommandElement.messageID, messageID, to: &output)
        append(CommandElement.messageIDBeingRespondedTo, messageIDBeingRespondedTo, to: &output)
        append(CommandElement.moveDestination, text: moveDestination?.string, to: &output)
        append(CommandElement.priority, priority, to: &output)
        append(CommandElement.commandDataSetType, commandDataSetType, to: &output)
        append(CommandElement.status, status?.rawValue, to: &output)
        appendOffendingElements(to: &output)
        append(CommandElement.errorComment, text: errorComment, to: &output)
        append(CommandElement.errorID, errorID, to: &output)
        append(CommandElement.affectedSOPInstanceUID, affectedSOPInstanceUID, to: &output)
        append(CommandElement.requestedSOPInstanceUID, requestedSOPInstanceUID, to: &output)
        append(CommandElement.eventTypeID, eventTypeID, to: &output)
        append(CommandElement.actionTypeID, actionTypeID, to: &output)
        append(CommandElement.numberOfRemainingSuboperations, numberOfRemainingSuboperations, to: &output)
        append(CommandElement.numberOfCompletedSuboperations, numberOfCompletedSuboperations, to: &output)
        append(CommandElement.numberOfFailedSuboperations, numberOfFailedSuboperations, to: &output)
        append(CommandElement.numberOfWarningSuboperations, numberOfWarningSuboperations, to: &output)
        append(CommandElement.moveOriginatorAETitle, text: moveOriginatorAETitle?.string, to: &output)
        append(CommandElement.moveOriginatorMessageID, moveOriginatorMessageID, to: &output)
    }

    private func appendHeader(_ element: UInt16, length: Int, to output: inout [UInt8]) {
        output.append(0)
        output.append(0)
        output.append(UInt8(truncatingIfNeeded: element))
        output.append(UInt8(truncatingIfNeeded: element >> 8))
        for shift in stride(from: 0, to: 32, by: 8) {
            output.append(UInt8(truncatingIfNeeded: length >> shift))
        }
    }

    private func append(_ element: UInt16, _ value: UInt16?, to output: inout [UInt8]) {
        guard let value else { return }
        appendHeader(element, length: 2, to: &output)
        output.append(UInt8(truncatingIfNeeded: value))
        output.append(UInt8(truncatingIfNeeded: value >> 8))
    }

    private func append(_ element: UInt16, _ uid: UID?, to output: inout [UInt8]) {
        guard let uid else { return }
        let text = uid.string.utf8
        appendHeader(element, length: text.count + text.count & 1, to: &output)
        output.append(contentsOf: text)
        if text.count & 1 == 1 { output.append(0) }
    }

    private func append(_ element: UInt16, text: String?, to output: inout [UInt8]) {
        guard let text else { return }
        let bytes = WireText.encode(text)
        appendHeader(element, length: bytes.count + bytes.count & 1, to: &output)
        output.append(contentsOf: bytes)
        if bytes.count & 1 == 1 { output.append(UInt8(ascii: " ")) }
    }

    private func appendOffendingElements(to output: inout [UInt8]) {
        guard !offendingElements.isEmpty else { return }
        appendHeader(CommandElement.offendingElement, length: 4 * offendingElements.count, to: &output)
        for tag in offendingElements {
            for half in [tag.group, tag.element] {
                output.append(UInt8(truncatingIfNeeded: half))
                output.append(UInt8(truncatingIfNeeded: half >> 8))
            }
        }
    }
}
