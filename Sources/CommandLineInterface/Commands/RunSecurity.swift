import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import Glibc
import System

/// The certificates, keys and secrets of a run, read once before anything is sent, so that a mistake in them is a usage
/// error and never leads to a plain connection; and what records the run's connections inside TLS.
final class RunSecurity: Sendable {
    struct Failure: Error {
        let message: Message
    }

    let connector: Connector
    /// For our receiver; nil is plain TCP.
    let listening: TLSContext?
    let userIdentity: UserIdentityRequest?
    /// The secrets of requests over HTTP.
    let web: WebSecrets
    /// Records the connections of both sides; nil if nobody wants that.
    let recorder: (any ConnectionRecorder)?
    /// The budget of bytes a second of all connections of the run, to whichever peer; nil without a limit.
    let rate: RateLimit?
    private let warned = Locked<[String]>([])

    init(
        _ connection: ConnectionOptions, environment: Environment, diagnostics: Diagnostics,
        recorder: (any ConnectionRecorder)? = nil, rate: RateLimit? = nil
    ) throws(Failure) {
        self.recorder = recorder
        self.rate = rate
        let identity = try Self.identity(connection.userIdentity, environment)
        userIdentity = identity
        var web = try Self.webSecrets(connection, identity, environment)
        let route = try Self.route(connection, environment)
        guard let options = connection.tls else {
            if let node = connection.plainNode {
                diagnostics.warning(
                    Message(
                        "node \(node.name)",
                        "its connections are plain: the defaults have \(node.setting.rawValue), and nothing says "
                            + "\"\(OptionName.tls.rawValue)\": true, or false for this node"))
            }
            connector = Connector(recorder: recorder, rate: rate, route: route)
            listening = nil
            self.web = web
            return
        }
        var configuration = options.configuration
        if let reference = options.keyPassword {
            configuration.keyPassword = String(
                decoding: try Self.read(reference, "the key's password", environment).firstLine, as: UTF8.self)
        }
        let keyLog = Self.keyLog(environment, diagnostics)
        let connecting = try Self.context(
            configuration, .client, diagnostics, observer: Self.observer(options, diagnostics), keyLog: keyLog)
        connector = Connector(tls: connecting, recorder: recorder, rate: rate, route: route)
        // A receiver needs a certificate; without one of ours it cannot listen securely, and never listens plainly
        // instead.
        if web.client != nil { web.tls = try Self.tokenTLS(connection, configuration, connecting, diagnostics, keyLog) }
        self.web = web
        let listens = connection.receiverPort != nil
        listening = listens ? try Self.context(configuration, .server, diagnostics, keyLog: keyLog) : nil
        if configuration.isInsecure {
            diagnostics.warning(
                Message(
                    "\(OptionName.tlsInsecure)",
                    "no certificate is checked: data can be intercepted and changed"))
        }
    }

    /// The file of the secrets of TLS that the environment names, as for other programs; nil if it names none. A program
    /// that runs with the rights of somebody else never believes it.
    private static func keyLog(_ environment: Environment, _ diagnostics: Diagnostics) -> TLSKeyLog? {
        guard let name = environment.variable(KeyLog.variable), !name.isEmpty, getuid() == geteuid(),
            getgid() == getegid()
        else {
            return nil
        }
        let path = FilePath(argument: name)
        do throws(FileProblem) {
            let log = try KeyLog(path) { diagnostics.warning(Message("\(KeyLog.variable)", $0.description)) }
            diagnostics.warning(
                Message(
                    "\(KeyLog.variable)", "the secrets of this run's TLS connections are written to \(path.displayed)"))
            return { log.write($0) }
        } catch {
            diagnostics.warning(Message("\(KeyLog.variable)", error.description))
            return nil
        }
    }

    /// Each warning once, however many associations it holds for.
    func warn(_ warning: String, _ diagnostics: Diagnostics) {
        let isNew = warned.withLock { warned in
            defer { if !warned.contains(warning) { warned.append(warning) } }
            return !warned.contains(warning)
        }
        guard isNew else { return }
        diagnostics.warning(Message(warning))
    }

    /// Shows the server's certificate, once however many connections are made; nil if nobody wants to see it.
    private static func observer(_ options: TLSOptions, _ diagnostics: Diagnostics) -> CertificateObserver? {
        let level: Diagnostics.Level = options.showsCertificate ? .note : .debug
        guard diagnostics.isEnabled(level) else { return nil }
        let shown = Locked<[PeerCertificate]>([])
        return { certificate in
            let isNew = shown.withLock { shown in
                guard !shown.contains(certificate) else { return false }
                shown.append(certificate)
                return true
            }
            guard isNew else { return }
            for (name, value) in certificate.description {
                diagnostics.report(level, Message("the server's certificate: \(name)", value))
            }
        }
    }

