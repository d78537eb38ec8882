import DICOM
import DICOMNode
import DICOMProtocol

extension OptionCategory {
    static let queryingOptions: [OptionDefinition] = [
        OptionDefinition(
            .key, short: "k", value: .key, .querying, for: .matching,
            "attribute to match; without a value, to return",
            details: """
                KEY is a keyword (PatientName), a tag (10,10 or 0010,0010 or 00100010 or (0010,0010)) or a path \
                into a sequence (ScheduledProcedureStepSequence[0].Modality). See KEYS. With --get and --move it is one of the level \
                that is retrieved, or of a level above: --series retrieves series by Modality or SeriesNumber. There, and with --compare, KEY= without a \
                value, as an empty variable makes it, is an error.
                """,
            traits: [.compatible, .common, .repeatable],
            apply: { (draft, argument) throws(UsageError) in
                draft.add(try QueryKeyParser.parse(argument.text))
            }),
        OptionDefinition(
            .return, value: .returnKeys, .querying, for: .querying,
            "attributes or a set of them to return",
            details: """
                Several have commas between them. The sets are what the standard lists: study, series and image for that \
                level, all for every level down to the one queried.
                """,
            traits: [.common, .repeatable],
            apply: { (draft, argument) throws(UsageError) in
                draft.query.returnKeys += try argument.returnKeys()
            }),
        OptionDefinition(
            .station, value: .text(placeholder: "TITLE"), .querying, for: .worklist,
            "worklist of this station, by its AE title",
            details: "The key ScheduledStationAETitle in the scheduled step.", traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.add(try step(.scheduledStationAETitle, argument))
            }),
        OptionDefinition(
            .date, value: .text(placeholder: "DATE"), .querying, for: .worklist, "worklist of this day or these days",
            details: "today, 2026-01-31, this-week and the like; see KEYS. The start date of the scheduled step.",
            traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.add(try step(.scheduledProcedureStepStartDate, argument))
            }),
        model(.patientRoot, "query in the Patient Root model", [.compatible, .common]),
        model(.studyRoot, "query in the Study Root model; the default", .compatible),
        model(.patientStudyOnly, "query in the retired Patient/Study Only model", .compatible),
        level(.patient, "query patients (in the Patient Root model)"),
        level(.study, "query studies; the default"),
        level(.series, "query series"),
        level(.image, "query instances"),
        OptionDefinition(
            .sort, value: .order, .querying, for: .identifying, "sort by these attributes",
            details: """
                With - in front of one, its greatest values come first: --sort -StudyDate,PatientName. All matches are awaited \
                then. Matches without a value come last. A retrieval requests its studies, series or instances in this order.
                """,
            traits: .common,
            apply: { (draft, argument) throws(UsageError) in draft.query.sortKeys = try argument.order() }),
        OptionDefinition(
            .limit, value: .integer(placeholder: "N", 1...Int.max), .querying, for: .identifying,
            "stop after N matches",
            details: """
                Over all queries of the run, where there are several; the query is cancelled then. With --sort: the first N of \
                the order, so that --sort -StudyDate --limit 1 is the newest study. A retrieval requests N patients, studies, \
                series or instances.
                """,
            traits: .common,
            apply: { (draft, argument) throws(UsageError) in draft.limit = try argument.integer() }),
        OptionDefinition(
            .split, value: .text(placeholder: "HOW"), .querying, for: [.find, .move, .get, .compare, .copy],
            "ask in parts for what the server cuts short",
            details: """
                Servers limit the number of matches, some without a word. With auto, the default of retrievals and --compare, a list that ends with \
                A700H, a warning or a failure after matches, or that has a round number of matches, is asked for by halves of its \
                dates, then of the day, then by modality, until each part is whole; what cannot be divided further is told, and ends \
                in 1. day, week, hour, 7d or P7D begin with parts of that size. --find warns of a round number; off does not even that.
                """,
            default: .text("auto; off with --find"),
            apply: { (draft, argument) throws(UsageError) in
                guard let split = SplitOption(argument.text) else {
                    throw argument.error("no way to divide queries", accepted: SplitOption.accepted)
                }
                draft.query.split = split
            }),
        OptionDefinition(
            .charset, value: .characterSet, .querying, for: .matching,
            "Specific Character Set of the query",
            details: """
                The query names it, (0008,0005), if this option is given, if a value has characters beyond ASCII, or if the \
                command line has options of gdcmscu alone. Some servers match it as a key: with "ISO_IR 6" it is never named.
                """,
            default: .text("the locale's"),
            apply: { (draft, argument) throws(UsageError) in
                draft.query.characterSet = try argument.characterSet()
            }),
        OptionDefinition(
            .storeQuery, value: .file, .querying, for: .identifying,
            "write the query to a DICOM file before it is sent", traits: .compatible,
            apply: { (draft, argument) throws(UsageError) in
                draft.query.storeQueryPath = try argument.path()
            }),
        OptionDefinition(
            .query, value: .file, .querying, for: .identifying,
            "read queries from a file; - is the standard input",
            details: """
                A DICOM file such as --store-query writes, data sets in the DICOM JSON Model, or text with one KEY[=VALUE] a \
                line, an empty line between two queries and comments after #. Several queries go over one association; \
                --key and --return add to each, and a --key replaces what the file says.
                """,
            abbreviates: .withoutValue(.queryhelp),
            apply: { (draft, argument) throws(UsageError) in draft.query.queryPath = try argument.path() }),
        OptionDefinition(
            .strict, .querying, for: .matching.union(.committing),
            "stop at the first problem instead of skipping it",
            details: """
                With --store: at the first instance that is not stored. With storage commitment: a report counts only from \
                the address of the server; without it another address is warned of. With keys: at one that the standard does not define at \
                the level of the query, before anything is sent; without it such keys are warned of and sent.
                """,
            apply: { (draft, _) throws(UsageError) in draft.isStrict = true }),
        OptionDefinition(
            .trustServer, .querying, for: .matching, "accept matches that the keys do not confirm",
            details: """
                Each match is compared with the keys. One with another value than a key asks for is left out, with a warning. One \
                without a value for a key is looked up where another level tells it: ModalitiesInStudy, and keys of series, in the series \
                of the study, keys of higher levels in the study or patient. A name or text that lost its letters in the character \
                set of the match is unconfirmed, too. What stays unconfirmed is printed by --find, with a warning, and is neither retrieved nor compared: \
                exit code 1, or 7 before anything is retrieved if no match is confirmed.
                """,
            apply: { (draft, _) throws(UsageError) in draft.query.trustsServer = true }),
        OptionDefinition(
            .failIfNone, .querying, for: .matching, "exit with 1 if nothing matches",
            details: """
                Otherwise a query without matches, and a retrieval or comparison of nothing, end with 0, whether the keys are unique ones or not. \
                A row of --from-list that is not found is 1, and so is an instance or series of several that are named together. \
                A key that the server ignores and does not return is 7: nothing shows what matches.
                """,
            apply: { (draft, _) throws(UsageError) in draft.query.failsIfNone = true }),
        OptionDefinition(
            .assumeCharset, value: .characterSet, .querying, for: .querying.union(.compare),
            "character set of matches that do not name theirs",
            details: """
                Also of those whose Specific Character Set is empty. A defined term, or windows-1252, Shift_JIS, EUC-KR, Big5 and \
                the like.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.find.assumedCharacterSet = try argument.characterSet(allowsOthers: true)
            }),
        OptionDefinition(
            .forceCharset, value: .characterSet, .querying, for: .querying.union(.compare),
            "character set of all matches, whatever they name",
            details: "For servers that name a wrong one. Characters that cannot be decoded are counted and reported.",
            rules: [.excludes([.assumeCharset])],
            apply: { (draft, argument) throws(UsageError) in
                draft.find.forcedCharacterSet = try argument.characterSet(allowsOthers: true)
            }),
        negotiation(
            .relational, .relational, [.find, .move, .get, .copy], "negotiate relational queries",
            "Keys of any level, without the unique keys of the levels above (PS3.4 C.4.1.3.2)."),
        negotiation(
            .dateTimeMatching, .datetimeMatching, .find, "negotiate combined matching of date and time",
            "A range of dates and one of times are then one range of moments (PS3.4 C.2.2.2.5)."),
        negotiation(
            .fuzzyNames, .fuzzy, .querying, "negotiate fuzzy matching of person names",
            "What matches is up to the server (PS3.4 C.2.2.2.1)."),
        OptionDefinition(
            .timezone, value: .text(placeholder: "+HHMM"), .querying, for: .querying,
            "negotiate adjustment of dates and times to a timezone",
            details: """
                The offset from UTC is sent as Timezone Offset From UTC (0008,0201); the server's answer is noted, as for the \
                other negotiations.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.query.keys.append(try timezone(argument))
                draft.connection.queryNegotiation.insert(.timezone)
            }),
        OptionDefinition(
            .fromList, value: .file, .querying, for: .planning.union([.storageCommitment]),
            "retrieve the targets of a list; - is standard input",
            details: """
                The list is CSV whose first line has keywords (StudyInstanceUID,SeriesInstanceUID,...), with commas, semicolons \
                or tabs between, JSON lines as --find prints them, or one UID a line, of the level given. Rows of one target \
                are one request wherever they stand. Columns are keys; beside the UID of what is retrieved only PatientID and \
                AccessionNumber are, and a row in which they are not those of the study retrieves nothing. A row with a mistake, \
                or with an empty column that would match everything, is reported and skipped. What is missing after a \
                retrieval is printed in this form. With --stgcmt: request commitment of what the list names, by SOPClassUID and \
                SOPInstanceUID.
                """,
            rules: [.excludes([.key, .query, .storeQuery])],
            apply: { (draft, argument) throws(UsageError) in
                draft.listPath = try argument.path()
            }),
        OptionDefinition(
            .listKey, value: .text(placeholder: "NAME=KEY"), .querying, for: .planning,
            "attribute of a column of the list",
            details: """
                For a list whose first line has other names than keywords: --list-key "Accession Number=AccessionNumber". \
                Columns that name no attribute are ignored.
                """,
            traits: .repeatable, rules: [.requires(.fromList)],
            apply: { (draft, argument) throws(UsageError) in
                draft.retrieve.listColumns.append(try listColumn(argument))
            }),
        OptionDefinition(
            .report, value: .file, .querying, for: .planning.union(.doctor), "write what was found to a file",
            details: """
                Of --get, --move and --copy: CSV or JSON lines, by the ending of the name (.csv, .jsonl): a row for each row of the list, or \
                for each study or series, with the line, its outcome, the instances listed and received, the cause, the folder \
                and the values of the row; of what goes to another node the instances sent and the destination. With the ending .html one \
                page for people: what was asked for, the instances by modality, the rate over time, and what is missing and why. \
                Of --doctor: the page as one HTML file (.html). Pages have no patients' data. Only you can read the file; one that is not a report is not overwritten.
                """,
            rules: [.excludes([.dryRun])],
            apply: { (draft, argument) throws(UsageError) in
                let path = try argument.path()
                guard draft.operation != .doctor else {
                    guard path.isPage else {
                        throw argument.error("not the name of a page", accepted: "a name that ends in .html")
                    }
                    return draft.doctor.reportPath = path
                }
                guard RetrievalReportForm(path) != nil else {
                    throw argument.error("not the name of a report", accepted: RetrievalReportForm.accepted)
                }
                draft.retrieve.reportPath = path
            }),
        OptionDefinition(
            .shard, value: .text(placeholder: "K/N"), .querying, for: .planning,
            "only the K-th of N shares of the studies",
            details: "The share follows from the Study Instance UID alone and is the same on every machine.",
            apply: { (draft, argument) throws(UsageError) in
                guard let shard = Shard(argument.text) else {
                    throw argument.error("not a share", accepted: "K/N with K from 1 to N, such as 3/8")
                }
                draft.retrieve.shard = shard
            }),
        OptionDefinition(
            .dryRun, .querying, for: .planning, "list what would be retrieved, and retrieve nothing",
            details: "The plan is CSV with the number of instances, and can be given to --from-list.",
            apply: { (draft, _) throws(UsageError) in draft.retrieve.isDryRun = true }),
    ]

    private static func listColumn(_ argument: OptionArgument) throws(UsageError) -> ListColumn {
        let name = argument.text.lastIndex(of: "=").map { argument.text[..<$0] } ?? ""
        guard !name.isEmpty else {
            throw argument.error("no name before =", accepted: "NAME=KEY, KEY a keyword or tag")
        }
        let key = String(argument.text.dropFirst(name.count + 1))
        do throws(UsageError) {
            return ListColumn(name: String(name), key: try QueryKeyParser.parse(key, allowsValue: false))
        } catch {
            throw argument.error(
                "\(key) is no attribute", accepted: "NAME=KEY, KEY a keyword or tag", suggestion: error.suggestion)
        }
    }

    /// A key of the scheduled procedure step.
    private static func step(_ tag: Tag, _ argument: OptionArgument) throws(UsageError) -> QueryKey {
        QueryKey(
            path: [QueryKey.Step(tag: .scheduledProcedureStepSequence, item: 0)], tag: tag,
            value: try argument.string(), argument: "\(argument.definition.option) \(argument.text)")
    }

    private static func model(
        _ model: InformationModel, _ summary: String, _ traits: OptionDefinition.Traits
    ) -> OptionDefinition {
        let others = [InformationModel.patientRoot, .studyRoot, .patientStudyOnly].filter { $0 != model }
        return OptionDefinition(
            model.option, .querying, for: [.find, .move, .get, .copy], summary, traits: traits, group: .model,
            rules: [.excludes(others.map(\.option))],
            apply: { (draft, _) throws(UsageError) in draft.query.scope.model = model })
    }

    private static func level(_ level: QueryLevel, _ summary: String) -> OptionDefinition {
        OptionDefinition(
            level.option, .querying,
            for: level == .patient ? [.find, .move, .get, .copy] : [.find, .move, .get, .compare, .copy],
            summary, traits: [.compatible, .common],
            group: .level, apply: { (draft, _) throws(UsageError) in draft.query.scope.levels.insert(level) })
    }

    private static func negotiation(
        _ option: QueryNegotiation, _ name: OptionName, _ operations: OperationSet, _ summary: String,
        _ details: String
    ) -> OptionDefinition {
        OptionDefinition(
            name, .querying, for: operations, summary, details: details + " The server's response is noted.",
            apply: { (draft, _) throws(UsageError) in draft.connection.queryNegotiation.insert(option) })
    }

    private static func timezone(_ argument: OptionArgument) throws(UsageError) -> QueryKey {
        let bytes = Array(argument.text.utf8)
        let digits = bytes.dropFirst()
        guard bytes.count == 5, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
            digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: digits, as: UTF8.self)),
            number % 100 < 60, number <= (bytes[0] == UInt8(ascii: "-") ? 1200 : 1400)
        else { throw argument.error("not an offset from UTC", accepted: "-1200 to +1400, such as +0100") }
        return QueryKey(
            tag: .timezoneOffsetFromUTC, value: argument.text,
            argument: "\(argument.definition.option) \(argument.text)")
    }
}
