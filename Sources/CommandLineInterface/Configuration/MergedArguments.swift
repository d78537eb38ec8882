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
    /// The first setting of TLS in each part of the configuration, of whatever operation it is; none if command line or
    /// configuration say whether TLS is used.
    private let settingsWithoutTLS: [(origin: Configuration.Origin, setting: Configuration.Setting)]

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
        settingsWithoutTLS =
            names.contains(.tls)
            ? []
            : layers.compactMap { layer in
                layer.settings.first { !$0.texts.isEmpty && $0.definition.rules.contains(.only(when: .secured)) }
                    .map { (layer.origin, $0) }
            }
        entries = found + typed.map { Entry(argument: $0, source: .commandLine) }
    }

    /// Checks that no node sets up TLS while nothing says that it is used: its connections would be plain.
    ///
    /// - Parameter path: of the configuration, for the message.
    /// - Throws: a usage error with the line of the first setting that is of no use.
    func checkTLS(path: String?) throws(UsageError) {
        for (origin, setting) in settingsWithoutTLS {
            guard case .node(let node) = origin else { continue }
            let option = setting.definition.name
            throw UsageError(
                .missingOption, option: .tls, value: option.rawValue,
                problem: "node \(node) has \(option.rawValue), but no \(OptionName.tls.rawValue)",
                accepted: "\"\(OptionName.tls.rawValue)\": true, or false for plain connections"
            ).at(line: setting.line, of: path)
        }
    }

    /// The setting of TLS in the defaults that is of no use to a run whose connections are plain because nothing says
    /// otherwise.
    var defaultWithoutTLS: OptionName? { settingsWithoutTLS.first?.setting.definition.name }
}

extension UsageError {
    /// The same about a value that stands in a file.
    func at(line: Int, of path: String?) -> UsageError {
        UsageError(
            code, option: option, value: value, problem: "\(path ?? "configuration") line \(line): \(problem)",
            accepted: accepted, suggestion: suggestion)
    }
}
