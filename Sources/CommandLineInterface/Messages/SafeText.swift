/// Text from a peer or a file made harmless for a terminal and a log: one line, no control character, no direction
/// override, nothing that could pass for another line or an escape sequence.
package enum SafeText {
    /// Longer text is cut: a peer's comment must not bury the message. In characters of the shown form.
    package static let maximumLength = 4096

    /// The text with every harmful character shown as `\n`, `\t`, `\e`, `\x..` or `\u{....}`.
    package static func line(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < maximumLength else {
                result += "..."
                break
            }
            count += 1
            switch scalar.value {
            case 0x0A: result += "\\n"
            case 0x0D: result += "\\r"
            case 0x09: result += "\\t"
            case 0x1B: result += "\\e"
            case 0x00...0x1F, 0x7F: result += "\\x" + hexadecimal(scalar.value, digits: 2)
            case 0x80...0x9F: result += "\\u{" + hexadecimal(scalar.value, digits: 2) + "}"
            case 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF:
                // Invisible, or turns the direction of what follows.
                result += "\\u{" + hexadecimal(scalar.value, digits: 4) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
