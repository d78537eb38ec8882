import DICOM
import DICOMProtocol

/// A search of QIDO-RS (PS3.18 8.3.4 and 10.6), as its URL says it: the identifier of the C-FIND that means the same.
struct SearchRequest {
    let level: QueryLevel
    let identifier: DataSet
    /// True to return every attribute of the level.
    let includesAll: Bool
    /// The most matches that are wanted; nil without a limit.
    let limit: Int?
    /// The matches to be left out in front.
    let offset: Int
    /// True if names are to be matched by their sound, too.
    let wantsFuzzy: Bool

    fileprivate struct Draft {
        var identifier: DataSet
        var matched: Set<String> = []
        var includesAll = false
        var limit: Int?
        var offset: Int?
        var wantsFuzzy: Bool?
    }

    /// - Parameters:
    ///   - resource: the study and the series of the path.
    ///   - parameters: of the query, decoded.
    ///   - ignoresKeys: True to treat values of keys as if they were not there.
    /// - Throws: 400 for what is not understood.
    init(
        _ level: QueryLevel, study: UID?, series: UID?, _ parameters: [(name: String, value: String)],
        ignoresKeys: Bool = false
    ) throws(Refusal) {
        self.level = level
        var draft = Draft(identifier: Self.usualAttributes(level, study: study, series: series))
        if study != nil { draft.matched.insert(Self.name([.studyInstanceUID])) }
        if series != nil { draft.matched.insert(Self.name([.seriesInstanceUID])) }
        for (name, value) in parameters { try draft.apply(name, value, ignoresKeys: ignoresKeys) }
        identifier = draft.identifier
        includesAll = draft.includesAll
        limit = draft.limit
        offset = draft.offset ?? 0
        wantsFuzzy = draft.wantsFuzzy ?? false
    }

    // MARK: What is returned without being asked for

    /// Tables 10.6.3-3 to 10.6.3-5: the attributes of the level, and of the levels above that the path does not name.
    private static func usualAttributes(_ level: QueryLevel, study: UID?, series: UID?) -> DataSet {
        var identifier = DataSet()
        identifier.set(.specificCharacterSet, .CS, "ISO_IR 192")
        identifier.set(.queryRetrieveLevel, .CS, level.rawValue)
        var tags: [Tag] = []
        if level == .image { tags += instanceAttributes }
        if level == .series || (level == .image && series == nil) { tags += seriesAttributes }
        if level == .study || study == nil { tags += studyAttributes }
        for tag in tags { identifier.setEmpty(tag, DataDictionary.vr(of: tag)) }
        identifier.setEmpty(.studyInstanceUID, .UI)
        if level != .study { identifier.setEmpty(.seriesInstanceUID, .UI) }
        if let study { identifier.set(.studyInstanceUID, study) }
        if let series { identifier.set(.seriesInstanceUID, series) }
        return identifier
    }

    private static let studyAttributes: [Tag] = [
        .studyDate, .studyTime, .accessionNumber, .instanceAvailability, .modalitiesInStudy, .referringPhysicianName,
        .patientName, .patientID, .patientBirthDate, .patientSex, .studyInstanceUID, .studyID,
        .numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances,
    ]
    private static let seriesAttributes: [Tag] = [
        .modality, .seriesDescription, .seriesInstanceUID, .seriesNumber, .numberOfSeriesRelatedInstances,
        Tag(0x0040_0244), Tag(0x0040_0245),  // Performed Procedure Step Start Date and Time
        Tag(0x0040_0275),  // Request Attributes Sequence
    ]
    private static let instanceAttributes: [Tag] = [
        .sopClassUID, .sopInstanceUID, .instanceAvailability, .instanceNumber, .rows, .columns, .bitsAllocated,
        .numberOfFrames,
    ]

    // MARK: Parameters

