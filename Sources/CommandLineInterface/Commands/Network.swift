import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// The network as one run uses it: opens associations with the peer under the run's names, limits and security.
final class Network: Sendable {
    let operation: Operation
    let connection: ConnectionOptions
    /// Certificates, keys and secrets, read before anything is sent.
    let security: RunSecurity
    let diagnostics: Diagnostics
    let cancellation: Cancellation
    /// Shows on a terminal what is waited for.
    private let progress: ProgressLine?
    private let transcript: Transcript?
    private let webCapture: WebCapture?
    private let makeUID: @Sendable () -> UID
    private let end: Deadline
    /// When the time of day comes after which nothing new is begun.
    private let lastBeginning: Deadline
    /// When studies may begin; nil: at once.
    let pace: WorkPace?
    /// The retries that are wanted, none of them begun after that time.
    let retry: RetryPolicy
    private let state = Locked(State())

    private struct State {
        var noted: [Note] = []
        var ungranted: QueryNegotiation = []
        /// Those that no thread uses now: their connections are kept.
        var idleClients: [HTTPClient] = []
        /// One for all clients: a token is renewed once.
        var authorization: (any HTTPAuthorization)?
    }

    /// - Parameter makeUID: makes a new UID below the run's root.
    init(
        _ operation: Operation, _ connection: ConnectionOptions, security: RunSecurity, diagnostics: Diagnostics,
        cancellation: Cancellation, progress: ProgressLine? = nil, transcript: Transcript? = nil,
        webCapture: WebCapture? = nil,
        makeUID: @escaping @Sendable () -> UID
    ) {
        self.operation = operation
        self.connection = connection
        self.security = security
        self.diagnostics = diagnostics
        self.cancellation = cancellation
        self.progress = progress
        self.transcript = transcript
        self.webCapture = webCapture
        self.makeUID = makeUID
        let end = connection.totalTimeout.map { Deadline.after(seconds: $0) } ?? .never
        let lastBeginning = connection.endTime?.next ?? .never
        self.end = end
        self.lastBeginning = lastBeginning
        pace = WorkPace(connection, lastBeginning: lastBeginning, end: end, diagnostics, progress)
        var retry = connection.retry
        retry.lastAttempt = lastBeginning
        self.retry = retry
    }

    /// True if the limit of the whole run has passed.
    var isOverdue: Bool { end.isPast }

    /// The words for the time after which nothing new is begun, if it has come; otherwise nil.
    var endTimeReached: String? {
        guard lastBeginning.isPast, let time = connection.endTime else { return nil }
        return "it is past \(time) (\(OptionName.until))"
    }

    /// Why nothing new is begun any more, in words; nil if something may be.
    var reasonForEnd: String? { endTimeReached ?? pace?.ending }

    /// The peer as messages name it: its AE title, host and port.
    var peerName: String { connection.peerName }

    var endpoint: Endpoint { connection.peer }

    /// The service of the operation, as people call it.
    var serviceName: String {
        switch (connection.web?.interface, operation) {
        case (.dicomWeb, .echo): "DICOMweb"
        case (.dicomWeb, .find), (.dicomWeb, .compare): "QIDO-RS"
        case (.dicomWeb, .get), (.dicomWeb, .copy): "WADO-RS"
        case (.dicomWeb, .store): "STOW-RS"
        case (.orthanc, .echo): "Orthanc"
        case (.orthanc, .find), (.orthanc, .compare): "/tools/find"
        case (.orthanc, .get), (.orthanc, .store), (.orthanc, .copy): "/instances"
        default: operation.serviceName
        }
    }

    /// What queries are asked by, as people call it.
    var queryName: String {
        switch connection.web?.interface {
        case nil: "C-FIND"
        case .dicomWeb: "QIDO-RS"
        case .orthanc: "/tools/find"
        }
    }

    /// The proxy through which the peer is connected to; nil for none.
    var proxy: Proxy? { security.connector.proxy(for: endpoint.host) }

    /// The server as messages name it.
    var server: CalledServer {
        CalledServer(
            endpoint: endpoint(of: operation.service), calledAETitle: connection.calledAETitle,
            callingAETitle: connection.callingAETitle,
            service: operation.service, usesTLS: connection.tls != nil,
            hasCertificate: connection.tls?.configuration.certificate != nil, receiverPort: connection.receiverPort,
            isNamedAsNode: connection.isHostNamedAsNode, web: connection.web,
            webIdentity: connection.webIdentity, limits: limits,
            passedTotalLimit: isOverdue ? connection.totalTimeout : nil, retries: connection.retry.retries,
            mayRetry: OperationSet.retrying.contains(operation))
    }

