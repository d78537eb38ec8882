/// Completion for zsh, by its `_arguments`.
enum ZshCompletion {
    static var text: String {
        let options = OptionCategory.allCases.flatMap { OptionTable.documented(in: $0) }
        let specifications = options.map { "        \(specification($0)) \\\n" }.joined()
        return """
            #compdef dcmscu
            # zsh completion for dcmscu, made by "dcmscu --generate zsh"
            _dcmscu_keywords() {
                local -a keywords
                keywords=(${(f)"$(dcmscu --generate keywords 2>/dev/null)"})
                compadd -S = -a keywords
            }
            _dcmscu_words() {
                if [[ $PREFIX == @* ]]; then
                    local -a nodes
                    nodes=(${(f)"$(dcmscu --generate nodes 2>/dev/null)"})
                    compadd -a nodes
                else
                    _files
                fi
            }
            _dcmscu() {
                _arguments -s -S \\
            \(specifications)        '*:file:_dcmscu_words'
            }
            _dcmscu "$@"

            """
    }

    private static func specification(_ option: OptionDefinition) -> String {
        let takesArgument = option.value.takesArgument
        let names = (option.short.map { ["-\($0)" + (takesArgument ? "+" : "")] } ?? []) + [long(option)]
        let exclusions = (option.short.map { ["-\($0)"] } ?? []) + [option.option]
        let isRepeatable = option.traits.contains(.repeatable)
        let prefix = isRepeatable ? "'*'" : "'(\(exclusions.joined(separator: " ")))'"
        let spelled = names.count > 1 ? "{\(names.joined(separator: ","))}" : names.joined()
        var description = "[\(escaped(option.summary))]"
        if takesArgument { description += ":\(escaped(message(option.value))):\(action(option.value))" }
        if case .optionalChoice(let choices) = option.value {
            description += "::topic:(\(choices.joined(separator: " ")))"
        }
        return "\(prefix)\(spelled)'\(description)'"
    }

    private static func long(_ option: OptionDefinition) -> String {
        switch option.value {
        case .none: option.option
        case .optionalChoice: option.option + "=-"
        default: option.option + "="
        }
    }

    private static func message(_ value: OptionValue) -> String {
        switch value {
        case .choice: "choice"
        default: (value.placeholder ?? "value").lowercased()
        }
    }

    private static func action(_ value: OptionValue) -> String {
        switch value {
        case .choice(let choices): "(\(choices.joined(separator: " ")))"
        case .key, .returnKeys: "_dcmscu_keywords"
        case .file, .fileOrDirectory: "_files"
        case .directory: "_files -/"
        case .host: "_hosts"
        default: " "
        }
    }

    /// Quotes end the word, brackets and colons divide its parts.
    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "'": "'\\''"
            case "[", "]", ":", "\\": "\\\(character)"
            default: String(character)
            }
        }.joined()
    }
}
