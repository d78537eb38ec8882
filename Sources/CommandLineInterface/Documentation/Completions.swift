// The completions of the shells, made from the option table by `--generate bash`, `zsh` and `fish`.

/// The words that may stand first in a command line, as all shells get them.
private enum FirstWords {
    static let text = OptionName.firstWords.map(\.rawValue).joined(separator: " ")
}

/// Completion for bash, without help from its completion library.
enum BashCompletion {
    static var text: String {
        let valued = OptionTable.all.filter { $0.value.takesArgument && !$0.traits.contains(.hidden) }
        let cases = valued.map { "        \(patterns($0))) \(action($0.value)) ;;\n" }.joined()
        let names = OptionCategory.allCases.flatMap { OptionTable.documented(in: $0) }.map(\.option)
        return """
            # bash completion for dcmscu, made by "dcmscu --generate bash"
            _dcmscu() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
                # "--option=value" arrives as three words.
                if [[ $current == "=" ]]; then
                    current=""
                elif [[ $previous == "=" ]] && ((COMP_CWORD > 1)); then
                    previous=${COMP_WORDS[COMP_CWORD-2]}
                fi
                # So does "@node", where @ is among the word breaks.
                if [[ $previous == "@" ]]; then
                    local nodes
                    nodes=$("${COMP_WORDS[0]}" --generate nodes 2>/dev/null)
                    mapfile -t COMPREPLY < <(compgen -W "${nodes//@/}" -- "$current")
                    return
                fi
                COMPREPLY=()
                case $previous in
            \(cases)    esac
                if [[ $current == -* ]]; then
                    mapfile -t COMPREPLY < <(compgen -W "\(wrapped(names))" -- "$current")
                elif [[ $current == @* ]]; then
                    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --generate nodes 2>/dev/null)" -- "$current")
                else
                    local words=""
                    ((COMP_CWORD == 1)) && words="\(FirstWords.text)"
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; compgen -f -- "$current")
                fi
            }
            complete -F _dcmscu dcmscu

            """
    }

    private static func wrapped(_ names: [String]) -> String {
        let indent = String(repeating: " ", count: 12)
        let lines = TextLayout.wrapped(names.joined(separator: " "), indent: 12, width: 110)
        return "\n" + lines.joined(separator: "\n") + "\n" + indent
    }

    private static func patterns(_ option: OptionDefinition) -> String {
        (option.short.map { "-\($0)|" } ?? "") + option.option
    }

    private static func action(_ value: OptionValue) -> String {
        func reply(_ arguments: String, before: String = "") -> String {
            "\(before)mapfile -t COMPREPLY < <(compgen \(arguments) -- \"$current\"); return"
        }
        let words = "-W \"$(\"${COMP_WORDS[0]}\" --generate keywords 2>/dev/null)\""
        switch value {
        case .choice(let choices): return reply("-W \"\(choices.joined(separator: " "))\"")
        case .key, .returnKeys: return reply(words, before: "compopt -o nospace 2>/dev/null; ")
        case .file, .fileOrDirectory: return reply("-f", before: "compopt -o filenames 2>/dev/null; ")
        case .directory: return reply("-d", before: "compopt -o filenames 2>/dev/null; ")
        case .host: return reply("-A hostname")
        default: return "return"
        }
    }
}

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
                    ((CURRENT == 2)) && compadd \(FirstWords.text)
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

/// Completion for fish.
enum FishCompletion {
    static var text: String {
        let options = OptionCategory.allCases.flatMap { OptionTable.documented(in: $0) }
        return "# fish completion for dcmscu, made by \"dcmscu --generate fish\"\n"
            + options.map { line($0) + "\n" }.joined()
            + "complete -c dcmscu -n __fish_is_first_token -a '\(FirstWords.text)' -d 'the operation'\n"
            + "complete -c dcmscu -a '(dcmscu --generate nodes 2>/dev/null)' -d 'a node of the configuration'\n"
    }

    private static func line(_ option: OptionDefinition) -> String {
        var line = "complete -c dcmscu"
        if let short = option.short { line += " -s \(short)" }
        line += " -l \(option.name.rawValue)"
        line += argument(option.value)
        return line + " -d \(quoted(option.summary))"
    }

    private static func argument(_ value: OptionValue) -> String {
        switch value {
        case .none, .optionalChoice: ""
        case .choice(let choices): " -x -a \(quoted(choices.joined(separator: " ")))"
        case .key, .returnKeys: " -x -a '(dcmscu --generate keywords 2>/dev/null)'"
        case .file, .fileOrDirectory: " -r -F"
        case .directory: " -x -a '(__fish_complete_directories)'"
        case .host: " -x -a '(__fish_print_hostnames)'"
        default: " -x"
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "'"
    }
}