    /// The server as messages name it that is asked for another service than that of the operation, such as the query before a
    /// retrieval.
    func server(asked service: ServiceKind) -> CalledServer {
        var server = server
        server.service = service
        server.endpoint = endpoint(of: service)
        return server
    }

    /// Where a service is: over HTTP each may have a URL of its own.
    private func endpoint(of service: ServiceKind) -> Endpoint {
        let bases = connection.webOptions.bases
        let base =
            switch service {
            case .storage: bases.storage
            case .get: bases.retrieval
            case .find, .verification: bases.query
            case .move, .worklist, .storageCommitment: WebAddress?.none
            }
        guard connection.web != nil, let base else { return endpoint }
        return Endpoint(host: base.host, port: base.port)
    }

    /// The message for an association that failed.
    func message(_ error: AssociationError) -> Message { Message(error, calling: server) }

    func newUID() -> UID { makeUID() }

    // MARK: Associations

    var limits: AssociationLimits {
        var limits = AssociationLimits()
        limits.connect = connection.connectTimeout
        limits.inactivity = connection.inactivityTimeout
        // A shorter --timeout shortens this limit as well.
        if let inactivity = limits.inactivity {
            limits.association = limits.association.map { min($0, inactivity) }
            limits.release = limits.release.map { min($0, inactivity) }
        }
        limits.end = end
        if let progress { limits.onLongWait = Self.display(of: progress, peer: peerName, endpoint) }
        return limits
    }

    /// Shows what is waited for on a terminal, and how long it may take.
    private static func display(
        of line: ProgressLine, peer: String, _ endpoint: Endpoint
    ) -> @Sendable (AssociationLimits.LongWait?) -> Void {
        return { long in
            guard let long else { return line.clear() }
            let what = long.awaited.map { "\(peer): waiting for \($0)" } ?? "connecting to \(endpoint)"
            line.show("\(what): \(text(long.wait))")
        }
    }

    /// Told of waits for reports on storage commitment.
    var reportNotice: WaitNotice? {
        guard let line = progress else { return nil }
        return WaitNotice { wait in
            guard let wait else { return line.clear() }
            line.show("waiting for the report on storage commitment: \(Self.text(wait))")
        }
    }

    private static func text(_ wait: WaitNotice.Wait) -> String {
        let limit = wait.limit.map { " of \(Decimal.text($0, digits: 0))" } ?? ""
        return "\(Decimal.text(wait.waited, digits: 0))\(limit) s"
    }

    /// The limits at our own port, where nobody waits for what may come.
    fileprivate var listeningLimits: AssociationLimits {
        var limits = limits
        limits.onLongWait = nil
        return limits
    }

    func parameters(_ contexts: [PresentationContextProposal]) -> AssociationParameters {
        var parameters = AssociationParameters(
            calledAETitle: connection.calledAETitle, callingAETitle: connection.callingAETitle,
            presentationContexts: contexts)
        parameters.extendedNegotiations = contexts.map(\.abstractSyntax).reduce(into: []) { items, sopClass in
            guard let item = connection.queryNegotiation.item(for: sopClass), !items.contains(item) else { return }
            items.append(item)
        }
        parameters.maximumPDULength = connection.maximumPDULength
        parameters.limits = limits
        parameters.userIdentity = security.userIdentity
        return parameters
    }

    func associate(_ parameters: AssociationParameters) throws(AssociationError) -> Association {
        try associate(parameters, cancellation: cancellation)
    }

    /// - Parameter cancellation: what ends this association, where that is not only the end of the run.
    func associate(
        _ parameters: AssociationParameters, cancellation: Cancellation
    ) throws(AssociationError) -> Association {
        guard !isOverdue else { throw .unreachable(.timedOut(.start)) }
        let association = try Association.request(
            parameters, at: endpoint, connector: security.connector, cancellation: cancellation,
            observer: observation?())
        if let warning = association.securityWarning { security.warn(warning, diagnostics) }
        if parameters.userIdentity != nil, association.accept.userInformation.userIdentityResponse == nil,
            !connection.acceptsUnconfirmedIdentity
        {
            association.abort()
            throw .identityUnconfirmed
        }
        noteNegotiation(parameters.extendedNegotiations, association)
        return association
    }

