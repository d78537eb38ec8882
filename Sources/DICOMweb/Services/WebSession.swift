package import DICOM
package import DICOMNode
package import DICOMProtocol
package import System

/// The services of DICOMweb at one base URL, used by one thread at a time.
package final class WebSession: QuerySession {
    /// What a server tells beside its answers, once for each kind.
    package enum Note: Sendable, Hashable {
        /// The header field Warning, without its number and agent.
        case warning(String)
        /// The server takes values of queries as they stand.
        case doesNotDecode
        /// Nothing was found by a query in which wildcards took the place of letters.
        case nothingByWildcards
        /// The server returns its whole list, from whatever match on it is asked for.
        case ignoresOffset
        case security(String)
    }

    let client: HTTPClient
    private let cancellation: Cancellation
    let bases: WebBases
    private let isFuzzy: Bool
    private let report: (Note) -> Void
    /// Asked after a failed attempt that may pass, with the number of failures in a row; waits, and returns true for another attempt.
    private let retry: (AssociationError, Int) throws(AssociationError) -> Bool
    private let onEnd: (HTTPClient) -> Void
    /// Studies and series of Orthanc's by its own names.
    var orthancParents: [String: OrthancResource] = [:]
    /// Whether the server decodes values of queries; nil until that was asked.
    private var encoding: WebQuery.Encoding?
    /// The matches of a page, where the server does not return all at once; nil as long as it does.
    private var pageSize: Int?
    /// The numbers of instances of series, as the server has counted them in its lists of series.
    private var instanceCounts: [WebResource: Int] = [:]
    /// Where the server has its worklist, once that is known.
    private var worklistPath: String?
    /// The requests that were sent.
    package private(set) var requests = 0

    /// The media type of answers: lists of types break some servers.
    static let json = "application/dicom+json"
    private static let pageSizes = [1000, 100]
    /// The most series whose instances are remembered to be counted.
    private static let maximumCounts = 10_000
    /// What shows that there is DICOMweb at the URL.
    static let smallQuery = "/studies?limit=1"
    /// The same with a value that is encoded, although it need not be.
    static let encodedQuery = "/studies?limit=%31"
    /// A server that lists so many is not believed to come to an end.
    private static let maximumPages = 1_000_000

    /// - Parameters:
    ///   - bases: of services that are elsewhere than at the URL of the client.
    ///   - report: told what the server tells beside its answers.
    ///   - retry: asked after a failed attempt of a search that may pass, with the number of failures in a row; waits, and returns
    ///     true for another attempt.
    ///   - onEnd: gets the client back, whose connection may be used again.
    package init(
        _ client: HTTPClient, bases: WebBases = WebBases(), isFuzzy: Bool = false, cancellation: Cancellation,
        report: @escaping (Note) -> Void = { _ in },
        retry: @escaping (AssociationError, Int) throws(AssociationError) -> Bool = { _, _ in false },
        onEnd: @escaping (HTTPClient) -> Void = { _ in }
    ) {
        self.client = client
        self.bases = bases
        self.isFuzzy = isFuzzy
        self.cancellation = cancellation
        self.report = report
        self.retry = retry
        self.onEnd = onEnd
    }

    deinit { onEnd(client) }

    /// Nothing is to be ended: a connection that is kept closes by itself.
    ///
    /// - Throws: nothing.
    package func release() throws(AssociationError) {}

    package func abort() {}

    /// What is spoken.
    var interface: WebAddress.Interface { client.address.interface }

    /// Nothing is negotiated over HTTP; how letters are sent is known once a query has any.
    package func grantedNegotiation(for sopClass: UID) -> QueryNegotiation {
        encoding == WebQuery.Encoding.none ? .lettersAsWildcards : []
    }

    // MARK: Requests

    /// Sends a request; an answer that is no success is an error.
    ///
    /// - Throws: the error of ``HTTPClient/perform(_:cancellation:reader:)``, or `.web` with the status.
    func answer(
        to request: HTTPRequest, reader: (any ResponseReader)? = nil
    ) throws(AssociationError) -> HTTPAnswer {
        let answer = try perform(request, reader: reader)
        guard answer.isSuccess else { throw .web(failure(answer, request)) }
        return answer
    }

    /// Sends a request, whatever the status of the answer.
    ///
    /// - Throws: the error of ``HTTPClient/perform(_:cancellation:reader:)``.
    func perform(
        _ request: HTTPRequest, reader: (any ResponseReader)? = nil
    ) throws(AssociationError) -> HTTPAnswer {
        requests += 1
        let answer = try client.perform(request, cancellation: cancellation, reader: reader)
        if let warning = client.takeSecurityWarning() { report(.security(warning)) }
        return answer
    }

    /// The error of an answer without success. A server that wants to be asked again when it is too late for that ends the work now.
    func failure(_ answer: HTTPAnswer, _ request: HTTPRequest) -> WebError {
        let status = answer.head.status
        var detail = "\(WebError.meaning(of: status)) (status \(status))"
        if ErrorPage.isHTML(answer.body) { detail += ", in a page that no archive writes" }
        let retryAfter = answer.head.retryAfter(now: WallClock.seconds)
        var error = WebError(
            .status(status), detail, peerText: ErrorPage.text(answer.body), retryAfter: retryAfter,
            request: request.name)
        if error.isTransient, let retryAfter, let left = client.settings.lastRetry.secondsLeft, left <= retryAfter {
            error.isTooLate = true
        }
        return error
    }

    // MARK: Echo

    /// Asks for one study at most, which shows that there is DICOMweb at the URL; Orthanc's own interface tells its name.
    ///
    /// - Throws: `AssociationError` if there is no answer, or none of the interface.
    package func echo() throws(AssociationError) -> HTTPAnswer {
        guard interface == .dicomWeb else { return try echoOfOrthanc() }
        let request = HTTPRequest(.get, Self.smallQuery, at: bases.query, accept: Self.json)
        // A server without limits lists all that it has.
        let reader = matchesReader(request) { _ in .goOn }
        let answer = try answer(to: request, reader: reader)
        try reader.finish()
        return answer
    }

    // MARK: Queries

    /// Asks by QIDO-RS, page after page, for the matches that a C-FIND of the identifier would have. A key with several values is asked
    /// for once with each of them.
    ///
    /// - Throws: `AssociationError`, `.web` among them, if the list was not read to its end.
    package func find(
        sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
        onMatch: @escaping (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let identifiers = WebQuery.alternatives(of: identifier)
        guard identifiers.count > 1 else {
            return try findOne(
                sopClass: sopClass, identifier: identifier, priority: priority, beforeBlockingRead: beforeBlockingRead,
                onMatch: onMatch)
        }
        var result = ExchangeResult.ofQuery(sopClass)
        var seen: Set<UInt64> = []
        for one in identifiers {
            result = try findOne(
                sopClass: sopClass, identifier: one, priority: priority, beforeBlockingRead: beforeBlockingRead
            ) { match in
                // A study with both CT and MR is found by each.
                guard seen.insert(match.bytes.withUnsafeBytes { SeededDigest.of($0) }).inserted else { return .goOn }
                return onMatch(match)
            }
            if result.wasCancelled || result.wasInterrupted { break }
        }
        return result
    }

    private func findOne(
        sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
        onMatch: @escaping (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        let list = MatchList(sopClass, beforeBlockingRead: beforeBlockingRead, onMatch: onMatch)
        guard sopClass != InformationModel.modalityWorklist.findSOPClass else {
            return try findWorklist(identifier, list)
        }
        guard interface == .dicomWeb else {
            let query = try OrthancQuery(identifier)
            let form = MatchForm(identifier, level: query.level)
            return try read(list, form, "POST /tools/find", Self.pages(of: query.level)) {
                offset, onMatch throws(AssociationError) in
                try page(query, since: offset, onMatch: onMatch)
                return .limited
            }
        }
        let query = try WebQuery(identifier, isFuzzy: isFuzzy)
        let form = MatchForm(identifier, level: query.level, groupsPatients: query.groupsPatients)
        return try find(query, list, form, Self.pages(of: query.level, announced: announced(identifier, query.level)))
    }

    private static func pages(of level: QueryLevel, announced: Int? = nil) -> PageCount {
        let key = InformationModel.uniqueKey(of: level)
        return PageCount(announced: announced) { match in match.string(key) }
    }

    /// Remembers how many instances a series has, where the server tells.
    private func count(_ series: DataSet) {
        guard let study = series.uid(.studyInstanceUID), let uid = series.uid(.seriesInstanceUID),
            let count = series.uint32(.numberOfSeriesRelatedInstances)
        else { return }
        let resource = WebResource(study: study, series: uid)
        guard instanceCounts.count < Self.maximumCounts || instanceCounts[resource] != nil else { return }
        instanceCounts[resource] = Int(count)
    }

    /// The number of instances of the series that an identifier asks for, as the server has counted them; nil if it has not.
    private func announced(_ identifier: DataSet, _ level: QueryLevel) -> Int? {
        let (studies, series) = (identifier.uids(.studyInstanceUID), identifier.uids(.seriesInstanceUID))
        guard level == .image, studies.count == 1, !series.isEmpty else { return nil }
        let counts = series.compactMap { instanceCounts[WebResource(study: studies[0], series: $0)] }
        return counts.count == series.count ? counts.reduce(0, +) : nil
    }

    /// Asks for the worklist at the path of the standard, then at the older one.
    private func findWorklist(_ identifier: DataSet, _ list: MatchList) throws(AssociationError) -> ExchangeResult {
        for path in worklistPath.map({ [$0] }) ?? WebWorklist.paths {
            let query = try WebQuery(identifier, isFuzzy: isFuzzy, worklist: path)
            do throws(AssociationError) {
                let result = try find(query, list, MatchForm(identifier), PageCount(WebWorklist.identity))
                worklistPath = path
                return result
            } catch .web(let error) where worklistPath == nil && Self.isMissing(error) {
                continue
            }
        }
        throw .web(
            WebError(
                .notOffered, "the server has no worklist at this URL (status 404)",
                request: "GET \(WebWorklist.paths[0])"))
    }

    /// True for the answer of a server that does not have the service at all.
    static func isMissing(_ error: WebError) -> Bool {
        [.status(404), .status(405), .status(501)].contains(error.code)
    }

    private func find(
        _ query: WebQuery, _ list: MatchList, _ form: MatchForm, _ pages: PageCount
    ) throws(AssociationError) -> ExchangeResult {
        let encoding = try encoding(for: query)
        var isEmpty = true
        let result = try read(list, form, "GET \(query.path)", pages) { offset, onMatch throws(AssociationError) in
            try page(query, encoding, offset: offset, only: form.needed) { match in
                isEmpty = false
                if query.level == .series { self.count(match) }
                return onMatch(match)
            }
        }
        if isEmpty, encoding == .none, query.hasLettersToReplace { report(.nothingByWildcards) }
        return result
    }

    /// What a query asks its matches for.
    private struct MatchList {
        let sopClass: UID
        let beforeBlockingRead: (() -> Void)?
        let onMatch: (FindSCU.Match) -> ExchangeControl

        init(
            _ sopClass: UID, beforeBlockingRead: (() -> Void)?, onMatch: @escaping (FindSCU.Match) -> ExchangeControl
        ) {
            self.sopClass = sopClass
            self.beforeBlockingRead = beforeBlockingRead
            self.onMatch = onMatch
        }
    }

    /// Reads a list page after page to its end.
    ///
    /// - Parameter page: asks for the page that begins at an offset.
    private func read(
        _ list: MatchList, _ form: MatchForm, _ request: String, _ count: PageCount,
        page: (_ offset: Int, _ onMatch: @escaping (DataSet) -> ExchangeControl) throws(AssociationError) -> PageEnd
    ) throws(AssociationError) -> ExchangeResult {
        var pages = count
        var patients: Set<[String]> = []
        while pages.number < Self.maximumPages {
            if cancellation.isRaised { return .ofQuery(list.sopClass, wasInterrupted: true) }
            pages.begin()
            var wasStopped = false
            do throws(AssociationError) {
                let end = try page(pages.received) { dataSet in
                    pages.accept(dataSet)
                    guard !form.groupsPatients || patients.insert(form.patient(dataSet)).inserted else { return .goOn }
                    guard list.onMatch(FindSCU.Match(form.match(dataSet))) == .cancel else { return .goOn }
                    wasStopped = true
                    return .cancel
                }
                pages.end(end)
            } catch .interrupted(.graceful) {
                return .ofQuery(list.sopClass, wasInterrupted: true)
            }
            if wasStopped { return .ofQuery(list.sopClass, wasCancelled: true) }
            if pages.isLast || pages.isAnnounced { return .ofQuery(list.sopClass) }
            guard pages.hasNew else {
                if pages.isWholeListAgain {
                    report(.ignoresOffset)
                    return .ofQuery(list.sopClass)
                }
                throw .web(
                    WebError(
                        .unreliable, "the server repeats a page of its list: there may be more matches",
                        request: request)
                )
            }
            list.beforeBlockingRead?()
        }
        throw .web(WebError(.unreliable, "the list of the server has no end", request: request))
    }

    /// Asks for one page; a server that has too many matches for one answer is asked for smaller ones.
    private func page(
        _ query: WebQuery, _ encoding: WebQuery.Encoding, offset: Int, only wanted: [Tag],
        onMatch: @escaping (DataSet) -> ExchangeControl
    ) throws(AssociationError) -> PageEnd {
        while true {
            let target = query.target(encoding: encoding, limit: pageSize, offset: offset)
            do throws(AssociationError) {
                let head = try list(target, only: wanted, onMatch)
                let warnings = head?.fields("warning") ?? []
                for text in warnings { noteWarning(text) }
                let isCut = head?.status == 206 || warnings.contains { $0.contains(Self.saysMore) }
                return pageSize == nil && !isCut ? .unlimited : .limited
            } catch .web(let error) {
                guard error.code == .status(413),
                    let smaller = Self.pageSizes.first(where: { size in pageSize.map { size < $0 } ?? true })
                else { throw .web(error) }
                pageSize = smaller
            }
        }
    }

    /// Asks once for a list, whose matches are handed on as they come.
    ///
    /// - Parameter wanted: the attributes of the matches that are read; nil: all.
    /// - Returns: the head of the answer; nil if the rest of it was not wanted.
    /// - Throws: `AssociationError`, `.web` among them, if the list was not read to its end.
    func list(
        _ target: String, only wanted: [Tag]? = nil, _ onMatch: @escaping (DataSet) -> ExchangeControl
    ) throws(AssociationError) -> HTTPHead? {
        let request = HTTPRequest(.get, target, at: bases.query, accept: Self.json)
        var isStopped = false
        let reader = matchesReader(request, only: wanted) { match in
            let control = onMatch(match)
            if control == .cancel { isStopped = true }
            return control
        }
        do throws(AssociationError) {
            let answer = try search(request, reader: reader)
            guard answer.isSuccess else { throw .web(failure(answer, request)) }
            try reader.finish()
            return answer.head
        } catch {
            guard !isStopped else { return nil }
            throw error
        }
    }

    /// Hands on the matches of an answer as they arrive; ends it by an interruption where the rest is not wanted.
    private func matchesReader(
        _ request: HTTPRequest, only wanted: [Tag]? = nil, _ onMatch: @escaping (DataSet) -> ExchangeControl
    ) -> JSONListReader {
        JSONListReader(request, insteadOf: "no list of DICOMweb's") { (element, failure) throws(AssociationError) in
            let dataSets: [DataSet]
            do throws(DICOMJSONError) {
                dataSets = try DICOMJSON.parse(element, leavesOutBulkData: true, only: wanted)
            } catch {
                throw failure("a match cannot be read: \(error.detail)")
            }
            for dataSet in dataSets where onMatch(dataSet) == .cancel { throw .interrupted(.graceful) }
        }
    }

    /// Sends a request of a search, and this one request again where its status may pass: what was listed before stays.
    ///
    /// - Throws: `.web` with a status that may pass, after as many attempts as there may be; otherwise as
    ///   ``perform(_:reader:)``.
    private func search(
        _ request: HTTPRequest, reader: (any ResponseReader)? = nil
    ) throws(AssociationError) -> HTTPAnswer {
        var failures = 0
        while true {
            let answer = try perform(request, reader: reader)
            guard !answer.isSuccess else { return answer }
            var error = failure(answer, request)
            guard error.isTransient else { return answer }
            failures += 1
            guard try retry(.web(error), failures) else {
                error.wasRetried = failures > 1
                throw .web(error)
            }
        }
    }

    /// In the warning of a server that has more matches than it returns.
    private static let saysMore = "additional results"

    /// `299 host "text"`: those that only say that there is more are no news.
    func noteWarning(_ text: String) {
        let quoted = text.split(separator: "\"", omittingEmptySubsequences: false)
        let words = quoted.count >= 3 ? String(quoted[1]) : text
        guard !words.contains(Self.saysMore) else { return }
        report(.warning(String(words.prefix(200))))
    }

    /// Whether the server decodes values, which is asked once and only where a value needs it.
    private func encoding(for query: WebQuery) throws(AssociationError) -> WebQuery.Encoding {
        guard query.needsEncoding else { return .percent }
        if let encoding { return encoding }
        let probe = try search(HTTPRequest(.get, Self.encodedQuery, at: bases.query, accept: Self.json))
        let found: WebQuery.Encoding = probe.head.status == 400 ? .none : .percent
        // Another failure says nothing about it: the query itself will show it.
        if probe.isSuccess || found == .none { encoding = found }
        if found == .none { report(.doesNotDecode) }
        return found
    }
}

/// What the end of a page tells of the list.
private enum PageEnd {
    /// Nothing limits the page: neither the request nor a word of the server's.
    case unlimited
    /// There may be more than the page has.
    case limited
}

/// The pages of a list: what has come, and whether the last one brought anything new.
private struct PageCount {
    /// What tells matches apart.
    private let identity: (DataSet) -> String?
    /// The matches of the list as the server has counted them before; nil if it has not.
    private let announced: Int?
    private(set) var number = 0
    private(set) var received = 0
    private var ofPage = 0
    private(set) var hasNew = false
    /// Fingerprints of the UIDs so far.
    private var seen: Set<UInt32> = []
    /// The first page: its length, the fingerprint of its UIDs in their order, and whether nothing limits it.
    private var first = (count: 0, order: 0, isUnlimited: false)
    /// The fingerprint of the page in its order; nil if a match has no UID.
    private var order: Int? = 0
    private var isUnlimited = true

    init(announced: Int? = nil, _ identity: @escaping (DataSet) -> String?) {
        self.announced = announced
        self.identity = identity
    }

    /// True if the page was empty, which ends the list.
    var isLast: Bool { ofPage == 0 }

    /// True if the first page has all that the server has counted before, and nothing limits it: another page would be empty. A length
    /// at which servers cut lists off says nothing.
    var isAnnounced: Bool {
        number == 1 && isUnlimited && order != nil && received == announced && seen.count == announced
            && !Self.isUsualLimit(ofPage)
    }

    /// True if the second page is the first one once more, which was the whole list then: a server that does not know offsets, and
    /// has no limit of its own. A length at which servers cut lists off says nothing.
    var isWholeListAgain: Bool {
        number == 2 && first.isUnlimited && isUnlimited && ofPage == first.count && order == first.order
            && !Self.isUsualLimit(ofPage)
    }

    /// 100, 200, 500, 1000 and so on.
    private static func isUsualLimit(_ count: Int) -> Bool {
        var rest = count
        while rest >= 1000, rest.isMultiple(of: 10) { rest /= 10 }
        return [100, 200, 250, 500].contains(rest)
    }

    mutating func begin() {
        number += 1
        (ofPage, hasNew, order) = (0, false, 0)
    }

    /// The page was read to its end.
    mutating func end(_ end: PageEnd) {
        isUnlimited = end == .unlimited
        if number == 1 { first = (ofPage, order ?? 0, isUnlimited && order != nil) }
    }

    mutating func accept(_ match: DataSet) {
        received += 1
        ofPage += 1
        guard let identity = identity(match) else {
            // Nothing tells whether it was there before.
            hasNew = hasNew || number == 1
            order = nil
            return
        }
        let hash = identity.hashValue
        if number <= 2 { order = order.map { $0 &* 31 &+ hash } }
        // Half of each is enough: a page is new by any of its matches.
        if seen.insert(UInt32(truncatingIfNeeded: hash)).inserted { hasNew = true }
    }
}

/// Makes of an answer in JSON what a C-FIND would have returned: the keys that were asked for, with the level.
struct MatchForm {
    /// Nil where matches have no level.
    private let level: DataElement?
    /// In their order.
    private let asked: [Tag]
    /// The attributes that are read of an answer: those, and what tells matches apart and counts them.
    let needed: [Tag]
    /// True if matches of the level PATIENT are made of studies.
    let groupsPatients: Bool

    init(_ identifier: DataSet, level: QueryLevel, groupsPatients: Bool = false) {
        self.groupsPatients = groupsPatients
        var result = DataSet()
        result.set(.queryRetrieveLevel, .CS, identifier.string(.queryRetrieveLevel) ?? level.rawValue)
        self.level = result[.queryRetrieveLevel]
        asked = Self.asked(identifier)
        var needed = Set(asked + [InformationModel.uniqueKey(of: level)])
        if groupsPatients { needed.formUnion(Self.ofPatient) }
        if level == .series { needed.formUnion([.studyInstanceUID, .numberOfSeriesRelatedInstances]) }
        self.needed = needed.sorted()
    }

    /// - Parameter identifier: of a query that has no level.
    init(_ identifier: DataSet) {
        (level, groupsPatients) = (nil, false)
        asked = Self.asked(identifier)
        needed = Set(asked + WebWorklist.identifying).sorted()
    }

    private static func asked(_ identifier: DataSet) -> [Tag] {
        Set(identifier.elements.map(\.tag)).union([.specificCharacterSet]).sorted()
    }

    private static let issuerOfPatientID = Tag(0x0010_0021)
    private static let ofPatient = [issuerOfPatientID, .patientID, .patientName]

    /// What tells patients apart.
    func patient(_ dataSet: DataSet) -> [String] { Self.ofPatient.map { dataSet.string($0) ?? "" } }

    /// The values of a data set share their memory: more bytes than these of what nobody asked for are not kept with a match.
    private static let mostUnasked = 256

    func match(_ dataSet: DataSet) -> DataSet {
        var match = DataSet()
        match.reserveCapacity(asked.count + 1)
        let elements = dataSet.elements
        var next = 0
        var dropped = 0
        for index in elements.indices {
            while next < asked.count, asked[next] < elements[index].tag { next += 1 }
            if next < asked.count, asked[next] == elements[index].tag {
                match.append(elements[index])
            } else {
                dropped += elements[index].value.byteCount
            }
        }
        if let level { match.append(level) }
        return dropped > Self.mostUnasked ? match.withMemoryOfItsOwn() : match
    }
}
