import DICOM
import DICOMNode
import DICOMProtocol

// Orthanc's own interface, `orthanc+http://`: the same services at a server that gives its resources names of its own.

/// A query as `/tools/find` takes it: a level, and keys as they would stand in a C-FIND.
struct OrthancQuery {
    let level: QueryLevel
    private let keys: [(String, JSONValue)]
    private let ignoresCase: Bool
    /// The attributes that are asked for.
    let asked: Set<Tag>

    /// - Parameter identifier: of a C-FIND: its level and keys.
    /// - Throws: `.web` with `.notPossible` for a key that is not matched so.
    init(_ identifier: DataSet) throws(AssociationError) {
        level = identifier.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? .study
        let characterSet = SpecificCharacterSet(of: identifier)
        var keys: [(String, JSONValue)] = []
        var asked: Set<Tag> = []
        var ignoresCase = false
        for element in identifier.elements {
            if QueryIdentifier.generalElements.contains(element.tag) || element.tag.isGroupLength { continue }
            asked.insert(element.tag)
            let text: String
            switch element.value {
            case .bytes(let bytes): text = WebQuery.text(bytes, element, characterSet)
            case .items(let items):
                guard items.allSatisfy({ $0.elements.allSatisfy(\.isEmpty) }) else {
                    throw Self.notPossible(element.tag, "keys within sequences are not matched")
                }
                continue
            default: continue
            }
            guard !text.isEmpty, text != "*" else { continue }
            guard text != "\"\"" else { throw Self.notPossible(element.tag, "empty values are not matched") }
            if element.vr != .UI, text.contains("\\"), !element.vr.allowsBackslashInValue {
                throw Self.notPossible(element.tag, "only one value of it can be asked for at a time")
            }
            // As Orthanc compares names where it is asked by C-FIND.
            ignoresCase = ignoresCase || element.vr == .PN
            keys.append((Self.name(element.tag), .string(text)))
        }
        (self.keys, self.asked, self.ignoresCase) = (keys, asked, ignoresCase)
    }

    /// The instances of a study, a series, or one instance.
    init(_ resource: WebResource) {
        level = .image
        let uids: [(Tag, UID?)] = [
            (.studyInstanceUID, resource.study), (.seriesInstanceUID, resource.series),
            (.sopInstanceUID, resource.instance),
        ]
        keys = uids.compactMap { tag, uid in uid.map { (Self.name(tag), .string($0.string)) } }
        (asked, ignoresCase) = ([], false)
    }

    private static func notPossible(_ tag: Tag, _ why: String) -> AssociationError {
        .web(WebError(.notPossible, "\(DataDictionary.keyword(of: tag)): \(why) by Orthanc's own interface"))
    }

    /// The form that names any attribute.
    private static func name(_ tag: Tag) -> String { Hexadecimal.text(tag.rawValue, digits: 8) }

    func body(since offset: Int, limit: Int) -> [UInt8] {
        JSONValue.object([
            ("Level", .string(level.nameInOrthanc)), ("Query", .object(keys)), ("Expand", .bool(true)),
            ("CaseSensitive", .bool(!ignoresCase)), ("Since", .number(offset)), ("Limit", .number(limit)),
        ]).serialized()
    }
}

extension QueryLevel {
    fileprivate var nameInOrthanc: String {
        switch self {
        case .patient: "Patient"
        case .study: "Study"
        case .series: "Series"
        case .image: "Instance"
        }
    }

    fileprivate var pathInOrthanc: String {
        switch self {
        case .patient: "/patients"
        case .study: "/studies"
        case .series: "/series"
        case .image: "/instances"
        }
    }

    /// The members with the names of the resources above and below, and how the latter are counted in a C-FIND.
    fileprivate var relatives: (above: String, below: String, count: Tag?) {
        switch self {
        case .patient: ("", "Studies", .numberOfPatientRelatedStudies)
        case .study: ("ParentPatient", "Series", .numberOfStudyRelatedSeries)
        case .series: ("ParentStudy", "Instances", .numberOfSeriesRelatedInstances)
        case .image: ("ParentSeries", "", nil)
        }
    }
}

/// A resource as Orthanc describes it.
struct OrthancResource {
    /// Orthanc's own name of it.
    let id: String
    let parent: String?
    let children: [String]
    var values: [Tag: String] = [:]

    private static let maximumID = 64