    /// The options that were negotiated and that the server does not grant.
    var ungranted: QueryNegotiation { state.withLock { $0.ungranted } }

    /// Says what the server grants of what was negotiated: it changes what the answers mean.
    private func noteNegotiation(_ items: [SOPClassExtendedNegotiation], _ association: Association) {
        let answers = association.accept.userInformation.extendedNegotiations
        for item in items {
            let answer = answers.first { $0.sopClass == item.sopClass }
            let asked = QueryNegotiation(granted: item)
            let granted = answer.map { QueryNegotiation(granted: $0).intersection(asked) } ?? []
            let refused = asked.subtracting(granted)
            if !granted.isEmpty { diagnostics.note(Message("\(peerName) grants \(granted.words)")) }
            if !refused.isEmpty {
                state.withLock { $0.ungranted.formUnion(refused) }
                let why = answer == nil ? "it does not answer the negotiation" : nil
                diagnostics.note(Message("\(peerName) does not grant \(refused.words)", why))
            }
        }
    }

    /// What the matches of a query mean: the options that were asked for, since a server may act by one whatever
    /// it answers; but a list of values asks for all of them only where that was granted.
    func negotiation(for sopClass: UID, on session: any QuerySession) -> QueryNegotiation {
        let granted = session.grantedNegotiation(for: sopClass)
        return connection.queryNegotiation.subtracting(granted.contains(.multipleValues) ? [] : .multipleValues)
            .union(granted.intersection(.lettersAsWildcards))
    }

    /// Opens an association with the contexts of these needs, as far as one association has room for them.
    func associate(for needs: [PresentationContextPlan.Need]) throws(AssociationError) -> Association {
        try associate(parameters(PresentationContextPlan(needs: needs).associations.first ?? []))
    }

    /// Narrates associations when somebody listens; costs nothing when nobody does.
    var observation: AssociationObservation? {
        let isVerbose = diagnostics.isEnabled(.verbose)
        guard isVerbose || transcript != nil else { return nil }
        return { [diagnostics, transcript] in
            let messages = isVerbose ? AssociationNarrator(diagnostics: diagnostics) : nil
            let written = transcript.map {
                AssociationNarrator(diagnostics: $0.association(diagnostics.redaction), tellsAll: true)
            }
            return { event in
                messages?.narrate(event)
                written?.narrate(event)
            }
        }
    }

    /// Opens what queries are asked by: an association with contexts for the SOP classes, or a client of DICOMweb.
    ///
    /// - Throws: the reason why it cannot be opened.
    func querySession(for sopClasses: [UID]) throws(AssociationError) -> any QuerySession {
        if connection.web != nil { return try webSession() }
        return try associate(for: sopClasses.flatMap { FindSCU.needs($0) })
    }

    /// Runs the body with what queries are asked by, and ends it afterwards.
    ///
    /// - Throws: the error of the body, or of opening or releasing the association.
    func withQuerySession(
        for sopClasses: [UID], _ body: (any QuerySession) throws(AssociationError) -> Void
    ) throws(AssociationError) {
        guard connection.web != nil else {
            return try withAssociation(for: sopClasses.flatMap { FindSCU.needs($0) }) {
                association throws(AssociationError) in try body(association)
            }
        }
        try body(try webSession())
    }

    // MARK: HTTP

    /// A session of DICOMweb, with connections that were used before if there are any.
    ///
    /// - Throws: `.web` if there is no HTTP library; `.unreachable` if TLS cannot be set up.
    func webSession() throws(AssociationError) -> WebSession {
        guard let address = connection.web else { throw .web(WebError(.notAvailable, "the peer has no URL")) }
        let idle = state.withLock { $0.idleClients.popLast() }
        let client: HTTPClient
        if let idle { client = idle } else { client = try HTTPClient(address, webSettings) }
        return webSession(client) { [self] client in state.withLock { $0.idleClients.append(client) } }
    }

