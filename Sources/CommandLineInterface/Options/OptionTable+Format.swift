extension OptionTable {
    static let formatOptions: [OptionDefinition] = [
        OptionDefinition(
            "format", value: .choice(ResultFormat.allCases.map(\.rawValue)), .output,
            "how results are printed",
            details: """
                For queries, text is for people; json is an array in the DICOM JSON Model, jsonl one such object on a line, \
                written as each answer arrives. For the other operations jsonl prints one object for each instance or echo, \
                and one for the run at the end. See JSON LINES.
                """,
            default: "text", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.format = try argument.choice(ResultFormat.self)
            })
    ]
}
