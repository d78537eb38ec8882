import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The list of `--from-list`, read and checked as a whole before anything is sent.
struct RetrievalList {
    /// One query; instances of a series, and series of a study, share one wherever they stand in the list.
    struct Entry {
        var identifier: DataSet
        var rows: [RetrievalTarget.Row]
        /// The UIDs of the entry's level, where rows name one each.
        fileprivate var uids: [UID] = []
        fileprivate var uidsSeen: Set<UID> = []
    }

    private(set) var entries: [Entry] = []
    /// Rows that cannot be retrieved, with the reason.
    private(set) var mistakes: [(row: RetrievalTarget.Row, why: String)] = []
    private(set) var count = 0
    /// The entry that further rows with the same keys join.
    private var open: [String: Int] = [:]

    /// A list of UIDs must not grow without bounds: some servers cut values that are longer than 64 KiB.
    static let maximumUIDs = 500
    /// Mistakes named before the rest is only counted.
    static let maximumNamed = 10

    /// Nil: it cannot be read, or nothing of it can be retrieved; reported.
    init?(_ options: RetrieveOptions, _ outcome: RunOutcome, _ environment: Environment, path: FilePath) {
        let content: RetrievalListReader.Content
        do throws(RetrievalListReader.Failure) {
            content = try RetrievalListReader.read(path, bareUIDsAt: options.query.level, columns: options.listColumns)
        } catch {
            switch error {
            case .unreadable(let problem):
                outcome.fail(.localFiles, Message("the list \(path.displayed) cannot be read", problem))
            case .malformed(let line, let why): outcome.fail(.usage, Message("\(path.displayed), line \(line)", why))
            }
            return nil
        }
        if !content.unknownColumns.isEmpty {
            let names = content.unknownColumns.map { "\"\(DisplayText.line($0))\"" }.joined(separator: ", ")
            outcome.diagnostics.note(
                Message("\(path.displayed): columns that name no attribute are ignored", names))
        }
        if content.doubtful > 0 {
            outcome.fail(
                .incomplete,
                Message(
                    "\(path.displayed): \(Quantity.count(content.doubtful, "row")) of what \(OptionName.compare) could not find out (?)",
                    "not retrieved: compare again"))
        }
        add(content.rows, options.query, environment)
        guard !entries.isEmpty || mistakes.isEmpty else {
            for mistake in mistakes.prefix(Self.maximumNamed) {
                outcome.fail(.usage, Message("\(path.displayed), line \(mistake.row.line)", mistake.why))
            }
            if mistakes.count > Self.maximumNamed {
                outcome.fail(
                    .usage,
                    Message("\(path.displayed): no row can be retrieved", "\(mistakes.count) lines are invalid"))
            }
            return nil
        }
        if entries.isEmpty { outcome.diagnostics.note(Message(path.displayed, "the list is empty")) }
    }

