/// Text of peers and files in HTML.
package enum HTMLText {
    /// The text without characters that would be markup, in content or in an attribute between double quotes, and harmless as
    /// ``DisplayText`` has it.
    ///
    /// - Parameter keepsLines: True for text whose line feeds stay, as in `pre`.
    package static func escaped(_ text: String, keepsLines: Bool = false) -> String {
        guard !keepsLines else {
            return text.split(separator: "\n", omittingEmptySubsequences: false).map { Self.escaped(String($0)) }
                .joined(separator: "\n")
        }
        var escaped = ""
        for character in DisplayText.harmless(text) {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
