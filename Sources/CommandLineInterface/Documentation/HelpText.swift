import CBuild
import DICOM
import DICOMNode
import DICOMweb

/// The text of `--help`, made from the option table.
package enum HelpText {
    /// The column in which the descriptions begin.
    private static let column = 33

    package static func text(_ topic: HelpTopic) -> String {
        switch topic {
        case .short: short
        case .all: long
        case .operation(let operation): text(of: operation)
        }
    }

    /// The options that most people need.
    package static var short: String {
        var text = usage
        for category in OptionCategory.allCases {
            let options = OptionTable.documented(in: category).filter { $0.traits.contains(.common) }
            guard !options.isEmpty else { continue }
            text += "\n\(category.rawValue):\n"
            for option in options { text += TextLayout.entry(term(option), option.summary, column: column) }
        }
        text += "\n" + exitCodes + "\n"
        return text + "\"dcmscu --help all\" shows every option, \"man dcmscu\" says more.\n"
    }

    /// Every option, with all that is to say of it.
    private static var long: String {
        var text = usage
        for category in OptionCategory.allCases {
            text += "\n\(category.rawValue):\n"
            for option in OptionTable.documented(in: category) {
                text += TextLayout.entry(term(option), summary(option), column: column)
                if !option.details.isEmpty {
                    text += TextLayout.wrapped(option.details, indent: column).joined(separator: "\n") + "\n"
                }
                if option.isForSomeOperations, option.category != .operation {
                    let operations = "With " + option.operationOptions.joined(separator: ", ") + "."
                    text += TextLayout.wrapped(operations, indent: column).joined(separator: "\n") + "\n"
                }
            }
        }
        text += "\nExit codes:\n"
        for code in ExitCode.allCases {
            text += TextLayout.entry("  \(code.rawValue)", code.meaning, column: 8)
        }
        text += "\nExamples:\n"
        for example in CommandExample.all {
            text += "  \(example.purpose)\n"
            text += example.lines(indent: 4, width: 78).joined(separator: "\n") + "\n"
        }
        return text
    }

    /// The help of one operation: its purpose, the options that matter for it in the order of their use, and examples.
    package static func text(of operation: Operation) -> String {
        guard let guide = OperationGuide.of(operation), let definition = guide.definition else { return short }
        let peers = !operation.callsPeer ? "" : operation.takesTwoPeers ? " HOST [PORT] HOST [PORT]" : " HOST [PORT]"
        let value = definition.value.takesArgument ? definition.value.placeholder.map { " \($0)" } ?? "" : ""
        let usage = "\(definition.option)\(value) [OPTION]...\(peers)"
        var text = "Usage: dcmscu \(usage)\(operation.takesFiles ? " [FILE]..." : "")\n"
        let purpose = definition.summary.prefix(1).uppercased() + definition.summary.dropFirst() + "."
        text +=
            TextLayout.wrapped("\(purpose) \(definition.details)", indent: 0).joined(separator: "\n") + "\n\nOptions:\n"
        for option in guide.options {
            text += TextLayout.entry(term(option), guide.summaries[option.name] ?? summary(option), column: column)
        }
        text += "\nExamples:\n"
        for example in guide.examples {
            text += "  \(example.purpose)\n"
            text += example.lines(indent: 4, width: 78).joined(separator: "\n") + "\n"
        }
        return text + "\n\"dcmscu --help all\" shows every option, \"man dcmscu\" says more.\n"
    }

    private static var exitCodes: String {
        // A code and its name stay on one line: their spaces are hidden from the wrapping.
        let hidden: Character = "\u{A0}"
        let codes = ExitCode.allCases.map { code in
            String("\(code.rawValue) \(code.name)".map { $0 == " " ? hidden : $0 })
        }
        let lines = TextLayout.wrapped("Exit codes: \(codes.joined(separator: ", ")).", indent: 0)
        return String(lines.joined(separator: "\n").map { $0 == hidden ? " " : $0 })
    }

    private static let usage = """
        Usage: dcmscu [OPTION]... [OPERATION] HOST [PORT] [FILE]...
               dcmscu [OPTION]... [OPERATION] [TITLE@]HOST:PORT [FILE]...
        DICOM network client: echo, store, find, worklist, move, get, commitment.
        "dcmscu find HOST" is short for "dcmscu --find HOST", and so for each operation.

        """

    private static func summary(_ option: OptionDefinition) -> String {
        option.summary + (option.defaultText.map { " [\($0)]" } ?? "")
    }

    /// `  -k, --key KEY[=VALUE]`.
    private static func term(_ option: OptionDefinition) -> String {
        var text = option.short.map { "  -\($0), " } ?? "      "
        text += option.option
        guard let placeholder = option.value.placeholder else { return text }
        return text + (option.value.takesArgument ? " \(placeholder)" : "[=\(placeholder)]")
    }
}

extension GeneratedDocument {
    /// The text that `--generate` prints.
    package var text: String {
        switch self {
        case .man: ManualPage.text
        case .conformance: ConformanceStatement.text
        case .bash: BashCompletion.text
        case .zsh: ZshCompletion.text
        case .fish: FishCompletion.text
        // They are not made from tables: the parser reads them from the configuration.
        case .nodes: ""
        case .keywords: DataDictionary.keywords.joined(separator: "\n") + "\n"
        }
    }
}

/// The text that `--version` prints: the version, and what a report of a fault should say. It opens no library.
package enum VersionText {
    package static var text: String {
        let commit = String(cString: buildCommit())
        var (libraries, transports) = ("zlib", "DICOM over TCP")
        if TLSContext.isAvailable {
            libraries += ", OpenSSL 3"
            transports += ", DICOM over TLS"
        }
        if HTTPClient.isAvailable {
            libraries += ", libcurl 4"
            transports += ", DICOMweb"
        }
        return """
            dcmscu \(ImplementationIdentity.version)
            commit: \(commit.isEmpty ? "not recorded" : commit)
            compiler: \(String(cString: buildCompiler()))
            libraries: \(libraries), opened at their first use
            transports: \(transports)

            """
    }
}
