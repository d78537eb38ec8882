/// Plain text in lines of a terminal's width.
enum TextLayout {
    /// The width that every terminal has.
    static let width = 80

    /// Words in lines of at most the width, each indented; a word that is longer has a line of its own.
    static func wrapped(_ text: String, indent: Int, width: Int = width) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        if !line.isEmpty { lines.append(line) }
        return lines.map { String(repeating: " ", count: indent) + $0 }
    }

    /// A term and, from a column on, what it means; on the next line where the term is too long.
    static func entry(_ term: String, _ meaning: String, column: Int) -> String {
        let lines = wrapped(meaning, indent: column)
        guard let first = lines.first else { return term + "\n" }
        guard term.count < column - 1 else { return ([term] + lines).joined(separator: "\n") + "\n" }
        let start = padded(term, to: column) + first.dropFirst(column)
        return ([start] + lines.dropFirst()).joined(separator: "\n") + "\n"
    }

    static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
