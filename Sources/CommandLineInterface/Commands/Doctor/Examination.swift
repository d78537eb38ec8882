import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The checks of one peer, and what the earlier ones have found out for the later.
final class Examination {
    let options: DoctorOptions
    let network: Network
    /// The association of the checks that share one; nil before it, and after an error has ended it.
    var association: Association?
    /// The SOP classes that the server accepts, of all services; nil before that is known.
    var services: Set<UID>?
    /// The association that was requested to learn what is spoken at the port.
    private var requested: Result<Association, AssociationError>?
    /// True if the server asks for a certificate of ours.
    private var asksForCertificate = false
    /// True if a storage class is accepted and the role is not in which a C-GET needs it.
    private(set) var lacksRoleOfGet = false
    /// The answer to our association, if the server rejected it for good.
    private var refusal: AssociateReject?
    /// True after a failure that leaves nothing to check but the AE titles.
    private(set) var isOver = false
    /// The associations that were requested.
    private(set) var associations = 0
    /// The storage SOP classes that were accepted.
    var acceptedClasses = 0
    var receiver: CallBackReceiver?
    /// The checks of a peer over HTTP.
    private(set) lazy var web = WebChecks(self)
    /// Our address towards the server.
    private(set) var ownHost: String?

    init(_ options: DoctorOptions, _ network: Network) {
        self.options = options
        self.network = network
    }

    func finding(of check: DoctorCheck) -> DoctorFinding {
        guard !isOver || check == .receiver || (check == .titles && refusal != nil) else {
            return .skipped(check, "not checked after the failure above")
        }
        switch check {
        case .configuration, .certificates, .clock, .locale, .limits:
            return .skipped(check, "is about this machine, and made where no peer is given")
        case .proxy: return checkProxy()
        case .name: return checkName()
        case .route: return checkRoute()
        case .port: return checkPort()
        case .tls: return checkTLS()
        case .association where isOverHTTP, .titles where isOverHTTP, .storage where isOverHTTP,
            .receiver where isOverHTTP,
            .callBack where isOverHTTP:
            return .skipped(check, "is about associations, and the server is called over HTTP")
        case .echo where isOverHTTP: return web.checkEcho()
        case .services where isOverHTTP: return web.checkServices()
        case .http where isOverHTTP: return web.checkHTTP()
        case .credentials where isOverHTTP: return web.checkCredentials()
        case .baseURL where isOverHTTP: return web.checkBaseURL()
        case .parameters where isOverHTTP: return web.checkParameters()
        case .retrieve where isOverHTTP: return web.checkRetrieve()
        case .http, .credentials, .baseURL, .parameters, .retrieve:
            return .skipped(check, "is made where HOST is a URL")
        case .association: return checkAssociation()
        case .titles: return checkTitles()
        case .echo: return checkEcho()
        case .services: return checkServices()
        case .storage: return checkStorage()
        case .query: return checkQuery()
        case .receiver: return checkReceiver()
        case .callBack: return checkCallBack()
        }
    }

    private var isOverHTTP: Bool { network.connection.web != nil }

    /// Releases what is open.
    func end() {
        endAssociation()
        receiver?.stop()
    }

    func endAssociation() {
        if let association { try? network.release(association) }
        association = nil
    }

    /// A failure after which the other checks have no meaning.
    func over(_ finding: DoctorFinding) -> DoctorFinding {
        isOver = true
        return finding
    }

    /// Opens an association; each is counted.
    ///
    /// - Throws: the error of the network.
    func associate(_ parameters: AssociationParameters) throws(AssociationError) -> Association {
        var attempts = Self.attempts
        while true {
            associations += 1
            attempts -= 1
            do throws(AssociationError) {
                return try network.associate(parameters)
            } catch {
                guard attempts > 0, case .rejected(let reject) = error, reject.isTransient,
                    !network.cancellation.wait(until: .after(seconds: Self.pause))
                else { throw error }
            }
        }
    }

