import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import System

/// The columns of `--compare --format csv` that are no attributes.
enum ComparisonHeading {
    /// The column with the outcome of the comparison.
    static let outcome = "Comparison"
    static let differences = "Differences"

    /// True for the columns of a comparison: another list may have one of these names.
    static func isHeader(_ names: [String]) -> Bool { names.contains(outcome) && names.contains(differences) }

    /// The column with the value of an attribute at the second peer.
    static func second(_ attribute: String) -> String { "\(attribute) (second)" }

    static func isOwn(_ name: String) -> Bool {
        name == outcome || name == differences || name.hasSuffix(second(""))
    }
}

/// Reads a list of what to retrieve: CSV with a header of keywords, JSON lines, or bare UIDs. The first line tells which.
enum RetrievalListReader {
    struct Row {
        let line: Int
        /// None has an empty value.
        let keys: [QueryKey]
        /// The attributes of columns that are empty here: as keys they would ask for everything.
        var empty: [Tag] = []
        /// Why the row cannot be retrieved, if that is known already.
        var problem: String?
    }

    struct Content {
        var rows: [Row] = []
        /// The names of columns that are no attributes.
        var unknownColumns: [String] = []
        /// What a comparison could not find out about.
        var doubtful = 0
    }

    enum Failure: Error {
        case unreadable(String)
        case malformed(line: Int, why: String)
    }

    /// A list of a million instances has some 200 MB; what is longer is not a list.
    private static let maximumLength = 1 << 30

    /// - Parameter columns: the names of columns beside the keywords.
    static func read(
        _ path: FilePath, bareUIDsAt level: QueryLevel, columns: [ListColumn] = []
    ) throws(Failure) -> Content {
        try content(try contents(of: path), bareUIDsAt: level, columns: columns)
    }

