/// The numbers of a binary value as text.
enum BinaryNumber {
    /// Appends one number of a binary value; a tag as the string of its digits (PS3.18 F.2.3).
    static func append(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) {
        func load<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) -> Number {
            Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
        switch vr {
        case .US: ASCIIText.append(load(UInt16.self), to: &output)
        case .SS: ASCIIText.append(load(Int16.self), to: &output)
        case .UL: ASCIIText.append(load(UInt32.self), to: &output)
        case .SL: ASCIIText.append(load(Int32.self), to: &output)
        case .UV: ASCIIText.append(load(UInt64.self), to: &output)
        case .SV: ASCIIText.append(load(Int64.self), to: &output)
        case .FL: appendFloatingPoint(Float(bitPattern: load(UInt32.self)), to: &output)
        case .FD: appendFloatingPoint(Double(bitPattern: load(UInt64.self)), to: &output)
        case .AT: appendTag(load(UInt32.self), to: &output)
        default: break
        }
    }

    private static func appendFloatingPoint(
        _ number: some BinaryFloatingPoint & CustomStringConvertible, to output: inout [UInt8]
    ) {
        if number.isNaN {
            ASCIIText.append("\"NaN\"", to: &output)
        } else if number.isInfinite {
            ASCIIText.append(number < 0 ? "\"-Infinity\"" : "\"Infinity\"", to: &output)
        } else {
            ASCIIText.append(number, to: &output)
        }
    }

    /// Group and element are a 16-bit number each, so the group is the lower half.
    private static func appendTag(_ number: UInt32, to output: inout [UInt8]) {
        output.append(0x22)
        for half in [number & 0xFFFF, number >> 16] {
            for shift in [12, 8, 4, 0] as [UInt32] {
                output.append(Hexadecimal.digit(UInt8(truncatingIfNeeded: half >> shift & 0xF)))
            }
        }
        output.append(0x22)
    }
}
