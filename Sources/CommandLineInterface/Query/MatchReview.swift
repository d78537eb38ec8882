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
        /// The match has a value for the key that lost letters: in the character set of the match, which is named, those of the key
        /// do not exist.
        case illegible(Tag, characterSet: String)
    }

    private let criteria: [KeyCriterion]
    /// The words of each key that is a name of a person.
    private let names: [Tag: [[String]]]
    /// The values of the keys with letters that not every character set has.
    private let foreign: [Tag: String]
    /// The unique keys of the levels above. A server navigates by them, whether it returns them or not (PS3.4 C.4.1.2.1).
    private let uniqueKeysAbove: Set<Tag>
    /// The keys of lower levels. What a server returns for them here is the value of any one of many.
    private let lowerKeys: Set<Tag>
    /// The keys that a server may match by rules of its own, as negotiated.
    private let looseKeys: Set<Tag>
    /// The keys in which wildcards were sent in the place of letters: the server matches more than was asked for.
    let keysWithWildcards: Set<Tag>

    /// - Parameter negotiation: as ``Network/negotiation(for:on:)`` returns it: fuzzy matching of names and adjustment to a timezone
    ///   let a server return values that a comparison here would reject, and a list of values may mean all of them.
    init(of identifier: DataSet, model: InformationModel, level: QueryLevel, negotiation: QueryNegotiation) {
        let keys = identifier.elements.filter { element in
            !QueryIdentifier.generalElements.contains(element.tag) && !element.tag.isGroupLength
        }
        criteria = KeyCriterion.all(
            of: keys, characterSet: SpecificCharacterSet(of: identifier),
            // In a worklist, start date and start time always mean one range (PS3.4 K.6.1.2.2).
            combinesDateAndTime: negotiation.contains(.dateTimeMatching) || model == .modalityWorklist,
            requiresAllValues: negotiation.contains(.multipleValues))
        let characterSet = SpecificCharacterSet(of: identifier)
        names = keys.reduce(into: [:]) { names, key in
            guard key.vr == .PN, case .bytes(let bytes) = key.value else { return }
            names[key.tag] = characterSet.decodeValues(bytes, vr: .PN).map { Self.words(of: $0) }
        }
        foreign = keys.reduce(into: [:]) { foreign, key in
            guard key.vr.usesSpecificCharacterSet, case .bytes(let bytes) = key.value else { return }
            let text = characterSet.decode(bytes, vr: key.vr)
            if !text.utf8.allSatisfy({ $0 < 0x80 }) { foreign[key.tag] = text }
        }
        uniqueKeysAbove = model == .modalityWorklist ? [] : Set(model.uniqueKeys(above: level))
        let lower = keys.map(\.tag).filter { tag in
            if case .below = model.placement(of: tag, at: level) { true } else { false }
        }
        lowerKeys = model == .modalityWorklist ? [] : Set(lower)
        keysWithWildcards = negotiation.contains(.lettersAsWildcards) ? Set(foreign.keys) : []
        looseKeys = Set(keys.filter { Self.isLoose($0, negotiation) }.map(\.tag)).subtracting(keysWithWildcards)
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
        // What the server matched was not the key: no rule of its own makes another name a match.
        guard !keysWithWildcards.contains(tag) else { return false }
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

    /// The character set of a value that has lost letters of the key: servers convert their responses to a set of their own, and
    /// replace or drop what it does not have. Nil for a value that has lost none.
    private func lossySet(_ tag: Tag, _ match: DataSet, _ characterSet: SpecificCharacterSet) -> String? {
        guard let wanted = foreign[tag], let found = match[tag], case .bytes(let bytes) = found.value else {
            return nil
        }
        let terms = match.strings(.specificCharacterSet)
        let text = characterSet.decode(bytes, vr: found.vr)
        let isReplaced = text.unicodeScalars.contains { $0 == "?" || $0 == "\u{FFFD}" || $0 == "\u{1A}" }
        if keysWithWildcards.contains(tag) {
            // Only what shows that it lost letters: without any such sign it is another value.
            var alone = DataSet()
            alone.append(found)
            let isEmptied = TextDefects(of: alone, inherited: characterSet).hasEmptiedName
            return isReplaced || isEmptied || !text.contains(where: { $0.isLetter || $0.isNumber }) ? "" : nil
        }
        guard isReplaced || !terms.isEmpty || !text.contains(where: { $0.isLetter || $0.isNumber }) else { return nil }
        let isRepresentable = (try? characterSet.encode(wanted, vr: found.vr)) != nil
        return isReplaced || !isRepresentable ? terms.joined(separator: "\\") : nil
    }

    private static func words(of name: String) -> [String] {
        name.lowercased().split { "^= *?,".contains($0) }.map { String($0) }
    }

    /// Compares one match with all keys: contradicted if one is, otherwise illegible if one is, otherwise unconfirmed if one is.
    func verdict(of match: DataSet) -> Verdict {
        guard !criteria.isEmpty else { return .confirmed }
        let characterSet = SpecificCharacterSet(of: match)
        var unconfirmed: [Tag] = []
        var illegible: Verdict?
        for criterion in criteria {
            guard let tag = criterion.tags.first else { continue }
            guard !lowerKeys.contains(tag) else {
                unconfirmed.append(tag)
                continue
            }
            switch criterion.matches(match, characterSet: characterSet) {
            case .confirmed: continue
            case .contradicted:
                guard !looseKeys.contains(tag), !isLooselyEqual(tag, match, characterSet) else { continue }
                guard let set = lossySet(tag, match, characterSet) else { return .contradicted(tag) }
                illegible = illegible ?? .illegible(tag, characterSet: set)
            case .unconfirmed: if !uniqueKeysAbove.contains(tag) { unconfirmed.append(tag) }
            }
        }
        return illegible ?? (unconfirmed.isEmpty ? .confirmed : .unconfirmed(unconfirmed))
    }
}

