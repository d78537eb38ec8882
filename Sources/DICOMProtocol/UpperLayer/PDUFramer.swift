/// Splits a byte stream into control PDUs and fragments of presentation data, PS3.8 9.3.1, 9.3.5 and Annex E.
///
/// Presentation data is walked in place, also that of PDUs that have only partly arrived, so memory stays flat whatever
/// a peer sends; control PDUs are decoded when they are complete. The bytes given to `next(in:)` must begin with the
/// first one that an earlier call has not consumed.
///
/// | Bytes of a P-DATA-TF PDU | Field |
/// |---|---|
/// | 1 | PDU-type 04H |
/// | 2 | reserved |
/// | 3-6 | PDU-length |
/// | 7-10 | PDV item length: of what follows in this item |
/// | 11 | presentation context ID |
/// | 12 | message control header: bit 0 command, bit 1 last fragment |
/// | 13- | fragment; then further PDV items |
package struct PDUFramer: Sendable {
    package enum Step: Sendable, Equatable {
        /// The next step needs this many bytes in the buffer.
        case needMore(atLeast: Int)
        case pdu(PDU, consumed: Int)
        /// The received part of a presentation data value. Headers and payload are consumed.
        case fragment(Fragment, consumed: Int)
    }

    package struct Fragment: Sendable, Equatable {
        package let contextID: UInt8
        /// True for a part of a command set, otherwise it is part of a data set.
        package let isCommand: Bool
        /// True for a part of the value that ends the command or data set.
        package let isLast: Bool
        /// The range of the bytes in the buffer; may be empty.
        package let range: Range<Int>
        /// True if the presentation data value ends here. With `isLast`, so does the command or data set.
        package let endsPDV: Bool

        package init(contextID: UInt8, isCommand: Bool, isLast: Bool, range: Range<Int>, endsPDV: Bool) {
            self.contextID = contextID
            self.isCommand = isCommand
            self.isLast = isLast
            self.range = range
            self.endsPDV = endsPDV
        }
    }

    /// Length, context ID and message control header.
    private static let valueHeaderLength = 6
    /// The bytes that the length of a value counts beside its payload: context ID and message control header.
    private static let valueLengthOverhead: UInt32 = 2

    private enum State: Sendable {
        case betweenPDUs
        /// In a P-DATA-TF PDU with this many bytes left, before the header of a value.
        case betweenValues(left: UInt32)
        case inValue(Value)
    }

    /// A presentation data value whose header has been read.
    private struct Value: Sendable {
        let contextID: UInt8
        /// The message control header.
        let control: UInt8
        /// The bytes of the payload that are left.
        var left: UInt32
        /// The bytes of the PDU after this value.
        let after: UInt32
    }

    private let limits: PDULimits
    private var state: State = .betweenPDUs

    /// The length of the longest P-DATA-TF body above the announced maximum, in bytes; 0 if there was none.
    package private(set) var longestBeyondAnnounced: UInt32 = 0

    package init(limits: PDULimits = .standard) {
        self.limits = limits
    }

    /// Returns the next PDU or fragment.
    ///
    /// - Parameter buffer: all bytes that were received and are not consumed.
    /// - Throws: `ProtocolError` for an unknown or malformed PDU, or one above a limit.
    package mutating func next(in buffer: UnsafeRawBufferPointer) throws(ProtocolError) -> Step {
        // Headers are consumed together with the first byte behind them, so they are read again if that is missing.
        var value: Value
        var offset = 0
        if case .inValue(let begun) = state {
            value = begun
            guard !buffer.isEmpty else { return .needMore(atLeast: 1) }
        } else {
            let left: UInt32
            if case .betweenValues(let rest) = state {
                left = rest
            } else {
                guard let rawType = buffer.first else { return .needMore(atLeast: PDU.headerLength) }
                // Checked with the first byte alone: a peer that does not speak DICOM may never send six.
                guard let type = PDUType(rawValue: rawType) else {
                    throw ProtocolError(
                        .unrecognizedPDU, section: "PS3.8 9.3.1",
                        "the peer sent a byte \(rawType) where a PDU type from 1 to 7 belongs")
                }
                guard buffer.count >= PDU.headerLength else { return .needMore(atLeast: PDU.headerLength) }
                left = Self.uint32(in: buffer, at: 2)
                guard type == .presentationData else { return try control(type, length: left, in: buffer) }
                try checkPresentationData(left)
                offset = PDU.headerLength
            }
            guard left >= UInt32(Self.valueHeaderLength) else {
                throw ProtocolError(
                    .invalidPDVLength, section: "PS3.8 9.3.5", "\(left) bytes at the end of a P-DATA-TF are no value")
            }
            let payloadOffset = offset + Self.valueHeaderLength
            guard buffer.count >= offset + 4 else { return .needMore(atLeast: payloadOffset) }
            let length = Self.uint32(in: buffer, at: offset)
            guard length >= Self.valueLengthOverhead, length <= left - 4 else {
                throw ProtocolError(
                    .invalidPDVLength, section: "PS3.8 9.3.5.1",
                    "presentation data value of \(length) bytes where \(left - 4) are left in its PDU")
            }
            let payload = length - Self.valueLengthOverhead
            // The header waits for a first byte of its payload: an empty fragment would be of no use.
            let needed = payload == 0 ? payloadOffset : payloadOffset + 1
            guard buffer.count >= needed else { return .needMore(atLeast: needed) }
            value = Value(
                contextID: buffer[offset + 4], control: buffer[offset + 5], left: payload, after: left - 4 - length)
            offset = payloadOffset
        }
        let taken = min(UInt32(clamping: buffer.count - offset), value.left)
        value.left -= taken
        state =
            if value.left > 0 { .inValue(value) } else if value.after == 0 { .betweenPDUs } else {
                .betweenValues(left: value.after)
            }
        let range = offset..<(offset + Int(taken))
        // Bits 2 to 7 of the message control header are not tested, PS3.8 E.2.
        let fragment = Fragment(
            contextID: value.contextID, isCommand: value.control & 0x01 != 0, isLast: value.control & 0x02 != 0,
            range: range, endsPDV: value.left == 0)
        return .fragment(fragment, consumed: range.upperBound)
    }

    /// Decodes a control PDU once all of it is there.
    private func control(
        _ type: PDUType, length: UInt32, in buffer: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> Step {
        guard length <= limits.maximumControlLength else {
            throw ProtocolError(
                .pduTooLong, section: "PS3.8 9.3.1",
                "\(type) of \(length) bytes, more than the limit of \(limits.maximumControlLength)")
        }
        let end = PDU.headerLength + Int(length)
        guard buffer.count >= end else { return .needMore(atLeast: end) }
        let body = Array(buffer[PDU.headerLength..<end])
        return .pdu(try PDU.decode(type: type.rawValue, body: body[...]), consumed: end)
    }

    private mutating func checkPresentationData(_ length: UInt32) throws(ProtocolError) {
        guard length <= limits.maximumPresentationDataLength else {
            throw ProtocolError(
                .pduTooLong, section: "PS3.8 D.1",
                "P-DATA-TF of \(length) bytes where \(limits.announcedMaximumLength) were announced")
        }
        guard length >= UInt32(Self.valueHeaderLength) else {
            throw ProtocolError(
                .invalidPDVLength, section: "PS3.8 9.3.5", "P-DATA-TF of \(length) bytes has no room for a value")
        }
        if limits.announcedMaximumLength != 0, length > limits.announcedMaximumLength {
            longestBeyondAnnounced = max(longestBeyondAnnounced, length)
        }
    }

    /// The caller has seen that the four bytes are there.
    private static func uint32(in buffer: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

/// The maximum lengths of PDUs. Control PDUs are kept in memory as a whole, presentation data is not.
package struct PDULimits: Sendable, Hashable {
    /// 128 presentation contexts with 64 transfer syntaxes each and a full user information item take about 630 KB; no
    /// real request comes near. A peer that announces more is refused before a byte of it is held.
    package static let standardMaximumControlLength = 1 << 20

    /// Some peers ignore the announced maximum and send a whole object as one PDU. It is read in parts and not kept in
    /// memory; a length beyond 1 GiB is more likely an error.
    package static let toleratedPresentationDataLength: UInt32 = 1 << 30

    /// Longer PDUs save little, the header being 12 bytes, and many peers allocate the announced size.
    package static let standardAnnouncedMaximumLength: UInt32 = 1 << 18

    /// The longest body of a PDU other than P-DATA-TF, in bytes.
    package var maximumControlLength: Int
    /// The maximum length that this side announces, in bytes (PS3.8 D.1); 0 is no maximum.
    package var announcedMaximumLength: UInt32
    /// The longest body of a P-DATA-TF PDU that is still read, in bytes.
    package var maximumPresentationDataLength: UInt32

    package init(
        announcedMaximumLength: UInt32 = Self.standardAnnouncedMaximumLength,
        maximumControlLength: Int = Self.standardMaximumControlLength
    ) {
        self.announcedMaximumLength = announcedMaximumLength
        self.maximumControlLength = maximumControlLength
        maximumPresentationDataLength =
            announcedMaximumLength == 0
            ? .max : Swift.max(announcedMaximumLength, Self.toleratedPresentationDataLength)
    }

    package static let standard = Self()
}