    /// A session of its own, to find out what another request would be answered with.
    ///
    /// - Parameters:
    ///   - address: another base URL of the same server.
    ///   - withCredentials: false to see what the server lets everybody do.
    /// - Throws: as ``webSession()``.
    func trialSession(at address: WebAddress, withCredentials: Bool) throws(AssociationError) -> WebSession {
        var settings = webSettings
        if !withCredentials { (settings.authorization, settings.headers) = (nil, []) }
        return webSession(try HTTPClient(address, settings)) { _ in }
    }

    private func webSession(_ client: HTTPClient, onEnd: @escaping (HTTPClient) -> Void) -> WebSession {
        WebSession(
            client, bases: connection.webOptions.bases, isFuzzy: connection.queryNegotiation.contains(.fuzzyNames),
            cancellation: cancellation, report: { [self] in note($0) },
            retry: { [self] error, failures throws(AssociationError) in
                guard mayRetry(after: error, failures: failures) else { return false }
                try pause(after: failures, because: error, isBrief: true)
                return true
            }, onEnd: onEnd)
    }

    private var webSettings: HTTPSettings {
        var settings = HTTPSettings()
        settings.userAgent = "dcmscu/\(ImplementationIdentity.version)"
        settings.connectTimeout = connection.connectTimeout
        settings.silence = connection.inactivityTimeout
        settings.recorder = webCapture
        settings.rate = security.rate
        settings.end = end
        if retry.retries > 0 { settings.lastRetry = end.earlier(lastBeginning) }
        settings.tls = security.connector.tls
        if connection.proxy != .environment {
            settings.proxy = { [connector = security.connector] in connector.proxy(for: $0) }
        }
        settings.authorization = state.withLock { state in
            state.authorization = state.authorization ?? security.web.authorization(settings)
            return state.authorization
        }
        settings.headers = security.web.headers
        if let progress {
            let name = peerName
            settings.onLongWait = { wait in
                guard let wait else { return progress.clear() }
                progress.show("\(name): waiting for the answer: \(Self.text(wait))")
            }
        }
        return settings
    }

    private func note(_ note: WebSession.Note) {
        switch note {
        case .warning(let words):
            report(.web(note), .warning, Message("\(peerName): the server warns", peerText: words))
        case .doesNotDecode:
            report(
                .web(note), .verbose,
                Message(
                    "\(peerName): the server does not decode the values of queries",
                    "letters beyond ASCII are sent as wildcards, and its matches compared with the keys"))
        case .nothingByWildcards:
            report(
                .web(note), .warning,
                Message(
                    "\(peerName): a query found nothing, and its keys could not be sent whole",
                    "the server does not decode the values of queries: letters beyond ASCII were sent as wildcards",
                    hint: .keyNotSentWhole))
        case .ignoresOffset:
            report(
                .web(note), .verbose,
                Message(
                    "\(peerName): the server returns its whole list whatever the offset",
                    "it names no limit, and the list is taken as complete"))
        case .security(let warning): security.warn(warning, diagnostics)
        }
    }

    /// Runs the body on an association, and releases it afterwards.
    ///
    /// - Throws: the error of the body, or of opening or releasing the association.
    func withAssociation(
        for needs: [PresentationContextPlan.Need], _ body: (Association) throws(AssociationError) -> Void
    ) throws(AssociationError) {
        let association = try associate(for: needs)
        do throws(AssociationError) {
            try body(association)
        } catch {
            if error.leavesAssociationUsable { try release(association) }
            throw error
        }
        try release(association)
    }

    // MARK: Retries

    /// Does work that may fail for a moment: after a transient failure again, as often as the run's options say.
    ///
    /// - Throws: the last error; one that is not transient at once; `interrupted` in a pause.
    func retrying<Result>(_ work: () throws(AssociationError) -> Result) throws(AssociationError) -> Result {
        var failures = 0
        while true {
            do throws(AssociationError) {
                return try work()
            } catch {
                failures += 1
                guard mayRetry(after: error, failures: failures) else { throw error }
                try pause(after: failures, because: error)
            }
        }
    }

    /// True if the work may be tried again after so many failures in a row.
    func mayRetry(after error: AssociationError, failures: Int) -> Bool {
        // What a session has tried again itself is not begun anew.
        if case .web(let error) = error, error.wasRetried { return false }
        return error.isTransient && retry.allowsAttempt(after: failures, wanted: error.retryAfter) && !isOverdue
    }

