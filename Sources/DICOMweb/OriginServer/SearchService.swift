import DICOM
import DICOMProtocol

/// Answers searches, PS3.18 10.6.3: the matches go out as they are found.
struct SearchService {
    /// The most matches of one answer; further ones are asked for with an offset.
    static let standardMaximum = 100_000
    private static let mediaTypes = ["application/dicom+json", "application/json"]

    let archive: any WebArchive
    let maximum: Int

    /// - Returns: what was answered, for the log.
    /// - Throws: `.refused` for a search that is not understood, otherwise the error of the connection.
    func answer(
        _ search: SearchRequest, _ request: ServedRequest, _ acceptance: Acceptance, _ response: ResponseWriter
    ) throws(ExchangeFailure) -> String {
        guard let type = acceptance.preferred(Self.mediaTypes) else {
            throw .refused(Refusal(406, "matches are \(Self.mediaTypes[0]) here"))
        }
        let matches: any WebSearch
        do throws(Refusal) {
            matches = try archive.search(search.identifier, includesAll: search.includesAll)
        } catch {
            throw .refused(error)
        }
        let wanted = min(search.limit ?? maximum, maximum)
        var fields = [HTTPField("Content-Type", type)]
        if let left = surplus(search, matches, wanted) {
            fields.append(warning(request, "There are \(left) additional results that can be requested"))
        }
        if search.wantsFuzzy {
            fields.append(
                warning(
                    request,
                    "The fuzzymatching parameter is not supported. Only literal matching has been performed."))
        }
        try response.begin(200, fields)
        var (passedOver, written) = (0, 0)
        var json = Array("[".utf8)
        if wanted > 0 {
            try matches.forEachMatch { (match) throws(ExchangeFailure) in
                guard passedOver >= search.offset else {
                    passedOver += 1
                    return true
                }
                if written > 0 { json.append(UInt8(ascii: ",")) }
                DICOMJSON.append(withURL(match, request.origin), to: &json)
                written += 1
                try response.write(json)
                json.removeAll(keepingCapacity: true)
                return written < wanted
            }
        }
        json.append(UInt8(ascii: "]"))
        try response.write(json)
        try response.finish()
        return "\(written) match\(written == 1 ? "" : "es")"
    }

    /// The number of matches beyond what one answer holds; nil if it holds all that was asked for.
    private func surplus(_ search: SearchRequest, _ matches: any WebSearch, _ wanted: Int) -> Int? {
        guard search.limit.map({ $0 > maximum }) ?? true else { return nil }
        guard archive.instanceCount - wanted > search.offset else { return nil }
        let counts = archive.counts
        let most =
            switch search.level {
            case .patient: counts.patients
            case .study: counts.studies
            case .series: counts.series
            case .image: counts.instances
            }
        // Counting is a search of its own: only where there can be so many.
        guard most - wanted > search.offset else { return nil }
        let left = matches.count - wanted - search.offset
        return left > 0 ? left : nil
    }

    private func warning(_ request: ServedRequest, _ text: String) -> HTTPField {
        HTTPField("Warning", "299 \(request.origin) \"\(text)\"")
    }

    /// The match with its Retrieve URL.
    private func withURL(_ match: DataSet, _ origin: String) -> DataSet {
        guard let study = match.uid(.studyInstanceUID) else { return match }
        let level = match.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? .study
        let resource = WebResource(
            study: study, series: level >= .series ? match.uid(.seriesInstanceUID) : nil,
            instance: level == .image ? match.uid(.sopInstanceUID) : nil)
        var match = match
        match[.queryRetrieveLevel] = nil
        match[.retrieveAETitle] = nil
        if let path = resource.path { match.set(.retrieveURL, .UR, origin + path) }
        return match
    }
}