    private static func context(
        _ configuration: TLSConfiguration, _ role: TLSContext.Role, _ diagnostics: Diagnostics,
        observer: CertificateObserver? = nil, keyLog: TLSKeyLog? = nil
    ) throws(Failure) -> TLSContext {
        do throws(TransportError) {
            let context = try TLSContext(configuration, role: role, certificateObserver: observer, keyLog: keyLog)
            if role == .client { for warning in context.warnings { diagnostics.warning(Message(warning)) } }
            return context
        } catch {
            let hint: Hint? =
                if case .tls(let reason) = error {
                    switch reason.code {
                    case .notAvailable: .builtWithoutTLS
                    case .noLibrary: .noOpenSSL
                    case .missingKey: .certificateWithoutKey
                    default: nil
                    }
                } else {
                    nil
                }
            throw Failure(message: Message("\(OptionName.tls)", error.description, hint: hint))
        }
    }

    /// The proxy of the run; nil for none. The variables are those of curl, of which lower case counts first; those for the
    /// web alone are none of DICOM.
    private static func route(
        _ connection: ConnectionOptions, _ environment: Environment
    ) throws(Failure) -> ProxyRoute? {
        func value(_ name: String) -> (name: String, value: String)? {
            for name in [name.lowercased(), name] {
                if let value = environment.variable(name), !value.isEmpty { return (name, value) }
            }
            return nil
        }
        let exceptions = value("NO_PROXY")?.value ?? ""
        switch connection.proxy {
        case .none: return nil
        case .given(var proxy):
            if let reference = connection.proxyPassword {
                let password = try read(reference, "the proxy's password", environment).firstLine
                guard proxy.userName != nil else {
                    throw Failure(
                        message: Message("\(OptionName.proxyPassword)", "\(OptionName.proxy) names no user: USER@HOST"))
                }
                proxy.password = String(decoding: password, as: UTF8.self)
            }
            return ProxyRoute(proxy, except: exceptions, sparesThisMachine: false)
        case .environment:
            guard let (name, text) = value("ALL_PROXY") else { return nil }
            let route = Proxy(text, standardScheme: .http).map {
                ProxyRoute($0, except: exceptions, sparesThisMachine: true)
            }
            if let route { return route }
            let shown = Redaction.withoutPassword(text)
            throw Failure(
                message: Message(
                    "\(name) in the environment: \(shown)", "not a proxy that can be used", hint: .proxyOfEnvironment))
        }
    }

    private static func identity(
        _ option: UserIdentityOption?, _ environment: Environment
    ) throws(Failure) -> UserIdentityRequest? {
        let type: UserIdentityRequest.IdentityType
        let primary: [UInt8]
        var secondary: [UInt8] = []
        switch option {
        case nil: return nil
        case .userName(let name):
            (type, primary) = (.username, Array(name.utf8))
        case .userNameAndPasscode(let name, let reference):
            (type, primary) = (.usernameAndPasscode, Array(name.utf8))
            secondary = try read(reference, "the passcode", environment).firstLine
        case .kerberosTicket(let reference):
            (type, primary) = (.kerberosServiceTicket, try read(reference, "the Kerberos ticket", environment))
        case .samlAssertion(let reference):
            (type, primary) = (.samlAssertion, try read(reference, "the SAML assertion", environment))
        case .jsonWebToken(let reference):
            (type, primary) = (.jsonWebToken, try read(reference, "the JSON Web Token", environment).firstLine)
        }
        guard
            let request = UserIdentityRequest(
                type: type, positiveResponseRequested: true, primaryField: primary, secondaryField: secondary)
        else {
            throw Failure(
                message: Message(
                    "the user identity is too long",
                    "at most \(UserIdentityRequest.maximumLength) bytes fit in an association request",
                    code: "PS3.7 D.3.3.7"))
        }
        return request
    }

