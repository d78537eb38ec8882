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
    /// The matches with a name that is there and has no letters, and the character set that the first of them names.
    private var emptied: (count: Int, characterSet: String) = (0, "")

    init(_ options: FindOptions) {
        self.init(assumed: options.assumedCharacterSet, forced: options.forcedCharacterSet)
    }

    /// - Parameters:
    ///   - assumedTerms: the defined terms for data sets that name no character set.
    ///   - forcedTerms: those for all data sets.
    init(assumed assumedTerms: String?, forced forcedTerms: String?) {
        self.assumedTerms = assumedTerms
        self.forcedTerms = forcedTerms
        let terms = forcedTerms ?? assumedTerms
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
    ///
    /// - Parameter isIllegible: true if it is told elsewhere that it lost letters.
    mutating func count(_ dataSet: DataSet, isIllegible: Bool = false) {
        let defects = TextDefects(of: dataSet, inherited: assumed)
        if !isIllegible, defects.hasEmptiedName {
            let terms = dataSet.strings(.specificCharacterSet)
            // Of a set with all letters none gets lost.
            if Set(terms).isDisjoint(with: ["ISO_IR 192", "GB18030", "GBK"]) {
                emptied = (emptied.count + 1, emptied.count == 0 ? terms.joined(separator: "\\") : emptied.characterSet)
            }
        }
        guard defects.undecodable > 0 else { return }
        undecodable += defects.undecodable
        isUTF8 = isUTF8 && defects.isUTF8
        matches += 1
        named = named ?? dataSet.strings(.specificCharacterSet).joined(separator: "\\")
    }

    /// The warnings about what could not be decoded, and about names that the server has emptied.
    func problems(of peerName: String) -> [Message] {
        var problems = undecodableProblem(of: peerName).map { [$0] } ?? []
        if emptied.count > 0 {
            let set = emptied.characterSet.isEmpty ? "no named character set" : DisplayText.line(emptied.characterSet)
            problems.append(
                Message(
                    "\(peerName): \(Quantity.count(emptied.count, "match")) with a name, or a part of one, without any letter",
                    "the server returns them in \(set), and may have dropped the letters that it does not have",
                    hint: .lostLetters(isOfKey: false)))
        }
        return problems
    }

    private func undecodableProblem(of peerName: String) -> Message? {
        guard undecodable > 0 else { return nil }
        let isNamed = named?.isEmpty == false
        let which = forcedTerms ?? (isNamed ? named : assumedTerms)
        return Message(
            "\(peerName): \(Quantity.count(undecodable, "character")) in \(Quantity.count(matches, "match")) cannot be decoded",
            which.map { "the bytes are not text in \(DisplayText.line($0))" } ?? "no character set is named",
            hint: .undecodable(isNamed: isNamed, isUTF8: isUTF8))
    }
}
