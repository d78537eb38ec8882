import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// The checks of a peer over HTTP that follow those of its port: small requests, which change nothing there.
final class WebChecks {
    private unowned let examination: Examination
    private var network: Network { examination.network }
    private var opened: WebSession?
    /// The requests that other sessions have sent.
    private var otherRequests = 0
    /// The answer to the first request.
    private var first: WebLook?
    /// The first studies that the server lists.
    private var studies: [UID] = []
    /// True or false once an instance was asked for.
    private var givesInstances: Bool?
    /// The number of services that are offered; nil before that is known.
    private(set) var offeredServices: Int?

    init(_ examination: Examination) { self.examination = examination }

    /// The requests of the checks so far.
    var requests: Int { (opened?.requests ?? 0) + otherRequests }

    private func session() throws(AssociationError) -> WebSession {
        if let opened { return opened }
        let session = try network.webSession()
        opened = session
        return session
    }

    private func failure(_ check: DoctorCheck, _ error: AssociationError) -> DoctorFinding {
        examination.failure(check, error)
    }

    // MARK: HTTP and credentials

    func checkHTTP() -> DoctorFinding {
        let answer: WebLook
        do throws(AssociationError) {
            answer = try session().look()
        } catch {
            if mayWantTLS(error), let finding = wantsTLS(ExitCode(for: error)) { return finding }
            return examination.over(failure(.http, network.identified(error)))
        }
        // Servers of https answer a plain request in plain HTTP.
        if answer.head.status == 400, let finding = wantsTLS(.failureStatus) { return finding }
        first = answer
        let server = answer.head.field("server") ?? ""
        var finding = DoctorFinding(
            .http, .passed,
            answer.head.version + (server.isEmpty ? ", the server does not name itself" : ", \(server)"))
        finding.seconds = answer.timings.answer
        finding.set("httpVersion", .string(answer.head.version))
        finding.set("server", .string(server))
        return finding
    }

    private func mayWantTLS(_ error: AssociationError) -> Bool {
        switch error {
        case .connectionLost, .timedOut(.message): true
        case .web(let reason): reason.code == .notHTTP
        default: false
        }
    }

    /// What is found of a port that speaks TLS to a URL that says http; nil if it does not.
    private func wantsTLS(_ exitCode: ExitCode) -> DoctorFinding? {
        guard let web = network.connection.web, !web.isSecure, let details = examination.detailsOfTLS() else {
            return nil
        }
        var finding = DoctorFinding(.http, .failed, "the port speaks \(details.version), and the URL says http")
        finding.cause = .tlsRequired
        finding.remedy = "give the URL as https://" + web.description.dropFirst("http://".count)
        finding.exitCode = exitCode
        return examination.over(finding)
    }

    func checkCredentials() -> DoctorFinding {
        guard let first else { return .skipped(.credentials, "no answer") }
        if let error = first.error, [401, 403].contains(first.head.status) {
            var finding = failure(.credentials, .web(error))
            if let challenge = first.head.field("www-authenticate") {
                finding.text += "; it wants \(challenge.prefix(200))"
                finding.set("challenge", .string(challenge))
            }
            return examination.over(finding)
        }
        guard network.connection.hasWebCredentials, let web = network.connection.web else {
            return DoctorFinding(.credentials, .passed, "none are given, and none are asked for")
        }
        do throws(AssociationError) {
            let session = try network.trialSession(at: web, withCredentials: false)
            defer { otherRequests += session.requests }
            let without = try session.look()
            let isNeeded = [401, 403].contains(without.head.status)
            var finding = DoctorFinding(
                .credentials, .passed,
                isNeeded
                    ? "ours are taken; without them the status is \(without.head.status)"
                    : "ours are not needed: the server answers without them as well")
            finding.set("needed", .bool(isNeeded))
            return finding
        } catch {
            return failure(.credentials, error)
        }
    }

    // MARK: Base URL and echo

    func checkBaseURL() -> DoctorFinding {
        do throws(AssociationError) {
            let answer = try session().echo()
            let type = answer.head.mediaType.name
            var finding = DoctorFinding(
                .baseURL, .passed, "a query for studies is answered" + (type.isEmpty ? "" : " with \(type)"))
            finding.set("mediaType", .string(type))
            return finding
        } catch {
            var finding = failure(.baseURL, error)
            if case .web(let reason) = error,
                [.status(404), .status(400), .status(405), .unexpected].contains(reason.code),
                let other = otherBase()
            {
                finding.remedy = "there is DICOMweb at \(other): give this URL"
                finding.set("found", .string(other))
            }
            return examination.over(finding)
        }
    }

