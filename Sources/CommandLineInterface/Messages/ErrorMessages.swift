import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

// Errors of the network and of files in words: the one place where they become text, each with its remedy.

/// The server that a run calls, as messages and hints name it.
struct CalledServer: Sendable {
    var endpoint: Endpoint
    let calledAETitle: AETitle
    let callingAETitle: AETitle
    /// The service that is asked for.
    var service: ServiceKind
    let usesTLS: Bool
    /// True if we have a certificate of our own to present.
    let hasCertificate: Bool
    /// The port that we listen at.
    let receiverPort: UInt16?
    /// True if a node of the configuration has the name that was given as a host.
    var isNamedAsNode = false
    /// The base URL of a peer over HTTP.
    var web: WebAddress?
    var webIdentity = WebIdentity.none
    var limits = AssociationLimits()
    /// The limit of the whole run, in seconds, if it has passed.
    var passedTotalLimit: Double?
    /// The retries after a transient failure, and whether the operation can have any.
    var retries = 0
    var mayRetry = false
    /// True if the user chose the keys of the query.
    var hasKeys = false

    var name: String { web?.description ?? "\(calledAETitle)@\(endpoint)" }

    /// How long was waited when a time limit passed.
    ///
    /// - Parameter awaited: nil for the connection.
    fileprivate func waited(for awaited: AssociationError.Awaited?) -> String? {
        if let passedTotalLimit {
            return "the run may last \(Self.seconds(passedTotalLimit)) (\(OptionName.totalTimeout))"
        }
        let seconds =
            switch awaited {
            case nil: limits.connect
            case .associateRequest, .associateResponse: limits.association
            case .releaseResponse: limits.release
            case .message, .sending: limits.inactivity
            }
        return seconds.map { "waited for \(Self.seconds($0))" }
    }

    fileprivate static func seconds(_ number: Double) -> String {
        "\(Decimal.text(number, digits: number == number.rounded() ? 0 : 1)) s"
    }
}

extension Message {
    /// - Parameter server: the server that was called.
    init(_ error: AssociationError, calling server: CalledServer) {
        self.init(wording: error, calling: server)
        cause = FailureCause(error)
    }

    private init(wording error: AssociationError, calling server: CalledServer) {
        switch error {
        case .unreachable(.timedOut(.start)):
            self.init(
                "\(server.name): not called, as the time limit of the run has passed", server.waited(for: nil),
                hint: .runTooShort)
        case .unreachable(let reason):
            var why = reason.description
            if reason.isTimeLimit, let waited = server.waited(for: nil) { why += ", \(waited)" }
            self.init("cannot connect to \(server.endpoint)", why, hint: Hint(for: reason, calling: server))
        case .connectionLost(let reason):
            // A server that requires a certificate says so after the handshake, and its alert is often lost with the
            // connection.
            let lacksCertificate = server.usesTLS && !server.hasCertificate
            self.init(
                "\(server.name): connection lost", reason.description,
                hint: lacksCertificate ? .ourCertificateRefused : Hint(for: reason, calling: server))
        case .rejected(let reject):
            self.init(
                "\(server.name): association rejected",
                "\(reject.result), by \(reject.source): \(reject.reason)",
                code: reject.numbers,
                hint: Hint(for: reject, calling: server))
        case .abortedByPeer(let abort):
            self.init(
                "\(server.name): association aborted by the peer", abort.description,
                code: abort.numbers,
                hint: Hint(forAbortBy: server))
        case .releasedByPeer:
            self.init("\(server.name): association released by the peer before it had answered")
        case .protocolViolation(let violation):
            if case .foreignProtocol(let found) = violation.code {
                self.init(
                    "\(server.endpoint) is not a DICOM peer", violation.message, code: violation.section,
                    hint: .peerSpeaks(found, usesTLS: server.usesTLS))
            } else {
                self.init(
                    "\(server.name): association aborted by us", "the peer broke the protocol: \(violation.message)",
                    code: violation.section,
                    hint: violation.code == .unrecognizedPDU ? .peerSpeaksAnotherProtocol : nil)
            }
        case .noPresentationContext(let abstractSyntax, let refused):
            self.init(
                "\(server.name): no presentation context accepted for \(UIDRegistry.displayName(of: abstractSyntax))",
                Self.reasons(refused), code: abstractSyntax.string,
                hint: .noPresentationContext(
                    // Sending may ask for commitment, too.
                    service: abstractSyntax == StorageCommitmentRequest.sopClass
                        ? ServiceKind.storageCommitment.name : server.service.name))
        case .identityUnconfirmed:
            self.init(
                "\(server.name): the server did not confirm our user identity", code: "PS3.7 D.3.3.7",
                hint: .identityUnconfirmed)
        case .timedOut(let awaited):
            self.init(
                "\(server.name): time limit passed while waiting for \(awaited)", server.waited(for: awaited),
                hint: Hint(forSilenceBefore: awaited, calling: server))
        case .interrupted:
            self.init("interrupted")
        case .sourceUnreadable(let reason), .sourceCutShort(let reason):
            self.init(reason.description)
        case .unsendable(let reason):
            self.init("cannot send to \(server.name)", reason)
        case .web(let reason):
            let request = reason.request.map { ": \($0)" } ?? ""
            var why = reason.detail
            let unknown = WebError.meaning(of: 401)
            if reason.code == .status(401), let who = server.webIdentity.name, why.hasPrefix(unknown) {
                why = "the server refused \(who)" + why.dropFirst(unknown.count)
            }
            if reason.isTooLate, let seconds = reason.retryAfter {
                why +=
                    "; the server wants to be asked again in \(CalledServer.seconds(seconds)), when this run may not begin anything"
            }
            self.init(
                "\(server.name)\(request)", why, peerText: reason.peerText,
                hint: Hint(
                    for: reason, at: server.web, as: server.webIdentity,
                    mayRetry: server.mayRetry && server.retries == 0))
        }
    }