    /// A server that takes few associations may count for a moment the connection, or the association, that we have just ended.
    private static let attempts = 4
    private static let pause = 0.2

    func associate(for needs: [PresentationContextPlan.Need]) throws(AssociationError) -> Association {
        try associate(network.parameters(PresentationContextPlan(needs: needs).associations.first ?? []))
    }

    /// A failure of the network, with the service that the check asks for.
    func failure(_ check: DoctorCheck, _ error: AssociationError) -> DoctorFinding {
        let service: ServiceKind =
            switch check {
            case .query, .baseURL, .parameters: .find
            case .retrieve: .get
            case .storage: .storage
            case .callBack: .move
            default: .verification
            }
        var finding = DoctorFinding(check, error, calling: network.server(asked: service))
        // The keys of the doctor are those that each server has to take.
        if case .abortedByPeer = error, check == .query {
            let calling = network.connection.callingAETitle.string
            finding.remedy = Hint.abortedAfterRequest(service: service.name, calling: calling).text
        }
        if error.isOfServer { finding.remedy = finding.remedy ?? Self.lastRemedy }
        return finding
    }

    /// Where nothing better is known.
    static let lastRemedy =
        "the server's log has its reason: ask its administrator, with our AE title and the time"

    // MARK: Proxy, name, route, port, TLS

    private func checkProxy() -> DoctorFinding {
        guard let proxy = network.proxy else { return .skipped(.proxy, "none, we connect directly") }
        let watch = Stopwatch()
        do throws(TransportError) {
            try Connector().connect(to: proxy.endpoint, wait: wait).close()
            var finding = DoctorFinding(
                .proxy, .passed,
                "\(proxy) takes connections"
                    + (isOverHTTP ? "" : "; what the server opens to our port does not go through it"))
            finding.seconds = watch.seconds
            finding.set("proxy", .string(proxy.description))
            return finding
        } catch .cancelled {
            return over(failure(.proxy, .interrupted(.graceful)))
        } catch {
            let code = ProxyError.Code.unreachable(error.description)
            let error = ProxyError(proxy: proxy.description, target: network.endpoint, code: code)
            return over(failure(.proxy, .unreachable(.proxy(error))))
        }
    }

    private func checkName() -> DoctorFinding {
        if let proxy = network.proxy, proxy.looksUpNames {
            return .skipped(.name, "the proxy looks \(network.endpoint.host) up")
        }
        let watch = Stopwatch()
        do throws(TransportError) {
            addresses = try Connector.addresses(of: network.endpoint, wait: wait)
            var finding = DoctorFinding(
                .name, .passed, "\(network.endpoint.host): \(addresses.joined(separator: ", "))")
            finding.seconds = watch.seconds
            finding.set("addresses", addresses)
            return finding
        } catch {
            return over(failure(.name, .unreachable(error)))
        }
    }

    private var addresses: [String] = []

    private var wait: WaitLimits {
        WaitLimits(
            total: .after(seconds: network.connection.connectTimeout ?? .infinity), cancellation: network.cancellation)
    }

    /// The system says by which address of ours it would send, or that it knows no way, without sending anything.
    private func checkRoute() -> DoctorFinding {
        guard network.proxy == nil else {
            return .skipped(
                .route,
                isOverHTTP
                    ? "goes through the proxy"
                    : "goes through the proxy; the server has to reach this machine without it")
        }
        var ours: [(peer: String, host: String)] = []
        var missing: [(peer: String, error: TransportError)] = []
        for address in addresses {
            do throws(TransportError) {
                let endpoint = Endpoint(host: address, port: network.endpoint.port)
                ours.append((address, try Connector.localAddress(towards: endpoint)))
            } catch {
                missing.append((address, error))
            }
        }
        guard let first = ours.first else {
            return over(failure(.route, .unreachable(missing.first?.error ?? .noRoute(detail: "no address"))))
        }
        ownHost = first.host
        let isSame = ours.allSatisfy { $0.host == first.host }
        var finding = DoctorFinding(
            .route, .passed,
            isSame
                ? "our address towards it is \(first.host)"
                : "our addresses: " + ours.map { "\($0.host) towards \($0.peer)" }.joined(separator: ", "))
        finding.set("ownAddress", .string(first.host))
        finding.set("unreachable", missing.map(\.peer))
        if !missing.isEmpty {
            finding.text += "; no route to " + missing.map(\.peer).joined(separator: ", ")
        }
        return finding
    }

