package import DICOM
package import DICOMProtocol
package import System

/// The options that a query or a retrieval is made of.
package struct QueryOptions: Sendable, Equatable {
    package var informationModel: InformationModel = .studyRoot
    package var level: QueryLevel = .study
    /// The options that chose them, for a query from a file, which may choose others.
    package var scope = QueryScope()
    package var keys: [QueryKey] = []
    /// Keywords, tags or names of sets that are asked for besides.
    package var returnKeys: [ReturnKey] = []
    /// The defined term that was chosen for the query; nil: that of the file or of the locale.
    package var characterSet: String?
    /// True if every query names its character set, and not only those with a value that needs it: gdcmscu's command lines do.
    package var namesCharacterSet = true
    /// The file that queries are read from; `-`: the standard input.
    package var queryPath: FilePath?
    /// The file that a copy of the query is written to before it is sent.
    package var storeQueryPath: FilePath?
    /// True if a key that the standard does not define at the level is an error.
    package var isStrict = false
    /// True if more is asked for than the keys: the unique key of the level, and the usual attributes where no attribute to return
    /// is named. gdcmscu's command lines with keys send these alone.
    package var asksForMore = false
    /// The order of the matches, or of the entities that are retrieved; empty for that of the server.
    package var sortKeys: [SortKey] = []
    /// The paths of attributes that are asked for besides, such as those of the order.
    package var furtherAttributes: [[Tag]] = []
    /// True if the server's matches are believed, whatever they say of the keys.
    package var trustsServer = false
    /// When the query is asked in parts; nil: retrievals where the server cuts the list short.
    package var split: SplitOption?
    /// True if it is a failure that nothing matches.
    package var failsIfNone = false
    package var priority: Priority = .medium

    package init() {}

    /// Puts attributes that were named by their keywords into the sequences where the level has them; those of keys are placed
    /// when the query is assembled.
    mutating func placeAttributes() {
        let place = { [informationModel, level] (key: QueryKey) in key.placed(in: informationModel, at: level) }
        returnKeys = returnKeys.map { if case .attribute(let key) = $0 { .attribute(place(key)) } else { $0 } }
        sortKeys = sortKeys.map { SortKey(attribute: place($0.attribute), isDescending: $0.isDescending) }
    }

    package var isWorklist: Bool { informationModel == .modalityWorklist }

    /// True if the user chose keys.
    var hasKeys: Bool { !keys.isEmpty || !returnKeys.isEmpty || queryPath != nil }

    /// The reasons why the keys may match nothing, for a hint; without values.
    ///
    /// - Parameters:
    ///   - ungranted: the options that the server did not grant.
    ///   - isRetrieval: whether each key is asked for at its own level, as a retrieval does.
    func likelyMistakes(ungranted: QueryNegotiation = [], isRetrieval: Bool = false) -> [String] {
        let keys = keys.map { $0.placed(in: informationModel, at: level) }
        func names(_ isMeant: (QueryKey, ValueRepresentation) -> Bool) -> [String] {
            keys.filter { isMeant($0, DataDictionary.vr(of: $0.tag)) }.map { DataDictionary.keyword(of: $0.tag) }
        }
        let empty = names { key, _ in key.isForEmptyValue }
        if isWorklist || ungranted.contains(.emptyValues), !empty.isEmpty {
            return [
                "the server does not match empty values: ask without \(empty.joined(separator: ", ")), and look for those "
                    + "without a value"
            ]
        }
        let lists = names { key, vr in
            vr.isText && vr != .PN && !vr.allowsBackslashInValue && key.value.contains(",")
        }
        let words = names { key, vr in
            !key.value.isEmpty && !key.isForEmptyValue && vr.usesSpecificCharacterSet
                && !key.value.contains { $0 == "*" || $0 == "?" }
        }.filter { !lists.contains($0) }
        let lower = names { key, vr in
            vr.isText && vr != .PN && vr != .UI && !QueryMoment.isMoment(vr) && key.value.contains { $0.isLowercase }
        }
        let lowerNames = names { key, vr in vr == .PN && key.value.contains { $0.isLowercase } }
        let misplaced = keys.filter { key in
            guard key.path.isEmpty else { return false }
            return switch informationModel.placement(of: key.tag, at: level) {
            case .above: !isRetrieval && !key.value.isEmpty
            case .below, .inside: !key.value.isEmpty
            case .ofLevel, .uniqueKeyAbove, .general, .unlisted: false
            }
        }.map { DataDictionary.keyword(of: $0.tag) }
        // A key that the level does not have is reason enough.
        if !misplaced.isEmpty {
            let place = isWorklist ? "at the top level of a worklist" : "of the \(level.rawValue) level"
            let (are, keys) = misplaced.count == 1 ? ("is", "a key") : ("are", "keys")
            return ["\(misplaced.joined(separator: ", ")) \(are) not \(keys) \(place)"]
        }
        var mistakes: [String] = []
        // Names in other scripts are in the second and third component group (PS3.5 6.2.1.1).
        let ideographic = keys.first { key in
            DataDictionary.vr(of: key.tag) == .PN && !key.value.contains("=")
                && key.value.unicodeScalars.contains { $0.value >= 0x2E80 }
        }
        if let ideographic {
            mistakes.append(
                "names in these letters often stand after the first =: "
                    + "'\(DataDictionary.keyword(of: ideographic.tag))=*=\(ideographic.value)'")
        }
        if let first = lists.first {
            mistakes.append(
                "a comma is a part of the value of \(lists.joined(separator: ", ")); several values have a backslash between "
                    + "them: '\(first)=A\\B'")
        }
        if let first = words.first {
            let names = words.joined(separator: ", ")
            mistakes.append("the value of \(names) must be the whole one, as it has no wildcard: \(first)=ABC*")
        }
        if namesCharacterSet, characterSet != "ISO_IR 6" {
            mistakes.append(
                "some servers match the query's character set (0008,0005) as a key: \(OptionName.charset) \"ISO_IR 6\" leaves it out"
            )
        }
        if !lower.isEmpty { mistakes.append("case counts in \(lower.joined(separator: ", "))") }
        if !lowerNames.isEmpty {
            mistakes.append("with some servers case counts in names, too (\(lowerNames.joined(separator: ", ")))")
        }
        let missing = unnamedUniqueKeys
        if !missing.isEmpty {
            mistakes.append("some servers need \(missing.joined(separator: ", ")) at the \(level.rawValue) level")
        }
        return mistakes
    }

    /// The names of the unique keys of the levels above that no key has a value for: servers without relational queries need them
    /// (PS3.4 C.4.1.2.2).
    var unnamedUniqueKeys: [String] {
        guard !isWorklist, queryPath == nil else { return [] }
        return informationModel.uniqueKeys(above: level).filter { tag in
            !keys.contains { $0.tags == [tag] && !$0.value.isEmpty }
        }.map { DataDictionary.keyword(of: $0) }
    }

    /// The remedy for a query that was refused, where that is not the one of the status alone.
    ///
    /// - Parameter isDivided: True if lists that are cut short are asked for in parts.
    func hint(for status: DIMSEStatus, refusing query: Query, isDivided: Bool = false) -> Hint? {
        if isDivided, status == .outOfResources { return .tooManyMatchesOfPart }
        let missing = unnamedUniqueKeys
        return query.hint(for: status)
            ?? (status.isAboutKeys && !missing.isEmpty ? .uniqueKeysAbove(names: missing) : nil)
    }

    /// The values that messages may not show.
    var hiddenValues: [String] { keys.filter { !$0.mayShowValue }.map(\.value) }
}

