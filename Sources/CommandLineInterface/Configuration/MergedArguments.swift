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
    private let path: String?

    /// - Parameters:
    ///   - layers: of the configuration, the strongest first.
    ///   - claimed: options for which something else than the configuration speaks.
    init(
        _ typed: [OptionArgument], _ layers: [Configuration.Layer], of configuration: Configuration,
        for operation: Operation, claimed: Set<OptionName>
    ) {
        path = configuration.path
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

    /// Reads each value into the draft.
    ///
    /// - Throws: the first value that cannot be read, with its line where it stands in the configuration.
    func apply(to draft: inout OptionDraft) throws(UsageError) {
        for entry in entries {
            do throws(UsageError) {
                try entry.argument.definition.apply(&draft, entry.argument)
            } catch {
                guard case .configuration(_, let line) = entry.source else { throw error }
                throw error.at(line: line, of: path)
            }
        }
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
