import DICOMNode
import System

extension OptionTable {
    static let securityOptions: [OptionDefinition] = tlsOptions + identityOptions

    private static let tlsOptions: [OptionDefinition] = [
        OptionDefinition(
            "tls", .security, "secure all connections, also to our receiver", traits: .common,
            apply: { (draft, _) throws(UsageError) in draft.usesTLS = true }),
        OptionDefinition(
            "tls-ca", value: .fileOrDirectory, .security, "whose certificates are believed",
            details: "A file of certificates in PEM, or a directory prepared by \"openssl rehash\".",
            default: "the system's roots",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.trust = .path(FilePath(argument: try argument.string()))
            }),
        OptionDefinition(
            "tls-cert", value: .file, .security, "our certificate, and those between it and the root (PEM)",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.certificate = FilePath(argument: try argument.string())
            }),
        OptionDefinition(
            "tls-key", value: .file, .security, "the key of our certificate (PEM)",
            default: "in the certificate's file",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.key = FilePath(argument: try argument.string())
            }),
        OptionDefinition(
            "tls-key-password", value: .text(placeholder: "SOURCE"), .security, "where the key's password is",
            details:
                "env:NAME reads an environment variable, file:PATH the first line of a file, prompt asks at the terminal.",
            apply: { (draft, argument) throws(UsageError) in draft.tls.keyPassword = try argument.secret() }),
        OptionDefinition(
            "tls-min", value: .choice(TLSConfiguration.Version.allCases.map(\.rawValue)), .security,
            "the oldest version of TLS that is spoken", default: "1.2",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.minimumVersion = try argument.choice(TLSConfiguration.Version.self)
            }),
        OptionDefinition(
            "tls-profile", value: .choice(TLSProfile.allCases.map(\.rawValue)), .security,
            "the secure transport profile of PS3.15",
            details: "bcp195 is what PS3.15 B.12 asks for; the others are for equipment that knows only older ones.",
            default: "bcp195",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.profile = try argument.choice(TLSProfile.self)
            }),
        OptionDefinition(
            "tls-name", value: .text(placeholder: "NAME"), .security,
            "the name that the server's certificate must be for", default: "HOST as given",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.expectedName = try argument.string()
            }),
        OptionDefinition(
            "tls-pin", value: .text(placeholder: "SHA256"), .security,
            "accept only the certificate with this fingerprint",
            details:
                "64 hexadecimal digits, with or without colons, as \"openssl x509 -fingerprint -sha256\" prints them.",
            apply: { (draft, argument) throws(UsageError) in
                guard let pin = TLSConfiguration.pin(parsing: try argument.string()) else {
                    throw argument.error("not a SHA-256 fingerprint", accepted: "64 hexadecimal digits")
                }
                draft.tls.configuration.pin = pin
            }),
        OptionDefinition(
            "tls-insecure", .security, "accept any certificate: nothing protects from somebody in between",
            apply: { (draft, _) throws(UsageError) in draft.tls.configuration.isInsecure = true }),
        OptionDefinition(
            "tls-client-cert", value: .choice(TLSConfiguration.ClientCertificate.allCases.map(\.rawValue)), .security,
            for: .listening, "whether those who call our receiver must show a certificate", default: "none",
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.clientCertificate = try argument.choice(TLSConfiguration.ClientCertificate.self)
            }),
    ]

    private static let identityOptions: [OptionDefinition] = [
        OptionDefinition(
            "user", value: .text(placeholder: "NAME"), .security, "say who we are (user identity, PS3.7 D.3.3.7)",
            details: "The server must confirm it, unless --user-unconfirmed is given.",
            apply: { (draft, argument) throws(UsageError) in draft.userName = try argument.string() }),
        OptionDefinition(
            "passcode", value: .text(placeholder: "SOURCE"), .security, "where the passcode of --user is",
            details: "env:NAME, file:PATH or prompt.",
            apply: { (draft, argument) throws(UsageError) in draft.passcode = try argument.secret() }),
        OptionDefinition(
            "kerberos", value: .text(placeholder: "SOURCE"), .security, "identify by a Kerberos service ticket",
            apply: { (draft, argument) throws(UsageError) in
                draft.identities.append(.kerberosTicket(try argument.secret()))
            }),
        OptionDefinition(
            "saml", value: .text(placeholder: "SOURCE"), .security, "identify by a SAML assertion",
            apply: { (draft, argument) throws(UsageError) in
                draft.identities.append(.samlAssertion(try argument.secret()))
            }),
        OptionDefinition(
            "jwt", value: .text(placeholder: "SOURCE"), .security, "identify by a JSON Web Token",
            apply: { (draft, argument) throws(UsageError) in
                draft.identities.append(.jsonWebToken(try argument.secret()))
            }),
        OptionDefinition(
            "user-unconfirmed", .security, "put up with a server that does not confirm our identity",
            apply: { (draft, _) throws(UsageError) in draft.invocation.acceptsUnconfirmedIdentity = true }),
    ]
}

extension OptionArgument {
    func secret() throws(UsageError) -> SecretReference {
        guard let reference = SecretReference(text) else {
            // What stands there may be the secret itself: it is not repeated.
            throw UsageError(
                .invalidValue, option: definition.option,
                problem: "\(definition.option): a secret does not belong on the command line",
                accepted: SecretReference.accepted)
        }
        return reference
    }
}

// What the security options mean together.
extension InvocationDraft {
    mutating func resolveSecurity(_ options: [OptionArgument]) throws(UsageError) {
        if usesTLS {
            invocation.tls = tls
        } else if let argument = options.first(where: { $0.definition.name.hasPrefix("tls-") }) {
            throw UsageError(
                .missingOption, option: argument.definition.option,
                problem: "\(argument.definition.option) has no use without --tls", accepted: "--tls with it")
        }
        if let passcode {
            guard let userName else {
                throw UsageError(
                    .missingOption, option: "--passcode", problem: "--passcode has no use without --user",
                    accepted: "--user NAME with it")
            }
            identities.append(.userNameAndPasscode(userName, passcode))
        } else if let userName {
            identities.append(.userName(userName))
        }
        guard identities.count < 2 else {
            throw UsageError(
                .conflictingOptions, option: "--user", problem: "several identities given",
                accepted: "one of --user, --kerberos, --saml and --jwt")
        }
        invocation.userIdentity = identities.first
    }
}
