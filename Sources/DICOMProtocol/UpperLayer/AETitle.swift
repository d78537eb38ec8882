/// The name of an application entity, PS3.8 9.3.2 and PS3.5 6.2 (AE).
///
/// Leading and trailing spaces are not significant, so they are never kept: two titles that differ only in them are equal.
package struct AETitle: Hashable, Sendable, CustomStringConvertible {
    /// The length of the field in the A-ASSOCIATE PDUs, in bytes.
    package static let wireLength = 16

    /// The title without the spaces around it; one character a byte, so that a peer's title can be sent back as it came.
    package let string: String

    /// A title to be used by this side: 1 to 16 characters of the default repertoire, without control characters
    /// and backslash, not only spaces.
    package init?(_ string: String) {
        let trimmed = Self.trimmed(Array(string.utf8)[...], isPadding: { $0 == UInt8(ascii: " ") })
        guard (1...Self.wireLength).contains(trimmed.count), trimmed.allSatisfy(Self.isAllowed) else { return nil }
        self.string = String(decoding: trimmed, as: UTF8.self)
    }

    /// A title as a peer sent it. Nothing is refused: a title this side would not use must still be shown and sent back.
    /// NUL padding is taken as spaces, as several devices send it.
    package init(wire bytes: some Collection<UInt8>) {
        let field = Array(bytes.prefix(Self.wireLength))[...]
        let trimmed = Self.trimmed(field, isPadding: { $0 == UInt8(ascii: " ") || $0 == 0 })
        var scalars = String.UnicodeScalarView()
        for byte in trimmed { scalars.append(Unicode.Scalar(byte)) }
        string = String(scalars)
    }

    /// True for a field of spaces only, which the standard forbids but peers send.
    package var isEmpty: Bool { string.isEmpty }

    /// The title, with characters that could disturb a terminal or a log replaced.
    package var description: String {
        var shown = String.UnicodeScalarView()
        for scalar in string.unicodeScalars { shown.append((0x20...0x7E).contains(scalar.value) ? scalar : "?") }
        return String(shown)
    }

    /// The 16 bytes of the field, padded with trailing spaces.
    package var wireBytes: [UInt8] {
        var bytes = string.unicodeScalars.prefix(Self.wireLength).map { UInt8(truncatingIfNeeded: $0.value) }
        while bytes.count < Self.wireLength { bytes.append(UInt8(ascii: " ")) }
        return bytes
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\\")
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>, isPadding: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !isPadding($0) }),
            let last = bytes.lastIndex(where: { !isPadding($0) })
        else { return [] }
        return bytes[first...last]
    }
}
