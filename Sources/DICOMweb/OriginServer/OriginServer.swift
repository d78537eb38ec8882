import DICOM
package import DICOMNode
import DICOMProtocol
package import System

/// The services of DICOMweb over an archive (PS3.18 10), and a page for a person.
final class OriginServer: HTTPService {
    private let archive: any WebArchive
    private let maximumMatches: Int
    /// For what is kept of the parts of all requests at once, until each is answered.
    private let memory: MemoryBudget

    init(
        _ archive: any WebArchive, maximumMatches: Int = SearchService.standardMaximum,
        maximumMemory: Int = StoreService.standardMemory
    ) {
        self.archive = archive
        self.maximumMatches = maximumMatches
        memory = MemoryBudget(limit: maximumMemory)
    }

    func report(peer: String, _ text: String, isTrouble: Bool) {
        archive.report(peer: peer, text, isTrouble: isTrouble)
    }

    func answer(_ request: ServedRequest, _ response: ResponseWriter) throws(ExchangeFailure) {
        do throws(ExchangeFailure) {
            let words = try perform(request, response)
            archive.report(peer: request.peer, "\(request.name): \(words) (\(response.status ?? 0))", isTrouble: false)
        } catch .cutShort {
            archive.report(
                peer: request.peer,
                "\(request.name): cut in the middle of the answer\(response.isCutShort ? " (injected)" : "")",
                isTrouble: true)
            throw .cutShort
        }
    }

    private func perform(_ request: ServedRequest, _ response: ResponseWriter) throws(ExchangeFailure) -> String {
        let resource: ServedResource
        do throws(Refusal) { resource = try ServedResource(request.head.target.path) } catch { throw .refused(error) }
        switch request.head.method {
        case "OPTIONS":
            try response.send(204, [resource.allowed])
            return "OPTIONS"
        case "GET", "HEAD": break
        case "POST" where resource.takesInstances: break
        default: throw .refused(Refusal(405, "only \(resource.allowed.value) here", fields: [resource.allowed]))
        }
        guard resource != .page else {
            return try ArchivePage(archive: archive).answer(try parameters(request), response)
        }
        let faults = archive.nextFaults()
        if faults.delay > 0 { _ = request.cancellation.wait(until: .after(seconds: faults.delay)) }
        if let status = faults.status { throw .refused(Refusal(status, "status \(status) (injected)")) }
        response.isCutShort = faults.isCutShort
        return try perform(request, resource, faults, response)
    }

    private func perform(
        _ request: ServedRequest, _ resource: ServedResource, _ faults: WebFaults, _ response: ResponseWriter
    ) throws(ExchangeFailure) -> String {
        let parameters = try parameters(request, decodes: !faults.doesNotDecode)
        // A link can say what it accepts (PS3.18 8.3.3.1).
        let acceptance = Acceptance(
            parameters.first { $0.name == "accept" }?.value ?? request.head.list("accept"))
        guard request.head.method != "POST" else {
            return try StoreService(archive: archive, memory: memory).answer(
                resource.study, request, acceptance, response)
        }
        switch resource {
        case .search(let level, let study, let series):
            let search: SearchRequest
            do throws(Refusal) {
                search = try SearchRequest(
                    level, study: study, series: series, parameters, ignoresKeys: archive.ignoresNextKeys())
            } catch {
                throw .refused(error)
            }
            let service = SearchService(archive: archive, maximum: maximumMatches)
            return try service.answer(search, request, acceptance, response)
        case .instances(let resource):
            return try RetrieveService(archive: archive, peer: request.peer).answer(resource, acceptance, response)
        case .metadata(let resource):
            return try RetrieveService(archive: archive, peer: request.peer).answerMetadata(
                resource, acceptance, response)
        case .page: throw .refused(Refusal(404, "nothing here"))
        }
    }

