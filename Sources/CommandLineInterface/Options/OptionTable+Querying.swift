import DICOMProtocol

extension OptionTable {
    static let queryingOptions: [OptionDefinition] =
        [
            OptionDefinition(
                "key", short: "k", value: .key, .querying, for: .identifying,
                "attribute to match; without a value, to ask for",
                details: """
                    KEY is a keyword (PatientName), a tag (10,10 or 0010,0010 or 00100010 or (0010,0010)) or a path \
                    into a sequence (ScheduledProcedureStepSequence[0].Modality). See KEYS.
                    """,
                traits: [.compatible, .common, .repeatable],
                apply: { (draft, argument) throws(UsageError) in
                    draft.invocation.keys.append(try QueryKeyParser.parse(argument.text))
                }),
            OptionDefinition(
                "return", value: .returnKeys, .querying, for: .querying,
                "attributes or a set of them to ask for",
                details: """
                    Several have commas between them. The sets are what the standard lists: study, series and image for that \
                    level, all for every level down to the one queried.
                    """,
                traits: [.common, .repeatable],
                apply: { (draft, argument) throws(UsageError) in
                    draft.invocation.returnKeys += try argument.returnKeys()
                }),
            model(.patientRoot, "patientroot", "query in the Patient Root model"),
            model(.studyRoot, "studyroot", "query in the Study Root model; the default"),
            model(.patientStudyOnly, "psonly", "query in the retired Patient/Study Only model"),
        ]
        + [
            level(.patient, "look for patients (in the Patient Root model)"),
            level(.study, "look for studies; the default"),
            level(.series, "look for series"),
            level(.image, "look for instances"),
        ]
        + [
            OptionDefinition(
                "limit", value: .integer(placeholder: "N", 1...Int.max), .querying, for: .querying,
                "cancel the query after N matches",
                details: "Over all queries of the run, where there are several.", traits: .common,
                apply: { (draft, argument) throws(UsageError) in draft.invocation.limit = try argument.integer() }),
            OptionDefinition(
                "charset", value: .characterSet, .querying, for: .identifying,
                "Specific Character Set of the query", default: "the locale's",
                apply: { (draft, argument) throws(UsageError) in
                    draft.invocation.characterSet = try argument.characterSet()
                }),
            OptionDefinition(
                "store-query", value: .file, .querying, for: .identifying,
                "write the query to a DICOM file before it is sent", traits: .compatible,
                apply: { (draft, argument) throws(UsageError) in
                    draft.invocation.storeQueryPath = try argument.string()
                }),
        ]

    private static func model(_ model: InformationModel, _ name: String, _ summary: String) -> OptionDefinition {
        OptionDefinition(
            name, .querying, for: [.find, .move, .get], summary,
            traits: model == .patientStudyOnly ? .compatible : [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.models.append(model) })
    }

    private static func level(_ level: QueryLevel, _ summary: String) -> OptionDefinition {
        OptionDefinition(
            level.optionName, .querying, for: [.find, .move, .get], summary, traits: [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.levels.insert(level) })
    }
}

extension QueryLevel {
    /// `patient` of `--patient`.
    var optionName: String { rawValue.lowercased() }
}

extension InformationModel {
    /// `patientroot` of `--patientroot`; a worklist is an operation.
    var optionName: String {
        switch self {
        case .patientRoot: "patientroot"
        case .studyRoot: "studyroot"
        case .patientStudyOnly: "psonly"
        case .modalityWorklist: "worklist"
        }
    }
}
