extension DICOMJSON {
    /// What follows the representation in an attribute object.
    enum ValueForm {
        case none
        case values
        case binary
    }

    /// Appends `"ggggeeee":{"vr":"XX"` and the start of what follows, after a comma unless it is the first.
    static func appendHead(
        _ tag: Tag, _ vr: ValueRepresentation, _ form: ValueForm, isFirst: inout Bool, to output: inout [UInt8]
    ) {
        // One copy of 22 or 32 bytes instead of a dozen small ones: this is the larger part of most answers.
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { head in
            head.storeBytes(of: DICOMJSON.opening, toByteOffset: 0, as: UInt16.self)
            head.storeBytes(of: Hexadecimal.eightDigits(tag.rawValue).bigEndian, toByteOffset: 2, as: UInt64.self)
            head.storeBytes(of: DICOMJSON.key, toByteOffset: 10, as: UInt64.self)
            head[18] = 0x22
            head[19] = UInt8(truncatingIfNeeded: vr.rawValue >> 8)
            head[20] = UInt8(truncatingIfNeeded: vr.rawValue)
            head[21] = 0x22
            head.storeBytes(of: DICOMJSON.values, toByteOffset: 22, as: UInt64.self)
            head[30] = 0x3A
            head[31] = 0x5B
            let start = isFirst ? 1 : 0
            let end = form == .values ? 32 : 22
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: head[start..<end]))
        }
        isFirst = false
        if form == .binary {
            JSONText.append(",\"InlineBinary\":\"", to: &output)
        }
    }

    /// `,"`
    private static let opening = UInt16(littleEndian: 0x222C)
    /// `":{"vr":`
    private static let key = UInt64(littleEndian: 0x3A22_7276_227B_3A22)
    /// `,"Value"`
    private static let values = UInt64(littleEndian: 0x2265_756C_6156_222C)
}
