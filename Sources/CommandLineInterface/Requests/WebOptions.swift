package import DICOMweb

/// What requests over HTTP carry beside the user identity.
package struct WebOptions: Sendable, Equatable {
    /// The base URLs of services that are elsewhere than at the URL of the peer.
    package var bases = WebBases()
    /// Header fields of the user's.
    package var headers: [WebHeader] = []
    /// The client at a token endpoint that gives the tokens of the run; nil for none.
    package var client: WebClient?

    package init() {}

    /// The option of a secret that these requests carry; nil if there is none.
    var secretOption: OptionName? {
        if client != nil { return .oauthSecret }
        return headers.contains(where: \.isSecret) ? .header : nil
    }
}

extension ConnectionOptions {
    /// Who requests over HTTP say that we are.
    var webIdentity: WebIdentity {
        if let client = webOptions.client { return .client(client.id) }
        switch userIdentity {
        case .userName(let name): return .user(name, hasPasscode: false)
        case .userNameAndPasscode(let name, _): return .user(name, hasPasscode: true)
        case .jsonWebToken: return .token
        case .kerberosTicket, .samlAssertion, nil:
            return webOptions.headers.first(where: \.isSecret).map { .header($0.name) } ?? .none
        }
    }

    /// True if requests over HTTP say who we are.
    var hasWebCredentials: Bool {
        userIdentity != nil || webOptions.client != nil || webOptions.headers.contains(where: \.isSecret)
    }
}

/// A client of OAuth 2 as it is registered at the token endpoint; the secret is read when the run begins.
package struct WebClient: Sendable, Equatable {
    package let url: WebAddress
    package let id: String
    package let secret: SecretReference
    package let scope: String?
}

/// A header field of requests over HTTP: `Name: value`, the value in clear or by where it stands.
package struct WebHeader: Sendable, Equatable {
    package let name: String
    package let value: Value

    package enum Value: Sendable, Equatable {
        case text(String)
        case secret(SecretReference)
    }

    package static let accepted =
        "'NAME: VALUE', the value as it is sent, or as \(SecretReference.accepted)"

    /// The reason why a text is no such field.
    package enum Problem: Error, Equatable {
        case noField
        /// A field that the requests have by themselves, or that their form rests upon.
        case reserved
    }

    /// Fields that say how a request is to be read, or whose value is ours to choose.
    private static let reserved = [
        "accept", "connection", "content-length", "content-type", "expect", "host", "proxy-authorization", "te",
        "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// - Throws: the reason why the text is no field that may be sent.
    package init(parsing text: String) throws(Problem) {
        guard let colon = text.firstIndex(of: ":") else { throw .noField }
        let name = text[..<colon]
        let value = text[text.index(after: colon)...].drop { $0 == " " }
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isOfToken), Self.isValue(value.utf8) else { throw .noField }
        guard !Self.reserved.contains(name.lowercased()) else { throw .reserved }
        self.name = String(name)
        self.value = SecretReference(String(value)).map { .secret($0) } ?? .text(String(value))
    }

    /// RFC 9110 5.6.2.
    private static func isOfToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// True for what can be the value of a field: something, and no control characters.
    static func isValue(_ bytes: some Sequence<UInt8>) -> Bool {
        var isEmpty = true
        for byte in bytes {
            guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { return false }
            isEmpty = isEmpty && byte == 0x20
        }
        return !isEmpty
    }

    var isAuthorization: Bool { name.lowercased() == "authorization" }

    /// True if others should not read it on the network.
    var isSecret: Bool { if case .secret = value { true } else { isAuthorization } }

    /// The field as messages and logs show it: by where the value stands, and never the value.
    static func shown(_ text: String) -> String {
        guard let colon = text.firstIndex(of: ":") else { return Redaction.mark }
        let value = String(text[text.index(after: colon)...].drop { $0 == " " })
        return "\(text[..<colon]): " + (SecretReference(value) == nil ? Redaction.mark : value)
    }
}
