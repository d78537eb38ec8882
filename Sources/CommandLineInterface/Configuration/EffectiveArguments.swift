/// The options of one run, from the command line and the configuration together: of each the strongest source.
struct EffectiveArguments {
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

    /// - Parameter claimed: names of options that something stronger than the configuration speaks for.
    init(
        _ typed: [OptionArgument], _ layers: [Configuration.Layer], of configuration: Configuration,
        for operation: Operation, claimed: Set<String>
    ) {
        path = configuration.path
        var spoken = claimed
        func speak(for name: String) { spoken.formUnion(OptionTable.group(of: name)) }
        for argument in typed { speak(for: argument.definition.name) }
        var found: [Entry] = []
        for layer in layers {
            let settings = layer.settings.filter {
                !spoken.contains($0.definition.name) && $0.definition.operations.contains(operation)
            }
            for setting in settings {
                speak(for: setting.definition.name)
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

    func apply(to draft: inout InvocationDraft) throws(UsageError) {
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

extension OptionTable {
    /// Options that answer one question: who gives one of them has answered it.
    private static let groups: [Set<String>] = [
        ["error", "warning", "verbose", "debug"], ["patientroot", "studyroot", "psonly"],
        ["patient", "study", "series", "image"], ["user", "passcode", "kerberos", "saml", "jwt"],
    ]

    static func group(of name: String) -> Set<String> { groups.first { $0.contains(name) } ?? [name] }
}
