package import DICOMNode
package import DICOMProtocol
package import DICOMweb
package import System

/// The address, AE titles, limits and security of the connection to the peer: the same for every operation.
package struct ConnectionOptions: Sendable, Equatable {
    package var peer = Endpoint(host: "", port: standardPort)
    /// The base URL of a peer that is called over HTTP; nil for one that is called by associations.
    package var web: WebAddress?
    /// What requests to that carry.
    package var webOptions = WebOptions()
    package var callingAETitle = standardCallingAETitle
    package var calledAETitle = standardCalledAETitle
    /// True if a node of the configuration has the name that was given as a host.
    package var isHostNamedAsNode = false
    /// A node that does not say whether TLS is used, though the defaults set it up.
    package struct PlainNode: Sendable, Equatable {
        package let name: String
        package let setting: OptionName
    }

    /// The node of this run, if it is such a one.
    package var plainNode: PlainNode?
    /// The port of our own receiver for sub-operations and commitment reports; nil if nothing listens.
    package var receiverPort: UInt16?
    /// The local address that the receiver listens on; nil is every address.
    package var bindAddress: String?
    /// The AE titles that may call our receiver; empty: every one that calls us by our AE title.
    package var acceptedCallers: [AETitle] = []
    /// The options to request by SOP class extended negotiation.
    package var queryNegotiation: QueryNegotiation = []
    /// The limit for name look-up and connect together, in seconds; nil is the limit of the system.
    package var connectTimeout: Double? = 15
    /// The longest time without data from the peer while a response is due, in seconds; nil: no limit.
    package var inactivityTimeout: Double? = 120
    /// The limit for the whole run, in seconds; nil: no limit.
    package var totalTimeout: Double?
    /// What messages name in place of a peer where none is called: a run that only listens hears any server.
    package var nameWithoutPeer = "any server"
    /// Bytes a second of all connections of the run together; nil: no limit.
    package var maximumRate: Double?
    /// The studies that may begin in a minute; nil: no limit.
    package var studiesPerMinute: Int?
    /// The hours in which studies may begin; nil: always.
    package var hours: WeeklyHours?
    /// The time of day after which nothing new is begun.
    package var endTime: TimeOfDay?
    /// The retries after transient failures, for the operations that have them.
    package var retry = RetryPolicy()
    /// The largest PDU that we announce to receive, in bytes (PS3.8 D.1).
    package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength
    package var proxy: ProxyOption = .environment
    /// The source of the proxy's password.
    package var proxyPassword: SecretReference?
    /// Nil: plain TCP.
    package var tls: TLSOptions?
    package var userIdentity: UserIdentityOption?
    /// True if a server that does not confirm the user identity is accepted.
    package var acceptsUnconfirmedIdentity = false

    /// The well-known port of DICOM, PS3.8 9.1.1.
    package static let standardPort: UInt16 = 104
    package static let standardCallingAETitle = AETitle(wire: "DCMSCU".utf8)
    package static let standardCalledAETitle = AETitle(wire: "ANY-SCP".utf8)

    package init() {}

    /// The peer as messages name it: its AE title, host and port, or its URL.
    package var peerName: String {
        if let web { return web.description }
        return peer.host.isEmpty ? nameWithoutPeer : "\(calledAETitle)@\(peer)"
    }

    /// True if both lead to one archive by what is written: one URL, or one host, port and AE title.
    func isPeer(of other: ConnectionOptions) -> Bool {
        peer.host.lowercased() == other.peer.host.lowercased() && isBeside(other)
    }

    /// True if both are of this machine, written in two ways, and may be one archive.
    func mayBePeer(of other: ConnectionOptions) -> Bool {
        peer.host.lowercased() != other.peer.host.lowercased() && WebAddress.isLoopback(peer.host)
            && WebAddress.isLoopback(other.peer.host) && isBeside(other)
    }

    private func isBeside(_ other: ConnectionOptions) -> Bool {
        guard peer.port == other.peer.port else { return false }
        switch (web, other.web) {
        case (let one?, let another?):
            return one.interface == another.interface && one.path == another.path && one.isSecure == another.isSecure
        case (nil, nil): return calledAETitle == other.calledAETitle
        default: return false
        }
    }
}

/// The proxy through which peers are connected to.
package enum ProxyOption: Sendable, Equatable {
    /// The one that the environment names, if it does.
    case environment
    case none
    case given(Proxy)

    static let accepted = "socks5h://[USER@]HOST[:PORT], socks5:// or http://, or none"
}

/// The values of `--tls` and its companions; certificates and keys are read when the run begins.
package struct TLSOptions: Sendable, Equatable {
    package var configuration = TLSConfiguration()
    package var keyPassword: SecretReference?
    /// True if the certificate of the server is shown.
    package var showsCertificate = false

    package init() {}
}

/// The user identity to negotiate, PS3.7 D.3.3.7; the secret parts are read when the run begins.
package enum UserIdentityOption: Sendable, Equatable {
    case userName(String)
    case userNameAndPasscode(String, SecretReference)
    case kerberosTicket(SecretReference)
    case samlAssertion(SecretReference)
    case jsonWebToken(SecretReference)

    /// The option that gives a secret; nil for a name alone.
    var secretOption: OptionName? {
        switch self {
        case .userName: nil
        case .userNameAndPasscode: .passcode
        case .kerberosTicket: .kerberos
        case .samlAssertion: .saml
        case .jsonWebToken: .jwt
        }
    }
}

/// The source of a password or ticket. Never the command line itself: every user of the machine can read that.
package enum SecretReference: Sendable, Equatable {
    /// `env:NAME`
    case environment(String)
    /// `file:PATH`
    case file(FilePath)
    /// Entered at the terminal.
    case prompt

    package static let accepted = "env:NAME, file:PATH or prompt"

    package init?(_ text: String) {
        if text == "prompt" {
            self = .prompt
        } else if text.hasPrefix("env:"), text.count > 4 {
            self = .environment(String(text.dropFirst(4)))
        } else if text.hasPrefix("file:"), text.count > 5 {
            self = .file(FilePath(argument: String(text.dropFirst(5))))
        } else {
            return nil
        }
    }
}
