/// Short texts of the A-ASSOCIATE PDUs: one character a byte, so that nothing a peer sends is lost or refused.
enum WireText {
    /// Without the spaces and NULs around it: peers pad with either.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !isPadding($0) }),
            let last = bytes.lastIndex(where: { !isPadding($0) })
        else { return [] }
        return bytes[first...last]
    }

    static func decode(_ bytes: ArraySlice<UInt8>) -> String {
        var scalars = String.UnicodeScalarView()
        for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
        return String(scalars)
    }

    static func encode(_ string: String) -> [UInt8] {
        string.unicodeScalars.map { UInt8(exactly: $0.value) ?? UInt8(ascii: "?") }
    }

    /// What is outside of the field's repertoire, printable ASCII, becomes a question mark.
    static func printableASCII(_ string: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in string.unicodeScalars { shown.append((0x20...0x7E).contains(scalar.value) ? scalar : "?") }
        return String(shown)
    }

    private static func isPadding(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == 0 }
}
