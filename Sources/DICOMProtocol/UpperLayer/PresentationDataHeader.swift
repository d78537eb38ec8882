/// The bytes before the payload of a P-DATA-TF PDU that carries one presentation data value, PS3.8 9.3.5 and Annex E.2.
///
/// | Bytes | Field |
/// |---|---|
/// | 1 | PDU-type 04H |
/// | 2 | reserved, 00H |
/// | 3-6 | PDU-length: payload + 6 |
/// | 7-10 | PDV item length: payload + 2 |
/// | 11 | presentation context ID |
/// | 12 | message control header: bit 0 command, bit 1 last fragment |
package enum PresentationDataHeader {
    package static let length = 12

    /// What a PDU's length counts beside the payload: PDV length, context ID and message control header.
    package static let lengthInsidePDU = 6

    /// The longest payload of one PDU for a peer that announced `maximumLength` (0: no limit), in bytes.
    ///
    /// Never less than two bytes, so that a peer that announces nonsense cannot stop the transfer.
    package static func maximumPayloadLength(announced maximumLength: UInt32, ownLimit: Int) -> Int {
        guard maximumLength > 0 else { return ownLimit }
        let payload = Int(maximumLength) - lengthInsidePDU
        // Even fragments, PS3.8 E.2: a fragment's boundary does not split what was even.
        return Swift.max(2, Swift.min(ownLimit, payload) & ~1)
    }

    /// Writes the 12 bytes at the start of `target`, which must hold at least as many.
    package static func write(
        into target: UnsafeMutableRawBufferPointer, contextID: UInt8, isCommand: Bool, isLast: Bool, payloadLength: Int
    ) {
        let payload = UInt32(truncatingIfNeeded: payloadLength)
        target[0] = PDUType.presentationData.rawValue
        target[1] = 0
        target.storeBytes(of: (payload &+ 6).bigEndian, toByteOffset: 2, as: UInt32.self)
        target.storeBytes(of: (payload &+ 2).bigEndian, toByteOffset: 6, as: UInt32.self)
        target[10] = contextID
        target[11] = (isCommand ? 0x01 : 0) | (isLast ? 0x02 : 0)
    }
}
