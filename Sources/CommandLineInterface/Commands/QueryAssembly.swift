import DICOM
import DICOMProtocol

/// Makes one query of what a file says and what was typed: what was typed goes before.
struct QueryAssembly {
    private let options: QueryOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let purpose: QueryBuilder.Purpose

    init(
        _ options: QueryOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        purpose: QueryBuilder.Purpose
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.purpose = purpose
    }

    func query(
        from source: QuerySource.Content, sopClass: (InformationModel) -> UID
    ) throws(UsageError) -> QueryPreparation {
        var base = DataSet()
        var keys = options.keys
        var writtenFor: UID?
        switch source {
        case .dataSet(let dataSet, let sopClass):
            base = dataSet
            writtenFor = sopClass
        case .keys(let lines):
            keys += lines.filter { line in !options.keys.contains { $0.tags == line.tags } }
        }
        let (model, level) = try modelAndLevel(base, keys, writtenFor)
        try check(model, level, base, keys)
        let builder = QueryBuilder(
            model: model, level: level, purpose: purpose, characterSet: characterSet(base), today: environment.today
        )
        let identifier = try builder.dataSet(keys: keys, returning: options.returnKeys, base: base)
        return QueryPreparation.query(identifier, sopClass: sopClass(model), model: model, level: level)
    }

    /// Of the command line, where it says so; else of the file.
    private func modelAndLevel(
        _ base: DataSet, _ keys: [QueryKey], _ writtenFor: UID?
    ) throws(UsageError) -> (InformationModel, QueryLevel) {
        guard !options.isWorklist else { return (.modalityWorklist, options.level) }
        let told = base.string(.queryRetrieveLevel) ?? keys.last { $0.tags == [.queryRetrieveLevel] }?.value
        let level =
            options.isLevelGiven ? options.level : told.flatMap { QueryLevel(rawValue: $0) } ?? options.level
        var model = options.informationModel
        if !options.isModelGiven, purpose == .query {
            model = InformationModel.allCases.first { $0.findSOPClass == writtenFor && !$0.levels.isEmpty } ?? model
            if !model.levels.contains(level) { model = .patientRoot }
        }
        guard model.levels.contains(level) else {
            throw UsageError(
                .conflictingOptions, option: "--query", value: level.rawValue,
                problem: "the query is of the \(level.rawValue) level, which is none of --\(model.optionName)",
                accepted: model.levels.map(\.rawValue).joined(separator: ", "))
        }
        return (model, level)
    }

    private func characterSet(_ base: DataSet) -> String {
        let own = base.strings(.specificCharacterSet).joined(separator: "\\")
        return options.characterSet ?? (own.isEmpty ? nil : own)
            ?? QueryCharacterSet.definedTerm(forCodeset: environment.codeset)
    }

    // MARK: Keys out of place

    private func check(
        _ model: InformationModel, _ level: QueryLevel, _ base: DataSet, _ keys: [QueryKey]
    ) throws(UsageError) {
        let returned = options.returnKeys.compactMap { key in
            if case .attribute(let key) = key { key.tags } else { nil }
        }
        let check = QueryPlacementCheck(model: model, level: level, negotiation: network.connection.queryNegotiation)
        let complaints = check.complaints(about: Self.paths(base, []) + keys.map(\.tags) + returned)
        guard let first = complaints.first else { return }
        if options.isStrict {
            throw UsageError(
                .misplacedKey, option: "--strict", problem: "\(first.name): \(first.why)",
                accepted: "the keys that --queryhelp lists, or no --strict")
        }
        for complaint in complaints { outcome.diagnostics.warning(Message(complaint.name, complaint.why)) }
    }

    /// The leaves of a data set.
    private static func paths(_ dataSet: DataSet, _ sequences: [Tag]) -> [[Tag]] {
        dataSet.elements.filter { !$0.tag.isGroupLength && $0.tag.group > 0x0006 }.flatMap { element -> [[Tag]] in
            let path = sequences + [element.tag]
            guard case .items(let items) = element.value, !items.isEmpty else { return [path] }
            return items.flatMap { paths($0, path) }
        }
    }
}
