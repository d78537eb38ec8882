import DICOM
package import DICOMProtocol

/// The bytes that scripts are made of, right ones and wrong ones.
package enum PeerBytes {
    /// A PDU of any type with any length field.
    package static func pdu(_ type: UInt8, length: UInt32? = nil, _ body: [UInt8]) -> [UInt8] {
        [type, 0] + bigEndian(length ?? UInt32(body.count)) + body
    }

    /// A P-DATA-TF PDU with one value, whose lengths may lie.
    package static func data(
        context: UInt8, control: UInt8, _ payload: [UInt8], valueLength: UInt32? = nil, pduLength: UInt32? = nil
    ) -> [UInt8] {
        pdu(4, length: pduLength, value(context: context, control: control, payload, length: valueLength))
    }

    /// A presentation data value.
    package static func value(context: UInt8, control: UInt8, _ payload: [UInt8], length: UInt32? = nil) -> [UInt8] {
        bigEndian(length ?? UInt32(payload.count + 2)) + [context, control] + payload
    }

    /// A whole message.
    package static func message(_ command: CommandSet, context: UInt8, dataSet: [UInt8]? = nil) -> [UInt8] {
        data(context: context, control: 3, command.encode())
            + (dataSet.map { data(context: context, control: 2, $0) } ?? [])
    }

    /// A pending C-FIND-RSP with an identifier of these bytes.
    package static func match(_ heard: Heard, _ identifier: [UInt8]) -> [UInt8] {
        message(
            .findResponse(to: heard.command, status: .pending, hasIdentifier: true), context: heard.contextID,
            dataSet: identifier)
    }

    package static func findSuccess(_ heard: Heard) -> [UInt8] {
        message(.findResponse(to: heard.command, status: .success, hasIdentifier: false), context: heard.contextID)
    }

    /// A response as bytes, so that elements can be wrong: element number and value, little endian.
    package static func command(_ elements: [(UInt16, [UInt8])], groupLength: UInt32? = nil) -> [UInt8] {
        let body = elements.flatMap { element($0.0, $0.1) }
        return element(0, littleEndian(groupLength ?? UInt32(body.count))) + body
    }

    private static func element(_ number: UInt16, _ value: [UInt8]) -> [UInt8] {
        [0, 0] + littleEndian(number) + littleEndian(UInt32(value.count)) + value
    }

    package static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    package static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// An element in Explicit VR Little Endian with a short length.
    package static func explicit(_ tag: UInt32, _ vr: String, _ value: [UInt8], length: UInt16? = nil) -> [UInt8] {
        littleEndian(UInt16(tag >> 16)) + littleEndian(UInt16(truncatingIfNeeded: tag)) + Array(vr.utf8)
            + littleEndian(length ?? UInt16(value.count)) + value
    }

    /// An element in Explicit VR Little Endian with a long length.
    package static func explicitLong(_ tag: UInt32, _ vr: String, _ value: [UInt8], length: UInt32? = nil) -> [UInt8] {
        littleEndian(UInt16(tag >> 16)) + littleEndian(UInt16(truncatingIfNeeded: tag)) + Array(vr.utf8) + [0, 0]
            + littleEndian(length ?? UInt32(value.count)) + value
    }
}
