/// Text as roff with the man macros has it.
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