    static func content(
        _ given: [UInt8], bareUIDsAt level: QueryLevel, columns: [ListColumn] = []
    ) throws(Failure) -> Content {
        var bytes = given
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw .malformed(line: 1, why: "the list is in UTF-16: save it as CSV in UTF-8")
        }
        guard let first = bytes.first(where: { $0 > 0x20 }) else { return Content() }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return try jsonContent(bytes) }
        let lines: [CSVText.Record]
        do throws(CSVText.UnclosedQuote) {
            lines = try CSVText.records(bytes, separator: CSVText.separator(of: bytes))
        } catch {
            throw .malformed(line: error.line, why: "a double quote is never closed")
        }
        guard let header = lines.first else { return Content() }
        if let uid = header.onlyField, mayBeUID(uid) { return Content(rows: try bareUIDs(lines, level)) }
        return try table(header, lines.dropFirst(), columns)
    }

    /// Without a header only what can be a UID is one, also as some archives write them: anything else would ask for
    /// everything.
    private static func mayBeUID(_ text: String) -> Bool {
        text.utf8.count <= 64 && text.utf8.contains(UInt8(ascii: "."))
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
    }

    private static func bareUIDs(_ lines: [CSVText.Record], _ level: QueryLevel) throws(Failure) -> [Row] {
        let key = InformationModel.uniqueKey(of: level)
        var rows: [Row] = []
        rows.reserveCapacity(lines.count)
        for line in lines {
            guard let uid = line.onlyField, mayBeUID(uid) else {
                throw .malformed(
                    line: line.number,
                    why:
                        "not a UID; the lines before are one each, and a list of anything else needs a first line with keywords"
                )
            }
            rows.append(Row(line: line.number, keys: [QueryKey(tag: key, value: uid, argument: uid)]))
        }
        return rows
    }

    /// The first line is a header if it names an attribute: by its keyword, or as the command line says.
    private static func table(
        _ header: CSVText.Record, _ lines: ArraySlice<CSVText.Record>, _ columns: [ListColumn]
    ) throws(Failure) -> Content {
        let names = header.fields.map { name in
            columns.first { $0.name.lowercased() == name.lowercased() }?.key ?? key(name)
        }
        guard names.contains(where: { $0 != nil }), !header.fields.contains(where: mayBeUID) else {
            let value = DisplayText.line(header.fields.first { !$0.isEmpty } ?? "")
            throw .malformed(
                line: header.number,
                why: "\"\(value)\" is neither a UID nor the name of an attribute; a list of anything but UIDs needs a "
                    + "first line that names its columns: AccessionNumber or another keyword, or any name with "
                    + "\(OptionName.listKey) NAME=AccessionNumber")
        }
        var content = Content()
        content.rows.reserveCapacity(lines.count)
        let comparison =
            ComparisonHeading.isHeader(header.fields) ? header.fields.firstIndex(of: ComparisonHeading.outcome) : nil
        content.unknownColumns = zip(header.fields, names).filter { !$0.0.isEmpty && $0.1 == nil }.map(\.0)
            .filter { comparison == nil || !ComparisonHeading.isOwn($0) }
        let named = names.enumerated().compactMap { index, key in key.map { (index: index, key: $0) } }
        for line in lines where line.fields.contains(where: { !$0.isEmpty }) {
            if let comparison, comparison < line.fields.count, !isWanted(line.fields[comparison]) {
                if line.fields[comparison] == Difference.doubtful.rawValue { content.doubtful += 1 }
                continue
            }
            var keys: [QueryKey] = []
            keys.reserveCapacity(named.count)
            var empty: [Tag] = []
            for column in named.indices {
                let index = named[column].index
                let value = index < line.fields.count ? line.fields[index] : ""
                guard value.utf8.contains(where: { $0 != 0x20 }) else {
                    empty.append(named[column].key.tag)
                    continue
                }
                keys.append(
                    QueryKey(
                        path: named[column].key.path, tag: named[column].key.tag,
                        value: CSVText.withoutApostrophe(value), argument: named[column].key.argument))
            }
            let surplus = line.fields.dropFirst(names.count).contains { !$0.isEmpty }
            content.rows.append(
                Row(
                    line: line.number, keys: keys, empty: empty,
                    problem: surplus
                        ? "\(line.fields.count) fields where the first line has \(names.count)" : nil))
        }
        return content
    }

    /// True for what a comparison found that the first peer has and the second one has not, or not alike.
    private static func isWanted(_ outcome: String) -> Bool {
        Difference(rawValue: outcome).map { [.missing, .different].contains($0) } ?? true
    }

    /// The attribute that a column is named after, by its keyword or its name; nil if it is none.
    private static func key(_ name: String) -> QueryKey? {
        // ACC05000 is more likely an accession number than a tag: as a column it would ask for everything, once a line.
        guard !name.isEmpty, !(name.utf8.count == 8 && name.allSatisfy(\.isHexDigit)) else { return nil }
        // "id" and "name" are columns of other systems, too: as keys they would ask for what nobody meant.
        guard !AttributeName.isShort(name) else { return nil }
        do throws(UsageError) { return try QueryKeyParser.parse(name, allowsValue: false) } catch { return nil }
    }

    // MARK: JSON

    private static func jsonContent(_ bytes: [UInt8]) throws(Failure) -> Content {
        var content = Content()
        // A line at a time, where it is a line an object: a list may be long, and an object is small.
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let text = line.filter { $0 != 0x0D }
            guard text.contains(where: { $0 > 0x20 }) else { continue }
            if index == 0, text.first == UInt8(ascii: "[") { return try jsonArray(bytes) }
            do throws(JSONError) {
                add(try JSONValue.parse(Array(text)), line: index + 1, to: &content)
            } catch {
                throw .malformed(line: index + 1, why: "not one JSON object per line: \(error.detail)")
            }
        }
        return content
    }

    private static func jsonArray(_ bytes: [UInt8]) throws(Failure) -> Content {
        var content = Content()
        do throws(JSONError) {
            guard case .array(let values) = try JSONValue.parse(bytes).content else { return content }
            for (index, value) in values.enumerated() {
                add(value, line: value.line == 0 ? index + 1 : value.line, to: &content)
            }
            return content
        } catch {
            throw .malformed(line: error.line, why: error.detail)
        }
    }

    /// The DICOM JSON Model (PS3.18 F.2), or an object with keywords for members; of our own events those that name what is missing.
    private static func add(_ value: JSONValue, line: Int, to content: inout Content) {
        guard case .object(let members) = value.content else { return content.rows.append(Row(line: line, keys: [])) }
        if let event = members.first(where: { $0.key == "event" })?.value.string {
            let name = RunEvent.Name(rawValue: event)
            if name == .doubtful { content.doubtful += 1 }
            guard name == .missing || name == .different else { return }
        }
        var keys: [QueryKey] = []
        for member in members {
            guard let tag = tag(member.key), let text = text(member.value), !text.isEmpty else { continue }
            keys.append(QueryKey(tag: tag, value: text, argument: member.key))
        }
        content.rows.append(Row(line: line, keys: keys))
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

extension CSVText.Record {
    /// The one field that has a value, if it is the first and there is no other.
    fileprivate var onlyField: String? {
        guard let first = fields.first, !first.isEmpty, fields.dropFirst().allSatisfy(\.isEmpty) else { return nil }
        return first
    }
}
