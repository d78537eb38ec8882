/// Text of a peer or a file, made fit to be seen: it must neither act on a terminal nor look like other text than it is.
///
/// Control characters of ASCII become their pictures (ESC is ␛, line feed ␊, DEL ␡); everything else that is invisible or
/// rearranges its surroundings becomes its code in angle brackets, such as `<U+202E>`: C1 controls, which some terminals
/// obey like ESC, the controls of bidirectional writing, line and paragraph separators, zero-width characters, tags and
/// noncharacters. The joiners of Persian and Indic writing and the selectors of ideographic variants stay, as names need
/// them; U+FFFD stays, as it is itself the visible mark of bytes that could not be read. Backslashes stay, as they
/// separate values; so no escape here has one.
package enum DisplayText {
    package static func harmless(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            if isPrintable(UnsafeRawBufferPointer(bytes)) { return String(decoding: bytes, as: UTF8.self) }
            var output: [UInt8] = []
            append(UnsafeRawBufferPointer(bytes), to: &output)
            return String(decoding: output, as: UTF8.self)
        }
    }

    /// Longer text of a message is cut: a peer's comment must not bury what is said about it. In characters.
    package static let maximumLineLength = 4096

    /// The text as a message or a log shows it: harmless, on one line, and not without end.
    package static func line(_ text: String) -> String {
        guard text.utf8.count > maximumLineLength, text.unicodeScalars.count > maximumLineLength else {
            return harmless(text)
        }
        return harmless(String(String.UnicodeScalarView(text.unicodeScalars.prefix(maximumLineLength)))) + "..."
    }

    /// Appends valid UTF-8 in its harmless form, and returns how many characters were written.
    @discardableResult
    static func append(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) -> Int {
        if isPrintable(bytes) {
            output.append(contentsOf: bytes)
            return bytes.count
        }
        var characters = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte >= 0x80 {
                let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
                let character = UnsafeRawBufferPointer(rebasing: bytes[index..<min(index + length, bytes.count)])
                if let scalar = scalar(character), isHarmful(scalar) {
                    characters += appendCode(scalar, to: &output)
                } else {
                    output.append(contentsOf: character)
                    characters += 1
                }
                index += character.count
            } else {
                if byte < 0x20 {
                    output.append(contentsOf: [0xE2, 0x90, 0x80 + byte])
                } else if byte == 0x7F {
                    output.append(contentsOf: [0xE2, 0x90, 0xA1])
                } else {
                    output.append(byte)
                }
                characters += 1
                index += 1
            }
        }
        return characters
    }

    /// True if all bytes are printable ASCII.
    private static func isPrintable(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private static func appendCode(_ scalar: Unicode.Scalar, to output: inout [UInt8]) -> Int {
        let code = "<U+" + Hexadecimal.text(scalar.value, digits: 4, uppercase: true) + ">"
        output.append(contentsOf: code.utf8)
        return code.utf8.count
    }

    /// The character of one sequence of valid UTF-8, two bytes long at least.
    static func scalar(_ bytes: UnsafeRawBufferPointer) -> Unicode.Scalar? {
        guard bytes.count >= 2 else { return nil }
        // Of the first byte as many bits as its length leaves, six of each other one.
        let first = UInt32(bytes[0]) & (0x7F >> UInt32(bytes.count))
        return Unicode.Scalar(bytes.dropFirst().reduce(first) { $0 << 6 | UInt32($1 & 0x3F) })
    }

    /// True if a character acts on what shows it or cannot be seen.
    static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00..<0x20, 0x7F...0x9F: true
        // Soft hyphen, Arabic letter mark, Hangul fillers, Mongolian vowel separator.
        case 0xAD, 0x61C, 0x115F...0x1160, 0x180B...0x180F, 0x3164, 0xFFA0: true
        // Zero width, marks and embeddings of direction, separators of lines and paragraphs, isolates.
        case 0x200B, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x206F: true
        case 0xFEFF, 0xFFF0...0xFFFB: true
        case 0xE0000...0xE00FF, 0xE01F0...0xE0FFF: true
        case 0xFDD0...0xFDEF: true
        default: scalar.value & 0xFFFE == 0xFFFE
        }
    }
}
