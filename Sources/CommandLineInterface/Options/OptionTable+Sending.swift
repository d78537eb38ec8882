import DICOMProtocol

extension OptionTable {
    static let sendingOptions: [OptionDefinition] = [
        OptionDefinition(
            "input", short: "i", value: .fileOrDirectory, .sending, for: .sending, "a file or directory to send",
            details: """
                A directory is listed one level deep. \"-\" reads names from the standard input, separated by line feeds or NULs. \
                Files given without an option replace these.
                """,
            traits: [.compatible, .common, .repeatable],
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.inputs.append(try argument.string())
            }),
        OptionDefinition(
            "recursive", short: "r", .sending, for: .sending, "descend into directories",
            traits: [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.invocation.isRecursive = true }),
        OptionDefinition(
            "priority", value: .choice(["low", "medium", "high"]), .sending, for: .identifying.union([.store]),
            "priority of the requests; few servers heed it", default: "medium",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.priority = Priority(try argument.choice(PriorityName.self))
            }),
        OptionDefinition(
            "root-uid", value: .uid, .sending, "root of the UIDs that we generate",
            details: "Wins over GDCM_ROOT_UID in the environment.", default: "2.25, from a UUID",
            traits: .compatible,
            apply: { (draft, argument) throws(UsageError) in draft.invocation.uidRoot = try argument.uidRoot() }),
    ]
}

/// The choices of `--priority`.
private enum PriorityName: String, CaseIterable {
    case low, medium, high
}

extension Priority {
    fileprivate init(_ name: PriorityName) {
        switch name {
        case .low: self = .low
        case .medium: self = .medium
        case .high: self = .high
        }
    }
}