    /// The paths of well-known servers.
    private static let knownPaths = [
        "/dicom-web", "/dicomweb", "/orthanc/dicom-web", "/dcm4chee-arc/aets/DCM4CHEE/rs", "/v2",
    ]

    /// Another URL at the same server that answers; nil if none of the well-known ones does.
    private func otherBase() -> String? {
        guard let web = network.connection.web else { return nil }
        for path in Self.knownPaths where path != web.path && !network.cancellation.isRaised {
            guard let address = try? WebAddress(parsing: web.origin + path) else { continue }
            do throws(AssociationError) {
                let session = try network.trialSession(at: address, withCredentials: true)
                defer { otherRequests += session.requests }
                _ = try session.echo()
                return address.description
            } catch {
                continue
            }
        }
        return nil
    }

    func checkEcho() -> DoctorFinding {
        var times: [Double] = []
        do throws(AssociationError) {
            while times.count < Examination.echoes {
                let watch = Stopwatch()
                _ = try session().echo()
                times.append(watch.seconds)
            }
        } catch {
            var finding = failure(.echo, error)
            if !times.isEmpty { finding.text += ", after \(Quantity.count(times.count, "request"))" }
            return finding
        }
        return examination.echoFinding(times)
    }

    // MARK: Parameters

    /// A page of a list, or the reason why the server does not give it.
    private func firstPage(_ target: String, most count: Int) throws(AssociationError) -> Result<WebPage, WebError> {
        do throws(AssociationError) {
            return .success(try session().page(target, most: count))
        } catch .web(let error) {
            return .failure(error)
        }
    }

    func checkParameters() -> DoctorFinding {
        do throws(AssociationError) {
            var finding = DoctorFinding(.parameters, .passed, "")
            var said: [String] = []
            let all = try firstPage("/studies", most: Self.longestPage).get(or: WebPage())
            studies = all.matches.prefix(Self.samples).compactMap { $0.uid(.studyInstanceUID) }
            said.append(try paging(all, &finding))
            said.append(try decoding(&finding))
            said.append(try fuzzyMatching(&finding))
            said.append(try includeField(&finding))
            let notes = finding.text
            finding.text = said.joined(separator: "; ") + notes
            return finding
        } catch {
            return failure(.parameters, error)
        }
    }

    /// The matches that are read of a list without a limit.
    private static let longestPage = 2_000
    /// The studies of which an instance is looked at.
    private static let samples = 3

    private func paging(_ all: WebPage, _ finding: inout DoctorFinding) throws(AssociationError) -> String {
        finding.set("pageSize", .number(all.matches.count))
        guard all.matches.count > 1 else { return "limit and offset cannot be judged by \(all.matches.count) studies" }
        let one = try firstPage("/studies?limit=1", most: 2)
        let second = try firstPage("/studies?limit=1&offset=1", most: 2)
        let takesLimit = (try? one.get())?.matches.count == 1
        let ours = (try? one.get())?.matches.first?.uid(.studyInstanceUID)
        let next = (try? second.get())?.matches.first?.uid(.studyInstanceUID)
        let takesOffset = next != nil && next != ours
        finding.set("limit", .bool(takesLimit))
        finding.set("offset", .bool(takesOffset))
        if takesLimit, takesOffset { return "limit and offset are taken" }
        if !takesOffset {
            finding.note(
                "the server does not go on at an offset", .listCutShort,
                "lists that it cuts short cannot be read to their end: ask for less at a time, such as a shorter range of dates"
            )
        }
        return "limit is \(takesLimit ? "taken" : "ignored"), offset is \(takesOffset ? "taken" : "ignored")"
    }

    private func decoding(_ finding: inout DoctorFinding) throws(AssociationError) -> String {
        let answer = try session().lookForDecoding()
        guard answer.isSuccess || answer.head.status == 400 else {
            return "values that are encoded are answered with status \(answer.head.status)"
        }
        finding.set("percentDecoding", .bool(answer.isSuccess))
        if answer.isSuccess { return "values are decoded" }
        finding.note(
            "values that are encoded (%5E for ^) are taken as they stand", .keysIgnored,
            "other programs find no name with a ^ there; \(OptionName.find) sends wildcards and compares what comes back"
        )
        return "values are not decoded"
    }

    private func fuzzyMatching(_ finding: inout DoctorFinding) throws(AssociationError) -> String {
        let word: String
        switch try firstPage("/studies?limit=1&fuzzymatching=true", most: 1_000) {
        case .failure(let error): word = "refused (\(Self.shortly(error)))"
        case .success(let page):
            let isRefused = page.warnings.contains { $0.contains("fuzzymatching") || $0.contains("literal") }
            word = isRefused ? "not supported, as the server says" : "taken"
        }
        finding.set("fuzzyMatching", .string(word))
        return "fuzzymatching is \(word)"
    }

