import DICOM

/// The names by which a person may call an attribute: its keyword in any case, its name in the standard, and short names for the
/// usual ones.
enum AttributeName {
    /// Short names, in lower case.
    static let short: [(name: String, tag: Tag)] = [
        ("name", .patientName), ("id", .patientID), ("birthdate", .patientBirthDate), ("date", .studyDate),
        ("time", .studyTime), ("accession", .accessionNumber), ("modalities", .modalitiesInStudy),
        ("description", .studyDescription), ("study", .studyInstanceUID), ("series", .seriesInstanceUID),
    ]

    static func isShort(_ text: some StringProtocol) -> Bool { tag(ofShort: text) != nil }

    private static func tag(ofShort text: some StringProtocol) -> Tag? {
        let name = text.lowercased()
        return short.first { $0.name == name }?.tag
    }

    /// The tag of a keyword; otherwise of a short name, or of a keyword or a name by letters and digits alone, whatever their case.
    static func tag(of text: some StringProtocol) -> Tag? {
        if let tag = DataDictionary.tag(forKeyword: String(text)) { return tag }
        return tag(ofShort: text) ?? DataDictionary.tag(forLettersOf: text)
    }
}
