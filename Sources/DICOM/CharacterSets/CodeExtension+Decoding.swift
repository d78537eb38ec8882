extension CodeExtension {
    /// Appends the text of a value as UTF-8; bytes without a meaning become U+FFFD, one each.
    ///
    /// Every round takes at least one byte, whatever the bytes are. Escape sequences of sets that were not announced are
    /// obeyed, too: files that lack (0008,0005) are common, and the bytes can mean nothing else. A sequence that PS3.3
    /// does not know stays as it is, ESC included.
    func appendText(_ bytes: UnsafeRawBufferPointer, _ delimiters: ValueDelimiters, to output: inout [UInt8]) {
        var left = initialLeft
        var right = initialRight
        var lastRight = assumedRight
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let next: UInt8? = index + 1 < bytes.count ? bytes[index + 1] : nil
            if byte == CodeElement.escape,
                let (element, length) = CodeElement.designated(by: UnsafeRawBufferPointer(rebasing: bytes[index...]))
            {
                if element.isRight {
                    right = element
                    lastRight = element
                } else {
                    left = element
                }
                index += length
                continue
            }
            if byte < 0x20 || byte == 0x7F || (!left.isDouble && delimiters.contains(byte)) {
                left = initialLeft
                right = initialRight
                output.append(byte)
            } else if byte == 0x20 {
                output.append(byte)
            } else {
                let element = byte < 0x80 ? left : right ?? lastRight
                if let element, element.isDouble, let next, (byte ^ next) & 0x80 == 0,
                    let unit = CodeTable.of(element)?.scalar(byte, next)
                {
                    CodeExtension.append(unit, to: &output)
                    index += 1
                } else {
                    CodeExtension.append(CodeExtension.single(byte, element), to: &output)
                }
            }
            index += 1
        }
    }

    /// The character of one byte in a set.
    private static func single(_ byte: UInt8, _ element: CodeElement?) -> UInt16 {
        switch (element, byte) {
        case (.ascii?, _): UInt16(byte)
        // ISO-IR 14 is ASCII but for these two.
        case (.romanJISX0201?, 0x5C): 0x00A5
        case (.romanJISX0201?, 0x7E): 0x203E
        case (.romanJISX0201?, _): UInt16(byte)
        case (let element?, _) where !element.isDouble: CodeTable.of(element)?.scalar(byte) ?? replacement
        default: replacement
        }
    }

    /// U+FFFD, for what cannot be read.
    private static let replacement: UInt16 = 0xFFFD

    /// Appends a character of the Basic Multilingual Plane, which is all that these sets have.
    private static func append(_ unit: UInt16, to output: inout [UInt8]) {
        if unit < 0x80 {
            output.append(UInt8(truncatingIfNeeded: unit))
        } else if unit < 0x800 {
            output.append(UInt8(truncatingIfNeeded: 0xC0 | unit >> 6))
            output.append(UInt8(truncatingIfNeeded: 0x80 | unit & 0x3F))
        } else {
            output.append(UInt8(truncatingIfNeeded: 0xE0 | unit >> 12))
            output.append(UInt8(truncatingIfNeeded: 0x80 | unit >> 6 & 0x3F))
            output.append(UInt8(truncatingIfNeeded: 0x80 | unit & 0x3F))
        }
    }
}