    private static let studyDescription = Tag(0x0008_1030)

    private func includeField(_ finding: inout DoctorFinding) throws(AssociationError) -> String {
        let plain = try firstPage("/studies?limit=1", most: 1).get(or: WebPage()).matches.first
        guard let plain else { return "includefield cannot be judged" }
        let all = try firstPage("/studies?limit=1&includefield=all", most: 1).get(or: WebPage()).matches.first
        let one = try firstPage("/studies?limit=1&includefield=StudyDescription", most: 1).get(or: WebPage()).matches
            .first
        let more = max(0, (all?.elements.count ?? 0) - plain.elements.count)
        let isNamed = one?[Self.studyDescription] != nil
        finding.set("includeFieldAll", .number(more))
        finding.set("includeField", .bool(isNamed))
        return "includefield brings \(isNamed ? "StudyDescription" : "no StudyDescription"), "
            + "includefield=all \(more == 0 ? "nothing more" : Quantity.count(more, "more attribute"))"
    }

    private static func shortly(_ error: WebError) -> String {
        if case .status(let status) = error.code { "status \(status)" } else { error.detail }
    }

    // MARK: Retrieval

    func checkRetrieve() -> DoctorFinding {
        do throws(AssociationError) {
            let resources = try sampleResources()
            guard let first = resources.first else {
                return .skipped(.retrieve, "the server lists no instance that could be asked for")
            }
            var syntaxes: [UID] = []
            var stored: SampleInstance?
            for resource in resources {
                let sample = try session().sample(resource, .stored, most: Self.longestSample)
                stored = stored ?? sample
                if let syntax = sample.transferSyntax, !syntaxes.contains(syntax) { syntaxes.append(syntax) }
            }
            givesInstances = true
            var finding = DoctorFinding(
                .retrieve, .passed,
                "as it is stored (transfer-syntax=*): "
                    + syntaxes.map { UIDRegistry.displayName(of: $0) }.joined(separator: ", "))
            finding.set("transferSyntaxes", syntaxes.map(\.string))
            try describeForms(of: first, stored, in: &finding)
            return finding
        } catch .web(let error) {
            givesInstances = ![.status(404), .status(405), .status(501)].contains(error.code)
            guard givesInstances == false, !examination.options.services.contains(.get) else {
                return failure(.retrieve, .web(error))
            }
            return .skipped(
                .retrieve, "not offered: \(Self.shortly(error)) for an instance of its own list")
        } catch {
            return failure(.retrieve, error)
        }
    }

    /// In bytes: of larger instances the beginning is read.
    private static let longestSample = 64 << 20

    /// An instance of each of the first studies.
    private func sampleResources() throws(AssociationError) -> [WebResource] {
        if studies.isEmpty {
            let page = try firstPage("/studies?limit=\(Self.samples)", most: Self.samples).get(or: WebPage())
            studies = page.matches.compactMap { $0.uid(.studyInstanceUID) }
        }
        var resources: [WebResource] = []
        for study in studies where study.isValid {
            let series = try firstPage("/studies/\(study)/series?limit=1", most: 1).get(or: WebPage())
            guard let uid = series.matches.first?.uid(.seriesInstanceUID), uid.isValid else { continue }
            let instances = try firstPage("/studies/\(study)/series/\(uid)/instances?limit=1", most: 1)
                .get(or: WebPage())
            guard let instance = instances.matches.first?.uid(.sopInstanceUID), instance.isValid else { continue }
            resources.append(WebResource(study: study, series: uid, instance: instance))
        }
        return resources
    }

    /// Further media types of an instance that the standard has, by their names.
    private static let otherForms: [(name: String, suffix: String, accept: String)] = [
        ("metadata in JSON", "/metadata", "application/dicom+json"),
        ("metadata in XML", "/metadata", "multipart/related; type=\"application/dicom+xml\""),
        ("rendered as JPEG", "/rendered", "image/jpeg"),
        ("frames", "/frames/1", "multipart/related; type=\"application/octet-stream\""),
    ]

