/// The name of an application entity, PS3.8 9.3.2 and PS3.5 6.2 (AE).
///
/// Leading and trailing spaces are not significant and not kept: two titles that differ only in them are equal.
package struct AETitle: Hashable, Sendable, CustomStringConvertible {
    /// The length of the field in the A-ASSOCIATE PDUs, in bytes.
    package static let wireLength = 16

    /// The title without the spaces around it, one character for each byte, so that a peer's title can be sent back
    /// unchanged.
    package let string: String

    /// An AE title of this side. Returns nil unless it has 1 to 16 characters of the default repertoire, without
    /// control characters and backslash, not only spaces.
    package init?(_ string: String) {
        let bytes = Array(string.utf8)
        guard bytes.allSatisfy(Self.isAllowed) else { return nil }
        let trimmed = WireText.trimmed(bytes[...])
        guard (1...Self.wireLength).contains(trimmed.count) else { return nil }
        self.string = WireText.decode(trimmed)
    }

    /// An AE title as a peer sent it: any bytes, because invalid titles have to be shown and sent back, too.
    package init(wire bytes: some Collection<UInt8>) {
        string = WireText.decode(WireText.trimmed(Array(bytes.prefix(Self.wireLength))[...]))
    }

    /// True for a field of spaces only, which the standard forbids but some peers send.
    package var isEmpty: Bool { string.isEmpty }

    /// The title, with characters that could disturb a terminal or a log replaced.
    package var description: String { WireText.printableASCII(string) }

    /// The 16 bytes of the field, padded with trailing spaces.
    package var wireBytes: [UInt8] {
        let bytes = WireText.encode(string).prefix(Self.wireLength)
        return bytes + [UInt8](repeating: UInt8(ascii: " "), count: Self.wireLength - bytes.count)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\\")
    }
}

/// Short texts of the A-ASSOCIATE PDUs: one character for each byte, so that every text of a peer can be kept.
enum WireText {
    /// Removes leading and trailing spaces and NULs: peers pad with either.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !isPadding($0) }),
            let last = bytes.lastIndex(where: { !isPadding($0) })
        else { return [] }
        return bytes[first...last]
    }

    static func decode(_ bytes: ArraySlice<UInt8>) -> String {
        guard !bytes.allSatisfy({ $0 < 0x80 }) else { return String(decoding: bytes, as: UTF8.self) }
        var scalars = String.UnicodeScalarView()
        for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
        return String(scalars)
    }

    static func encode(_ string: String) -> [UInt8] {
        string.unicodeScalars.map { UInt8(exactly: $0.value) ?? UInt8(ascii: "?") }
    }

    /// Replaces characters outside printable ASCII, the repertoire of the field, with question marks.
    static func printableASCII(_ string: String) -> String {
        guard !string.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return string }
        var shown = String.UnicodeScalarView()
        for scalar in string.unicodeScalars { shown.append((0x20...0x7E).contains(scalar.value) ? scalar : "?") }
        return String(shown)
    }

    private static func isPadding(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == 0 }
}