    /// Each address is tried, so that one that leads nowhere is seen although another one answers.
    private func checkPort() -> DoctorFinding {
        var answered: [String] = []
        var silent: [(address: String, error: TransportError)] = []
        let watch = Stopwatch()
        for address in network.proxy == nil ? addresses : [network.endpoint.host] {
            do throws(TransportError) {
                let endpoint = Endpoint(host: address, port: network.endpoint.port)
                try network.security.connector.withoutTLS.connect(to: endpoint, wait: wait).close()
                answered.append(address)
            } catch {
                silent.append((address, error))
            }
        }
        guard let first = answered.first else {
            var finding = failure(.port, .unreachable(silent.first?.error ?? .refused))
            finding.seconds = watch.seconds
            finding.details = silent.dropFirst().map { "\($0.address): \($0.error)" }
            return over(finding)
        }
        var finding = DoctorFinding(.port, .passed, "\(first) takes connections at port \(network.endpoint.port)")
        if network.proxy != nil { finding.text += ", through the proxy" }
        finding.seconds = watch.seconds
        finding.set("answering", answered)
        guard let dead = silent.first else { return finding }
        finding.set("silent", silent.map(\.address))
        finding.note(
            silent.map { "\($0.address) does not answer: \($0.error)" }.joined(separator: "; "),
            FailureCause(dead.error),
            "programs that try this address first wait for it in vain: give \(first) instead of "
                + "\(network.endpoint.host), or have the name mended")
        return finding
    }

    private func checkTLS() -> DoctorFinding {
        guard network.connection.tls != nil else {
            return isOverHTTP ? .skipped(.tls, "not asked for: the URL is http") : checkPlain()
        }
        let watch = Stopwatch()
        do throws(TransportError) {
            let connection = try network.security.connector.connect(to: network.endpoint, wait: wait)
            defer { connection.close() }
            var finding = DoctorFinding(.tls, .passed, "")
            finding.seconds = watch.seconds
            if let details = connection.securityDetails { describe(details, in: &finding) }
            if let warning = connection.securityWarning {
                finding.note(
                    warning, .certificateNotTrusted,
                    "\(OptionName.tlsCA) FILE or \(OptionName.tlsPin) makes the connection safe")
            }
            return finding
        } catch {
            var finding = failure(.tls, .unreachable(error))
            if let details = detailsOfTLS() {
                let text = finding.text
                describe(details, in: &finding)
                finding.text = text
            }
            return over(finding)
        }
    }

    /// Without TLS the association says what is spoken at the port: it is requested here already. A port that does not take it may
    /// want TLS.
    private func checkPlain() -> DoctorFinding {
        let skipped = DoctorFinding.skipped(.tls, "not asked for (\(OptionName.tls))")
        let result = requestAssociation()
        requested = result
        if case .success(let open) = result { association = open }
        guard case .failure(let error) = result, Self.mayComeOfTLS(error), let details = detailsOfTLS() else {
            return skipped
        }
        var finding = DoctorFinding(.tls, .failed, "")
        describe(details, in: &finding)
        finding.text = "the port speaks TLS, which is not asked for: \(finding.text)"
        finding.cause = .tlsRequired
        finding.remedy = Hint.peerSpeaks(.tls, usesTLS: false).text
        finding.exitCode = ExitCode(for: error)
        return over(finding)
    }

    static func mayComeOfTLS(_ error: AssociationError) -> Bool {
        switch error {
        case .unreachable(.closedAtOnce), .connectionLost: true
        case .protocolViolation(let violation): violation.code == .foreignProtocol(.tls)
        default: false
        }
    }

