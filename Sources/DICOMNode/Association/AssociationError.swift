package import DICOM
package import DICOMProtocol
package import System

/// The reason why an association could not be made, or ended before its work was done.
///
/// The cases follow what a person can do about them, and each has an exit code of its own at the command line.
package enum AssociationError: Error, Sendable {
    /// No connection: the name, the route, the port, TLS.
    case unreachable(TransportError)
    /// None of the contexts that an operation needs was accepted; the refused ones say why.
    case noPresentationContext(abstractSyntax: UID, refused: [NegotiatedContexts.Refused])
    /// The peer accepted the association, but did not confirm the identity of our user (PS3.7 D.3.3.7).
    case identityUnconfirmed
    /// The connection was lost or closed while an answer was due.
    case connectionLost(TransportError)
    /// A-ASSOCIATE-RJ, PS3.8 9.3.4.
    case rejected(AssociateReject)
    /// A-ABORT by the peer, PS3.8 9.3.8.
    case abortedByPeer(Abort)
    /// The peer released the association while we were still at work.
    case releasedByPeer
    /// The peer broke the protocol and we aborted.
    case protocolViolation(ProtocolError)
    /// A time limit passed.
    case timedOut(waitingFor: Awaited)
    /// The operation was cancelled. The association is intact after a graceful stop, and aborted after `.abort`.
    case interrupted(Cancellation.Level)
    /// The data set could not be read. Nothing of its message had left: the association can be used on.
    case sourceUnreadable(DataSetSourceError)
    /// The data set could not be read to its end, and a part of it had left: the association was aborted, so that the
    /// peer cannot take the part for the whole.
    case sourceCutShort(DataSetSourceError)
    /// A message that this association cannot carry, such as one in a context that was not accepted.
    case unsendable(String)
    /// The answer of a peer over HTTP is not what was asked for.
    case web(WebError)

    /// The peer's part in the exchange that was due when a time limit passed.
    package enum Awaited: Sendable, CustomStringConvertible {
        case associateRequest, associateResponse, releaseResponse
        case message
        /// The peer reading our data.
        case sending

        /// As it follows "while waiting for".
        package var description: String {
            switch self {
            case .associateRequest: "A-ASSOCIATE-RQ"
            case .associateResponse: "the answer to A-ASSOCIATE"
            case .releaseResponse: "the answer to A-RELEASE"
            case .message: "the peer's next message"
            case .sending: "the peer to take data"
            }
        }
    }

    /// True if the association can still be used after the error.
    package var leavesAssociationUsable: Bool {
        switch self {
        case .interrupted(let level): level == .graceful
        case .sourceUnreadable, .unsendable, .noPresentationContext: true
        default: false
        }
    }
}

/// The reason why a data set could not be read while it was sent.
package enum DataSetSourceError: Error, Sendable {
    /// The file ended before its data set did, or has changed since it was looked at.
    case changed(detail: String)
    case unreadable(SystemError)
    /// The data set could not be rewritten in the syntax that the peer accepted.
    case unconvertible(DataSetError)

    init(_ fault: TransportError.FileFault) {
        self =
            switch fault {
            case .ended: .changed(detail: fault.description)
            case .unreadable(let error): .unreadable(error)
            }
    }

    package var description: String {
        switch self {
        case .changed(let detail): detail
        case .unreadable(let error): error.description
        case .unconvertible(let error): error.description
        }
    }
}
