import DICOM
import DICOMProtocol

/// One column of a table: an attribute, by its path through sequences.
struct AnswerColumn: Equatable {
    let path: [Tag]

    /// The keyword, after those of the sequences around it.
    var title: String { path.map { QueryKeyParser.keyword($0) }.joined(separator: ".") }

    /// Whether the end tells more than the beginning, where a value is too long: UIDs of one archive begin alike.
    var keepsEnd: Bool { path.last.map { DataDictionary.vr(of: $0) == .UI } ?? false }

    /// Those that were asked for, in the order in which they were asked for; without any the keys that every server knows.
    static func columns(of options: FindOptions, identifiers: [DataSet]) -> [AnswerColumn] {
        if !options.columns.isEmpty { return options.columns.map { AnswerColumn(path: $0.tags) } }
        var asked: [AnswerColumn] = []
        for identifier in identifiers { append(identifier, [], to: &asked) }
        let typed =
            options.query.keys.map { AnswerColumn(path: $0.tags) } + options.query.returnKeys.compactMap { $0.column }
        let first = typed.filter { asked.contains($0) }
        let columns = (first + asked).reduce(into: [AnswerColumn]()) { if !$0.contains($1) { $0.append($1) } }
        guard columns.isEmpty else { return columns }
        return options.query.informationModel.keys(at: options.query.level).filter { $0.kind != .optional }
            .map { AnswerColumn(path: $0.path + [$0.tag]) }
    }

    private static func append(_ identifier: DataSet, _ path: [Tag], to columns: inout [AnswerColumn]) {
        for element in identifier.elements {
            if path.isEmpty, element.tag == .specificCharacterSet || element.tag == .queryRetrieveLevel { continue }
            if case .items(let items) = element.value, let item = items.first {
                append(item, path + [element.tag], to: &columns)
            } else {
                columns.append(AnswerColumn(path: path + [element.tag]))
            }
        }
    }
}

extension ReturnKey {
    fileprivate var column: AnswerColumn? {
        guard case .attribute(let key) = self else { return nil }
        return AnswerColumn(path: key.tags)
    }
}