    /// What the port says of itself to somebody who takes any certificate; nil if it speaks no TLS.
    func detailsOfTLS() -> SecurityDetails? {
        do throws(TransportError) {
            let connection = try network.security.connector.withAnyTLS().connect(to: network.endpoint, wait: wait)
            defer { connection.close() }
            return connection.securityDetails
        } catch {
            return nil
        }
    }

    private func describe(_ details: SecurityDetails, in finding: inout DoctorFinding) {
        asksForCertificate = details.asksForCertificate
        finding.text = "\(details.version), \(details.cipher)\(details.isResumed ? ", session resumed" : "")"
        if let own = details.chain.first {
            finding.text += "; \(own.subject), for \(own.names ?? "no names"), "
            finding.text +=
                own.daysLeft < 0
                ? "ended on \(own.lastDay)" : "until \(own.lastDay) (\(Quantity.count(own.daysLeft, "day")))"
            finding.set("daysLeft", .number(own.daysLeft))
        }
        finding.text +=
            details.asksForCertificate ? "; asks for a certificate of ours" : "; asks for no certificate of ours"
        finding.details = details.chain.enumerated().map { index, certificate in
            "\(index + 1) \(certificate.subject), issued by \(certificate.issuer), \(certificate.validity)"
        }
        finding.set("version", .string(details.version))
        finding.set("cipher", .string(details.cipher))
        finding.set("chain", details.chain.map(\.subject))
        finding.set("asksForCertificate", .bool(details.asksForCertificate))
    }

    // MARK: Association and AE titles

    /// The association of all services, and of a storage class in the role of C-GET, or the reason why there is none.
    private func requestAssociation() -> Result<Association, AssociationError> {
        let storage = [PresentationContextPlan.Need(Self.storedByGet, FindSCU.transferSyntaxes)]
        let needs = DoctorService.ofAssociations.flatMap(\.sopClasses).map {
            PresentationContextPlan.Need($0.uid, FindSCU.transferSyntaxes)
        }
        var parameters = network.parameters(PresentationContextPlan(needs: needs + storage).associations.first ?? [])
        parameters.roleSelections = GetSCU.roleSelections(for: storage)
        return Result { [parameters] () throws(AssociationError) in try associate(parameters) }
    }

    private static let storedByGet: UID = "1.2.840.10008.5.1.4.1.1.2"

    private func checkAssociation() -> DoctorFinding {
        do throws(AssociationError) {
            let association = try (requested ?? requestAssociation()).get()
            self.association = association
            services = Set(association.contexts.accepted.map(\.abstractSyntax))
            let user = association.accept.userInformation
            lacksRoleOfGet =
                services?.contains(Self.storedByGet) == true
                && !user.roleSelections.contains { $0.sopClass == Self.storedByGet && $0.scp }
            let name = [user.implementationVersionName ?? "", user.implementationClassUID.map { "(\($0))" } ?? ""]
            let maximum = user.maximumLength ?? 0
            let window = association.operationsWindow
            var finding = DoctorFinding(
                .association, .passed,
                "accepted by \(name.filter { !$0.isEmpty }.joined(separator: " ")); "
                    + (maximum == 0 ? "PDUs of any length" : "PDUs up to \(maximum) bytes") + "; "
                    + (window == 1
                        ? "one operation at a time" : "operations at a time: \(window == 0 ? "any" : "\(window)")"))
            finding.seconds = association.timings?.association
            finding.set("implementationVersionName", .string(user.implementationVersionName ?? ""))
            finding.set("implementationClassUID", .string(user.implementationClassUID?.string ?? ""))
            finding.set("maximumPDULength", .number(Int(maximum)))
            return finding
        } catch {
            var finding = failure(.association, network.identified(error))
            if case .rejected(let reject) = error, !reject.isTransient { refusal = reject }
            // A server that requires a certificate says so after the handshake, and its alert is often lost.
            if asksForCertificate, !network.server.hasCertificate, Self.mayComeOfTLS(error) {
                finding.cause = .ownCertificateRefused
                finding.remedy = Hint.ourCertificateRefused.text
            }
            return over(finding)
        }
    }

