import DICOM
import DICOMNode
import DICOMProtocol
import System

extension OptionCategory {
    static let securityOptions: [OptionDefinition] = [
        OptionDefinition(
            .tls, .security, "secure all connections, also to our receiver", traits: .common,
            apply: { (draft, _) throws(UsageError) in draft.usesTLS = true }),
        OptionDefinition(
            .tlsCA, value: .fileOrDirectory, .security, "trusted CA certificates",
            details: "A file of certificates in PEM, or a directory prepared by \"openssl rehash\".",
            default: .text("the system's roots"),
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.trust = .path(try argument.path())
            }),
        OptionDefinition(
            .tlsCRL, value: .file, .security, "certificate revocation lists (PEM)",
            details: "Those in the file of \(OptionName.tlsCA) count as well.",
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.revocationLists = try argument.path()
            }),
        OptionDefinition(
            .tlsCert, value: .file, .security, "our certificate and intermediate ones (PEM)",
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.certificate = try argument.path()
            }),
        OptionDefinition(
            .tlsKey, value: .file, .security, "private key of our certificate (PEM)",
            default: .text("in the certificate's file"),
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.key = try argument.path()
            }),
        OptionDefinition(
            .tlsKeyPassword, value: .text(placeholder: "SOURCE"), .security, "source of the key's password",
            details:
                "env:NAME reads an environment variable, file:PATH the first line of a file, prompt asks at the terminal.",
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in draft.tls.keyPassword = try argument.secret() }),
        OptionDefinition(
            .tlsMin, value: .choice(TLSConfiguration.Version.allCases.map(\.rawValue)), .security,
            "oldest version of TLS that is accepted", default: .text("1.2"),
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.minimumVersion = try argument.choice(TLSConfiguration.Version.self)
            }),
        OptionDefinition(
            .tlsProfile, value: .choice(TLSProfile.allCases.map(\.rawValue)), .security,
            "secure transport profile of PS3.15",
            details: "bcp195 is what PS3.15 B.12 asks for; the others are for equipment that knows only older ones.",
            default: .text("bcp195"),
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.profile = try argument.choice(TLSProfile.self)
            }),
        OptionDefinition(
            .tlsName, value: .text(placeholder: "NAME"), .security,
            "name that the server's certificate must be for", default: .text("HOST as given"),
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.expectedName = try argument.string()
            }),
        OptionDefinition(
            .tlsPin, value: .text(placeholder: "SHA256"), .security,
            "accept only the certificate with this fingerprint",
            details:
                "64 hexadecimal digits, with or without colons, as \"openssl x509 -fingerprint -sha256\" prints them.",
            rules: [.only(when: .secured)],
            apply: { (draft, argument) throws(UsageError) in
                guard let pin = TLSConfiguration.pin(parsing: try argument.string()) else {
                    throw argument.error("not a SHA-256 fingerprint", accepted: "64 hexadecimal digits")
                }
                draft.tls.configuration.pin = pin
            }),
        OptionDefinition(
            .tlsShow, .security, "show the server's certificate",
            details:
                "Subject, issuer, names, validity and the SHA-256 that --tls-pin takes, also where it is not accepted.",
            rules: [.only(when: .secured)],
            apply: { (draft, _) throws(UsageError) in draft.tls.showsCertificate = true }),
        OptionDefinition(
            .tlsInsecure, .security, "accept any certificate: no protection against interception",
            rules: [.only(when: .secured)],
            apply: { (draft, _) throws(UsageError) in draft.tls.configuration.isInsecure = true }),
        OptionDefinition(
            .tlsClientCert, value: .choice(TLSConfiguration.ClientCertificate.allCases.map(\.rawValue)), .security,
            for: .listening, "certificate that callers of our receiver must present", default: .text("none"),
            rules: [
                .only(when: .secured), .only(when: .receivesHere), .only(when: .getMayMove),
                .only(when: .commitsAfterStore),
            ],
            apply: { (draft, argument) throws(UsageError) in
                draft.tls.configuration.clientCertificate = try argument.choice(TLSConfiguration.ClientCertificate.self)
            }),
        OptionDefinition(
            .user, value: .text(placeholder: "NAME"), .security, "user name (user identity, PS3.7 D.3.3.7)",
            details: "The server must confirm it, unless --user-unconfirmed is given.",
            group: .identity,
            apply: { (draft, argument) throws(UsageError) in draft.userName = try argument.string() }),
        OptionDefinition(
            .passcode, value: .text(placeholder: "SOURCE"), .security, "source of the passcode of --user",
            details: "env:NAME, file:PATH (its first line) or prompt.",
            group: .identity, rules: [.requires(.user)],
            apply: { (draft, argument) throws(UsageError) in draft.passcode = try argument.secret() }),
        OptionDefinition(
            .kerberos, value: .text(placeholder: "SOURCE"), .security, "identify by a Kerberos service ticket",
            group: .identity,
            apply: { (draft, argument) throws(UsageError) in
                draft.identities.append(.kerberosTicket(try argument.secret()))
            }),
        OptionDefinition(
            .saml, value: .text(placeholder: "SOURCE"), .security, "identify by a SAML assertion",
            group: .identity,
            apply: { (draft, argument) throws(UsageError) in
                draft.identities.append(.samlAssertion(try argument.secret()))
            }),
        OptionDefinition(
            .jwt, value: .text(placeholder: "SOURCE"), .security, "identify by a JSON Web Token",
            group: .identity,
            apply: { (draft, argument) throws(UsageError) in
                draft.identities.append(.jsonWebToken(try argument.secret()))
            }),
        OptionDefinition(
            .userUnconfirmed, .security, "accept a server that does not confirm the user identity",
            apply: { (draft, _) throws(UsageError) in draft.connection.acceptsUnconfirmedIdentity = true }),
        OptionDefinition(
            .userInClear, .security, "send the secret of the user identity without TLS, readable by others",
            apply: { (draft, _) throws(UsageError) in draft.sendsSecretsInClear = true }),
    ]
}

extension OptionArgument {
    func secret() throws(UsageError) -> SecretReference {
        guard let reference = SecretReference(text) else {
            // The value may be the secret itself: it is not repeated.
            throw UsageError(
                .invalidValue, option: definition.option,
                problem: "\(definition.option): a secret does not belong on the command line",
                accepted: SecretReference.accepted)
        }
        return reference
    }
}
