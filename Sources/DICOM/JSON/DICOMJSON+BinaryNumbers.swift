extension DICOMJSON {
    /// Appends one value of a binary representation; false where it is none or does not fit.
    static func appendBinaryNumber(
        _ value: JSONValue, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) -> Bool {
        // Large SV and UV, NaN and infinities come as strings (PS3.18 F.2.3); so do tags.
        let text: String
        switch value.content {
        case .number(let number): text = number
        case .string(let string): text = string
        default: return false
        }
        switch vr {
        case .US: return append(UInt16(text), to: &output)
        case .SS: return append(Int16(text), to: &output)
        case .UL: return append(UInt32(text), to: &output)
        case .SL: return append(Int32(text), to: &output)
        case .UV: return append(UInt64(text), to: &output)
        case .SV: return append(Int64(text), to: &output)
        case .FL: return append(Float(text)?.bitPattern, to: &output)
        case .FD: return append(Double(text)?.bitPattern, to: &output)
        case .AT:
            guard text.utf8.count == 8, let number = UInt32(text, radix: 16) else { return false }
            return append(number >> 16 | number << 16, to: &output)
        default: return false
        }
    }

    private static func append(_ number: (some FixedWidthInteger)?, to output: inout [UInt8]) -> Bool {
        guard let number else { return false }
        withUnsafeBytes(of: number.littleEndian) { output.append(contentsOf: $0) }
        return true
    }
}
