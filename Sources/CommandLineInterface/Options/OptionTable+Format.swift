extension OptionTable {
    static let formatOptions: [OptionDefinition] = [
        OptionDefinition(
            "format", value: .choice(ResultFormat.allCases.map(\.rawValue)), .output,
            "how results are printed",
            details: """
                For queries: text is one line an element, as gdcmscu has it; table is columns that fit the terminal, csv and \
                tsv such columns for spreadsheets (in csv an apostrophe keeps values from being taken for formulas); json is an \
                array in the DICOM JSON Model, jsonl one such object on a line; dcm is one DICOM file for each answer, \
                rsp0001.dcm and so on, in the --output directory. Answers are written as they arrive. For the other operations jsonl prints one object for each instance or echo, \
                and one for the run at the end. See JSON LINES.
                """,
            default: "table on a terminal, otherwise text", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.format = try argument.choice(ResultFormat.self)
                draft.invocation.isFormatGiven = true
            }),
        OptionDefinition(
            "columns", value: .columns, .output, for: .querying, "the columns of table, csv and tsv",
            details: "Attributes as for --return, with commas between. What they name is asked for, too.",
            default: "the attributes that are asked for",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.columns = try argument.columns()
            }),
    ]
}