/// A query or the identifier of a retrieval, ready to be sent.
struct Query {
    let identifier: DataSet
    /// The attributes that matches are shown with, in this order.
    let columns: [[Tag]]
    let model: InformationModel
    let level: QueryLevel
    /// The keys that the standard does not define at the level, and the values that it does not allow, for a warning.
    private(set) var complaints: [QueryPlacementCheck.Complaint]

    /// The same for a retrieval, which asks for each key at its own level.
    var ofRetrieval: Query {
        var query = self
        query.complaints.removeAll(where: \.isOfHigherLevel)
        return query
    }

    /// The remedy if the query was refused and has keys of lower levels; otherwise nil.
    func hint(for status: DIMSEStatus) -> Hint? {
        let misplaced = complaints.compactMap(\.ofLowerLevel)
        return status.isAboutKeys && !misplaced.isEmpty ? .keysOfOtherLevel(names: misplaced, level: level) : nil
    }
}

extension DIMSEStatus {
    /// True if a server may answer so because it does not take the keys of a query.
    fileprivate var isAboutKeys: Bool {
        self == .identifierDoesNotMatchSOPClass || (DIMSEStatus.unableToProcess...0xCFFF).contains(self)
    }
}

/// Assembles a query from the options of the command line and the content of a query file; the command line takes precedence.
///
/// It has no effects, and reads neither clock nor environment.
struct QueryAssembly {
    let options: QueryOptions
    let negotiation: QueryNegotiation
    /// The date that relative dates count from.
    let today: CalendarDate
    /// The defined term for a query that names no character set.
    let localeCharacterSet: String
    /// True if a list of values is asked for value by value, as over HTTP.
    var asksEachValue = false

