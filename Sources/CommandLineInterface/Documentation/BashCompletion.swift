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
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -f -- "$current")
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