    private static func webSecrets(
        _ connection: ConnectionOptions, _ identity: UserIdentityRequest?, _ environment: Environment
    ) throws(Failure) -> WebSecrets {
        var secrets = WebSecrets()
        guard connection.web != nil else { return secrets }
        for header in connection.webOptions.headers {
            switch header.value {
            case .text(let value): secrets.headers.append((header.name, value))
            case .secret(let reference):
                let what = "the value of \(OptionName.header) \(header.name)"
                let value = try read(reference, what, environment).firstLine
                guard WebHeader.isValue(value) else {
                    throw Failure(
                        message: Message(what, "it is empty, or has characters that no header field may have"))
                }
                secrets.headers.append((header.name, String(decoding: value, as: UTF8.self)))
            }
        }
        if let client = connection.webOptions.client {
            let secret = try read(client.secret, "the secret of \(OptionName.oauthClient)", environment).firstLine
            secrets.client = ClientCredentials.Client(
                url: client.url, id: client.id, secret: secret, scope: client.scope)
        } else if case .jsonWebToken(.file(let path))? = connection.userIdentity, let identity {
            secrets.authorization = TokenFile(path, first: identity.primaryField)
        } else {
            secrets.authorization = identity?.authorization.map { FixedAuthorization($0) }
        }
        return secrets
    }

    /// The rules for the token endpoint: those of the run but for the name or the certificate that another server cannot have.
    private static func tokenTLS(
        _ connection: ConnectionOptions, _ configuration: TLSConfiguration, _ connecting: TLSContext,
        _ diagnostics: Diagnostics, _ keyLog: TLSKeyLog?
    ) throws(Failure) -> TLSContext {
        guard connection.webOptions.client?.url.host != connection.web?.host,
            configuration.pin != nil || configuration.expectedName != nil
        else { return connecting }
        var configuration = configuration
        (configuration.pin, configuration.expectedName) = (nil, nil)
        return try context(configuration, .client, diagnostics, keyLog: keyLog)
    }

    private static func read(
        _ reference: SecretReference, _ what: String, _ environment: Environment
    ) throws(Failure) -> [UInt8] {
        switch reference {
        case .environment(let name):
            guard let value = environment.variable(name), !value.isEmpty else {
                throw Failure(message: Message("\(what): the environment variable \(name) is not set"))
            }
            return ArgumentText.encode(value)
        case .file(let path):
            do throws(FileReadError) {
                return try SecretInput.readFile(path)
            } catch {
                throw Failure(message: Message("\(what): \(path.displayed)", error.reason))
            }
        case .prompt:
            guard let secret = SecretInput.prompt("dcmscu: \(what): ") else {
                throw Failure(message: Message(what, "there is no terminal to read it from"))
            }
            return secret
        }
    }
}

extension [UInt8] {
    /// The bytes before the first line end: of a file that holds a password and perhaps a note below it.
    var firstLine: [UInt8] {
        Array(prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
    }
}

extension PeerCertificate {
    /// What a person compares, with the fingerprint as `--tls-pin` takes it.
    fileprivate var description: [(name: String, value: String)] {
        [
            ("subject", subject), ("issuer", issuer), ("names", names ?? "none"), ("valid", validity),
            ("SHA-256", fingerprint.map { Hexadecimal.text($0, digits: 2, uppercase: true) }.joined(separator: ":")),
        ]
    }
}

/// Reads secrets from where they may stand.
enum SecretInput {
    /// In bytes; an association request carries less.
    private static let maximumLength = 1 << 20

    /// The file's content without the line end that editors put behind it.
    ///
    /// - Throws: `FileReadError` if the file cannot be read or is far too long for a secret.
    static func readFile(_ path: FilePath) throws(FileReadError) -> [UInt8] {
        var secret = try FileDescriptor.contents(of: path, limit: maximumLength)
        while let last = secret.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { secret.removeLast() }
        return secret
    }

    /// Asks at the terminal, without showing what is typed. Nil: there is none.
    static func prompt(_ question: String) -> [UInt8]? {
        guard let opened = try? FileDescriptor.open("/dev/tty", for: .readingAndWriting, [.noControllingTerminal])
        else { return nil }
        let terminal = opened.release()
        defer { close(terminal) }
        var settings = termios()
        guard tcgetattr(terminal, &settings) == 0 else { return nil }
        let ask = { @Sendable [settings] in
            var silent = settings
            silent.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(terminal, TCSAFLUSH, &silent)
            _ = write(terminal, question, question.utf8.count)
        }
        let restore = { @Sendable [settings] in
            var settings = settings
            tcsetattr(terminal, TCSAFLUSH, &settings)
            _ = write(terminal, "\n", 1)
        }
        return LocalInput.wait(preparing: ask, restoring: restore) {
            var secret: [UInt8] = []
            var byte: UInt8 = 0
            while secret.count < maximumLength, read(terminal, &byte, 1) == 1, byte != UInt8(ascii: "\n") {
                secret.append(byte)
            }
            return secret
        }
    }
}
