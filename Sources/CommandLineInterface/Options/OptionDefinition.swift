/// One option: everything that parser, help, man page and completions need to know of it.
package struct OptionDefinition: Sendable {
    /// Long name without dashes.
    package let name: String
    package let short: Character?
    /// Other long names, accepted and not advertised.
    package let aliases: [String]
    package let value: OptionValue
    package let category: OptionCategory
    /// The operations that can use it.
    package let operations: Set<Operation>
    /// One line for the help.
    package let summary: String
    /// More for the man page and the long help; empty where the summary says it all.
    package let details: String
    /// What holds when it is not given.
    package let defaultText: String?
    package let traits: Traits
    /// Puts the parsed value in its place.
    package let apply: @Sendable (inout InvocationDraft, OptionArgument) throws(UsageError) -> Void

    package struct Traits: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
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

    package init(
        _ name: String, short: Character? = nil, aliases: [String] = [], value: OptionValue = .none,
        _ category: OptionCategory, for operations: Set<Operation> = Set(Operation.allCases), _ summary: String,
        details: String = "", default defaultText: String? = nil, traits: Traits = [],
        apply: @escaping @Sendable (inout InvocationDraft, OptionArgument) throws(UsageError) -> Void
    ) {
        self.name = name
        self.short = short
        self.aliases = aliases
        self.value = value
        self.category = category
        self.operations = operations
        self.summary = summary
        self.details = details
        self.defaultText = defaultText
        self.traits = traits
        self.apply = apply
    }

    /// As it is named in messages.
    package var option: String { "--\(name)" }

    /// Whether only some operations can use it.
    package var isForSomeOperations: Bool { operations.count < Operation.allCases.count }

    /// The operations that can use it, in their order, as options.
    package var operationOptions: [String] {
        Operation.allCases.filter { operations.contains($0) }.map(\.option)
    }
}
