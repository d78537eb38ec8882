import DICOM
import DICOMNode
import DICOMProtocol

/// The list of `--from-list`, read and checked as a whole before anything is sent.
struct RetrievalList {
    /// One query; instances of one series that stand together in the list share one.
    struct Entry {
        var identifier: DataSet
        var rows: [RetrievalTarget.Row]
    }

    private(set) var entries: [Entry] = []

    /// A list of UIDs must not grow without bounds: some servers cut values that are longer than 64 KiB.
    static let maximumUIDs = 500
    /// Mistakes named before the rest is only counted.
    private static let maximumNamed = 10

    /// Nil: it cannot be read, or holds mistakes; reported.
    init?(_ options: QueryOptions, _ outcome: RunOutcome, _ environment: Environment, path: String) {
        let rows: [RetrievalListReader.Row]
        do throws(RetrievalListReader.Failure) {
            rows = try RetrievalListReader.read(path, bareUIDsAt: options.level)
        } catch {
            switch error {
            case .unreadable(let problem):
                outcome.fail(.localFiles, Message("the list \(path) cannot be read", problem))
            case .malformed(let line, let why): outcome.fail(.usage, Message("\(path), line \(line)", why))
            }
            return nil
        }
        var mistakes = 0
        for row in rows {
            do throws(UsageError) {
                add(try Self.identifier(for: row, options, environment), line: row.line)
            } catch {
                mistakes += 1
                if mistakes <= Self.maximumNamed {
                    outcome.fail(.usage, Message("\(path), line \(row.line)", error.problem))
                }
            }
        }
        guard mistakes == 0 else {
            if mistakes > Self.maximumNamed {
                outcome.fail(.usage, Message("\(path): \(mistakes) lines with mistakes in all", "nothing was sent"))
            }
            return nil
        }
        if entries.isEmpty { outcome.diagnostics.note(Message("\(path)", "the list is empty")) }
    }

    private mutating func add(_ identifier: DataSet, line: Int) {
        let uids = identifier.uids(.sopInstanceUID)
        let row = RetrievalTarget.Row(line: line, sopInstanceUID: uids.first)
        guard let last = entries.indices.last, uids.count == 1,
            identifier.string(.queryRetrieveLevel) == QueryLevel.image.rawValue,
            let series = identifier.uid(.seriesInstanceUID), let study = identifier.uid(.studyInstanceUID),
            entries[last].rows.count < Self.maximumUIDs, entries[last].identifier.uid(.seriesInstanceUID) == series,
            entries[last].identifier.uid(.studyInstanceUID) == study,
            entries[last].identifier.string(.queryRetrieveLevel) == QueryLevel.image.rawValue
        else {
            entries.append(Entry(identifier: identifier, rows: [row]))
            return
        }
        let together = entries[last].identifier.uids(.sopInstanceUID) + uids
        entries[last].identifier.set(.sopInstanceUID, .UI, together.map(\.string).joined(separator: "\\"))
        entries[last].rows.append(row)
    }

    /// The keys that name the row's entity; what else the row tells of it is left out.
    private static func identifier(
        for row: RetrievalListReader.Row, _ options: QueryOptions, _ environment: Environment
    ) throws(UsageError) -> DataSet {
        let model = options.informationModel
        let level = level(of: row, options)
        let unique = model.uniqueKeys(above: level) + [InformationModel.uniqueKey(of: level)]
        var keys = row.keys.filter { !$0.value.isEmpty && $0.tag != .queryRetrieveLevel }
        if keys.contains(where: { $0.tag == InformationModel.uniqueKey(of: level) }) {
            keys = keys.filter { unique.contains($0.tag) }
        } else {
            keys = keys.filter { !QueryIdentifier.generalElements.contains($0.tag) }
        }
        guard !keys.isEmpty else {
            throw UsageError(.missingInput, option: "--from-list", problem: "nothing that says what to retrieve")
        }
        let builder = QueryBuilder(
            model: model, level: level, purpose: .query,
            characterSet: options.characterSet
                ?? QueryCharacterSet.definedTerm(forCodeset: environment.codeset),
            today: environment.today)
        return try builder.dataSet(keys: keys)
    }

    /// The level that the row names, or that of the lowest UID it has, or the command line's.
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
            if row.keys.contains(where: { $0.tag == key && !$0.value.isEmpty }) { return level }
        }
        return options.level
    }
}
