/// Splits a byte stream into control PDUs and fragments of presentation data, PS3.8 9.3.1, 9.3.5 and Annex E.
///
/// Presentation data is walked in place, also that of PDUs that have only partly arrived, so memory stays flat whatever a
/// peer sends; control PDUs are taken when they are complete. The bytes given to `next(in:)` must begin with the first one
/// that an earlier call has not consumed.
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
        /// Nothing can be taken before the buffer holds this many bytes in all.
        case needMore(atLeast: Int)
        case pdu(PDU, consumed: Int)
        /// What has arrived of a presentation data value. Headers and payload are consumed.
        case fragment(Fragment, consumed: Int)
    }

    package struct Fragment: Sendable, Equatable {
        package let contextID: UInt8
        /// Part of a command set, otherwise of a data set.
        package let isCommand: Bool
        /// Part of the value that ends the command or data set.
        package let isLast: Bool
        /// Where the bytes are in the buffer that was given; may be empty.
        package let range: Range<Int>
        /// Whether the presentation data value ends here. With `isLast`, so does the command or data set.
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
    /// What the length of a value counts beside its payload: context ID and message control header.
    private static let valueLengthOverhead: UInt32 = 2

    private enum State: Sendable {
        case betweenPDUs
        /// In a P-DATA-TF PDU with so many bytes left, before the header of a value.
        case betweenValues(left: UInt32)
        /// In a value, with so many bytes of its payload left, and so many of the PDU after them.
        case inValue(left: UInt32, after: UInt32)
    }

    private let limits: PDULimits
    private var state: State = .betweenPDUs
    private var contextID: UInt8 = 0
    private var control: UInt8 = 0

    /// The longest P-DATA-TF body that was longer than what was announced: a peer that ignores the limit. 0 if none.
    package private(set) var longestBeyondAnnounced: UInt32 = 0

    package init(limits: PDULimits = .standard) {
        self.limits = limits
    }

    /// Whether the stream may end here: at the boundary between two PDUs.
    package var isBetweenPDUs: Bool {
        if case .betweenPDUs = state { true } else { false }
    }

    /// - Parameter buffer: all bytes that have arrived and are not consumed.
    package mutating func next(in buffer: UnsafeRawBufferPointer) throws(ProtocolError) -> Step {
        switch state {
        case .betweenPDUs: try nextPDU(in: buffer)
        case .betweenValues(let left): try nextValue(in: buffer, at: 0, left: left)
        case .inValue(let left, let after): continueValue(in: buffer, at: 0, left: left, after: after)
        }
    }

    private mutating func nextPDU(in buffer: UnsafeRawBufferPointer) throws(ProtocolError) -> Step {
        guard let rawType = buffer.first else { return .needMore(atLeast: PDU.headerLength) }
        // Told from the first byte alone: a peer that does not speak DICOM may never send six.
        guard let type = PDUType(rawValue: rawType) else {
            throw ProtocolError(
                .unrecognizedPDU, section: "PS3.8 9.3.1",
                "the peer sent a byte \(rawType) where a PDU type from 1 to 7 belongs")
        }
        guard buffer.count >= PDU.headerLength else { return .needMore(atLeast: PDU.headerLength) }
        let length = Self.uint32(in: buffer, at: 2)
        if type == .presentationData {
            try checkPresentationData(length)
            return try nextValue(in: buffer, at: PDU.headerLength, left: length)
        }
        guard length <= limits.maximumControlLength else {
            throw ProtocolError(
                .pduTooLong, section: "PS3.8 9.3.1",
                "\(type) of \(length) bytes, more than the \(limits.maximumControlLength) that are taken")
        }
        let end = PDU.headerLength + Int(length)
        guard buffer.count >= end else { return .needMore(atLeast: end) }
        let body = Array(buffer[PDU.headerLength..<end])
        return .pdu(try PDU.decode(type: rawType, body: body[...]), consumed: end)
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

    /// - Parameter offset: where the header of the value is; what is before it is consumed with it.
    private mutating func nextValue(
        in buffer: UnsafeRawBufferPointer, at offset: Int, left: UInt32
    ) throws(ProtocolError) -> Step {
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
        // The header waits for a first byte of its payload: an empty fragment would tell the caller nothing.
        let needed = payload == 0 ? payloadOffset : payloadOffset + 1
        guard buffer.count >= needed else { return .needMore(atLeast: needed) }
        contextID = buffer[offset + 4]
        control = buffer[offset + 5]
        return continueValue(in: buffer, at: payloadOffset, left: payload, after: left - 4 - length)
    }

    private mutating func continueValue(
        in buffer: UnsafeRawBufferPointer, at offset: Int, left: UInt32, after: UInt32
    ) -> Step {
        let available = buffer.count - offset
        guard available > 0 || left == 0 else { return .needMore(atLeast: offset + 1) }
        let taken = min(UInt32(clamping: available), left)
        let endsPDV = taken == left
        state =
            if !endsPDV { .inValue(left: left - taken, after: after) } else if after == 0 { .betweenPDUs } else {
                .betweenValues(left: after)
            }
        let range = offset..<(offset + Int(taken))
        // Bits 2 to 7 are not tested, PS3.8 E.2.
        let fragment = Fragment(
            contextID: contextID, isCommand: control & 0x01 != 0, isLast: control & 0x02 != 0, range: range,
            endsPDV: endsPDV)
        return .fragment(fragment, consumed: range.upperBound)
    }

    /// The caller has seen that the four bytes are there.
    private static func uint32(in buffer: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

/// How long PDUs may be. Control PDUs are held whole, presentation data never is.
package struct PDULimits: Sendable, Hashable {
    /// 128 presentation contexts with 64 transfer syntaxes each and a full user information item take about 630 KB; no
    /// real request comes near. A peer that announces more is refused before a byte of it is held.
    package static let standardMaximumControlLength = 1 << 20

    /// Some peers ignore the maximum they were told and send a whole object as one PDU. It is read as it comes and
    /// nothing of it is held, so it does no harm; beyond 1 GiB the length is more likely misread than meant.
    package static let toleratedPresentationDataLength: UInt32 = 1 << 30

    /// Longer PDUs bring little, the header being 12 bytes, and many peers hold a whole PDU of the announced size in memory.
    package static let standardAnnouncedMaximumLength: UInt32 = 1 << 18

    /// The longest body of a PDU other than P-DATA-TF, in bytes.
    package var maximumControlLength: Int
    /// What this side announces as its maximum length (PS3.8 D.1); 0 is no maximum.
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
