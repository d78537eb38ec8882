import DICOMNode
import DICOMProtocol

/// The causes of failures, as JSON lines and scripts see them: names that stay, whatever the sentences become.
package enum FailureCause: String, Sendable, CaseIterable {
    case nameNotFound = "name-not-found"
    case noRoute = "no-route"
    case connectionRefused = "connection-refused"
    case connectTimeLimit = "connect-time-limit"
    case proxyUnusable = "proxy-unusable"
    case proxyRefused = "proxy-refused"
    case unreachableThroughProxy = "unreachable-through-proxy"
    case closedAtOnce = "closed-at-once"
    case connectionLost = "connection-lost"
    case foreignProtocol = "foreign-protocol"
    case tlsRequired = "tls-required"
    case tlsHandshake = "tls-handshake"
    case tlsSetup = "tls-setup"
    case certificateNotTrusted = "certificate-not-trusted"
    case certificateDates = "certificate-dates"
    case certificateName = "certificate-name"
    case ownCertificateRefused = "own-certificate-refused"
    case calledAETitle = "called-ae-title"
    case callingAETitle = "calling-ae-title"
    case associationLimit = "association-limit"
    case rejected
    case aborted
    case released
    case protocolViolation = "protocol-violation"
    case identityUnconfirmed = "identity-unconfirmed"
    case noResponse = "no-response"
    case notOffered = "not-offered"
    case rolesRefused = "roles-refused"
    case notAuthorized = "not-authorized"
    case redirected
    case failureStatus = "failure-status"
    case keysIgnored = "keys-ignored"
    case listCutShort = "list-cut-short"
    case cannotListen = "cannot-listen"
    case destinationUnknown = "destination-unknown"
    case otherAETitleCalled = "other-ae-title-called"
    case noCallBack = "no-call-back"
    case incomplete
    case notConfirmed = "not-confirmed"
    case notCommitted = "not-committed"
    case notBegun = "not-begun"
    case timeLimit = "time-limit"
    case diskFull = "disk-full"
    case notWritable = "not-writable"
    case file
    case usage
    case interrupted
    case local

    /// The cause of an exit code, where nothing more is known.
    init?(_ code: ExitCode) {
        switch code {
        case .success: return nil
        case .incomplete: self = .incomplete
        case .usage: self = .usage
        case .localFiles: self = .file
        case .unreachable: self = .connectionLost
        case .association: self = .rejected
        case .noPresentationContext: self = .notOffered
        case .failureStatus: self = .failureStatus
        case .timeLimit: self = .timeLimit
        case .commitmentFailed: self = .notCommitted
        case .interrupted: self = .interrupted
        }
    }

    init(_ problem: FileProblem) {
        switch problem.code {
        case .outOfSpace: self = .diskFull
        case .notWritable: self = .notWritable
        case .interrupted: self = .interrupted
        default: self = .file
        }
    }

    /// The cause of a response with a status of failure.
    init(_ status: DIMSEStatus) { self = status == .moveDestinationUnknown ? .destinationUnknown : .failureStatus }

    init(_ error: AssociationError) {
        self =
            switch error {
            case .unreachable(let reason): Self(reason)
            case .connectionLost(.tls(let error)): Self(TransportError.tls(error))
            case .connectionLost: .connectionLost
            case .rejected(.calledAETitleNotRecognized): .calledAETitle
            case .rejected(.callingAETitleNotRecognized): .callingAETitle
            case .rejected(let reject): reject.isTransient ? .associationLimit : .rejected
            case .abortedByPeer: .aborted
            case .releasedByPeer: .released
            case .protocolViolation(let violation):
                if case .foreignProtocol = violation.code { .foreignProtocol } else { .protocolViolation }
            case .identityUnconfirmed: .identityUnconfirmed
            case .timedOut: .noResponse
            case .noPresentationContext: .notOffered
            case .interrupted: .interrupted
            case .sourceUnreadable, .sourceCutShort, .unsendable: .file
            case .web(let reason) where reason.isTooLate: .timeLimit
            case .web(let reason):
                switch reason.code {
                case .status(401), .status(403), .noToken: .notAuthorized
                case .status(405), .status(406), .status(415), .status(501), .notOffered: .notOffered
                case .status: .failureStatus
                case .redirect: .redirected
                case .incomplete: .incomplete
                case .unexpected: .protocolViolation
                case .notStored: .failureStatus
                case .unreliable: .listCutShort
                case .notHTTP, .dicom: .foreignProtocol
                case .notPossible: .usage
                case .noLibrary, .notAvailable: .local
                }
            }
    }

    init(_ error: TransportError) {
        self =
            switch error {
            case .nameNotFound: .nameNotFound
            case .refused: .connectionRefused
            case .noRoute: .noRoute
            case .timedOut(.lookup): .nameNotFound
            case .timedOut(.start): .timeLimit
            case .timedOut: .connectTimeLimit
            case .closedAtOnce: .closedAtOnce
            case .reset, .closed: .connectionLost
            case .proxy(let error):
                switch error.code {
                case .unreachable, .silent, .foreign: .proxyUnusable
                case .credentials, .forbidden: .proxyRefused
                case .target: .unreachableThroughProxy
                }
            case .portInUse, .portNotPermitted, .addressNotAvailable: .cannotListen
            case .tls(let error):
                switch error.code {
                case .certificate: .certificateNotTrusted
                case .certificateDates: .certificateDates
                case .certificateName: .certificateName
                case .certificateRefusedByPeer: .ownCertificateRefused
                case .handshake, .session: .tlsHandshake
                case .notAvailable, .noLibrary, .configuration, .missingKey: .tlsSetup
                }
            case .cancelled, .abandoned: .interrupted
            case .file: .file
            case .system: .local
            }
    }

    /// In words, for `--list-checks` and the manual page.
    var meaning: String {
        switch self {
        case .nameNotFound: "the host has no address"
        case .noRoute: "the network knows no way to the address"
        case .connectionRefused: "nothing listens at the port"
        case .connectTimeLimit: "no answer to the connection: a firewall, or a host that is off"
        case .proxyUnusable: "the proxy does not answer, or not as a proxy"
        case .proxyRefused: "the proxy wants another user or password, or does not connect to this peer"
        case .unreachableThroughProxy: "the proxy cannot connect to the peer"
        case .closedAtOnce: "the connection was taken and closed before any answer"
        case .connectionLost: "the connection was cut while an answer was due"
        case .foreignProtocol: "another protocol than DICOM, or HTTP at a URL, is spoken at the port"
        case .tlsRequired: "the port speaks TLS, which is not asked for"
        case .tlsHandshake: "no TLS, or no common version or cipher"
        case .tlsSetup: "our own certificate, key or lists cannot be used"
        case .certificateNotTrusted: "the server's certificate is not signed by a trusted authority, or revoked"
        case .certificateDates: "the server's certificate has expired, or is not valid yet"
        case .certificateName: "the server's certificate is for another name"
        case .ownCertificateRefused: "the server wants a certificate of ours, or refused it"
        case .calledAETitle: "the server does not know the AE title that we called"
        case .callingAETitle: "the server does not know our AE title"
        case .associationLimit: "the server has too many associations, or is busy"
        case .rejected: "the association was rejected for another reason"
        case .aborted: "the server aborted the association"
        case .released: "the server released the association before it had answered"
        case .protocolViolation: "the server broke the protocol"
        case .identityUnconfirmed: "the server did not confirm our user"
        case .noResponse: "no response within the time limit"
        case .notOffered: "the service is not accepted"
        case .rolesRefused: "storage is not accepted in the role that C-GET needs"
        case .notAuthorized: "the server wants credentials, or does not allow it with those that it got"
        case .redirected: "the server answers with a redirect that is not followed"
        case .failureStatus: "a response with a status of failure"
        case .keysIgnored: "keys that can match nothing were answered with matches"
        case .listCutShort: "the list of matches may be incomplete"
        case .cannotListen: "our port cannot be listened at"
        case .destinationUnknown: "the server does not know our AE title as a destination"
        case .otherAETitleCalled: "the server called back under another AE title"
        case .noCallBack: "nothing connected to our port in time"
        case .incomplete: "a part was not done; its own lines say why"
        case .notConfirmed: "the server accepted an instance, and does not list it, or not as it was sent"
        case .notCommitted: "the server does not commit itself to keeping an instance"
        case .notBegun: "the run ended before the turn of this part"
        case .timeLimit: "a time limit of the run passed"
        case .diskFull: "no room on the disk"
        case .notWritable: "the output cannot be written"
        case .file: "a file cannot be read, is no instance, or is not what it should be"
        case .usage: "a mistake in the command line or the configuration"
        case .interrupted: "interrupted by a signal"
        case .local: "a fault of this machine"
        }
    }
}
