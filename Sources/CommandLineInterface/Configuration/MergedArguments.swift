/// The arguments of one run, of command line and configuration together: of each option those of its strongest source.
struct MergedArguments {
    struct Entry {
        let argument: OptionArgument
        let source: Source
    }

    enum Source: Equatable {
        case commandLine
        case configuration(Configuration.Origin, line: Int)
    }

    /// Those of the configuration first, the command line's in its order last.
    let entries: [Entry]

    /// - Parameters:
    ///   - layers: of the configuration, the strongest first.
    ///   - claimed: options for which something else than the configuration speaks.
    init(
        _ typed: [OptionArgument], _ layers: [Configuration.Layer], for operation: Operation,
        claimed: Set<OptionName>
    ) {
        var names = claimed.union(typed.map(\.definition.name))
        var groups = Set(typed.compactMap(\.definition.group))
        var found: [Entry] = []
        for layer in layers {
            let settings = layer.settings.filter { setting in
                !names.contains(setting.definition.name) && setting.definition.operations.contains(operation)
                    && setting.definition.group.map { groups.contains($0) } != true
            }
            for setting in settings {
                names.insert(setting.definition.name)
                if let group = setting.definition.group { groups.insert(group) }
                for text in setting.texts {
                    found.append(
                        Entry(
                            argument: OptionArgument(definition: setting.definition, text: text),
                            source: .configuration(layer.origin, line: setting.line)))
                }
            }
        }
        entries = found + typed.map { Entry(argument: $0, source: .commandLine) }
    }
}

extension UsageError {
    /// The same about a value that stands in a file.
    func at(line: Int, of path: String?) -> UsageError {
        UsageError(
            code, option: option, value: value, problem: "\(path ?? "configuration") line \(line): \(problem)",
            accepted: accepted, suggestion: suggestion)
    }
}
