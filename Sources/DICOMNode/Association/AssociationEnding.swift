import DICOMProtocol

/// A failure on the channel of an association, before it was handled.
enum AssociationFault: Error {
    /// Bytes could not be exchanged.
    case lost(TransportError, waitingFor: AssociationError.Awaited)
    /// A graceful cancellation has ended a wait. Nothing is wrong with the association.
    case interrupted
    /// The peer broke the protocol, and does not know yet that we have noticed.
    case violation(ProtocolError)
    /// A PDU that does not belong there. The state machine has sent the A-ABORT that it asks for.
    case unexpectedPDU(ProtocolError)
    case rejected(AssociateReject)
    case abortedByPeer(Abort)
    /// The peer has released the association, and was answered.
    case releasedByPeer
    /// A data set could not be read to its end after a part of it was sent.
    case sourceCutShort(DataSetSourceError)
}

/// The ways in which an association ends: release, abort, close, and what follows from each fault.
struct AssociationEnding {
    private let channel: AssociationChannel

    init(_ channel: AssociationChannel) { self.channel = channel }

    /// Ends the association as a fault requires, and throws the error for the user of the association.
    ///
    /// | Fault | Done | Thrown |
    /// |---|---|---|
    /// | interrupted | nothing | interrupted(graceful) |
    /// | lost: cancelled | A-ABORT, close | interrupted(abort) |
    /// | lost: timed out | A-ABORT, close | timedOut |
    /// | lost: other | close | connectionLost; abortedByPeer if an A-ABORT arrived before |
    /// | violation | A-ABORT with its reason, close | protocolViolation |
    /// | unexpectedPDU | close once the peer has the A-ABORT | protocolViolation |
    /// | rejected, abortedByPeer | close | the same |
    /// | releasedByPeer | close once the peer has the A-RELEASE-RP | releasedByPeer |
    /// | sourceCutShort | A-ABORT, close | sourceCutShort |
    ///
    /// - Throws: always.
    func act(on fault: AssociationFault) throws(AssociationError) -> Never {
        switch fault {
        case .interrupted: throw .interrupted(.graceful)
        case .lost(.cancelled, _):
            abort()
            throw .interrupted(.abort)
        case .lost(.timedOut, let awaited):
            abort()
            throw .timedOut(waitingFor: awaited)
        case .lost(let error, _):
            // Data that the peer sent before it closed may explain why it did.
            let abort = channel.abortAmongUnreadBytes()
            _ = channel.noteEvent(.transportClosed)
            channel.close()
            throw abort.map { .abortedByPeer($0) } ?? .connectionLost(error)
        case .violation(let error):
            for case .sendAbort(let source, let reason) in channel.noteEvent(.received(error)) {
                channel.sendFinal(.abort(Abort(source: source, reason: reason)))
            }
            channel.closeAfterFinalPDU()
            throw .protocolViolation(error)
        case .unexpectedPDU(let error):
            channel.closeAfterFinalPDU()
            throw .protocolViolation(error)
        case .rejected(let reject):
            channel.close()
            throw .rejected(reject)
        case .abortedByPeer(let abort):
            channel.close()
            throw .abortedByPeer(abort)
        case .releasedByPeer:
            channel.closeAfterFinalPDU()
            throw .releasedByPeer
        case .sourceCutShort(let error):
            abort()
            throw .sourceCutShort(error)
        }
    }

    /// A-ABORT, PS3.8 7.3, and close. Never fails, and waits no longer than the closing timeout.
    func abort() {
        guard !channel.isClosed else { return }
        if channel.machine.permits(.abortRequest) {
            _ = channel.noteEvent(.abortRequest)
            channel.sendFinal(Self.abortByUser)
        }
        channel.closeAfterFinalPDU()
    }

    /// Sends an A-ABORT if that takes no time, and closes: for an association that its user has dropped.
    func abandon() {
        if !channel.isClosed, channel.machine.state == .dataTransfer {
            channel.sendFinal(Self.abortByUser, waits: false)
        }
        channel.connection.close()
    }

    private static let abortByUser = PDU.abort(
        Abort(source: .serviceUser, reason: .notSpecified))

    /// The limit for the answer to A-RELEASE-RQ once the run is to end, in seconds.
    private static let releaseOfInterrupted = 1.0

    /// A-RELEASE, PS3.8 7.2, and close. Data that the peer still sends is read and dropped.
    ///
    /// - Throws: `timedOut`, `interrupted`, `protocolViolation`. A peer that closes or aborts in place of its response
    ///   is no error: the work is done and answered by then.
    func release() throws(AssociationError) {
        guard channel.machine.state == .dataTransfer else { return channel.close() }
        // Whoever has asked for an end does not wait long for a peer that does not answer.
        let limit =
            channel.cancellation.isRaised ? min(Self.releaseOfInterrupted, channel.limits.release ?? .infinity) : nil
        let wait = channel.controlWait(timeout: limit ?? channel.limits.release, cancelledAt: .abort)
        do throws(AssociationError) {
            do throws(AssociationFault) {
                try channel.advance(.releaseRequest)
                while channel.machine.isEstablished {
                    guard case .pdu(let pdu) = try channel.nextStep(wait, waitingFor: .releaseResponse) else {
                        continue
                    }
                    try channel.handleControl(pdu)
                }
            } catch {
                try act(on: error)
            }
        } catch {
            switch error {
            case .abortedByPeer, .connectionLost: break
            default: throw error
            }
        }
        channel.close()
    }
}
