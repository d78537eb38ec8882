package import DICOMProtocol

/// The remedies that the program knows, by cause: one table, each named where the cause is seen.
package enum Hint: Sendable, Equatable {
    case calledAETitleNotRecognized(called: String)
    case callingAETitleNotRecognized(calling: String)
    case moveDestinationUnknown(title: String, host: String?, port: UInt16?)
    case connectionRefused(host: String, port: UInt16)
    case nameNotFound(host: String)
    case connectTimedOut(host: String, port: UInt16)
    case abortedAfterRequest(operation: Operation, calling: String)
    case localLimitExceeded
    case noPresentationContext(operation: Operation)
    case noIncomingAssociation(title: String, host: String?, port: UInt16)
    case receiverPortTaken(port: UInt16)
    case peerSpeaksAnotherProtocol
    case commitment(CommitmentHint)
    case peerSpeaks(ForeignProtocol, usesTLS: Bool)
    case closedAtOnce(usesTLS: Bool)
    case noRoute(host: String)
    case associationUnanswered(usesTLS: Bool)
    case silence
    case listCutShort
    case mislabelled
    case rejectedWithoutReason(calling: String, called: String)
    case notAuthorized
    case outOfResources
    case identityUnconfirmed
    case uniqueKeysAbove(names: [String])
    case certificateRefused
    case ourCertificateRefused
    case noCommonTLS
    case builtWithoutTLS

    package var text: String {
        switch self {
        case .calledAETitleNotRecognized(let called):
            "we called \"\(called)\"; give the server's own title with --call"
        case .callingAETitleNotRecognized(let calling):
            "we are \"\(calling)\"; have it registered at the server, or give a registered title with --aetitle"
        case .moveDestinationUnknown(let title, let host, let port):
            "the server's administrator must register the title \"\(title)\" with "
                + (port == nil ? "its" : "this machine's") + " address"
                + (host.map { ", \($0) as seen from here," } ?? "")
                + (port.map { " and port \($0)" } ?? " and port") + " (DICOM titles are case-sensitive)"
        case .connectionRefused(let host, let port):
            "nothing listens at \(host) port \(port): is the port right, and is the server running?"
        case .nameNotFound(let host):
            "is \"\(host)\" spelled right? an address works too"
        case .connectTimedOut(let host, let port):
            "a firewall may drop what goes to \(host) port \(port); --connect-timeout sets how long we wait"
        case .abortedAfterRequest(let operation, let calling):
            "servers abort like this when the title \"\(calling)\" may not use \(operation.serviceName): "
                + "have it allowed there, or give another with --aetitle"
        case .localLimitExceeded:
            "the server has as many associations as it wants; try again later"
        case .noPresentationContext(let operation):
            "the server does not offer \(operation.serviceName) for this, or not to us"
        case .noIncomingAssociation(let title, let host, let port):
            "the server never called back: is \"\(title)\" registered there with this machine's address"
                + (host.map { " (\($0) as seen from here)" } ?? "") + " and port \(port), "
                + "and does a firewall let it in?"
        case .receiverPortTaken(let port):
            "another program uses port \(port); give a free one with --port-scp"
        case .uniqueKeysAbove(let names):
            "many servers want the keys of the levels above, too: --key "
                + names.map { "\($0)=VALUE" }.joined(separator: " --key ")
        case .identityUnconfirmed:
            "servers that know no user identity ignore it; --user-unconfirmed puts up with that"
        case .certificateRefused:
            "give the authority that issued the server's certificate with --tls-ca, its name with --tls-name, "
                + "or its fingerprint with --tls-pin"
        case .ourCertificateRefused:
            "the server may want a certificate that it trusts: give ours with --tls-cert and --tls-key"
        case .noCommonTLS:
            "does the server speak TLS at this port? for old equipment try --tls-profile aes"
        case .builtWithoutTLS:
            "build it with the trait TLS, which is on by default"
        case .peerSpeaks(.tls, usesTLS: false):
            "the server wants a secured connection: give --tls"
        case .peerSpeaks(.http, _):
            "this is a web port; the DICOM port of the same server is another one, often 104, 4242 or 11112"
        case .peerSpeaks(.hl7, _):
            "this is the port for HL7 messages; the DICOM port of the same server is another one"
        case .peerSpeaks:
            "the DICOM port of this server is another one"
        case .closedAtOnce(let usesTLS):
            usesTLS
                ? "does the server want a certificate of ours (--tls-cert and --tls-key), or this machine's address to be "
                    + "allowed there?"
                : "does this machine's address have to be allowed at the server, or does it want TLS (--tls)?"
        case .noRoute(let host):
            "is this machine's network up, and may it reach \(host), by VPN for example?"
        case .associationUnanswered(let usesTLS):
            "something takes connections there and does not answer: is it the DICOM port"
                + (usesTLS ? "?" : ", and without TLS (--tls)?")
        case .silence:
            "a server that works longer without a word needs a longer --timeout"
        case .listCutShort:
            "servers limit how much they answer: ask for less at a time, a shorter span of dates for example"
        case .mislabelled:
            "whatever wrote the file is wrong in one of them: put the right transfer syntax into (0002,0010) of a copy"
        case .rejectedWithoutReason(let calling, let called):
            "are the titles right? we are \"\(calling)\" (--aetitle) and called \"\(called)\" (--call)"
        case .notAuthorized:
            "the server's administrator must allow this for our AE title, or for the user named with --user"
        case .outOfResources:
            "the server's disk or memory may be full: its administrator can tell"
        case .peerSpeaksAnotherProtocol:
            "this port answers in another protocol than DICOM: is it the right one?"
        case .commitment(let hint): hint.text
        }
    }
}
