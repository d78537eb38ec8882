import DICOM
import DICOMNode
import DICOMProtocol

/// An association's error in words, with exit code and remedy: the one place where errors of the network become text.
struct AssociationFailure {
    let message: Message
    let exitCode: ExitCode

    init(_ error: AssociationError, invocation: Invocation) {
        let peer = "\(invocation.calledAETitle)@\(invocation.peer)"
        exitCode = Self.exitCode(of: error)
        switch error {
        case .unreachable(let reason):
            message = Message(
                "cannot connect to \(invocation.peer)", reason.description, hint: Self.hint(for: reason, invocation))
        case .connectionLost(let reason):
            // A server that wants a certificate tells so after the handshake, and its word is often lost with the connection.
            let lacksCertificate = invocation.tls.map { $0.configuration.certificate == nil } ?? false
            message = Message(
                "\(peer): connection lost", reason.description,
                hint: lacksCertificate ? .ourCertificateRefused : Self.hint(for: reason, invocation))
        case .rejected(let reject):
            message = Message(
                "\(peer): association rejected",
                "\(reject.resultDescription), by \(reject.sourceDescription): \(reject.reasonDescription)",
                code: "PS3.8 9.3.4, result \(reject.result), source \(reject.source), reason \(reject.reason)",
                hint: Self.hint(for: reject, invocation))
        case .abortedByPeer(let abort):
            message = Message(
                "\(peer): association aborted by the peer", abort.description,
                code: "PS3.8 9.3.8, source \(abort.source), reason \(abort.reason)",
                hint: Self.hintAfterAbort(invocation))
        case .releasedByPeer:
            message = Message("\(peer): association released by the peer before it had answered")
        case .protocolViolation(let violation):
            if case .foreignProtocol(let found) = violation.code {
                message = Message(
                    "\(invocation.peer) is no DICOM peer", violation.message, code: violation.section,
                    hint: .peerSpeaks(found, usesTLS: invocation.tls != nil))
            } else {
                message = Message(
                    "\(peer): association ended by us", "the peer broke the protocol: \(violation.message)",
                    code: violation.section,
                    hint: violation.code == .unrecognizedPDU ? .peerSpeaksAnotherProtocol : nil)
            }
        case .noPresentationContext(let abstractSyntax, let refused):
            let name = UIDRegistry.name(of: abstractSyntax) ?? abstractSyntax.string
            message = Message(
                "\(peer): no presentation context accepted for \(name)", Self.reasons(refused),
                code: abstractSyntax.string,
                hint: .noPresentationContext(
                    // Sending may ask for commitment, too.
                    operation: abstractSyntax == StorageCommitmentRequest.sopClass
                        ? .storageCommitment : invocation.operation))
        case .identityUnconfirmed:
            message = Message(
                "\(peer): the server did not confirm our user identity", code: "PS3.7 D.3.3.7",
                hint: .identityUnconfirmed)
        case .timedOut(let what):
            message = Message(
                "\(peer): time limit passed while waiting for \(what)", hint: Self.hint(waitingFor: what, invocation))
        case .interrupted:
            message = Message("interrupted")
        case .sourceUnreadable(let reason), .sourceCutShort(let reason):
            message = Message(reason.description)
        case .unsendable(let what):
            message = Message("cannot send to \(peer)", what)
        }
    }

    /// Why each context was refused, and in what it was proposed; the same once.
    private static func reasons(_ refused: [NegotiatedContexts.Refused]) -> String? {
        var reasons: [String] = []
        for context in refused {
            let syntaxes = context.transferSyntaxes.map { UIDRegistry.name(of: $0) ?? $0.string }
            let reason = "\(context.reason), proposed in \(syntaxes.joined(separator: " or "))"
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    static func exitCode(of error: AssociationError) -> ExitCode {
        switch error {
        case .unreachable(.timedOut), .timedOut: .timeLimit
        case .unreachable(.tls(let error)) where error.code == .configuration || error.code == .notAvailable: .usage
        case .unreachable, .connectionLost: .unreachable
        case .identityUnconfirmed, .rejected, .abortedByPeer, .releasedByPeer, .protocolViolation: .association
        case .noPresentationContext, .unsendable: .noPresentationContext
        case .interrupted: .interrupted
        case .sourceUnreadable, .sourceCutShort: .localFiles
        }
    }

    private static func hint(for error: TransportError, _ invocation: Invocation) -> Hint? {
        switch error {
        case .nameNotFound: .nameNotFound(host: invocation.peer.host)
        case .refused: .connectionRefused(host: invocation.peer.host, port: invocation.peer.port)
        case .timedOut: .connectTimedOut(host: invocation.peer.host, port: invocation.peer.port)
        case .closedAtOnce: .closedAtOnce(usesTLS: invocation.tls != nil)
        case .noRoute: .noRoute(host: invocation.peer.host)
        case .tls(let error): hint(for: error)
        default: nil
        }
    }

    private static func hint(waitingFor what: String, _ invocation: Invocation) -> Hint? {
        what.contains("A-ASSOCIATE") ? .associationUnanswered(usesTLS: invocation.tls != nil) : .silence
    }

    private static func hint(for error: TLSError) -> Hint? {
        switch error.code {
        case .certificate: .certificateRefused
        case .certificateRefusedByPeer: .ourCertificateRefused
        case .handshake: .noCommonTLS
        case .notAvailable: .builtWithoutTLS
        case .configuration, .session: nil
        }
    }

    private static func hintAfterAbort(_ invocation: Invocation) -> Hint {
        let title = invocation.callingAETitle.string
        guard invocation.operation == .storageCommitment else {
            return .abortedAfterRequest(operation: invocation.operation, calling: title)
        }
        return .commitment(.abortedByServer(calling: title, port: invocation.receiverPort))
    }

    private static func hint(for reject: AssociateReject, _ invocation: Invocation) -> Hint? {
        switch reject {
        case .calledAETitleNotRecognized: .calledAETitleNotRecognized(called: invocation.calledAETitle.string)
        case .callingAETitleNotRecognized: .callingAETitleNotRecognized(calling: invocation.callingAETitle.string)
        case _ where reject.isTransient: .localLimitExceeded
        case .noReasonGiven:
            .rejectedWithoutReason(
                calling: invocation.callingAETitle.string, called: invocation.calledAETitle.string)
        default: nil
        }
    }
}
