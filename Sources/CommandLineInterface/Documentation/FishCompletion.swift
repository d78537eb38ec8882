/// Completion for fish.
enum FishCompletion {
    static var text: String {
        let options = OptionCategory.allCases.flatMap { OptionTable.documented(in: $0) }
        return "# fish completion for dcmscu, made by \"dcmscu --generate fish\"\n"
            + options.map { line($0) + "\n" }.joined()
            + "complete -c dcmscu -a '(dcmscu --generate nodes 2>/dev/null)' -d 'a node of the configuration'\n"
    }

    private static func line(_ option: OptionDefinition) -> String {
        var line = "complete -c dcmscu"
        if let short = option.short { line += " -s \(short)" }
        line += " -l \(option.name)"
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
