/// One option: everything that parser, help, man page and completions need to know of it.
package final class OptionDefinition: Sendable {
    package let name: OptionName
    package let short: Character?
    /// Other long names, accepted and not advertised.
    package let aliases: [String]
    package let value: OptionValue
    package let category: OptionCategory
    /// The operations that can use it.
    package let operations: OperationSet
    /// One line for the help.
    package let summary: String
    private let makeDetails: @Sendable () -> String
    package let defaultValue: OptionDefault
    package let traits: Traits
    /// The question that it answers, together with others.
    package let group: Group?
    package let rules: [OptionRule]
    /// The option of gdcmscu that this name abbreviates.
    package let abbreviated: Abbreviation?
    /// Puts the parsed value in its place.
    package let apply: @Sendable (inout OptionDraft, OptionArgument) throws(UsageError) -> Void

    /// An option of gdcmscu's that the name of one of ours may mean.
    package struct Abbreviation: Sendable {
        package let option: OptionName
        /// Returns true if gdcmscu's is meant, by what follows the name and by the whole command line.
        package let isMeant: @Sendable (_ next: String?, _ arguments: [String]) -> Bool

        /// gdcmscu's option is meant where no value follows.
        package static func withoutValue(_ option: OptionName) -> Abbreviation {
            Abbreviation(option: option) { next, _ in next.map { $0.hasPrefix("-") && $0 != "-" } != false }
        }
    }

    package struct Traits: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
        }

        package init(arrayLiteral elements: Traits...) {
            rawValue = elements.reduce(0) { $0 | $1.rawValue }
        }

        /// Part of gdcmscu's command line: wins where an abbreviation fits it and an option of ours.
        package static let compatible = Traits(rawValue: 1 << 0)
        /// Shown in the short help.
        package static let common = Traits(rawValue: 1 << 1)
        /// In no documentation.
        package static let hidden = Traits(rawValue: 1 << 2)
        /// May be given several times, each adds; of all others the last one counts.
        package static let repeatable = Traits(rawValue: 1 << 3)
    }

    /// Options that answer one question: one of them on the command line sets all of the configuration aside.
    package enum Group: Sendable {
        case verbosity, model, level, identity, destination
    }

    package init(
        _ name: OptionName, short: Character? = nil, aliases: [String] = [], value: OptionValue = .none,
        _ category: OptionCategory, for operations: OperationSet = .all, _ summary: String,
        details: @autoclosure @escaping @Sendable () -> String = "", default defaultValue: OptionDefault = .none,
        traits: Traits = [], group: Group? = nil, rules: [OptionRule] = [],
        abbreviates abbreviated: Abbreviation? = nil,
        apply: @escaping @Sendable (inout OptionDraft, OptionArgument) throws(UsageError) -> Void = { (_, _) in }
    ) {
        self.name = name
        self.short = short
        self.aliases = aliases
        self.value = value
        self.category = category
        self.operations = operations
        self.summary = summary
        makeDetails = details
        self.defaultValue = defaultValue
        self.traits = traits
        self.group = group
        self.rules = rules
        self.abbreviated = abbreviated
        self.apply = apply
    }

    /// As it is named in messages.
    package var option: String { name.description }

    /// More for the man page and the long help; empty where the summary says it all.
    package var details: String { makeDetails() }

    /// The value that holds when the option is not given.
    package var defaultText: String? { defaultValue.text }

    /// True if only some operations can use it.
    package var isForSomeOperations: Bool { operations != .all }

    /// The operations that can use it, in their order, as options.
    package var operationOptions: [String] { operations.operations.map(\.option.description) }
}

/// The value of an option that is not given.
package enum OptionDefault: Sendable {
    case none
    case integer(Int)
    case seconds(Double)
    /// A limit in seconds; nil, which is written 0: no limit.
    case limit(Double?)
    case text(String)

    package var text: String? {
        switch self {
        case .none: nil
        case .integer(let number): String(number)
        case .seconds(let seconds): NumberWords.plain(seconds)
        case .limit(let seconds): NumberWords.plain(seconds ?? 0)
        case .text(let text): text
        }
    }
}

/// The headings under which options stand in help and man page, in this order.
package enum OptionCategory: String, Sendable, CaseIterable {
    case operation = "Operation"
    case peer = "Peer"
    case sending = "Sending"
    case commitment = "Storage commitment"
    case querying = "Querying"
    case output = "Output"
    case receiving = "Receiving"
    case archive = "Practice archive"
    case doctor = "Doctor"
    case network = "Network"
    case security = "Security"
    case web = "DICOMweb"
    case monitoring = "Monitoring"
    case messages = "Messages"
    case configuration = "Configuration"
    case help = "Help"

    var definitions: [OptionDefinition] {
        switch self {
        case .operation: Self.operationOptions
        case .peer: Self.peerOptions
        case .sending: Self.sendingOptions
        case .commitment: Self.commitmentOptions
        case .querying: Self.queryingOptions
        case .output: Self.outputOptions
        case .receiving: Self.receivingOptions
        case .archive: Self.archiveOptions
        case .doctor: Self.doctorOptions
        case .network: Self.networkOptions
        case .security: Self.securityOptions
        case .web: Self.webOptions
        case .monitoring: Self.monitoringOptions
        case .messages: Self.messagesOptions
        case .configuration: Self.configurationOptions
        case .help: Self.helpOptions
        }
    }
}

/// All options of the program. One is added by its name in ``OptionName`` and one entry in the file of its category.
package enum OptionTable {
    package static let all: [OptionDefinition] = OptionCategory.allCases.flatMap(\.definitions)

    /// Those that documentation shows, by category.
    package static func documented(in category: OptionCategory) -> [OptionDefinition] {
        category.definitions.filter { !$0.traits.contains(.hidden) }
    }

    static func definition(short: Character) -> OptionDefinition? { first { $0.short == short } }

    static func definition(named name: String) -> OptionDefinition? { first { $0.name.rawValue == name } }

    static func definition(_ name: OptionName) -> OptionDefinition? { first { $0.name == name } }

    /// The definition for which the condition holds, which it does for one at most. Categories behind it are not made: most runs
    /// need few, and none more often than the two that are asked first.
    private static func first(where holds: (OptionDefinition) -> Bool) -> OptionDefinition? {
        for category in [.operation, .help] + OptionCategory.allCases {
            if let found = category.definitions.first(where: holds) { return found }
        }
        return nil
    }

    /// The definitions that a long name or an abbreviation of one can mean: one, several, or none.
    ///
    /// An exact name wins over longer ones; where an abbreviation fits both an option of gdcmscu's and one of ours,
    /// gdcmscu's wins, so that its users' scripts go on to work.
    static func candidates(forLong name: String) -> [OptionDefinition] {
        if let exact = first(where: { $0.name.rawValue == name || $0.aliases.contains(name) }) { return [exact] }
        guard !name.isEmpty else { return [] }
        let matching = all.filter { option in
            !option.traits.contains(.hidden)
                && (option.name.rawValue.hasPrefix(name) || option.aliases.contains { $0.hasPrefix(name) })
        }
        let compatible = matching.filter { $0.traits.contains(.compatible) }
        return compatible.isEmpty ? matching : compatible
    }

    /// The long names that a person could have meant.
    static var longNames: [String] {
        all.filter { !$0.traits.contains(.hidden) }.map(\.name.rawValue)
    }
}