    /// An AE title that nobody has.
    private static let madeUpAETitle = AETitle(wire: "NO-SUCH-AE-TITLE".utf8)

    private func checkTitles() -> DoctorFinding {
        // Some servers take one association at a time.
        endAssociation()
        let calling = answer { $0.callingAETitle = Self.madeUpAETitle }
        let called = answer { $0.calledAETitle = Self.madeUpAETitle }
        var finding = DoctorFinding(
            .titles, .passed,
            "as the calling AE title a made-up one is \(calling.words), as the called one it is \(called.words)")
        finding.set("madeUpCalling", .string(calling.words))
        finding.set("madeUpCalled", .string(called.words))
        guard let refusal else { return finding }
        let wrong = WrongTitle(refusal, madeUpCalling: calling, madeUpCalled: called)
        let (own, server) = (network.connection.callingAETitle.string, network.connection.calledAETitle.string)
        finding.mark = .noted
        finding.text = wrong.words(own: own, server: server) + ": " + finding.text
        finding.cause = wrong.cause
        finding.remedy = wrong.remedy(own: own, server: server)
        finding.set("wrong", .string(wrong.rawValue))
        return finding
    }

    private func answer(_ change: (inout AssociationParameters) -> Void) -> TitleAnswer {
        var parameters = network.parameters(
            PresentationContextPlan(needs: VerificationSCU.needs).associations.first ?? [])
        change(&parameters)
        do throws(AssociationError) {
            try network.release(try associate(parameters))
            return .accepted
        } catch {
            if case .rejected(let reject) = error, !reject.isTransient { return .rejected(reject) }
            return .unclear
        }
    }

    // MARK: Echo

    static let echoes = 10

    private func checkEcho() -> DoctorFinding {
        var times: [Double] = []
        do throws(AssociationError) {
            if self.association == nil { self.association = try associate(for: VerificationSCU.needs) }
            guard let association = self.association else { return .skipped(.echo, "no association") }
            while times.count < Self.echoes {
                let watch = Stopwatch()
                let response = try VerificationSCU.echo(on: association)
                times.append(watch.seconds)
                guard response.status?.kind == .success else {
                    let message = Message(
                        refusal: response, of: "C-ECHO", by: network.peerName, service: .verification)
                    return refused(.echo, message)
                }
            }
        } catch {
            if !error.leavesAssociationUsable { association = nil }
            var finding = failure(.echo, error)
            if !times.isEmpty { finding.text += ", after \(Quantity.count(times.count, "C-ECHO"))" }
            return finding
        }
        return echoFinding(times)
    }

    /// What the times of echoes show.
    func echoFinding(_ times: [Double]) -> DoctorFinding {
        guard let spread = Distribution(times) else { return .skipped(.echo, "nothing was measured") }
        let values = [spread.minimum, spread.median, spread.maximum].map { Quantity.milliseconds(seconds: $0) }
        var finding = DoctorFinding(
            .echo, .passed,
            "\(times.count) of \(Self.echoes) answered in \(values[0]) ms at least, \(values[1]) ms in the median, "
                + "\(values[2]) ms at most")
        finding.picture = .times(times)
        finding.set("seconds", .array(times.map { .number(Decimal.rounded($0, digits: 6)) }))
        return finding
    }

    /// A response with a status of failure.
    func refused(_ check: DoctorCheck, _ message: Message) -> DoctorFinding {
        var finding = DoctorFinding(check, .failed, message.line(network.diagnostics.redaction))
        finding.cause = .failureStatus
        finding.remedy = message.hint ?? Self.lastRemedy
        finding.exitCode = .failureStatus
        return finding
    }
}

extension AssociationError {
    /// True if the server knows why.
    fileprivate var isOfServer: Bool {
        switch self {
        case .rejected, .abortedByPeer, .releasedByPeer, .connectionLost, .protocolViolation: true
        default: false
        }
    }
}
