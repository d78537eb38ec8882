package import DICOMProtocol

/// The result of parsing a command line: a request for text about the program, or work.
package enum ParsedCommandLine: Sendable, Equatable {
    /// Nothing was typed: help on standard error and the exit code for usage.
    case empty
    case help(HelpTopic)
    case version
    /// `--queryhelp`: the keys that the standard knows for a model and, where it has any, a level.
    case queryHelp(InformationModel, QueryLevel)
    case generate(GeneratedDocument)
    /// The output of `--show-config`, or the names of the nodes.
    case text(String)
    case perform(Invocation)
    /// The same with several peers, one after the other.
    case performEach([Invocation])
}

/// The part of the help that is shown.
package enum HelpTopic: Sendable, Equatable {
    /// The options that most people need, on a screen or so.
    case short
    /// Every option with its long text.
    case all
    /// One operation: its purpose, the options that matter for it, and examples.
    case operation(Operation)

    static let allName = "all"
    /// The names of all topics.
    static let names = [allName] + Operation.allCases.map(\.option.rawValue)

    /// The command that shows a page of the manual by the end of its name; nil if there is none.
    static func page(_ name: String) -> String? {
        ["config", "nightly", "troubleshooting", "migrating", "tables"].contains(name) ? "man dcmscu-\(name)" : nil
    }

    /// Where a word is explained that is no topic; nil for one that is explained nowhere.
    static func elsewhere(_ name: String) -> String? {
        switch name {
        case "key", "keys", "level", "levels":
            "the keys of a level: dcmscu \(OptionName.queryhelp), with \(OptionName.series) for example; how they are written: "
                + "dcmscu \(OptionName.help) all"
        case "exit", "codes", "exit-codes", "status": "the exit codes are at the end of dcmscu \(OptionName.help)"
        case "tls", "ssl", "security", "network", "options", "formats", "format", "messages", "log", "logging":
            "dcmscu \(OptionName.help) all shows every option, by subject"
        default: nil
        }
    }

    init?(_ name: String) {
        if name == Self.allName {
            self = .all
        } else if let operation = Operation.allCases.first(where: { $0.option.rawValue == name }) {
            self = .operation(operation)
        } else {
            return nil
        }
    }
}

/// The document that the hidden option `--generate` prints.
package enum GeneratedDocument: String, Sendable, CaseIterable {
    case man, bash, zsh, fish
    /// In Markdown, for the administrators of servers.
    case conformance
    /// The keywords of the dictionary, one a line: what the completions propose after `--key`.
    case keywords
    /// The nodes of the configuration, `@name` each, one a line.
    case nodes
}