    /// The attributes that a name means, outermost first: keywords or eight hexadecimal digits, with dots between.
    fileprivate static func path(_ name: String) throws(Refusal) -> [Tag] {
        var path: [Tag] = []
        for part in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard let tag = tag(part), !tag.isPrivate, DataDictionary.entry(for: tag) != nil else {
                throw Refusal(400, "no attribute is called \(part.prefix(longestShown))")
            }
            path.append(tag)
        }
        guard path.count <= maximumDepth else {
            throw Refusal(400, "an attribute in more than \(maximumDepth) sequences")
        }
        for tag in path.dropLast() where DataDictionary.vr(of: tag) != .SQ {
            throw Refusal(400, "\(DataDictionary.keyword(of: tag)) is no sequence")
        }
        return path
    }

    private static let maximumDepth = 8
    fileprivate static let longestShown = 64

    private static func tag(_ text: Substring) -> Tag? {
        if text.utf8.count == 8, text.allSatisfy(\.isHexDigit), let number = UInt32(text, radix: 16) {
            return Tag(number)
        }
        return DataDictionary.tag(forKeyword: String(text))
    }

    fileprivate static func name(_ path: [Tag]) -> String {
        path.map { DataDictionary.keyword(of: $0) }.joined(separator: ".")
    }

    /// The element of a key with a value.
    fileprivate static func element(_ path: [Tag], _ value: String) throws(Refusal) -> DataElement {
        guard let tag = path.last else { throw Refusal(400, "a key without a name") }
        let vr = DataDictionary.vr(of: tag)
        var element = DataSet()
        switch vr {
        case .UI:
            let uids = value.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "\\" }
            guard uids.allSatisfy({ UID(String($0)).isValid }) else {
                throw Refusal(400, "\(name(path)) is not a UID, nor a list of UIDs with commas between")
            }
            element.set(tag, .UI, uids.joined(separator: "\\"))
        case .US, .SS, .UL, .SL:
            guard let number = Int64(value), let bytes = binary(number, vr) else {
                throw Refusal(400, "\(name(path)) is no number that it can have")
            }
            element.append(DataElement(tag: tag, vr: vr, value: .bytes(bytes[...])))
        case _ where vr.isText:
            guard !value.contains("\\") || vr.allowsBackslashInValue else {
                throw Refusal(400, "\(name(path)) has several values; one can be asked for at a time")
            }
            element.set(tag, vr, value)
        default: throw Refusal(400, "\(name(path)) is not matched: it is \(vr == .SQ ? "a sequence" : "no text")")
        }
        guard let found = element[tag] else { throw Refusal(400, "\(name(path)) is not matched") }
        return found
    }

    private static func binary(_ number: Int64, _ vr: ValueRepresentation) -> [UInt8]? {
        func bytes<Number: FixedWidthInteger>(_ type: Number.Type) -> [UInt8]? {
            Number(exactly: number).map { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        }
        return switch vr {
        case .US: bytes(UInt16.self)
        case .SS: bytes(Int16.self)
        case .UL: bytes(UInt32.self)
        default: bytes(Int32.self)
        }
    }
}

extension SearchRequest.Draft {
    mutating func apply(_ name: String, _ value: String, ignoresKeys: Bool) throws(Refusal) {
        switch name {
        case "limit": limit = try number(name, value, limit)
        case "offset": offset = try number(name, value, offset)
        case "fuzzymatching":
            guard wantsFuzzy == nil, ["true", "false"].contains(value) else {
                throw Refusal(400, "fuzzymatching is true or false, and there once")
            }
            wantsFuzzy = value == "true"
        case "includefield":
            for field in value.split(separator: ",") { try include(String(field)) }
        // The same as the header field (PS3.18 8.3.3).
        case "accept", "charset": break
        default:
            // Servers that ignore keys do so with those that they do not know, too.
            if ignoresKeys { return try ignore(name) }
            let path = try SearchRequest.path(name)
            guard matched.insert(SearchRequest.name(path)).inserted else {
                throw Refusal(400, "\(SearchRequest.name(path)) is there more than once")
            }
            guard !value.isEmpty else { return insert(path[...], nil, into: &identifier) }
            insert(path[...], try SearchRequest.element(path, value), into: &identifier)
        }
    }

    private mutating func ignore(_ name: String) throws(Refusal) {
        guard let path = try? SearchRequest.path(name) else { return }
        insert(path[...], nil, into: &identifier)
    }

    private func number(_ name: String, _ value: String, _ known: Int?) throws(Refusal) -> Int {
        guard known == nil, DecimalDigits.areAll(value), let number = Int(value) else {
            throw Refusal(400, "\(name) is a whole number, and there once")
        }
        return number
    }

    private mutating func include(_ field: String) throws(Refusal) {
        guard field != "all" else { return includesAll = true }
        insert(try SearchRequest.path(field)[...], nil, into: &identifier)
    }

    /// Puts a key in its place; without an element it is only to be returned.
    private func insert(_ path: ArraySlice<Tag>, _ element: DataElement?, into dataSet: inout DataSet) {
        guard let tag = path.first else { return }
        guard path.count > 1 else {
            if let element {
                dataSet.append(element)
            } else if dataSet[tag] == nil {
                dataSet.setEmpty(tag, DataDictionary.vr(of: tag))
            }
            return
        }
        let isThere = dataSet[tag] != nil
        var item = dataSet.items(tag)?.first ?? DataSet()
        // The whole sequence is returned already.
        if element == nil, isThere, item.isEmpty { return }
        insert(path.dropFirst(), element, into: &item)
        dataSet.set(tag, items: [item])
    }
}
