import DICOM

/// The character set of matches as the options have it, and the count of the characters that it does not decode.
struct MatchText {
    /// The set of matches that name none.
    let assumed: SpecificCharacterSet
    private let assumedTerms: String?
    private let forcedTerms: String?
    private var undecodable = 0
    private var matches = 0
    /// True if all bytes that cannot be decoded are text in UTF-8.
    private var isUTF8 = true
    /// What the first match with such characters names; empty if it names nothing.
    private var named: String?

    init(_ options: FindOptions) {
        assumedTerms = options.assumedCharacterSet
        forcedTerms = options.forcedCharacterSet
        let terms = options.forcedCharacterSet ?? options.assumedCharacterSet
        assumed = SpecificCharacterSet(
            tolerating: terms.map { $0.split(separator: "\\").map { String($0) } } ?? [])
    }

    /// The match with the character set that is forced, or assumed instead of an empty one.
    func named(_ dataSet: DataSet) -> DataSet {
        if let forcedTerms { return Self.forcing(forcedTerms, on: dataSet) }
        guard let assumedTerms, let element = dataSet[.specificCharacterSet], element.isEmpty else { return dataSet }
        var named = dataSet
        named.set(.specificCharacterSet, .CS, assumedTerms)
        return named
    }

    /// Items inherit the set of the whole, so that none may name its own.
    private static func forcing(_ terms: String?, on dataSet: DataSet) -> DataSet {
        var forced = dataSet
        forced[.specificCharacterSet] = nil
        if let terms { forced.set(.specificCharacterSet, .CS, terms) }
        for element in dataSet.elements {
            guard case .items(let items) = element.value, !items.isEmpty else { continue }
            forced.set(element.tag, items: items.map { forcing(nil, on: $0) })
        }
        return forced
    }

    /// Counts the characters of a match that cannot be decoded.
    mutating func count(_ dataSet: DataSet) {
        var isUTF8 = true
        let count = Self.undecodable(in: dataSet, assumed, isUTF8: &isUTF8)
        guard count > 0 else { return }
        undecodable += count
        self.isUTF8 = self.isUTF8 && isUTF8
        matches += 1
        named = named ?? dataSet.strings(.specificCharacterSet).joined(separator: "\\")
    }

    private static func undecodable(
        in dataSet: DataSet, _ inherited: SpecificCharacterSet, isUTF8: inout Bool
    ) -> Int {
        var set: SpecificCharacterSet?
        var count = 0
        let elements = dataSet.elements
        // Most elements are no text, and are not copied to see that.
        for index in elements.indices {
            let vr = elements[index].vr
            guard vr.usesSpecificCharacterSet || elements[index].value.hasItems else { continue }
            switch elements[index].value {
            case .bytes(let bytes):
                guard !SpecificCharacterSet.isPlainASCII(bytes) else { continue }
                let own = set ?? SpecificCharacterSet(of: dataSet, inherited: inherited)
                set = own
                let lost = own.undecodableCharacters(in: bytes, vr: vr)
                if lost > 0, String(validating: bytes, as: UTF8.self) == nil { isUTF8 = false }
                count += lost
            case .items(let items):
                let own = set ?? SpecificCharacterSet(of: dataSet, inherited: inherited)
                set = own
                for item in items { count += undecodable(in: item, own, isUTF8: &isUTF8) }
            case .fragments: continue
            }
        }
        return count
    }

    /// The warning about what could not be decoded; nil if all was.
    func problem(of peerName: String) -> Message? {
        guard undecodable > 0 else { return nil }
        let isNamed = named?.isEmpty == false
        let which = forcedTerms ?? (isNamed ? named : assumedTerms)
        return Message(
            "\(peerName): \(Quantity.count(undecodable, "character")) in \(Quantity.count(matches, "match")) cannot be decoded",
            which.map { "the bytes are not text in \(DisplayText.line($0))" } ?? "no character set is named",
            hint: .undecodable(isNamed: isNamed, isUTF8: isUTF8))
    }
}
