package import System

/// The reason why bytes could not be exchanged with a peer; each cause is distinct because each has its own remedy.
package enum TransportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The host has no address: misspelt, or no name server answers.
    case nameNotFound(host: String, detail: String)
    /// The host is there, but nothing listens at this port, or a firewall answers for it.
    case refused
    /// The network says that there is no way to the host.
    case noRoute(detail: String)
    case timedOut(Phase)
    /// The peer or something in between cut the connection.
    case reset
    /// The peer closed the connection where more was to come, or this side had closed it.
    case closed
    /// The peer took the connection and closed or reset it before it had answered anything.
    case closedAtOnce(byReset: Bool)
    /// The wait was cancelled by our own side.
    case cancelled
    /// The reader that was called while a write was blocked asked to give the write up.
    case abandoned
    /// The file whose bytes were being sent cannot be read to where they end.
    case file(FileFault)
    case tls(TLSError)
    /// A proxy made no connection to the peer.
    case proxy(ProxyError)
    /// Another process listens at the port.
    case portInUse(UInt16)
    /// Ports below 1024 need a privilege.
    case portNotPermitted(UInt16)
    /// The address to listen at is not one of this machine.
    case addressNotAvailable(String)
    case system(SystemError)

    package enum FileFault: Sendable, Equatable, CustomStringConvertible {
        /// It has become shorter than the part that was to be sent.
        case ended
        case unreadable(SystemError)

        package var description: String {
            switch self {
            case .ended: "the file became shorter while it was sent"
            case .unreadable(let error): error.description
            }
        }
    }

    /// The step that was waited for.
    package enum Phase: String, Sendable {
        /// The limit had passed before.
        case start = "before connecting"
        case lookup = "while looking up the name"
        case connect = "while connecting"
        case handshake = "in the TLS handshake"
        case read = "while waiting for data"
        case write = "while sending data"
        case accept = "while waiting for a connection"
    }

    package var description: String {
        switch self {
        case .nameNotFound(let host, let detail): "\(host): \(detail)"
        case .refused: "connection refused"
        case .noRoute(let detail): detail
        case .timedOut(let phase): "time limit passed \(phase.rawValue)"
        case .reset: "connection reset by the peer"
        case .closed: "connection closed by the peer"
        case .closedAtOnce(let byReset): "the connection was \(byReset ? "reset" : "closed") at once, before any answer"
        case .cancelled: "interrupted"
        case .abandoned: "sending given up"
        case .file(let fault): fault.description
        case .tls(let error): error.description
        case .proxy(let error): error.description
        case .portInUse(let port): "port \(port) is in use by another process"
        case .portNotPermitted(let port): "port \(port) needs a privilege that this process does not have"
        case .addressNotAvailable(let address): "\(address): not an address of this machine"
        case .system(let error): error.description
        }
    }
}

/// The reason why a TLS session could not be made or failed.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// A sentence's part in lower case with the reason of the library.
    package let detail: String

    package enum Code: Sendable {
        /// This binary was built without TLS.
        case notAvailable
        /// The system's OpenSSL cannot be used.
        case noLibrary
        /// Our own certificate, key, password or lists cannot be used.
        case configuration
        /// Our certificate has no private key.
        case missingKey
        /// The peer's certificate was not accepted.
        case certificate
        /// The peer's certificate has expired, or is not valid yet.
        case certificateDates
        /// The peer's certificate is for another name.
        case certificateName
        /// The peer did not accept our certificate, or wanted one.
        case certificateRefusedByPeer
        /// The peer does not speak TLS, or no version or cipher suite in common.
        case handshake
        /// An error after the handshake.
        case session

        /// True if the cause is on our side, before anything was sent.
        package var isOurs: Bool {
            switch self {
            case .notAvailable, .noLibrary, .configuration, .missingKey: true
            case .certificate, .certificateDates, .certificateName, .certificateRefusedByPeer, .handshake, .session:
                false
            }
        }
    }

    /// The peer speaks something else than TLS.
    package static let notSpoken = TLSError(.handshake, "the peer does not speak TLS")

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { "TLS: \(detail)" }
}

extension WaitLimits {
    /// Throws `.cancelled` once the cancellation has reached the level of these limits.
    ///
    /// One atomic read; called before each system call, so that a stream that never pauses is stopped as well.
    func checkCancellation() throws(TransportError) {
        if isCancelled { throw .cancelled }
    }
}

extension TransportError {
    /// A wait that ended early, in the given phase of the exchange.
    init(_ error: WaitError, _ phase: Phase) {
        self =
            switch error {
            case .timedOut: .timedOut(phase)
            case .cancelled: .cancelled
            case .system(let error): .system(error)
            }
    }
}

extension Readiness {
    /// ``wait(_:for:orWakeUp:until:limits:)`` with the errors of a connection.
    static func wait(
        _ descriptor: CInt, for wanted: Readiness, orWakeUp wakeUp: CInt = -1, until deadline: Deadline,
        limits: WaitLimits, phase: TransportError.Phase
    ) throws(TransportError) -> Readiness {
        do throws(WaitError) {
            return try wait(descriptor, for: wanted, orWakeUp: wakeUp, until: deadline, limits: limits)
        } catch {
            throw TransportError(error, phase)
        }
    }
}