    private mutating func add(_ rows: [RetrievalListReader.Row], _ options: QueryOptions, _ environment: Environment) {
        let builders = Builders(options, environment)
        for row in rows {
            count += 1
            do throws(UsageError) {
                if let problem = row.problem {
                    throw UsageError(.invalidValue, option: .fromList, problem: problem)
                }
                try add(row, options, builders)
            } catch {
                mistakes.append((RetrievalTarget.Row(number: count, line: row.line, keys: row.keys), error.problem))
            }
        }
        for index in entries.indices where entries[index].uids.count > 1 {
            let level = entries[index].identifier.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) }
            entries[index].identifier.set(
                InformationModel.uniqueKey(of: level ?? .image), .UI,
                entries[index].uids.map(\.string).joined(separator: "\\"))
        }
        open = [:]
    }

    private mutating func add(
        _ row: RetrievalListReader.Row, _ options: QueryOptions, _ builders: Builders
    ) throws(UsageError) {
        let level = Self.level(of: row, options)
        let key = InformationModel.uniqueKey(of: level)
        let keys = Self.keys(of: row, options.informationModel, level)
        guard !keys.isEmpty else {
            throw UsageError(.missingInput, option: .fromList, problem: "nothing that says what to retrieve")
        }
        try refuseWidening(row, keys, options, level)
        var entry = RetrievalTarget.Row(number: count, line: row.line, keys: row.keys)
        // One UID below a study or a series that is named too, to be requested with others like it.
        let isBelow =
            level == .image
            ? keys.has(.seriesInstanceUID) && keys.has(.studyInstanceUID)
            : level == .series && keys.has(.studyInstanceUID)
        let uid = keys.first { $0.tag == key && $0.path.isEmpty }.map { UID($0.value) }
        let isOne = isBelow && uid?.isValid == true
        if isOne, level == .image { entry.sopInstanceUID = uid }
        if isOne, level == .series { entry.seriesInstanceUID = uid }
        var group = level.rawValue
        for one in keys where !(isOne && one.tag == key) {
            let name = one.path.isEmpty ? String(one.tag.rawValue) : one.name
            group += "\u{1F}\(name)\u{1F}\(one.value)"
        }
        if let index = open[group] {
            guard isOne, let uid else {
                entries[index].rows.append(entry)
                return
            }
            if entries[index].uidsSeen.contains(uid) {
                entries[index].rows.append(entry)
                return
            }
            if entries[index].uids.count < Self.maximumUIDs {
                entries[index].uids.append(uid)
                entries[index].uidsSeen.insert(uid)
                entries[index].rows.append(entry)
                return
            }
        }
        var new = Entry(identifier: try builders.dataSet(keys, level), rows: [entry])
        if isOne, let uid { (new.uids, new.uidsSeen) = ([uid], [uid]) }
        open[group] = entries.count
        entries.append(new)
    }

    /// A row must not retrieve more than it says: neither by a column of a lower level, nor by one that is empty here.
    private func refuseWidening(
        _ row: RetrievalListReader.Row, _ keys: [QueryKey], _ options: QueryOptions, _ level: QueryLevel
    ) throws(UsageError) {
        guard !options.trustsServer else { return }
        let hasUID = keys.has(InformationModel.uniqueKey(of: level))
        var told = DataSet()
        // Beside a UID most columns only describe; a number of a series or an image tells one of several.
        for key in row.keys where key.path.isEmpty && (!hasUID || [.seriesNumber, .instanceNumber].contains(key.tag)) {
            told.set(key.tag, .LO, key.value)
        }
        if let widening = WideningKey(in: told, options.informationModel, level) {
            throw UsageError(
                .misplacedKey, option: .fromList, problem: "\(widening.name): \(widening.why) (\(widening.hint.text))")
        }
        guard !hasUID, !keys.has(.accessionNumber), !keys.has(.patientID), let empty = row.empty.first else { return }
        throw UsageError(
            .missingInput, option: .fromList,
            problem: "\(DataDictionary.keyword(of: empty)) is empty, and would match everything")
    }

    /// Makes identifiers: one builder a level, whatever the number of rows.
    private struct Builders {
        private let builders: [QueryLevel: QueryBuilder]

        init(_ options: QueryOptions, _ environment: Environment) {
            let characterSet =
                options.characterSet ?? QueryCharacterSet.definedTerm(forCodeset: environment.codeset)
            var builders: [QueryLevel: QueryBuilder] = [:]
            for level in options.informationModel.levels {
                builders[level] = QueryBuilder(
                    model: options.informationModel, level: level, characterSet: characterSet, today: environment.today,
                    isStrict: options.isStrict, namesCharacterSet: options.namesCharacterSet)
            }
            self.builders = builders
        }

        func dataSet(_ keys: [QueryKey], _ level: QueryLevel) throws(UsageError) -> DataSet {
            guard let builder = builders[level] else {
                throw UsageError(
                    .conflictingOptions, option: .fromList, problem: "\(level.rawValue) is no level of the model")
            }
            return try builder.dataSet(keys: keys)
        }
    }

    /// The keys that name the row's entity. Where that is a UID, patient and accession number are compared too: a list in which
    /// they do not belong together must retrieve nothing of somebody else. What else the row tells is left out.
    private static func keys(
        of row: RetrievalListReader.Row, _ model: InformationModel, _ level: QueryLevel
    ) -> [QueryKey] {
        let key = InformationModel.uniqueKey(of: level)
        let keys = row.keys.filter { !$0.value.isEmpty && $0.tag != .queryRetrieveLevel }
        guard keys.has(key) else {
            return keys.filter { !QueryIdentifier.generalElements.contains($0.tag) }
        }
        let above = model.uniqueKeys(above: level)
        return keys.filter { [key, .patientID, .accessionNumber].contains($0.tag) || above.contains($0.tag) }
    }

    /// The level that the row names, or that of the lowest UID it has or the command line's, whichever is lower.
    private static func level(of row: RetrievalListReader.Row, _ options: QueryOptions) -> QueryLevel {
        let levels = options.informationModel.levels
        if let named = row.keys.first(where: { $0.tag == .queryRetrieveLevel }).flatMap({
            QueryLevel(rawValue: $0.value)
        }),
            levels.contains(named)
        {
            return named
        }
        for level in levels.reversed() where level != .patient {
            let key = InformationModel.uniqueKey(of: level)
            if row.keys.contains(where: { $0.tag == key && !$0.value.isEmpty }) { return max(level, options.level) }
        }
        return options.level
    }
}

extension [QueryKey] {
    fileprivate func has(_ tag: Tag) -> Bool { contains { $0.tag == tag && $0.path.isEmpty && !$0.value.isEmpty } }
}
