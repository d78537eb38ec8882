package import DICOMNode
package import DICOMProtocol

/// How the peer is reached, under which names, and what secures the way: the same for every operation.
package struct ConnectionOptions: Sendable, Equatable {
    package var peer = Endpoint(host: "", port: standardPort)
    package var callingAETitle = standardCallingAETitle
    package var calledAETitle = standardCalledAETitle
    /// The port of our own receiver for sub-operations and commitment reports; nil where nothing listens.
    package var receiverPort: UInt16?
    /// The local address that the receiver listens on; nil is every address.
    package var bindAddress: String?
    /// What is asked for by SOP class extended negotiation.
    package var queryNegotiation: QueryNegotiation = []
    /// Limit for name look-up and connect together, in seconds; nil waits as long as the system does.
    package var connectTimeout: Double? = 15
    /// The longest time without data from the peer while a response is due, in seconds; nil: no limit.
    package var inactivityTimeout: Double? = 120
    /// The limit for the whole run, in seconds; nil: no limit.
    package var totalTimeout: Double?
    /// The largest PDU that we announce to receive, in bytes (PS3.8 D.1).
    package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength
    /// Nil: plain TCP.
    package var tls: TLSOptions?
    package var userIdentity: UserIdentityOption?
    /// Whether a server that does not confirm the user identity is accepted.
    package var acceptsUnconfirmedIdentity = false

    /// The well-known port of DICOM, PS3.8 9.1.1.
    package static let standardPort: UInt16 = 104
    package static let standardCallingAETitle = AETitle(wire: "DCMSCU".utf8)
    package static let standardCalledAETitle = AETitle(wire: "ANY-SCP".utf8)

    package init() {}

    /// The peer as it is named in messages: its AE title and where it is.
    package var peerName: String {
        // A run that only listens has called nobody.
        peer.host.isEmpty ? "any server" : "\(calledAETitle)@\(peer)"
    }
}

/// What `--tls` and its companions ask for; certificates and keys are read when the run begins.
package struct TLSOptions: Sendable, Equatable {
    package var configuration = TLSConfiguration()
    package var keyPassword: SecretReference?

    package init() {}
}

/// Who we say that we are, PS3.7 D.3.3.7; the secret parts are read when the run begins.
package enum UserIdentityOption: Sendable, Equatable {
    case userName(String)
    case userNameAndPasscode(String, SecretReference)
    case kerberosTicket(SecretReference)
    case samlAssertion(SecretReference)
    case jsonWebToken(SecretReference)
}

/// Where a password or ticket is found. Never the command line itself: everybody on the machine can read that.
package enum SecretReference: Sendable, Equatable {
    /// `env:NAME`
    case environment(String)
    /// `file:PATH`
    case file(String)
    /// Asked for at the terminal.
    case prompt

    package static let accepted = "env:NAME, file:PATH or prompt"

    package init?(_ text: String) {
        if text == "prompt" {
            self = .prompt
        } else if text.hasPrefix("env:"), text.count > 4 {
            self = .environment(String(text.dropFirst(4)))
        } else if text.hasPrefix("file:"), text.count > 5 {
            self = .file(String(text.dropFirst(5)))
        } else {
            return nil
        }
    }
}