    /// - Throws: ``UsageError`` if a key cannot be encoded, the level is not one of the model, or, with strict options, a key is
    ///   misplaced.
    func query(from content: QueryFile.Content) throws(UsageError) -> Query {
        var base = DataSet()
        var keys = options.keys
        var sopClass: UID?
        switch content {
        case .dataSet(let dataSet, let writtenFor):
            base = dataSet
            sopClass = writtenFor
        case .keys(let lines):
            keys += lines.filter { line in !options.keys.contains { $0.tags == line.tags } }
        }
        var (model, level) = (InformationModel.modalityWorklist, options.level)
        if !options.isWorklist {
            let ofFile = base.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? keys.queryLevel
            (model, level) = try options.scope.resolved(
                key: options.keys.queryLevel, fileLevel: ofFile, fileSOPClass: sopClass)
        }
        keys = keys.map { $0.placed(in: model, at: level) }
        let misplaced = try misplacedKeys(model, level, base, keys)
        let own = base.strings(.specificCharacterSet).joined(separator: "\\")
        let builder = QueryBuilder(
            model: model, level: level,
            characterSet: options.characterSet ?? (own.isEmpty ? localeCharacterSet : own), today: today,
            isStrict: options.isStrict, namesCharacterSet: options.namesCharacterSet || !own.isEmpty,
            combinesDateAndTime: negotiation.contains(.dateTimeMatching), asksEachValue: asksEachValue)
        var complaints = misplaced
        var usual: [[Tag]] = []
        var unique: [[Tag]] = []
        if options.asksForMore, case .keys = content {
            if options.returnKeys.isEmpty, keys.allSatisfy({ !$0.value.isEmpty }) {
                usual = UsualAttributes.of(model, level)
            }
            if model != .modalityWorklist { unique = [[InformationModel.uniqueKey(of: level)]] }
        }
        let identifier = try builder.dataSet(
            keys: keys, returning: options.returnKeys,
            asking: usual + unique + options.furtherAttributes, base: base,
            onDoubt: { key, why in complaints.append(QueryPlacementCheck.Complaint(name: key.name, why: why)) })
        return Query(
            identifier: identifier, columns: columns(of: identifier, keys, usual: usual, unique: unique, model, level),
            model: model, level: level, complaints: complaints)
    }

