import DICOMNode

extension OptionTable {
    static let receivingOptions: [OptionDefinition] = [
        OptionDefinition(
            "output", short: "o", value: .directory, .receiving,
            for: [.find, .worklist, .move, .get, .storageCommitment], "where received instances go",
            details: """
                It is made, with its parents, where it does not exist. For queries with --format dcm: where answers go. \
                For --stgcmt: where the server's reports are kept as DICOM files; without it none is.
                """,
            default: "the current directory", traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.outputDirectory = try argument.string()
            }),
        OptionDefinition(
            "port-scp", value: .port, .receiving, for: .listening.union([.store, .get]), "port of our receiver",
            details: "A move to ourselves needs it; a storage commitment result comes to it.",
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in draft.invocation.receiverPort = try argument.port() }),
        OptionDefinition(
            "bind", value: .host(placeholder: "ADDRESS"), .receiving, for: .listening.union([.store, .get]),
            "address that the receiver listens on", default: "all addresses, IPv4 and IPv6",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.bindAddress = try argument.string()
            }),
        OptionDefinition(
            "move-destination", value: .aeTitle, .receiving, for: [.move],
            "AE title that the instances go to", details: "With another title than our own nothing is received here.",
            default: "our own AE title", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.moveDestination = try argument.aeTitle()
            }),
        OptionDefinition(
            "name", value: .text(placeholder: "PATTERN"), .receiving, for: .receiving,
            "path of instances below the output directory",
            details: """
                {Keyword} stands for the value of that attribute, made safe for a file name: \
                {PatientID}/{SeriesNumber}-{SOPInstanceUID}.dcm
                """,
            default: InstanceNaming.standardPattern, traits: .common,
            apply: { (draft, argument) throws(UsageError) in draft.invocation.naming = try naming(argument) }),
        OptionDefinition(
            "if-exists", value: .choice(InstanceWriter.Existing.allCases.map(\.rawValue)), .receiving,
            for: .receiving.union([.find, .worklist]), "what is done where the name is taken",
            details: """
                rename keeps both: the second gets a number. The same content is never kept twice. skip and overwrite need a \
                --name with {SOPInstanceUID}: with another, two instances of a run could have one name. Queries take it with \
                --format dcm.
                """,
            default: "rename",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.existingFile = try argument.choice(InstanceWriter.Existing.self)
            }),
        OptionDefinition(
            "grace", value: .seconds(0...86_400), .receiving, for: .receiving,
            "wait so long after the last response for instances still announced", default: "10",
            apply: { (draft, argument) throws(UsageError) in draft.invocation.grace = try argument.seconds() }),
    ]

    private static func naming(_ argument: OptionArgument) throws(UsageError) -> InstanceNaming {
        do throws(InstanceNaming.PatternError) {
            return try InstanceNaming(pattern: argument.text)
        } catch {
            throw argument.error(
                error.description, accepted: "a relative path with {Keyword} for values, such as {SOPInstanceUID}.dcm")
        }
    }
}
