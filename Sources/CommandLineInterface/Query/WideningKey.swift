import DICOM
import DICOMProtocol

/// A key with a value that is one of a lower level than what is retrieved: servers do not match it there (PS3.4 C.4.1.3.1.1), and
/// some return the value of whatever comes first, so that whole studies would be retrieved where one series was meant.
struct WideningKey: Equatable {
    let tag: Tag
    /// The level of what is retrieved, and the lower one that has the attribute.
    let level: QueryLevel
    let lower: QueryLevel

    /// The first of an identifier; nil if it has none.
    init?(in identifier: DataSet, _ model: InformationModel, _ level: QueryLevel) {
        let found = identifier.elements.lazy.compactMap { element -> (Tag, QueryLevel)? in
            guard !element.isEmpty, case .below(let lower) = model.placement(of: element.tag, at: level) else {
                return nil
            }
            return (element.tag, lower)
        }.first
        guard let found else { return nil }
        (tag, lower) = found
        self.level = level
    }

    /// The attribute as messages name it.
    var name: String { DataDictionary.label(of: tag) }

    var hint: Hint { .keyOfLowerLevel(lower, isModality: tag == .modality && level == .study) }

    var why: String { why("retrieved") }

    /// - Parameter done: what was to be done with it, as a participle.
    func why(_ done: String) -> String {
        "a key of the \(lower.rawValue) level, by which no \(level.rawValue) can be \(done); nothing is \(done)"
    }
}
