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

    /// The tag of a keyword; otherwise of a short name, or of a keyword or a name by letters and digits alone, whatever their case.
    static func tag(of text: some StringProtocol) -> Tag? {
        if let tag = DataDictionary.tag(forKeyword: String(text)) { return tag }
        let letters = letters(text)
        guard !letters.isEmpty else { return nil }
        return short.first { $0.name == letters }?.tag ?? byLetters[letters]
    }

    /// `Patient's Name` as `patientsname`.
    private static func letters(_ text: some StringProtocol) -> String {
        String(text.lowercased().unicodeScalars.filter { ("a"..."z").contains($0) || ("0"..."9").contains($0) })
    }

    /// Made when the first name is not spelt as the dictionary spells it. A keyword goes before a name, and what is in use before
    /// what is retired.
    private static let byLetters: [String: Tag] = {
        var tags: [String: Tag] = [:]
        var names: [(String, Tag, isRetired: Bool)] = []
        for keyword in DataDictionary.keywords {
            guard let tag = DataDictionary.tag(forKeyword: keyword), let entry = DataDictionary.entry(for: tag) else {
                continue
            }
            tags[letters(keyword)] = tags[letters(keyword)] ?? tag
            names.append((letters(entry.name), tag, entry.isRetired))
        }
        for isRetired in [false, true] {
            for (name, tag, _) in names.filter({ $0.isRetired == isRetired }) where !name.isEmpty {
                tags[name] = tags[name] ?? tag
            }
        }
        return tags
    }()
}
