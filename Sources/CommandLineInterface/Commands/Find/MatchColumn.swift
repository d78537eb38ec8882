import DICOM
import DICOMProtocol

/// One column of `--find`'s table, CSV and TSV: an attribute, by its path through sequences.
struct MatchColumn: Equatable {
    /// Empty for the node that returned the match.
    let path: [Tag]

    /// The node that returned the match, where several are queried.
    static let node = MatchColumn(path: [])

    /// The keyword, after those of the sequences around it.
    var title: String {
        path.isEmpty ? "Node" : path.map { DataDictionary.keyword(of: $0) }.joined(separator: ".")
    }

    /// The name in words, for the heading of a table.
    var name: String {
        guard let tag = path.last else { return title }
        return DataDictionary.entry(for: tag)?.name ?? "\(tag)"
    }

    var vr: ValueRepresentation { path.last.map { DataDictionary.vr(of: $0) } ?? .UN }

    /// Appends the values of a match for the column.
    func append(_ match: Match, _ layout: MatchLayout, to output: inout [UInt8]) {
        if path.isEmpty {
            output.append(contentsOf: match.node.utf8)
        } else {
            ElementText.append(
                path[...], of: match.dataSet, inheritedCharacterSet: layout.assumedCharacterSet, to: &output)
        }
    }

    /// The attributes of `--columns`, or else those of the queries; without any the unique and required keys of the level.
    static func columns(of options: FindOptions, queries: [Query]) -> [MatchColumn] {
        if !options.columns.isEmpty { return options.columns.map { MatchColumn(path: $0.tags) } }
        let columns = queries.flatMap(\.columns).reduce(into: [[Tag]]()) { if !$0.contains($1) { $0.append($1) } }
        guard columns.isEmpty else { return columns.map { MatchColumn(path: $0) } }
        return options.query.informationModel.keys(at: options.query.level).filter { $0.kind != .optional }
            .map { MatchColumn(path: $0.path + [$0.tag]) }
    }
}

extension [MatchColumn] {
    /// The columns of the attributes that a match has a value for beside these.
    func further(of dataSet: DataSet) -> [MatchColumn] {
        dataSet.elements.filter { element in
            guard case .bytes(let bytes) = element.value, !bytes.isEmpty else { return false }
            return !QueryIdentifier.generalElements.contains(element.tag) && !element.tag.isGroupLength
        }.map { MatchColumn(path: [$0.tag]) }.filter { !contains($0) }
    }
}

// How a table shows a column.
extension MatchColumn {
    /// The columns of a set that are kept longest where not all fit, the most important first.
    private static let importance: [Tag] = [
        .patientName, .studyDate, .scheduledProcedureStepStartTime, .scheduledProcedureStepStartDate, .patientID,
        .modality, .seriesNumber, .instanceNumber, .modalitiesInStudy, .seriesDescription, .studyDescription,
        .requestedProcedureDescription, .scheduledProcedureStepDescription, .numberOfStudyRelatedInstances,
        .numberOfSeriesRelatedInstances, .scheduledStationAETitle, .accessionNumber, .numberOfPatientRelatedStudies,
        .seriesDate, .contentDate, .patientBirthDate, .bodyPartExamined, .rows, .columns, .numberOfFrames, .studyTime,
        .seriesTime, .contentTime, .patientSex, .numberOfStudyRelatedSeries, .numberOfPatientRelatedInstances,
    ]

    /// The heading on a terminal, which other columns may have too.
    var heading: String { path.last.flatMap { AttributeHeading.short[$0] } ?? name }

    /// The rank of the column in a table, see ``rank``: what was named comes first, then the identity of the level where nothing else
    /// tells matches apart, and what is the same in all matches last.
    func rank(in layout: MatchLayout) -> Int {
        if let index = layout.named.firstIndex(of: path) { return index - layout.named.count - 1 }
        if path == layout.identity { return -1 }
        return layout.constants.contains(path) ? Int.max : rank
    }

    /// The rank of the column among those that were not chosen one by one, from 0 for the most important; UIDs come last.
    var rank: Int {
        guard let tag = path.last else { return 0 }
        if let index = Self.importance.firstIndex(of: tag) { return index }
        return Self.importance.count + (vr == .UI ? 1 : 0)
    }

    /// The width below which a value is not cut; nil if it is shown whole or not at all.
    var minimumWidth: Int? {
        switch vr {
        case .PN: 12
        case .LO: path.last == .patientID ? 16 : 10
        case .LT, .ST, .UC, .UR, .UT: 10
        case .CS: 6
        default: nil
        }
    }

    /// True for numbers, which stand at the right of their column.
    var isNumber: Bool {
        switch vr {
        case .IS, .DS, .US, .SS, .UL, .SL, .UV, .SV, .FL, .FD: true
        default: false
        }
    }
}
