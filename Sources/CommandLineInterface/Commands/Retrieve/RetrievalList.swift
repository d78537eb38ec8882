import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import System

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
    init?(_ options: QueryOptions, _ outcome: RunOutcome, _ environment: Environment, path: FilePath) {
        let rows: [RetrievalListReader.Row]
        do throws(RetrievalListReader.Failure) {
            rows = try RetrievalListReader.read(path, bareUIDsAt: options.level)
        } catch {
            switch error {
            case .unreadable(let problem):
                outcome.fail(.localFiles, Message("the list \(path.displayed) cannot be read", problem))
            case .malformed(let line, let why): outcome.fail(.usage, Message("\(path.displayed), line \(line)", why))
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
                    outcome.fail(.usage, Message("\(path.displayed), line \(row.line)", error.problem))
                }
            }
        }
        guard mistakes == 0 else {
            if mistakes > Self.maximumNamed {
                outcome.fail(
                    .usage, Message("\(path.displayed): \(mistakes) lines with mistakes in all", "nothing was sent"))
            }
            return nil
        }
        if entries.isEmpty { outcome.diagnostics.note(Message(path.displayed, "the list is empty")) }
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
            throw UsageError(.missingInput, option: .fromList, problem: "nothing that says what to retrieve")
        }
        let builder = QueryBuilder(
            model: model, level: level,
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

/// Reads a list of what to retrieve: CSV with a header of keywords, JSON lines, or bare UIDs. The first line tells which.
enum RetrievalListReader {
    struct Row {
        let line: Int
        let keys: [QueryKey]
    }

    enum Failure: Error {
        case unreadable(String)
        case malformed(line: Int, why: String)
    }

    /// A list of a million instances has some 200 MB; what is longer is not a list.
    private static let maximumLength = 1 << 30

    static func read(_ path: FilePath, bareUIDsAt level: QueryLevel) throws(Failure) -> [Row] {
        var bytes = try contents(of: path)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        return try rows(bytes, bareUIDsAt: level)
    }

    static func rows(_ bytes: [UInt8], bareUIDsAt level: QueryLevel) throws(Failure) -> [Row] {
        guard let first = bytes.first(where: { $0 > 0x20 }) else { return [] }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return try jsonRows(bytes) }
        let lines: [CSVText.Record]
        do throws(CSVText.UnclosedQuote) {
            lines = try CSVText.records(bytes)
        } catch {
            throw .malformed(line: error.line, why: "a double quote that is never closed")
        }
        guard let header = lines.first else { return [] }
        if header.fields.count == 1, UID(header.fields[0]).isValid { return try bareUIDs(lines, level) }
        return try table(header, lines.dropFirst())
    }

    private static func bareUIDs(_ lines: [CSVText.Record], _ level: QueryLevel) throws(Failure) -> [Row] {
        let key = InformationModel.uniqueKey(of: level)
        var rows: [Row] = []
        for line in lines {
            guard line.fields.count == 1, UID(line.fields[0]).isValid else {
                throw .malformed(line: line.number, why: "not a UID; the lines before are one each")
            }
            rows.append(
                Row(line: line.number, keys: [QueryKey(tag: key, value: line.fields[0], argument: line.fields[0])]))
        }
        return rows
    }

    private static func table(
        _ header: CSVText.Record, _ lines: ArraySlice<CSVText.Record>
    ) throws(Failure) -> [Row] {
        var columns: [QueryKey] = []
        for name in header.fields {
            // ACC05000 is more likely an accession number than a tag: as a column it would ask for everything, once a line.
            guard !isEightDigits(name) else { throw notAHeader(header, name) }
            do throws(UsageError) {
                columns.append(try QueryKeyParser.parse(name, allowsValue: false))
            } catch {
                throw notAHeader(header, name)
            }
        }
        var rows: [Row] = []
        for line in lines {
            guard line.fields.count == columns.count else {
                throw .malformed(
                    line: line.number, why: "\(line.fields.count) fields where the first line has \(columns.count)")
            }
            let keys = zip(columns, line.fields).filter { !$0.1.isEmpty }.map { column, value in
                QueryKey(path: column.path, tag: column.tag, value: value, argument: column.argument)
            }
            rows.append(Row(line: line.number, keys: keys))
        }
        return rows
    }

    private static func notAHeader(_ header: CSVText.Record, _ name: String) -> Failure {
        .malformed(
            line: header.number,
            why: "the first line must have keywords such as StudyInstanceUID or AccessionNumber, or every line one UID"
                + "; \"\(DisplayText.line(name))\" is neither")
    }

    private static func isEightDigits(_ name: String) -> Bool {
        name.utf8.count == 8 && name.allSatisfy(\.isHexDigit)
    }

    // MARK: JSON

    private static func jsonRows(_ bytes: [UInt8]) throws(Failure) -> [Row] {
        var rows: [Row] = []
        // A line at a time, where it is a line an object: a list may be long, and an object is small.
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let text = line.filter { $0 != 0x0D }
            guard text.contains(where: { $0 > 0x20 }) else { continue }
            if index == 0, text.first == UInt8(ascii: "[") { return try jsonArray(bytes) }
            do throws(JSONError) {
                if let row = row(try JSONValue.parse(Array(text)), line: index + 1) { rows.append(row) }
            } catch {
                throw .malformed(line: index + 1, why: "not a JSON object a line: \(error.detail)")
            }
        }
        return rows
    }

    private static func jsonArray(_ bytes: [UInt8]) throws(Failure) -> [Row] {
        do throws(JSONError) {
            guard case .array(let values) = try JSONValue.parse(bytes).content else { return [] }
            return values.enumerated().compactMap { row($1, line: $1.line == 0 ? $0 + 1 : $1.line) }
        } catch {
            throw .malformed(line: error.line, why: error.detail)
        }
    }

    /// The DICOM JSON Model (PS3.18 F.2), or an object with keywords for members. Nil: an event of ours that names nothing missing.
    private static func row(_ value: JSONValue, line: Int) -> Row? {
        guard case .object(let members) = value.content else { return Row(line: line, keys: []) }
        let event = members.first { $0.key == "event" }?.value.string
        if let event, event != RunEvent.Name.missing.rawValue { return nil }
        var keys: [QueryKey] = []
        for member in members {
            guard let tag = tag(member.key), let text = text(member.value), !text.isEmpty else { continue }
            keys.append(QueryKey(tag: tag, value: text, argument: member.key))
        }
        return Row(line: line, keys: keys)
    }

    private static func tag(_ name: String) -> Tag? {
        if name.utf8.count == 8, let number = UInt32(name, radix: 16) { return Tag(number) }
        guard let first = name.first else { return nil }
        // Our own events write members as JSON does, with a small letter first.
        let keyword = name.hasPrefix("sop") ? "SOP" + name.dropFirst(3) : first.uppercased() + name.dropFirst()
        return DataDictionary.tag(forKeyword: keyword)
    }

    /// Strings alone, several with backslashes between: the other representations identify nothing.
    private static func text(_ value: JSONValue) -> String? {
        switch value.content {
        case .string(let text): return text
        case .object(let members):
            guard case .array(let values)? = members.first(where: { $0.key == "Value" })?.value.content else {
                return nil
            }
            let texts = values.compactMap(\.string)
            return texts.count == values.count ? texts.joined(separator: "\\") : nil
        default: return nil
        }
    }

    // MARK: Bytes

    private static func contents(of path: FilePath) throws(Failure) -> [UInt8] {
        do throws(FileReadError) {
            return path == "-"
                ? try FileDescriptor.readAll(STDIN_FILENO, limit: maximumLength)
                : try FileDescriptor.contents(of: path, limit: maximumLength)
        } catch {
            throw .unreadable(error.reason)
        }
    }
}