    private func describeForms(
        of resource: WebResource, _ stored: SampleInstance?, in finding: inout DoctorFinding
    ) throws(AssociationError) {
        var forms: [(String, JSONValue)] = []
        func add(_ name: String, _ isGiven: Bool, _ words: String) {
            forms.append((name, .bool(isGiven)))
            finding.details.append("\(TextLayout.padded(name, to: 24))\(words)")
        }
        for (name, form) in [
            ("without transfer-syntax", WebSession.SampleForm.standard), ("as a single part", .single),
        ] {
            do throws(AssociationError) {
                let sample = try session().sample(resource, form, most: Self.longestSample)
                let isSame = sample.transferSyntax == stored?.transferSyntax
                let syntax = sample.transferSyntax.map { UIDRegistry.displayName(of: $0) } ?? "unknown"
                add(name, true, isSame ? "as it is stored" : "converted to \(syntax)")
            } catch .web(let error) {
                add(name, false, "no (\(Self.shortly(error)))")
            }
        }
        guard let path = WebSession.path(of: resource) else { return }
        for form in Self.otherForms {
            do throws(AssociationError) {
                let answer = try session().look(path + form.suffix, accept: form.accept)
                let isGiven = answer.isSuccess && !answer.isPage
                add(form.name, isGiven, isGiven ? "yes" : "no (status \(answer.head.status))")
            } catch .web(let error) {
                add(form.name, false, "no (\(Self.shortly(error)))")
            }
        }
        finding.set("forms", .object(forms))
    }

    // MARK: Services

    /// The answer to whether a service is there.
    private enum Offer {
        case offered
        case missing
        /// It is there, and not for us, or not now.
        case refused(Int)
        case unknown
    }

    func checkServices() -> DoctorFinding {
        do throws(AssociationError) {
            var offers: [(service: DoctorService, offer: Offer, words: String)] = []
            var levels: [String] = []
            for level in ["series", "instances"] {
                if case .success = try firstPage("/\(level)?limit=1", most: 1) { levels.append(level) }
            }
            offers.append((.find, .offered, "studies" + levels.map { ", all \($0)" }.joined()))
            offers.append((.get, givesInstances.map { $0 ? .offered : .missing } ?? .unknown, ""))
            offers.append((.store, try offer { session throws(AssociationError) in try session.lookForStorage() }, ""))
            offers.append((.worklist, try worklist(), ""))
            let uid = network.newUID()
            offers.append(
                (.commitment, try offer { session throws(AssociationError) in try session.lookForCommitment(uid) }, ""))
            return finding(offers)
        } catch {
            return failure(.services, error)
        }
    }

    private func offer(
        _ ask: (WebSession) throws(AssociationError) -> WebLook
    ) throws(AssociationError) -> Offer {
        do throws(AssociationError) {
            let answer = try ask(try session())
            if answer.isNotOffered || (answer.isSuccess && answer.isPage) { return .missing }
            if [401, 403].contains(answer.head.status) { return .refused(answer.head.status) }
            return answer.head.status >= 500 ? .refused(answer.head.status) : .offered
        } catch .web {
            return .unknown
        }
    }

    private func worklist() throws(AssociationError) -> Offer {
        for path in WebWorklist.paths {
            let found = try offer { session throws(AssociationError) in try session.look(path + "?limit=1") }
            if case .missing = found { continue }
            return found
        }
        return .missing
    }

    private func finding(_ offers: [(service: DoctorService, offer: Offer, words: String)]) -> DoctorFinding {
        var finding = DoctorFinding(.services, .passed, "")
        var (offered, missing): ([String], [String]) = ([], [])
        var absent = Set(DoctorService.allCases).subtracting([.echo])
        for (service, offer, words) in offers {
            let title = service.titleOverHTTP + (words.isEmpty ? "" : " (\(words))")
            switch offer {
            case .offered:
                offered.append(title)
                absent.remove(service)
            case .missing: missing.append(title)
            case .refused(let status): missing.append("\(title) (status \(status))")
            case .unknown: missing.append("\(title) (not known)")
            }
            if case .unknown = offer { continue }
            finding.set(service.rawValue, .bool(!absent.contains(service)))
        }
        offeredServices = offered.count
        finding.text = offered.joined(separator: ", ")
        if !missing.isEmpty { finding.text += "; not offered: \(missing.joined(separator: ", "))" }
        guard let first = examination.options.services.first(where: { absent.contains($0) }) else { return finding }
        finding.mark = .failed
        let isKnown = finding.data.contains { $0.0 == first.rawValue } || !DoctorService.overHTTP.contains(first)
        finding.text =
            "\(first.titleOverHTTP) is \(isKnown ? "not offered" : "not known to be offered"); offered: \(finding.text)"
        finding.cause = .notOffered
        finding.exitCode = .noPresentationContext
        finding.remedy = Hint.webNoService.text
        return finding
    }
}

extension Result {
    /// The value, or another one in the place of a failure.
    fileprivate func get(or other: Success) -> Success {
        if case .success(let value) = self { value } else { other }
    }
}
