/// Writes the pieces of JSON text (RFC 8259) behind the bytes that are already there.
enum JSONText {
    /// Appends a string with its quotation marks. The bytes are valid UTF-8.
    static func appendString(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        output.append(0x22)
        if ASCIIText.isPlain(bytes) {
            output.append(contentsOf: bytes)
        } else {
            appendEscaped(bytes, to: &output)
        }
        output.append(0x22)
    }

    static func appendString(_ text: String, to output: inout [UInt8]) {
        var text = text
        text.withUTF8 { appendString(UnsafeRawBufferPointer($0), to: &output) }
    }

    /// Escapes what JSON demands, and also what could act on a terminal: JSON is printed there, and an escape loses nothing.
    private static func appendEscaped(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        // What stays as it is between two escapes is copied at once.
        var start = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            var length = 1
            var scalar: Unicode.Scalar?
            if byte >= 0x80 {
                let character = UnsafeRawBufferPointer(
                    rebasing: bytes[index..<min(index + (byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4), bytes.count)])
                length = character.count
                scalar = DisplayText.scalar(character).flatMap { DisplayText.isHarmful($0) ? $0 : nil }
            }
            let isEscaped = byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F || scalar != nil
            guard isEscaped else {
                index += length
                continue
            }
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
            switch byte {
            case 0x22, 0x5C:
                output.append(0x5C)
                output.append(byte)
            case 0x0A: ASCIIText.append("\\n", to: &output)
            case 0x0D: ASCIIText.append("\\r", to: &output)
            case 0x09: ASCIIText.append("\\t", to: &output)
            default:
                if let scalar {
                    for unit in String(scalar).utf16 { appendUnit(unit, to: &output) }
                } else {
                    appendUnit(UInt16(byte), to: &output)
                }
            }
            index += length
            start = index
        }
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }

    static func appendUnit(_ unit: UInt16, to output: inout [UInt8]) {
        ASCIIText.append("\\u", to: &output)
        for shift in [12, 8, 4, 0] {
            output.append(Hexadecimal.digit(UInt8(truncatingIfNeeded: unit >> shift & 0xF)))
        }
    }
}
