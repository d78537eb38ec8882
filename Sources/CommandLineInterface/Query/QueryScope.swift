import DICOM
package import DICOMProtocol

/// The options that choose the information model and the level of a query, and the one place where both are settled: of
/// the command line alone, and again with the query file.
package struct QueryScope: Sendable, Equatable {
    package var levels: Set<QueryLevel> = []
    package var model: InformationModel?

    package init() {}

    /// Settles model and level. Options win over a key (0008,0052), that over the query file.
    ///
    /// - Parameters:
    ///   - key: the level that a typed key names, for those who write the level as a key.
    ///   - fileLevel: the level that the query file names.
    ///   - fileSOPClass: the SOP class that the query file was written for.
    /// - Throws: ``UsageError`` if the model has no such level.
    func resolved(
        key: QueryLevel?, fileLevel: QueryLevel? = nil, fileSOPClass: UID? = nil
    ) throws(UsageError) -> (InformationModel, QueryLevel) {
        // The lowest level given wins, but for the study, which is the default and gives way to the patient.
        let byWeight: [QueryLevel] = [.image, .series, .patient, .study]
        let chosen = byWeight.first { levels.contains($0) } ?? key
        let level = chosen ?? fileLevel ?? .study
        guard let model else {
            let ofFile = InformationModel.allCases.first { $0.findSOPClass == fileSOPClass && !$0.levels.isEmpty }
            let model = ofFile ?? .studyRoot
            return (model.levels.contains(level) ? model : .patientRoot, level)
        }
        let accepted = { (model: InformationModel) in model.levels.map(\.option.description).joined(separator: ", ") }
        guard let given = (levels.sorted() + [level]).first(where: { !Self.allows(model, $0, chosen: level) }) else {
            return (model, level)
        }
        guard chosen != nil else {
            throw UsageError(
                .conflictingOptions, option: .query, value: level.rawValue,
                problem: "the query is of the \(level.rawValue) level, which is not one of \(model.option)",
                accepted: accepted(model))
        }
        throw UsageError(
            .conflictingOptions, option: given.option, value: "\(model.option)",
            problem: "\(given.option) is not a level of \(model.option)", accepted: accepted(model))
    }

    /// A level that another one outweighs is let pass, but for the patient: it has no place in the Study Root model.
    private static func allows(_ model: InformationModel, _ level: QueryLevel, chosen: QueryLevel) -> Bool {
        model.levels.contains(level) || (level != chosen && level != .patient)
    }
}

extension InformationModel {
    /// True if a key is asked for at this level, where each level is asked for its own keys on the way down to the target.
    func asks(for tag: Tag, at step: QueryLevel, target: QueryLevel) -> Bool {
        switch placement(of: tag, at: step) {
        case .ofLevel, .inside: true
        case .general: false
        // An attribute that is in no table is queried at the level that the user gave.
        case .unlisted, .below: step == target
        case .uniqueKeyAbove, .above: false
        }
    }
}

extension Collection<QueryKey> {
    /// The level that a key (0008,0052) names.
    var queryLevel: QueryLevel? {
        lazy.filter { $0.tags == [.queryRetrieveLevel] }.compactMap { QueryLevel(rawValue: $0.value) }.first
    }
}
