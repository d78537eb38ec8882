/// All options of the program: the only place where an option is written. One is added by one entry in the list of its
/// category, and by a field of ``Invocation`` for what it sets.
package enum OptionTable {
    package static let all: [OptionDefinition] =
        operationOptions + peerOptions + sendingOptions + storingOptions + journalOptions + commitmentOptions
        + queryingOptions + queryExtensionOptions
        + formatOptions
        + receivingOptions + retrievalOptions + archiveOptions + echoOptions + networkOptions + securityOptions
        + messageOptions
        + configurationOptions
        + helpOptions

    /// Those that documentation shows, by category.
    package static func documented(in category: OptionCategory) -> [OptionDefinition] {
        all.filter { $0.category == category && !$0.traits.contains(.hidden) }
    }

    static func definition(short: Character) -> OptionDefinition? {
        all.first { $0.short == short }
    }

    static func definition(named name: String) -> OptionDefinition? {
        all.first { $0.name == name }
    }

    /// What a long name or an abbreviation of one can mean: one definition, several, or none.
    ///
    /// An exact name wins over longer ones; where an abbreviation fits both an option of gdcmscu's and one of ours,
    /// gdcmscu's wins, so that its users' scripts go on to work.
    static func candidates(forLong name: String) -> [OptionDefinition] {
        if let exact = all.first(where: { $0.name == name || $0.aliases.contains(name) }) { return [exact] }
        guard !name.isEmpty else { return [] }
        let matching = all.filter { option in
            !option.traits.contains(.hidden)
                && (option.name.hasPrefix(name) || option.aliases.contains { $0.hasPrefix(name) })
        }
        let compatible = matching.filter { $0.traits.contains(.compatible) }
        return compatible.isEmpty ? matching : compatible
    }

    /// The long names that a person could have meant.
    static var longNames: [String] {
        all.filter { !$0.traits.contains(.hidden) }.map(\.name)
    }
}

extension Set<Operation> {
    static let all = Set(Operation.allCases)
    /// Those that call a peer.
    static let calling = Set(Operation.allCases.filter(\.callsPeer))
    /// Those that send an identifier.
    static let identifying: Set<Operation> = [.find, .worklist, .move, .get]
    static let querying: Set<Operation> = [.find, .worklist]
    /// Those that write instances to files here.
    static let receiving: Set<Operation> = [.move, .get]
    /// Those to which a peer may open an association.
    static let listening: Set<Operation> = [.move, .storageCommitment, .serve]
    static let sending: Set<Operation> = [.store, .storageCommitment]
}