    /// Waits before the next attempt.
    ///
    /// - Parameters:
    ///   - error: the cause of the last failure; nil if a status was, or if it was told.
    ///   - wanted: the pause in seconds that the server asks for; nil if the error says it, or nobody does.
    ///   - isBrief: True for one of many requests: a first failure of it is told once for the run.
    /// - Throws: `interrupted` at a cancellation.
    func pause(
        after failures: Int, because error: AssociationError?, wanted: Double? = nil, isBrief: Bool = false
    ) throws(AssociationError) {
        let seconds = retry.pause(after: failures, wanted: wanted ?? error?.retryAfter)
        if isBrief, failures == 1 {
            report(.requestAgain, .note, pauseMessage(seconds: seconds, "trying again", because: error))
        } else {
            notePause(seconds: seconds, "trying again", because: error)
        }
        if cancellation.wait(until: Deadline.after(seconds: seconds).earlier(end)) {
            throw .interrupted(cancellation.level)
        }
    }

    /// Tells a person why nothing happens for a while.
    func notePause(seconds: Double, _ what: String, because error: AssociationError?) {
        diagnostics.note(pauseMessage(seconds: seconds, what, because: error))
    }

    private func pauseMessage(seconds: Double, _ what: String, because error: AssociationError?) -> Message {
        Message(
            "\(what) in \(Decimal.text(seconds, digits: seconds < 10 ? 1 : 0)) s", error.map { message($0).line })
    }

    /// Releases an association whose work is done. A server that never answers the release is noted, and is no failure.
    ///
    /// - Throws: `interrupted`, `protocolViolation`; the association is closed all the same.
    func release(_ session: any QuerySession) throws(AssociationError) {
        do throws(AssociationError) { try session.release() } catch .timedOut { noteUnansweredRelease() }
    }

    /// Notes, once for the run, that a release was not answered.
    func noteUnansweredRelease() {
        report(
            .unansweredRelease, .note,
            Message("\(peerName): the release of the association was not answered", "everything was done before it"))
    }

    /// The things that are said once for a run, however often they happen.
    enum Note: Hashable {
        case unansweredRelease, unsupportedKeys, missingList, otherSyntax, listCutShort, undated, byModality,
            requestAgain, reportOnAssociation
        case web(WebSession.Note)
    }

    /// Reports a message unless its like was reported before in this run.
    func report(_ note: Note, _ level: Diagnostics.Level, _ message: @autoclosure () -> Message) {
        let isNew = state.withLock { state in
            defer { if !state.noted.contains(note) { state.noted.append(note) } }
            return !state.noted.contains(note)
        }
        guard isNew else { return }
        diagnostics.report(level, message())
    }

    /// Reports, once for the run, how a server answers otherwise than it should.
    func noteOddities(of match: FindSCU.Match) {
        if match.hasUnsupportedKeys { warnOfUnsupportedKeys() }
        guard let agreed = match.agreedOtherwise else { return }
        report(
            .otherSyntax, .warning,
            Message(
                "\(peerName): the server answers in \(match.transferSyntax), although \(agreed) was agreed on",
                "its matches are read as what they are", code: "PS3.8 9.3.3.2"))
    }

    /// Warns, once for the run, of a server that has not taken every key into account, as its status FF01H says.
    private func warnOfUnsupportedKeys() {
        report(
            .unsupportedKeys, .warning,
            Message(
                "\(peerName): the server did not take all keys into account",
                "it may list more than was asked for",
                code: DIMSEStatus.pendingWithUnsupportedKeys.description))
    }
}

extension ExitCode {
    /// A port that cannot be listened at, or a signal while the name of its address was looked up.
    init(listening error: TransportError) { self = error == .cancelled ? .interrupted : .localFiles }
}

extension RunOutcome {
    /// Reports a port that cannot be listened at.
    ///
    /// - Parameter option: the one that names the port.
    func fail(listeningAt port: UInt16, _ error: TransportError, option: OptionName = .portSCP) {
        let hint: Hint? = if case .portInUse = error { .receiverPortTaken(port: port, option: option) } else { nil }
        fail(ExitCode(listening: error), Message("cannot listen at port \(port)", error.description, hint: hint))
    }
}