    /// Nil for what is no description of one.
    init?(_ value: JSONValue, _ level: QueryLevel) {
        let (above, below, count) = level.relatives
        guard let id = value["ID"]?.string, Self.isID(id) else { return nil }
        self.id = id
        parent = value[above]?.string.flatMap { Self.isID($0) ? $0 : nil }
        let names = value[below]?.array ?? []
        children = names.compactMap { name in name.string.flatMap { Self.isID($0) ? $0 : nil } }
        for list in ["PatientMainDicomTags", "MainDicomTags", "RequestedTags"] {
            for member in value[list]?.members ?? [] {
                guard let tag = Self.tag(member.key), let text = member.value.string else { continue }
                values[tag] = text
            }
        }
        if let count { values[count] = String(names.count) }
        values[.sopClassUID] = value["Metadata"]?["SopClassUid"]?.string ?? values[.sopClassUID]
        values[.availableTransferSyntaxUID] =
            value["Metadata"]?["TransferSyntax"]?.string ?? values[.availableTransferSyntaxUID]
    }

    /// It becomes a part of paths.
    private static func isID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= maximumID
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == 0x2D }
    }

    private static func tag(_ name: String) -> Tag? {
        DataDictionary.tag(forKeyword: name)
            ?? UInt32(String(name.filter { $0 != "," && $0 != "-" }), radix: 16).map { Tag($0) }
    }

    /// As a C-FIND would return it, in UTF-8. What is no text is left out.
    var dataSet: DataSet {
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
        for (tag, text) in values.sorted(by: { $0.key < $1.key }) {
            let vr = DataDictionary.vr(of: tag)
            if vr.isText { dataSet.set(tag, vr, text) }
        }
        return dataSet
    }
}

extension WebSession {
    /// Resources in one answer.
    fileprivate static let pageSize = 500
    private static let orthanc = "application/json"
    /// No study has so many: a server that lists more is not believed to come to an end.
    private static let maximumInstances = 1_000_000
    /// Studies and series that are remembered for what lies below them.
    private static let maximumParents = 5000
    private static let ofSeries: Set<Tag> = [.modalitiesInStudy, .numberOfStudyRelatedInstances]
    private static let ofMetadata: Set<Tag> = [.sopClassUID, .availableTransferSyntaxUID]

    /// Asks Orthanc what it is.
    ///
    /// - Throws: `AssociationError` if there is no answer, or none of Orthanc's.
    func echoOfOrthanc() throws(AssociationError) -> HTTPAnswer {
        let request = HTTPRequest(.get, "/system", accept: Self.orthanc)
        let answer = try answer(to: request)
        guard let members = JSONObject.values(answer.body), members["Version"] != nil, members["DicomAet"] != nil else {
            throw .web(WebError(.unexpected, "the answer is not that of Orthanc", request: request.name))
        }
        return answer
    }

    /// One page of the matches of a query.
    func page(
        _ query: OrthancQuery, since offset: Int, onMatch: (DataSet) -> ExchangeControl
    ) throws(AssociationError) {
        var found = try resources(query, since: offset)
        try addParents(to: &found, query.level)
        if query.level == .study, !query.asked.isDisjoint(with: Self.ofSeries) { try addSeries(to: &found) }
        if query.level == .image, !query.asked.isDisjoint(with: Self.ofMetadata) { try addMetadata(to: &found) }
        for resource in found where onMatch(resource.dataSet) == .cancel { return }
    }

    private func resources(_ query: OrthancQuery, since offset: Int) throws(AssociationError) -> [OrthancResource] {
        try resources("/tools/find", query.body(since: offset, limit: Self.pageSize), query.level)
    }

    private func resources(
        _ path: String, _ body: [UInt8], _ level: QueryLevel
    ) throws(AssociationError) -> [OrthancResource] {
        var request = HTTPRequest(.post, path, accept: Self.orthanc)
        request.headers.append(("Content-Type", Self.orthanc))
        request.body = BytesBody(body)
        return try resources(request, level)
    }

    private func resources(_ request: HTTPRequest, _ level: QueryLevel) throws(AssociationError) -> [OrthancResource] {
        var resources: [OrthancResource] = []
        let reader = JSONListReader(request, insteadOf: "not that of Orthanc") {
            (element, failure) throws(AssociationError) in
            let value: JSONValue
            do throws(JSONError) {
                value = try JSONValue.parse(element)
            } catch {
                throw failure("the answer cannot be read: \(error.detail)")
            }
            guard let resource = OrthancResource(value, level) else {
                throw failure("the answer describes no resource of Orthanc's")
            }
            guard resources.count < Self.pageSize else {
                throw failure("the answer has more than the \(Self.pageSize) resources that were asked for")
            }
            resources.append(resource)
        }
        _ = try answer(to: request, reader: reader)
        try reader.finish()
        return resources
    }