    /// Returns the reason why each context was rejected, with its proposed transfer syntaxes; equal reasons once.
    private static func reasons(_ refused: [NegotiatedContexts.Refused]) -> String? {
        var reasons: [String] = []
        for context in refused {
            let syntaxes = context.transferSyntaxes.map(UIDRegistry.displayName(of:))
            let reason = "\(context.reason), proposed in \(syntaxes.joined(separator: " or "))"
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }
}

extension TransportError {
    /// True if the limit for connecting has passed.
    fileprivate var isTimeLimit: Bool {
        switch self {
        case .timedOut: true
        case .proxy(let error): error.code == .silent
        default: false
        }
    }
}

extension Message {
    /// An instance that the answer over HTTP does not name as stored.
    init(_ error: WebError, about file: InstanceFile) {
        self.init(file.path.displayed, error.detail, peerText: error.peerText, hint: Hint(for: error, at: nil))
        cause = FailureCause(.web(error))
    }
}

extension Hint {
    fileprivate init(forSilenceBefore awaited: AssociationError.Awaited, calling server: CalledServer) {
        self =
            switch awaited {
            case .associateResponse: .associationUnanswered(usesTLS: server.usesTLS)
            case _ where server.passedTotalLimit != nil: .runTooShort
            default: .silence
            }
    }

    /// The remedy for an answer over HTTP.
    fileprivate init?(
        for error: WebError, at address: WebAddress?, as identity: WebIdentity = .none, mayRetry: Bool = false
    ) {
        switch error.code {
        case _ where error.isTooLate: self = .webTooLate
        case .status(401): self = .webCredentials(identity)
        case .status(403): self = .webNotAllowed(isAnonymous: identity == .none)
        case .status(400) where address?.isSecure == false && error.isOfPlainHTTP:
            self = .webWantsTLS(url: address?.withOtherScheme ?? "")
        // Below its root no server has DICOMweb: what answers there is another interface of it.
        case .status(400) where address?.interface == .dicomWeb && address?.path.isEmpty == true: self = .webBaseURL
        case .status(404), .unexpected: self = address?.interface == .orthanc ? .webNoOrthanc : .webBaseURL
        case .status(405), .status(501), .notOffered: self = .webNoService
        case .status(413): self = .webTooLarge
        case .status where error.isTransient && mayRetry: self = .webBusy
        case .redirect: self = .webMoved
        case .noToken: self = .webToken
        case .notHTTP: self = .webNoHTTP(isSecure: address?.isSecure ?? false)
        case .dicom: self = .webIsDICOM(host: address?.host ?? "", port: address?.port ?? 0)
        case .noLibrary: self = .webLibrary
        case .notAvailable: self = .builtWithoutWeb
        case .status, .incomplete, .unreliable, .notStored, .notPossible: return nil
        }
    }

    fileprivate init(forAbortBy server: CalledServer) {
        let calling = server.callingAETitle.string
        switch server.service {
        case .storageCommitment: self = .commitment(.abortedByServer(calling: calling, port: server.receiverPort))
        case .find, .worklist:
            self = .abortedQuery(
                service: server.service.name, calling: calling, called: server.calledAETitle.string,
                hasKeys: server.hasKeys)
        default: self = .abortedAfterRequest(service: server.service.name, calling: calling)
        }
    }