extension Network {
    /// Whether those who call our port have to say who they are, as the first line of each receiver tells.
    var authenticationOfCallers: String {
        guard security.listening != nil else { return "callers are not authenticated" }
        return switch connection.tls?.configuration.clientCertificate ?? .none {
        case .none: "callers are not authenticated; their connections are secured by TLS"
        case .optional: "a caller's certificate is checked if it shows one"
        case .required: "callers must show a certificate of a trusted authority"
        }
    }
}

/// The port that peers call back while an operation lasts.
enum Receiver {
    /// Listens from now on. Nil: it cannot, reported.
    ///
    /// - Parameters:
    ///   - titles: the titles that peers may call, beside our own; nil: any.
    ///   - callers: the titles that may call; empty lets everybody in who knows ours.
    ///   - isAccepting: false if callers are to wait until ``accept(_:_:)``.
    ///   - narrates: false if `watch` tells the user what happens.
    ///   - watch: told what happens at the port, after it has been narrated.
    static func start(
        _ network: Network, _ outcome: RunOutcome, port: UInt16, services: [any ServiceClass], titles: [AETitle]? = [],
        from callers: [AETitle] = [], isAccepting: Bool = true, narrates: Bool = true,
        watch: @escaping @Sendable (AssociationServer.Event) -> Void = { _ in }
    ) -> AssociationServer? {
        do throws(TransportError) {
            return try open(
                network, port: port, services: services, titles: titles, from: callers, isAccepting: isAccepting,
                narrates: narrates, watch: watch)
        } catch {
            outcome.fail(listeningAt: port, error)
            return nil
        }
    }

    /// Listens from now on, as ``start(_:_:port:services:titles:from:isAccepting:narrates:watch:)`` does, and says so before anybody
    /// is let in.
    ///
    /// - Throws: `TransportError` if it cannot.
    static func open(
        _ network: Network, port: UInt16, services: [any ServiceClass], titles: [AETitle]? = [],
        from callers: [AETitle] = [], isAccepting: Bool = true, narrates: Bool = true,
        watch: @escaping @Sendable (AssociationServer.Event) -> Void = { _ in }
    ) throws(TransportError) -> AssociationServer {
        let listener = try TCPListener(
            port: port, bind: network.connection.bindAddress, wait: WaitLimits(cancellation: network.cancellation))
        var policy = AcceptancePolicy(
            calledAETitles: titles.map { Set([network.connection.callingAETitle] + $0) })
        policy.maximumPDULength = network.connection.maximumPDULength
        if !callers.isEmpty { policy.callingAETitles = Set(callers) }
        let server = try makeServer(network, listener, policy, services, narrates: narrates, watch)
        network.diagnostics.verbose(
            "listening at \(listener.localDescription) as \(network.connection.callingAETitle); "
                + network.authenticationOfCallers)
        if isAccepting { try start(server) }
        return server
    }

    /// Lets callers in where they had to wait, those first that wait now. False: it cannot, reported.
    static func accept(_ server: AssociationServer, _ outcome: RunOutcome) -> Bool {
        do throws(TransportError) {
            try start(server)
            return true
        } catch {
            outcome.fail(listeningAt: server.port, error)
            return false
        }
    }

    private static func start(_ server: AssociationServer) throws(TransportError) {
        do throws(SystemError) { try server.start() } catch { throw .system(error) }
    }

    private static func makeServer(
        _ network: Network, _ listener: TCPListener, _ policy: AcceptancePolicy, _ services: [any ServiceClass],
        narrates: Bool, _ watch: @escaping @Sendable (AssociationServer.Event) -> Void
    ) throws(TransportError) -> AssociationServer {
        do throws(SystemError) {
            let narrate = ServerNarrator(diagnostics: network.diagnostics).narrate
            let server = try AssociationServer(
                listener: listener, policy: policy, services: services, tls: network.security.listening,
                limits: network.listeningLimits,
                observation: network.observation, recorder: network.security.recorder, rate: network.security.rate,
                report: { event in
                    if narrates { narrate(event) }
                    watch(event)
                })
            return server
        } catch {
            throw .system(error)
        }
    }
}

extension AssociationLoad {
    /// As `over 3 associations with a window of 8`, with what was found out alone.
    func words(jobs: LoadChoice, window: LoadChoice) -> String {
        let number = jobs == .automatic ? "over \(Quantity.count(associations, "association"))" : nil
        let width = window == .automatic ? "with a window of \(self.window)" : nil
        return [number, width].compactMap(\.self).joined(separator: " ")
    }
}
