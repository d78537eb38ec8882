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
    }

    private(set) var entries: [Entry] = []
    /// Rows that cannot be retrieved, with the reason.
    private(set) var mistakes: [(row: RetrievalTarget.Row, why: String)] = []
    private(set) var count = 0
    /// The entry that further rows with the same keys join.
    private var open: [WideDigest: Int] = [:]
    /// The UIDs of the entries that have several, each with its entry.
    private var uidsSeen: Set<WideDigest> = []
    /// Those of the rows so far, the latest few.
    private var forms: [Form] = []
    private static let maximumForms = 8

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
        (open, uidsSeen, forms) = ([:], [], [])
    }

    private mutating func add(
        _ row: RetrievalListReader.Row, _ options: QueryOptions, _ builders: Builders
    ) throws(UsageError) {
        let form = form(of: row, options, builders)
        let (builder, keyless) = try form.means.get()
        var entry = RetrievalTarget.Row(number: count, line: row.line, keys: row.keys)
        let uid = form.unique.map { UID(row.keys[$0].value) }
        let isOne = form.isBelow && uid?.isValid == true
        if isOne, form.level == .image { entry.sopInstanceUID = uid }
        if isOne, form.level == .series { entry.seriesInstanceUID = uid }
        let group = form.digest(of: row, withoutUniqueKey: isOne)
        if let index = open[group] {
            guard isOne, let uid else {
                entries[index].rows.append(entry)
                return
            }
            let place = Self.digest(of: uid, in: index)
            if entries[index].uids.count < Self.maximumUIDs || uidsSeen.contains(place) {
                if uidsSeen.insert(place).inserted { entries[index].uids.append(uid) }
                entries[index].rows.append(entry)
                return
            }
        }
        var new = Entry(
            identifier: try builder.dataSet(adding: form.naming.map { row.keys[$0] }, to: keyless),
            rows: [entry])
        if isOne, let uid {
            new.uids = [uid]
            uidsSeen.insert(Self.digest(of: uid, in: entries.count))
        }
        open[group] = entries.count
        entries.append(new)
    }

    private mutating func form(
        of row: RetrievalListReader.Row, _ options: QueryOptions, _ builders: Builders
    ) -> Form {
        if let known = forms.first(where: { $0.fits(row) }) { return known }
        if forms.count == Self.maximumForms { forms.removeFirst() }
        let form = Form(of: row, options, builders)
        forms.append(form)
        return form
    }

    private static func digest(of uid: UID, in entry: Int) -> WideDigest {
        var digest = WideDigest()
        digest.combine(entry)
        digest.combine(uid.string)
        return digest
    }

    /// What follows from the attributes that a row has values of, whatever these are: found out once, as nearly all rows of a list
    /// have values of the same.
    private final class Form {
        let level: QueryLevel
        /// The places of the row's keys that name its entity.
        let naming: [Int]
        /// The place of the unique key of the level, if the row has it.
        let unique: Int?
        /// True for one UID below a study or a series that is named too, to be requested with others like it.
        let isBelow: Bool
        /// What identifiers are made with, or the reason why nothing of this form can be retrieved.
        let means: Result<(builder: QueryBuilder, keyless: QueryBuilder.KeylessIdentifier), UsageError>
        private let row: RetrievalListReader.Row
        private let levelKey: Int?

        init(of row: RetrievalListReader.Row, _ options: QueryOptions, _ builders: Builders) {
            self.row = row
            levelKey = row.keys.firstIndex { $0.tag == .queryRetrieveLevel }
            let level = RetrievalList.level(of: row, options)
            self.level = level
            let naming = RetrievalList.keys(of: row, options.informationModel, level)
            self.naming = naming
            let keys = naming.map { row.keys[$0] }
            let key = InformationModel.uniqueKey(of: level)
            unique = naming.first { row.keys[$0].tag == key && row.keys[$0].path.isEmpty }
            isBelow =
                level == .image
                ? keys.has(.seriesInstanceUID) && keys.has(.studyInstanceUID)
                : level == .series && keys.has(.studyInstanceUID)
            means = Result { () throws(UsageError) in
                guard !keys.isEmpty else {
                    throw UsageError(
                        .missingInput, option: .fromList, problem: "nothing that says what to retrieve")
                }
                try RetrievalList.refuseWidening(row, keys, options, level)
                let builder = try builders.builder(of: level)
                return (builder, try builder.keylessIdentifier(for: keys))
            }
        }

        /// True for a row with values of the same attributes; one that names its level names the same.
        func fits(_ other: RetrievalListReader.Row) -> Bool {
            guard other.keys.count == row.keys.count, other.empty == row.empty else { return false }
            for index in row.keys.indices {
                guard other.keys[index].tag == row.keys[index].tag, other.keys[index].path == row.keys[index].path
                else { return false }
            }
            return levelKey.map { other.keys[$0].value == row.keys[$0].value } ?? true
        }

        /// Tells rows apart by what they ask for.
        ///
        /// - Parameter withoutUniqueKey: true for rows that are requested together.
        func digest(of row: RetrievalListReader.Row, withoutUniqueKey: Bool) -> WideDigest {
            var digest = WideDigest()
            digest.combine(level.rawValue)
            let key = InformationModel.uniqueKey(of: level)
            for place in naming where !(withoutUniqueKey && row.keys[place].tag == key) {
                for step in row.keys[place].path { digest.combine(Int(step.tag.rawValue)) }
                digest.combine(Int(row.keys[place].tag.rawValue))
                digest.combine(row.keys[place].value)
            }
            return digest
        }
    }

    /// A row must not retrieve more than it says: neither by a column of a lower level, nor by one that is empty here.
    private static func refuseWidening(
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

        func builder(of level: QueryLevel) throws(UsageError) -> QueryBuilder {
            guard let builder = builders[level] else {
                throw UsageError(
                    .conflictingOptions, option: .fromList, problem: "\(level.rawValue) is no level of the model")
            }
            return builder
        }
    }

    /// The places of the keys that name the row's entity. Where that is a UID, patient and accession number are compared too: a list in which
    /// they do not belong together must retrieve nothing of somebody else. What else the row tells is left out.
    private static func keys(
        of row: RetrievalListReader.Row, _ model: InformationModel, _ level: QueryLevel
    ) -> [Int] {
        let key = InformationModel.uniqueKey(of: level)
        let places = row.keys.indices.filter { row.keys[$0].tag != .queryRetrieveLevel }
        guard row.keys.has(key) else {
            return places.filter { !QueryIdentifier.generalElements.contains(row.keys[$0].tag) }
        }
        let naming = [key, .patientID, .accessionNumber] + model.uniqueKeys(above: level)
        return places.filter { naming.contains(row.keys[$0].tag) }
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
            if row.keys.contains(where: { $0.tag == key }) { return max(level, options.level) }
        }
        return options.level
    }
}

extension [QueryKey] {
    fileprivate func has(_ tag: Tag) -> Bool { contains { $0.tag == tag && $0.path.isEmpty } }
}
