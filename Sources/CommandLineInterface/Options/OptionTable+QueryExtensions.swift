import DICOMProtocol

extension OptionTable {
    /// Where queries come from, what is checked of them, and what is negotiated for them.
    static let queryExtensionOptions: [OptionDefinition] =
        [
            OptionDefinition(
                "query", value: .file, .querying, for: .identifying,
                "read queries from a file; - is the standard input",
                details: """
                    A DICOM file such as --store-query writes, data sets in the DICOM JSON Model, or text with one KEY[=VALUE] a \
                    line, an empty line between two queries and comments after #. Several queries go over one association; \
                    --key and --return add to each, and a --key replaces what the file says.
                    """,
                apply: { (draft, argument) throws(UsageError) in draft.invocation.queryPath = try argument.string() }),
            OptionDefinition(
                "strict", .querying, for: .identifying.union([.store]),
                "stop at what is otherwise reported and passed over",
                details: """
                    With --store: at the first instance that is not stored. With keys: at one that the standard does not define at \
                    the level of the query, before anything is sent; without it such keys are warned of and sent.
                    """,
                apply: { (draft, _) throws(UsageError) in
                    draft.invocation.isStrict = true
                    draft.invocation.storing.isStrict = true
                }),
            OptionDefinition(
                "assume-charset", value: .characterSet, .querying, for: .querying,
                "character set of answers that do not say theirs",
                apply: { (draft, argument) throws(UsageError) in
                    draft.invocation.assumedCharacterSet = try argument.characterSet()
                }),
        ] + [
            negotiation(
                .relational, "relational", [.find, .move, .get], "negotiate relational queries",
                "Keys of any level, without the unique keys of the levels above (PS3.4 C.4.1.3.2)."),
            negotiation(
                .dateTimeMatching, "datetime-matching", [.find], "negotiate combined matching of date and time",
                "A range of dates and one of times are then one range of moments (PS3.4 C.2.2.2.5)."),
            negotiation(
                .fuzzyNames, "fuzzy", .querying, "negotiate fuzzy matching of person names",
                "What matches is up to the server (PS3.4 C.2.2.2.1)."),
            OptionDefinition(
                "timezone", value: .text(placeholder: "+HHMM"), .querying, for: .querying,
                "negotiate adjustment of dates and times to a timezone",
                details: """
                    The offset from UTC is sent as Timezone Offset From UTC (0008,0201); the server's answer is noted, as for the \
                    other negotiations.
                    """,
                apply: { (draft, argument) throws(UsageError) in
                    draft.invocation.keys.append(try timezone(argument))
                    draft.invocation.negotiation.insert(.timezone)
                }),
        ]

    private static func negotiation(
        _ option: QueryNegotiation, _ name: String, _ operations: Set<Operation>, _ summary: String, _ details: String
    ) -> OptionDefinition {
        OptionDefinition(
            name, .querying, for: operations, summary,
            details: details + " The server's answer is noted.",
            apply: { (draft, _) throws(UsageError) in draft.invocation.negotiation.insert(option) })
    }

    private static func timezone(_ argument: OptionArgument) throws(UsageError) -> QueryKey {
        let bytes = Array(argument.text.utf8)
        let digits = bytes.dropFirst()
        guard bytes.count == 5, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
            digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: digits, as: UTF8.self)),
            number % 100 < 60, number <= (bytes[0] == UInt8(ascii: "-") ? 1200 : 1400)
        else { throw argument.error("not an offset from UTC", accepted: "-1200 to +1400, such as +0100") }
        return QueryKey(tag: .timezoneOffsetFromUTC, value: argument.text, argument: "--timezone \(argument.text)")
    }
}