    fileprivate init?(for error: TransportError, calling server: CalledServer) {
        let (host, port) = (server.endpoint.host, server.endpoint.port)
        switch error {
        case .nameNotFound: self = server.isNamedAsNode ? .nameOfNode(host) : .nameNotFound(host: host)
        case .refused: self = .connectionRefused(host: host, port: port)
        case .timedOut(.start): self = .runTooShort
        case .timedOut(.lookup): self = .nameServersSilent
        case .timedOut:
            self = .connectTimedOut(
                host: host, port: port, limit: server.passedTotalLimit == nil ? .connectTimeout : .totalTimeout)
        case .closedAtOnce: self = .closedAtOnce(usesTLS: server.usesTLS)
        case .noRoute: self = .noRoute(host: host)
        case .proxy(let error):
            switch error.code {
            case .unreachable, .silent, .foreign: self = .proxyUnusable(error.proxy)
            case .credentials: self = .proxyCredentials(error.proxy)
            case .forbidden: self = .proxyForbids(host: host, port: port)
            case .target: self = .unreachableThroughProxy(host: host, port: port)
            }
        case .tls(let error):
            switch error.code {
            case .certificate: self = .certificateRefused
            case .certificateDates: self = .certificateOutOfDate
            case .certificateName: self = .certificateForOtherName
            case .missingKey: self = .certificateWithoutKey
            case .certificateRefusedByPeer: self = .ourCertificateRefused
            case .handshake:
                if error == .notSpoken, let web = server.web, web.isSecure {
                    self = .webWithoutTLS(url: web.withOtherScheme)
                } else {
                    self = .noCommonTLS
                }
            case .notAvailable: self = .builtWithoutTLS
            case .noLibrary: self = .noOpenSSL
            case .configuration, .session: return nil
            }
        default: return nil
        }
    }

    fileprivate init?(for reject: AssociateReject, calling server: CalledServer) {
        let (calling, called) = (server.callingAETitle.string, server.calledAETitle.string)
        switch reject {
        case .calledAETitleNotRecognized: self = .calledAETitleNotRecognized(calling: calling, called: called)
        case .callingAETitleNotRecognized: self = .callingAETitleNotRecognized(calling: calling)
        case _ where reject.isTransient: self = .localLimitExceeded(mayRetry: server.mayRetry && server.retries == 0)
        case .noReasonGiven:
            self = .rejectedWithoutReason(service: server.service.name, calling: calling, called: called)
        default: return nil
        }
    }
}

// MARK: Statuses

extension Message {
    /// A response with a status of failure.
    ///
    /// - Parameters:
    ///   - operation: the request that failed, such as `C-FIND`.
    ///   - hint: the remedy, where it is not that of the status alone.
    init(
        refusal response: CommandSet, of operation: String, by peer: String, service: ServiceKind, hint: Hint? = nil
    ) {
        let status = response.status ?? .processingFailure
        self.init(
            "\(peer): \(operation) failed", response.reason(for: service), peerText: response.errorComment,
            code: status.description, hint: hint ?? Hint(for: status, of: service))
        cause = FailureCause(status)
    }
}

extension CommandSet {
    /// The meaning of a response's status, with the elements that the peer objects to and its own number for the error.
    func reason(for service: ServiceKind) -> String {
        var text = (status ?? .processingFailure).meaning(for: service)
        if !offendingElements.isEmpty {
            let names = offendingElements.map { DataDictionary.label(of: $0) }
            text += ", offending elements \(names.joined(separator: ", "))"
        }
        if let errorID { text += ", error id \(errorID)" }
        return text
    }
}

extension UIDRegistry {
    /// The name of a registered UID, otherwise the UID itself.
    static func displayName(of uid: UID) -> String { name(of: uid) ?? uid.string }
}

// MARK: Files

extension Hint {
    fileprivate init?(for code: FileProblem.Code) {
        switch code {
        case .mislabelled: self = .mislabelled
        case .noUIDsInDataSet: self = .noUIDsInDataSet
        case .oddLength: self = .oddLength
        case .notDICOM: self = .noHeader
        default: return nil
        }
    }
}

extension Message {
    init(_ problem: FileProblem) {
        self.init(
            problem.path.displayed, problem.reason, hint: Hint(for: problem.code))
        cause = FailureCause(problem)
    }
}

/// Who requests over HTTP say that we are.
package enum WebIdentity: Sendable, Equatable {
    case none
    case user(String, hasPasscode: Bool)
    case token
    /// A client of OAuth 2, whose token the server did not accept.
    case client(String)
    /// A header field that holds a secret.
    case header(String)

    /// As messages name it; nil for nobody.
    var name: String? {
        switch self {
        case .none: nil
        case .user(let name, _): "user \(DisplayText.line(name))"
        case .token: "the token"
        case .client(let id): "the token of the client \(DisplayText.line(id))"
        case .header(let name): "the value of the header field \(name)"
        }
    }
}

extension WebError {
    /// True if a server of https says that it was spoken to without TLS: there is a status for many things, and words for this one.
    fileprivate var isOfPlainHTTP: Bool {
        let words = peerText?.lowercased() ?? ""
        return words.contains("https port") || words.contains("https server")
    }
}

extension WebAddress {
    /// The URL with https in the place of http, or the other way round.
    fileprivate var withOtherScheme: String {
        isSecure
            ? "http" + description.dropFirst("https".count) : "https" + description.dropFirst("http".count)
    }
}