    private func parameters(
        _ request: ServedRequest, decodes: Bool = true
    ) throws(ExchangeFailure) -> [(name: String, value: String)] {
        do throws(Refusal) { return try request.head.target.parameters(decodes: decodes) } catch {
            throw .refused(error)
        }
    }
}

/// What a path names.
enum ServedResource: Equatable {
    /// The page for a person.
    case page
    case search(QueryLevel, study: UID?, series: UID?)
    case instances(WebResource)
    case metadata(WebResource)

    /// - Throws: 404 for a path that names nothing, 400 for a UID that is none, 406 for a form that there is not.
    init(_ path: [String]) throws(Refusal) {
        var rest = path[...]
        guard let first = rest.popFirst() else {
            self = .page
            return
        }
        switch (first, rest.count) {
        case ("series", 0): self = .search(.series, study: nil, series: nil)
        case ("instances", 0): self = .search(.image, study: nil, series: nil)
        case ("studies", 0): self = .search(.study, study: nil, series: nil)
        case ("studies", _): self = try Self.below(study: try Self.uid(rest.removeFirst()), rest)
        default: throw Refusal(404, "nothing here: the services are at /studies, /series and /instances")
        }
    }

    private static func below(study: UID, _ path: ArraySlice<String>) throws(Refusal) -> ServedResource {
        var rest = path
        switch rest.popFirst() {
        case "instances" where rest.isEmpty: return .search(.image, study: study, series: nil)
        case "series":
            guard let text = rest.popFirst() else { return .search(.series, study: study, series: nil) }
            let series = try uid(text)
            guard rest.first == "instances" else {
                return try form(of: WebResource(study: study, series: series), rest)
            }
            guard let text = rest.dropFirst().first else { return .search(.image, study: study, series: series) }
            let resource = WebResource(study: study, series: series, instance: try uid(text))
            return try form(of: resource, rest.dropFirst(2))
        default: return try form(of: WebResource(study: study), path)
        }
    }

    private static func form(of resource: WebResource, _ rest: ArraySlice<String>) throws(Refusal) -> ServedResource {
        switch rest.first {
        case nil: return .instances(resource)
        case "metadata" where rest.count == 1: return .metadata(resource)
        case "rendered", "thumbnail":
            throw Refusal(406, "nothing is rendered here: instances are given as they are stored")
        case "frames", "bulkdata", "pixeldata":
            throw Refusal(404, "no frames and no bulk data by themselves here: instances are given whole")
        default: throw Refusal(404, "nothing here")
        }
    }

    private static func uid(_ text: String) throws(Refusal) -> UID {
        let uid = UID(text)
        guard uid.isValid else { throw Refusal(400, "the URL has something else than a UID where one should be") }
        return uid
    }

    /// True if instances can be posted there.
    var takesInstances: Bool {
        switch self {
        case .search(.study, nil, nil): true
        case .instances(let resource): resource.series == nil
        default: false
        }
    }

    /// The study that instances posted there have to belong to.
    var study: UID? { if case .instances(let resource) = self { resource.study } else { nil } }

    var allowed: HTTPField { HTTPField("Allow", "GET, HEAD, OPTIONS" + (takesInstances ? ", POST" : "")) }
}

/// The limits of the server, for its conformance statement.
package enum OriginServerLimits {
    package static let matches = SearchService.standardMaximum
    package static let parts = StoreService.maximumParts
    package static let connections = HTTPServer.maximumThreads
    package static let header = RequestHead.maximumLength
    package static let fields = RequestHead.maximumFields
}

extension HTTPServer {
    /// Makes a server of DICOMweb over an archive, which does not accept connections before ``start()``.
    ///
    /// - Throws: `SystemError` if the pipe of its cancellation cannot be made.
    package convenience init(
        over archive: any WebArchive, listener: TCPListener, tls: TLSContext?, limits: AssociationLimits
    ) throws(SystemError) {
        try self.init(listener: listener, service: OriginServer(archive), tls: tls, limits: limits)
    }
}