/// The matches that a review left out or could not confirm, counted by their keys, for one message each.
struct MatchDoubts {
    private var contradicted: [Tag: Int] = [:]
    /// Those that another level has contradicted.
    private var lookedUp: [Tag: Int] = [:]
    /// The keys in which wildcards were sent in the place of letters.
    private var keysWithWildcards: Set<Tag> = []
    private var unconfirmed: [[Tag]: Int] = [:]
    /// By the keys, with the character set of the first.
    private var illegible: [Tag: (count: Int, characterSet: String)] = [:]

    /// - Parameters:
    ///   - verdict: of one match; a confirmed one is not counted.
    ///   - isLookedUp: True if another level tells it.
    ///
    /// - Returns: False for a match that contradicts a key, and is left out.
    @discardableResult
    mutating func record(_ verdict: MatchReview.Verdict, isLookedUp: Bool = false) -> Bool {
        switch verdict {
        case .confirmed: return true
        case .contradicted(let tag):
            if isLookedUp { lookedUp[tag, default: 0] += 1 } else { contradicted[tag, default: 0] += 1 }
            return false
        case .unconfirmed(let tags):
            unconfirmed[tags, default: 0] += 1
            return true
        case .illegible(let tag, let characterSet):
            illegible[tag, default: (0, characterSet)].count += 1
            return true
        }
    }

    /// Remembers the keys by which a server returns more than was asked for, through no fault of its matching.
    mutating func noteWildcards(of review: MatchReview) { keysWithWildcards.formUnion(review.keysWithWildcards) }

    var hasContradictions: Bool { !contradicted.isEmpty || !lookedUp.isEmpty }

    /// One note for each key by which matches are left out that another level has settled: nothing is wrong, and a server
    /// without the key would otherwise be a warning every night.
    func settled(of peerName: String) -> [Message] {
        lookedUp.sorted { $0.key < $1.key }.map { tag, count in
            let source =
                tag == .modalitiesInStudy
                ? "the series tell that they are of other modalities"
                : "another level tells that its value is another one"
            return Message(
                "\(peerName): \(Quantity.count(count, "match")) left out",
                "the server does not match \(DataDictionary.keyword(of: tag)), and \(source)")
        }
    }

    /// One warning for each key that matches contradict; they are left out.
    func contradictions(of peerName: String) -> [Message] {
        contradicted.sorted { $0.key < $1.key }.map { tag, count in
            let name = DataDictionary.keyword(of: tag)
            guard !keysWithWildcards.contains(tag) else {
                return Message(
                    "\(peerName): \(Quantity.count(count, "match")) left out",
                    "the value of \(name) is not the one that was asked for: letters beyond ASCII were sent as wildcards"
                )
            }
            return Message(
                "\(peerName): \(Quantity.count(count, "match")) left out",
                "the value of \(name) is not the one that was asked for: the server ignores this key",
                hint: .ignoredKey(isOfModalities: tag == .modalitiesInStudy))
        }
    }

    /// The problems of matches without the attributes of keys, and of those whose values cannot be compared.
    ///
    /// - Parameter consequence: what becomes of them.
    func unconfirmedProblems(of peerName: String, consequence: String) -> [Message] {
        var problems: [Message] = []
        let count = unconfirmed.values.reduce(0, +)
        if count > 0 {
            let tags = Set(unconfirmed.keys.joined()).sorted()
            let (them, they) = tags.count == 1 ? ("this key", "it") : ("these keys", "them")
            problems.append(
                Message(
                    "\(peerName): \(Quantity.count(count, "match")) without "
                        + tags.map { DataDictionary.keyword(of: $0) }.joined(separator: ", "),
                    "the server does not return \(them), and may have ignored \(they); \(consequence)",
                    hint: .ignoredKey(isOfModalities: tags.contains(.modalitiesInStudy))))
        }
        for (tag, (count, characterSet)) in illegible.sorted(by: { $0.key < $1.key }) {
            let set = characterSet.isEmpty ? "no named character set" : DisplayText.line(characterSet)
            let why =
                keysWithWildcards.contains(tag)
                ? "the server has dropped or replaced them"
                : "the server returns it in \(set), which does not have those of the key"
            problems.append(
                Message(
                    "\(peerName): \(Quantity.count(count, "match")) with a \(DataDictionary.keyword(of: tag)) that lost its letters",
                    "\(why); \(consequence)",
                    hint: .lostLetters(isOfKey: true)))
        }
        return problems
    }
}
