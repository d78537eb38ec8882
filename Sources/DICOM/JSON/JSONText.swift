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
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 0x22, 0x5C:
                output.append(0x5C)
                output.append(byte)
            case 0x0A: ASCIIText.append("\\n", to: &output)
            case 0x0D: ASCIIText.append("\\r", to: &output)
            case 0x09: ASCIIText.append("\\t", to: &output)
            case 0x00..<0x20, 0x7F: appendUnit(UInt16(byte), to: &output)
            case 0x80...0xFF:
                let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
                let character = UnsafeRawBufferPointer(rebasing: bytes[index..<min(index + length, bytes.count)])
                if let scalar = DisplayText.scalar(character), DisplayText.isHarmful(scalar) {
                    for unit in String(scalar).utf16 { appendUnit(unit, to: &output) }
                } else {
                    output.append(contentsOf: character)
                }
                index += character.count
                continue
            default: output.append(byte)
            }
            index += 1
        }
    }

    static func appendUnit(_ unit: UInt16, to output: inout [UInt8]) {
        ASCIIText.append("\\u", to: &output)
        for shift in [12, 8, 4, 0] {
            output.append(Hexadecimal.digit(UInt8(truncatingIfNeeded: unit >> shift & 0xF)))
        }
    }
}
