import DICOM
import DICOMProtocol

/// One column of `--find`'s table, CSV and TSV: an attribute, by its path through sequences.
struct MatchColumn: Equatable {
    let path: [Tag]

    /// The keyword, after those of the sequences around it.
    var title: String { path.map { DataDictionary.keyword(of: $0) }.joined(separator: ".") }

    /// True if the end of a value that is too long is shown, not its beginning: UIDs of one archive begin alike.
    var keepsEnd: Bool { path.last.map { DataDictionary.vr(of: $0) == .UI } ?? false }

    /// The attributes of `--columns`, or those that were asked for, in the order of the command line; without any the unique
    /// and required keys of the level.
    static func columns(of options: FindOptions, identifiers: [DataSet]) -> [MatchColumn] {
        if !options.columns.isEmpty { return options.columns.map { MatchColumn(path: $0.tags) } }
        var asked: [MatchColumn] = []
        for identifier in identifiers { append(identifier, [], to: &asked) }
        let typed =
            options.query.keys.map { MatchColumn(path: $0.tags) } + options.query.returnKeys.compactMap { $0.column }
        let first = typed.filter { asked.contains($0) }
        let columns = (first + asked).reduce(into: [MatchColumn]()) { if !$0.contains($1) { $0.append($1) } }
        guard columns.isEmpty else { return columns }
        return options.query.informationModel.keys(at: options.query.level).filter { $0.kind != .optional }
            .map { MatchColumn(path: $0.path + [$0.tag]) }
    }

    private static func append(_ identifier: DataSet, _ path: [Tag], to columns: inout [MatchColumn]) {
        for element in identifier.elements {
            if path.isEmpty, element.tag == .specificCharacterSet || element.tag == .queryRetrieveLevel { continue }
            if case .items(let items) = element.value, let item = items.first {
                append(item, path + [element.tag], to: &columns)
            } else {
                columns.append(MatchColumn(path: path + [element.tag]))
            }
        }
    }
}

extension ReturnKey {
    fileprivate var column: MatchColumn? {
        guard case .attribute(let key) = self else { return nil }
        return MatchColumn(path: key.tags)
    }
}
