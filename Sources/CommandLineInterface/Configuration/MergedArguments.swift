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
    /// True if command line or configuration say whether TLS is used.
    private let isTLSDecided: Bool

    /// - Parameters:
    ///   - layers: of the configuration, the strongest first.
    ///   - claimed: options for which something else than the configuration speaks.
    init(
        _ typed: [OptionArgument], _ layers: [Configuration.Layer], for operation: Operation,
        claimed: [OptionName]
    ) {
        var names = claimed + typed.map(\.definition.name)
        var groups = typed.compactMap(\.definition.group)
        var found: [Entry] = []
        for layer in layers {
            let settings = layer.settings.filter { setting in
                !names.contains(setting.definition.name) && setting.definition.operations.contains(operation)
                    && setting.definition.group.map { groups.contains($0) } != true
            }
            for setting in settings {
                names.append(setting.definition.name)
                if let group = setting.definition.group { groups.append(group) }
                for text in setting.texts {
                    found.append(
                        Entry(
                            argument: OptionArgument(definition: setting.definition, text: text),
                            source: .configuration(layer.origin, line: setting.line)))
                }
            }
        }
        isTLSDecided = names.contains(.tls)
        entries = found + typed.map { Entry(argument: $0, source: .commandLine) }
    }

    /// Checks that no node says whom to trust while nothing says that TLS is used: its connections would be plain.
    ///
    /// - Parameter path: of the configuration, for the message.
    /// - Throws: a usage error with the line of the first setting that is of no use.
    func checkTLS(path: String?) throws(UsageError) {
        guard !isTLSDecided else { return }
        let trusting: [OptionName] = [.tlsCA, .tlsCRL, .tlsPin]
        for entry in entries where trusting.contains(entry.argument.definition.name) {
            guard case .configuration(.node(let node), let line) = entry.source else { continue }
            let option = entry.argument.definition.name
            throw UsageError(
                .missingOption, option: .tls, value: option.rawValue,
                problem: "node \(node) has \(option.rawValue), but no \(OptionName.tls.rawValue)",
                accepted: "\"\(OptionName.tls.rawValue)\": true, or false for plain connections"
            ).at(line: line, of: path)
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
