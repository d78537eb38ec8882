import DICOM
import DICOMProtocol

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

    /// What the short names mean in a worklist, where a date is that of the scheduled step and not of a study that has begun.
    static let shortInWorklist: [Tag: Tag] = [
        .studyDate: .scheduledProcedureStepStartDate, .studyTime: .scheduledProcedureStepStartTime,
        .studyDescription: .scheduledProcedureStepDescription, .modalitiesInStudy: .modality,
    ]

    /// The tag of a keyword; otherwise of a short name, or of a keyword or a name by letters and digits alone, whatever their case.
    static func tag(of text: some StringProtocol) -> Tag? {
        if let tag = DataDictionary.tag(forKeyword: String(text)) { return tag }
        return tag(ofShort: text) ?? DataDictionary.tag(forLettersOf: text)
    }

    // MARK: What a word can have meant

    private static let maximumNearest = 3

    private static let abbreviations: [String: Tag] = [
        "pid": .patientID, "mrn": .patientID, "dob": .patientBirthDate, "acc": .accessionNumber,
    ]

    /// The keywords that a word which is none can have meant, the likeliest first: those of which it has the words or their
    /// beginnings, such as `StudyUID`, or otherwise the one with the fewest slips in it.
    static func nearest(to word: String) -> [String] {
        // A longer one is only typed by somebody who means mischief.
        guard (1...64).contains(word.utf8.count) else { return [] }
        if let tag = abbreviations[word.lowercased()] { return [DataDictionary.keyword(of: tag)] }
        let parts = words(of: word)
        let alike = usual.filter { begins(words(of: $0), parts) }
        // Those that begin like it are likelier than those that have it in their middle.
        let first = alike.filter { $0.lowercased().hasPrefix(parts[0]) }
        if let best = [first, alike].first(where: { !$0.isEmpty }) { return Array(best.prefix(maximumNearest)) }
        if let nearest = EditDistance.nearest(to: word, in: DataDictionary.keywords) { return [nearest] }
        let start = word.lowercased().prefix(max(4, word.count * 2 / 3))
        return usual.first { $0.lowercased().hasPrefix(start) }.map { [$0] } ?? []
    }

    /// The keywords of the keys of all models, the usual ones first.
    private static var usual: [String] {
        var tags = short.map(\.tag)
        for model in [InformationModel.patientRoot, .studyRoot] {
            for level in model.levels { tags += UsualAttributes.of(model, level).compactMap(\.last) }
            for level in model.levels { tags += model.keys(at: level).map(\.tag) }
        }
        tags += InformationModel.modalityWorklist.keys(at: .study).map(\.tag)
        var seen: Set<Tag> = []
        return tags.filter { seen.insert($0).inserted }.map { DataDictionary.keyword(of: $0) }
    }

    /// True if each part begins one of the words, in their order.
    private static func begins(_ words: [String], _ parts: [String]) -> Bool {
        var rest = words[...]
        for part in parts {
            guard let index = rest.firstIndex(where: { $0.hasPrefix(part) }) else { return false }
            rest = rest[(index + 1)...]
        }
        return !parts.isEmpty
    }

    /// The words of a keyword, in lower case: `SOPClassUID` has three.
    private static func words(of keyword: String) -> [String] {
        var words: [String] = []
        let letters = Array(keyword)
        for (index, letter) in letters.enumerated() {
            let followsSmall = index > 0 && !letters[index - 1].isUppercase
            let precedesSmall = index + 1 < letters.count && letters[index + 1].isLowercase
            if words.isEmpty || (letter.isUppercase && (followsSmall || precedesSmall)) { words.append("") }
            words[words.count - 1].append(contentsOf: letter.lowercased())
        }
        return words
    }
}