    /// Resources by their names: all in one request, or one by one at servers before 1.9.4. Those that are gone meanwhile are left out.
    private func resources(
        named ids: [String], _ level: QueryLevel, withMetadata: Bool = false
    ) throws(AssociationError) -> [OrthancResource] {
        var found: [OrthancResource] = []
        for start in stride(from: 0, to: ids.count, by: Self.pageSize) {
            let some = ids[start..<min(start + Self.pageSize, ids.count)]
            let body = JSONValue.object([
                ("Resources", .array(some.map { .string($0) })), ("Level", .string(level.nameInOrthanc)),
                ("Metadata", .bool(withMetadata)),
            ])
            do throws(AssociationError) {
                found += try resources("/tools/bulk-content", body.serialized(), level)
            } catch .web(let error) {
                guard [.status(404), .status(405)].contains(error.code) else { throw .web(error) }
                for id in some { found += try resource(id, level) }
            }
        }
        return found
    }

    private func resource(_ id: String, _ level: QueryLevel) throws(AssociationError) -> [OrthancResource] {
        do throws(AssociationError) {
            return try resources(HTTPRequest(.get, "\(level.pathInOrthanc)/\(id)", accept: Self.orthanc), level)
        } catch .web(let error) {
            guard error.code == .status(404) else { throw .web(error) }
            return []
        }
    }

    /// What lies above: Orthanc describes each resource by the attributes of its own level.
    private func addParents(to found: inout [OrthancResource], _ level: QueryLevel) throws(AssociationError) {
        guard level == .series || level == .image else { return }
        let above: QueryLevel = level == .image ? .series : .study
        try learn(found.compactMap(\.parent), above)
        for index in found.indices {
            guard let parent = found[index].parent, let known = orthancParents[parent] else { continue }
            found[index].values.merge(known.values) { own, _ in own }
        }
    }

    private func learn(_ ids: [String], _ level: QueryLevel) throws(AssociationError) {
        if orthancParents.count > Self.maximumParents { orthancParents = [:] }
        let unknown = Set(ids).filter { orthancParents[$0] == nil }.sorted()
        guard !unknown.isEmpty else { return }
        var parents = try resources(named: unknown, level)
        try addParents(to: &parents, level)
        for parent in parents { orthancParents[parent.id] = parent }
    }

    /// Of studies: the modalities and the number of instances, which their series tell.
    private func addSeries(to studies: inout [OrthancResource]) throws(AssociationError) {
        var series: [String: OrthancResource] = [:]
        for one in try resources(named: studies.flatMap(\.children), .series) { series[one.id] = one }
        for index in studies.indices {
            let own = studies[index].children.compactMap { series[$0] }
            let modalities = Set(own.compactMap { $0.values[.modality] }).subtracting([""])
            studies[index].values[.modalitiesInStudy] = modalities.sorted().joined(separator: "\\")
            studies[index].values[.numberOfStudyRelatedInstances] = String(own.reduce(0) { $0 + $1.children.count })
        }
    }

    /// Of instances: SOP class and transfer syntax.
    private func addMetadata(to instances: inout [OrthancResource]) throws(AssociationError) {
        var known: [String: OrthancResource] = [:]
        for one in try resources(named: instances.map(\.id), .image, withMetadata: true) { known[one.id] = one }
        for index in instances.indices {
            guard let told = known[instances[index].id] else { continue }
            instances[index].values.merge(told.values) { own, _ in own }
        }
    }

    /// Orthanc's names of the instances of a resource.
    ///
    /// - Throws: `.web` with the status 404 if there are none; the error by which no answer came.
    func instancesInOrthanc(of resource: WebResource) throws(AssociationError) -> [String] {
        let query = OrthancQuery(resource)
        var ids: [String] = []
        var seen: Set<String> = []
        while ids.count < Self.maximumInstances {
            let page = try resources(query, since: ids.count).map(\.id).filter { seen.insert($0).inserted }
            // A server that repeats a page has no more.
            guard page.isEmpty else {
                ids += page
                continue
            }
            guard !ids.isEmpty else {
                throw .web(WebError(.status(404), "the server has no instances of it", request: "POST /tools/find"))
            }
            return ids
        }
        throw .web(WebError(.unreliable, "the list of the server has no end", request: "POST /tools/find"))
    }
}
