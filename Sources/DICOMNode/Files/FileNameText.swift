import DICOM

/// Text from a peer, made fit to be a part of a file's name.
///
/// What remains are letters, digits and marks of any script and a few signs that no file system or shell takes amiss;
/// everything else becomes an underscore. No value begins with a dot or a dash, so it neither hides a file, nor names a
/// folder above, nor looks like an option.
enum FileNameText {
    /// What stands for a value that is empty, absent or of nothing but strange characters.
    static let unknown = "unknown"

    /// Characters of one value. Long enough for a long string (LO, 64 characters, PS3.5 6.2).
    private static let maximumCharacters = 64

    /// Bytes of one component. The systems allow 255; a number may still be added to tell names apart.
    private static let maximumBytes = 224

    private static let allowedSigns = Set("-_.,^=+@()".unicodeScalars)

    static func safe(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard result.count < maximumCharacters else { break }
            let isAllowed = allowedSigns.contains(scalar) || isOfWords(scalar)
            result.append(isAllowed ? scalar : "_")
        }
        let padding: Set<Unicode.Scalar> = ["_", ".", "-"]
        guard let first = result.firstIndex(where: { !padding.contains($0) }) else { return unknown }
        // Trailing dots are lost on shares of other systems.
        guard let last = result.lastIndex(where: { $0 != "_" && $0 != "." }) else { return unknown }
        return String(result[first...last])
    }

    /// A UID as it is, where it is nothing but digits and dots; otherwise a name made from its bytes.
    ///
    /// Components with leading zeros break PS3.5 9.1, too, but are found in archives and harm no path.
    static func uid(_ uid: UID) -> String {
        let components = uid.string.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isHarmless =
            uid.string.utf8.count <= UID.maximumLength
            && components.allSatisfy { component in
                !component.isEmpty && component.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            }
        return isHarmless ? uid.string : "invalid-uid-" + fingerprint(uid.string.utf8)
    }

    /// One component from its parts, no longer than file systems allow.
    ///
    /// A name that had to be cut ends in a fingerprint of the whole, so that different ones stay different, and keeps
    /// the ending that the pattern gave it.
    static func component(_ parts: [String]) -> [UInt8] {
        let whole = Array(parts.joined().utf8)
        guard whole.count > maximumBytes else { return whole }
        var ending: [UInt8] = []
        if let last = parts.last, last.utf8.count <= 16, last.hasPrefix(".") { ending = Array(last.utf8) }
        let tail = Array("-\(fingerprint(whole))".utf8) + ending
        var cut = maximumBytes - tail.count
        // Not within a character of several bytes.
        while cut > 0, whole[cut] & 0xC0 == 0x80 { cut -= 1 }
        return whole[..<cut] + tail
    }

    private static func isOfWords(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .decimalNumber, .letterNumber, .otherNumber:
            true
        default: false
        }
    }

    private static func fingerprint(_ bytes: some Sequence<UInt8>) -> String {
        Hexadecimal.text(FNV1a.hash(bytes), digits: 16)
    }
}
