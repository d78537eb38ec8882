import DICOM
import DICOMProtocol

/// The comparison of a server's matches with the keys of the query.
///
/// A server may ignore a key that it does not support (PS3.4 C.4.1.1.3.2), and then returns more matches than were asked for: some
/// without the attribute, some with a value that shows that they are none.
struct MatchReview {
    enum Verdict: Equatable {
        /// Every key has a value in the match that fits it.
        case confirmed
        /// The match has another value than the key asks for.
        case contradicted(Tag)
        /// The match has no value for these keys; nothing shows whether the server compared them.
        case unconfirmed([Tag])
    }

    private let criteria: [KeyCriterion]
    /// The words of each key that is a name of a person.
    private let names: [Tag: [[String]]]
    /// The unique keys of the levels above. A server navigates by them, whether it returns them or not (PS3.4 C.4.1.2.1).
    private let uniqueKeysAbove: Set<Tag>
    /// The keys that a server may match by rules of its own, as negotiated.
    private let looseKeys: Set<Tag>

    /// - Parameter negotiation: the options that were asked for: fuzzy matching of names and adjustment to a timezone let a server
    ///   return values that a comparison here would reject.
    init(of identifier: DataSet, model: InformationModel, level: QueryLevel, negotiation: QueryNegotiation) {
        let keys = identifier.elements.filter { element in
            !QueryIdentifier.generalElements.contains(element.tag) && !element.tag.isGroupLength
        }
        criteria = KeyCriterion.all(
            of: keys, characterSet: SpecificCharacterSet(of: identifier),
            // In a worklist, start date and start time always mean one range (PS3.4 K.6.1.2.2).
            combinesDateAndTime: negotiation.contains(.dateTimeMatching) || model == .modalityWorklist)
        let characterSet = SpecificCharacterSet(of: identifier)
        names = keys.reduce(into: [:]) { names, key in
            guard key.vr == .PN, case .bytes(let bytes) = key.value else { return }
            names[key.tag] = characterSet.decodeValues(bytes, vr: .PN).map { Self.words(of: $0) }
        }
        uniqueKeysAbove = model == .modalityWorklist ? [] : Set(model.uniqueKeys(above: level))
        looseKeys = Set(keys.filter { Self.isLoose($0, negotiation) }.map(\.tag))
    }

    private static func isLoose(_ key: DataElement, _ negotiation: QueryNegotiation) -> Bool {
        switch key.vr {
        case .PN: negotiation.contains(.fuzzyNames)
        case .DA, .TM, .DT: negotiation.contains(.timezone)
        case .SQ: !negotiation.isDisjoint(with: [.fuzzyNames, .timezone])
        default: false
        }
    }

    /// A server may match names without regard to case, accents, the order of components and those that are not given (PS3.4
    /// C.2.2.2.1): a name agrees if each word of the key begins one of its words. Letters outside ASCII agree with any others.
    private func isLooselyEqual(_ tag: Tag, _ match: DataSet, _ characterSet: SpecificCharacterSet) -> Bool {
        guard let wanted = names[tag], case .bytes(let bytes)? = match[tag]?.value else { return false }
        let found = characterSet.decodeValues(bytes, vr: .PN).map { Self.words(of: $0) }
        return wanted.contains { words in
            found.contains { name in
                words.allSatisfy { word in
                    name.contains { $0.hasPrefix(word) } || (!word.utf8.allSatisfy { $0 < 0x80 } && !name.isEmpty)
                }
            }
        }
    }

    private static func words(of name: String) -> [String] {
        name.lowercased().split { "^= *?,".contains($0) }.map { String($0) }
    }

    /// Compares one match with all keys: contradicted if one is, otherwise unconfirmed if one is.
    func verdict(of match: DataSet) -> Verdict {
        guard !criteria.isEmpty else { return .confirmed }
        let characterSet = SpecificCharacterSet(of: match)
        var unconfirmed: [Tag] = []
        for criterion in criteria {
            guard let tag = criterion.tags.first else { continue }
            switch criterion.matches(match, characterSet: characterSet) {
            case .confirmed: continue
            case .contradicted:
                if !looseKeys.contains(tag), !isLooselyEqual(tag, match, characterSet) { return .contradicted(tag) }
            case .unconfirmed: if !uniqueKeysAbove.contains(tag) { unconfirmed.append(tag) }
            }
        }
        return unconfirmed.isEmpty ? .confirmed : .unconfirmed(unconfirmed)
    }
}

/// The matches that a review left out or could not confirm, counted by their keys, for one message each.
struct MatchDoubts {
    private var contradicted: [Tag: Int] = [:]
    private var unconfirmed: [[Tag]: Int] = [:]

    /// - Parameter verdict: of one match; a confirmed one is not counted.
    ///
    /// - Returns: False for a match that contradicts a key, and is left out.
    @discardableResult
    mutating func record(_ verdict: MatchReview.Verdict) -> Bool {
        switch verdict {
        case .confirmed: return true
        case .contradicted(let tag):
            contradicted[tag, default: 0] += 1
            return false
        case .unconfirmed(let tags):
            unconfirmed[tags, default: 0] += 1
            return true
        }
    }

    var unconfirmedCount: Int { unconfirmed.values.reduce(0, +) }

    /// The names of the keys that are in no unconfirmed match, separated by commas.
    var unconfirmedKeys: String {
        Set(unconfirmed.keys.joined()).sorted().map { DataDictionary.keyword(of: $0) }.joined(separator: ", ")
    }

    /// One warning for each key that matches contradict; they are left out.
    func contradictions(of peerName: String) -> [Message] {
        contradicted.sorted { $0.key < $1.key }.map { tag, count in
            Message(
                "\(peerName): \(Quantity.count(count, "match")) left out",
                "the value of \(DataDictionary.keyword(of: tag)) is not the one that was asked for: the server ignores this key",
                hint: .ignoredKey)
        }
    }

    /// The problem of matches without the attributes of keys; nil if there are none.
    ///
    /// - Parameter consequence: what becomes of them.
    func unconfirmedProblem(of peerName: String, consequence: String) -> Message? {
        let count = unconfirmedCount
        guard count > 0 else { return nil }
        return Message(
            "\(peerName): \(Quantity.count(count, "match")) without \(unconfirmedKeys)",
            "the server does not return this key, and may have ignored it; \(consequence)", hint: .ignoredKey)
    }
}
