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

/// Text as source of a manual page: roff with the man macros.
enum Roff {
    /// Options in bold, everything that roff would take for its own escaped.
    static func text(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.first {
            let isWordStart = result.isEmpty || " (\"".contains(result.last ?? " ")
            if character == "-", isWordStart, let option = option(at: rest) {
                result += bold(String(option))
                rest = rest.dropFirst(option.count)
            } else {
                result += escaped(character)
                rest.removeFirst()
            }
        }
        return guarded(result)
    }

    static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }

    static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

    /// A paragraph with a tag that stands out of it.
    static func tagged(_ tag: String, _ paragraph: String) -> String { ".TP\n\(guarded(tag))\n\(paragraph)\n" }

    static func escaped(_ text: String) -> String { text.map { escaped($0) }.joined() }

    private static func escaped(_ character: Character) -> String {
        switch character {
        case "\\": "\\e"
        case "-": "\\-"
        case "'": "\\(aq"
        case "`": "\\(ga"
        case "^": "\\(ha"
        case "~": "\\(ti"
        default: String(character)
        }
    }

    /// `--name` or `-x` at the start of the text.
    private static func option(at text: Substring) -> Substring? {
        let dashes = text.prefix { $0 == "-" }
        let name = text.dropFirst(dashes.count).prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        let isOption = dashes.count == 2 ? !name.isEmpty : dashes.count == 1 && name.count == 1
        return isOption ? text.prefix(dashes.count + name.count) : nil
    }

    /// A line that begins with a dot or a quote would be a request.
    private static func guarded(_ line: String) -> String {
        line.first == "." || line.first == "'" ? "\\&" + line : line
    }
}