    /// The usual attributes, those that were typed in their order, then all others of the identifier; not the unique key if it
    /// was not named.
    private func columns(
        of identifier: DataSet, _ keys: [QueryKey], usual: [[Tag]], unique: [[Tag]], _ model: InformationModel,
        _ level: QueryLevel
    ) -> [[Tag]] {
        let asked = Self.paths(identifier, []).filter {
            ![[.specificCharacterSet], [.queryRetrieveLevel]].contains($0)
        }
        let returned = options.returnKeys.compactMap { key in
            if case .attribute(let key) = key { key.tags } else { nil }
        }
        let isForSet = options.returnKeys.contains { if case .set = $0 { true } else { false } }
        let first = isForSet ? UsualAttributes.of(model, level) : usual
        let typed = keys.map(\.tags) + returned
        let named = isForSet ? typed + first : first + typed
        let others = asked.filter { isForSet || !unique.contains($0) }
        return (named.filter { asked.contains($0) } + others).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private func misplacedKeys(
        _ model: InformationModel, _ level: QueryLevel, _ base: DataSet, _ keys: [QueryKey]
    ) throws(UsageError) -> [QueryPlacementCheck.Complaint] {
        let returned = options.returnKeys.compactMap { key in
            if case .attribute(let key) = key { key.tags } else { nil }
        }
        let check = QueryPlacementCheck(model: model, level: level, negotiation: negotiation)
        var complaints = check.complaints(
            about: Self.paths(base, []) + keys.map(\.tags) + returned + options.furtherAttributes)
        let ofStudy: [Tag] = [.studyDate, .studyTime]
        for key in keys where model == .modalityWorklist && ofStudy.contains(key.tag) && !key.value.isEmpty {
            let why = "of a study that has begun, which few worklists hold; \(OptionName.date) is the date of the step"
            complaints.append(QueryPlacementCheck.Complaint(name: key.name, why: why))
        }
        if options.isStrict, let first = complaints.first {
            throw UsageError(
                .misplacedKey, option: .strict, problem: "\(first.name): \(first.why)",
                accepted: "the keys that \(OptionName.queryhelp) lists, or no \(OptionName.strict)")
        }
        return complaints
    }

    /// The leaves of a data set.
    private static func paths(_ dataSet: DataSet, _ sequences: [Tag]) -> [[Tag]] {
        dataSet.elements.filter { !$0.tag.isGroupLength && $0.tag.group > 0x0006 }.flatMap { element -> [[Tag]] in
            let path = sequences + [element.tag]
            guard case .items(let items) = element.value, !items.isEmpty else { return [path] }
            return items.flatMap { paths($0, path) }
        }
    }
}

/// Finds keys that the standard does not define at the level of a query, PS3.4 C.6 and K.6: a server ignores keys that it does not
/// know there, and then returns more matches than were meant.
struct QueryPlacementCheck {
    let model: InformationModel
    let level: QueryLevel
    let negotiation: QueryNegotiation

    /// A key out of place, without its value.
    struct Complaint: Equatable {
        let name: String
        let why: String
        /// The keyword, if the attribute is one of a lower level.
        var ofLowerLevel: String?
        /// True if the attribute is one of a higher level, which a retrieval asks for there.
        var isOfHigherLevel = false
    }

    /// - Parameter paths: of the keys that a person wrote, without those of sets.
    func complaints(about paths: [[Tag]]) -> [Complaint] {
        var seen: Set<[Tag]> = []
        return paths.compactMap { path in
            guard seen.insert(path).inserted, let tag = path.last, let why = why(tag, Array(path.dropLast())) else {
                return nil
            }
            var complaint = Complaint(name: path.map { DataDictionary.label(of: $0) }.joined(separator: "."), why: why)
            if path.count == 1 {
                switch model.placement(of: tag, at: level) {
                case .below: complaint.ofLowerLevel = DataDictionary.keyword(of: tag)
                case .above: complaint.isOfHigherLevel = true
                default: break
                }
            }
            return complaint
        }
    }

    private var place: String { model == .modalityWorklist ? "of a worklist" : "at the \(level.rawValue) level" }

    private func why(_ tag: Tag, _ sequences: [Tag]) -> String? {
        guard sequences.isEmpty else { return why(tag, in: sequences) }
        switch model.placement(of: tag, at: level) {
        case .ofLevel, .uniqueKeyAbove, .general: return nil
        case .above(let other):
            guard !negotiation.contains(.relational) else { return nil }
            return "a key of the \(other.rawValue) level, which only a relational query matches at the "
                + "\(level.rawValue) level (\(OptionName.relational))"
        case .below(let other):
            let instead =
                tag == .modality && level == .study ? "\(DataDictionary.keyword(of: .modalitiesInStudy)), or " : ""
            return
                "a key of the \(other.rawValue) level, which servers do not match at the \(level.rawValue) level; use \(instead)"
                + "\(other.option)"
        case .inside(let path):
            let name = (path + [tag]).map { DataDictionary.keyword(of: $0) }.joined(separator: ".")
            return "belongs inside a sequence \(place): \(name)"
        case .unlisted: return "not a key that the standard lists \(place)"
        }
    }

    private func why(_ tag: Tag, in sequences: [Tag]) -> String? {
        let keys = model.keys(at: level)
        if keys.contains(where: { $0.tag == tag && $0.path == sequences }) { return nil }
        if keys.contains(where: { $0.tag == tag && $0.path.isEmpty }) {
            return "belongs outside of sequences \(place): \(DataDictionary.keyword(of: tag))"
        }
        return "not a key that the standard lists \(place)"
    }
}
