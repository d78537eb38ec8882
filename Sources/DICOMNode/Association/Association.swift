package import DICOMProtocol

/// One association: the shell around the state machine that owns the connection, the buffers and the clocks.
///
/// The rules of the protocol are all in ``UpperLayerStateMachine``, ``PDUFramer`` and ``MessageAssembler``; this type moves the
/// bytes between them and the socket and obeys. It is used by one thread at a time.
package final class Association {
    let connection: any Connection
    /// The same where it can send from files.
    let fileSender: (any FileSendingConnection)?
    let limits: AssociationLimits
    let cancellation: Cancellation?
    let observer: AssociationObserver?

    var machine: UpperLayerStateMachine
    var framer: PDUFramer
    var assembler = MessageAssembler()
    let receiveBuffer = ReceiveBuffer()
    var sendBuffer = SendBuffer(peerMaximumLength: nil, capacity: 4096)
    var message = IncomingMessage()
    /// What the last step has looked at; used up with the next, so that a fragment's bytes stay where they are until then.
    var pendingUse = 0
    /// The end of the wait that PS3.8 9.1.5 limits; never while the timer is stopped.
    var artim = Deadline.never
    /// The end of the wait for the rest of a command set: some hundred bytes that a peer has at hand.
    var commandEnd = Deadline.never
    /// When ``minimumProgress`` must have arrived, and how much of it has.
    var progressEnd = Deadline.never
    var bytesOfProgress = 0
    /// When the exchange at hand has to be over, such as after C-CANCEL.
    var patience = Deadline.never
    /// A part of a PDU has left and the rest of it cannot: whatever we said now would be read as its content.
    private var isTorn = false
    /// One time for all that is done to part in order.
    private var partingEnd: Deadline?
    private var isClosed = false
    private var lastMessageID: UInt16 = 0

    /// What was negotiated; empty until the association is established.
    package internal(set) var contexts: NegotiatedContexts?
    package internal(set) var request: AssociateRequest?
    package internal(set) var accept: AssociateAccept?

    /// Which wish to stop ends a wait. Whoever has acted on the first sets this to `.abort` and winds up in order.
    package var heeds: Cancellation.Level = .graceful

    /// Whether the peer sends instance after instance, each at once when the last one is answered.
    var awaitsInstances = false

    /// Asked when the peer has been silent for the whole inactivity limit: whether the work moves all the same, as a C-MOVE does
    /// whose instances arrive on other associations.
    package var movesElsewhere: (() -> Bool)?

    /// Called before each read that may wait: whoever collects output passes it on now, as nothing more is at hand.
    package var willRead: (() -> Void)?

    /// The longest data set that is held in memory. A query's answer has some kilobytes, a commitment report of 100,000 references
    /// 15 MB; a longer one is passed over, and whoever waits for it is told its length.
    package static let maximumDataSetInMemory = 16 << 20

    /// The longest data set that is passed over where a small one belongs. Whatever a server has put into an answer, such as an
    /// image, goes by and the others follow; what is longer still is a stream that may never end.
    static let maximumDataSetPassedOver = 256 << 20

    /// A peer that sends a byte now and then is as good as silent: it is one that sends less than this, in bytes, within the
    /// inactivity limit, and no whole message. The slowest modem line is a hundred times faster.
    static let minimumProgress = 1024

    init(
        role: UpperLayerStateMachine.Role, connection: any Connection, maximumPDULength: UInt32,
        limits: AssociationLimits, cancellation: Cancellation?, observer: AssociationObserver?
    ) {
        machine = UpperLayerStateMachine(role)
        framer = PDUFramer(limits: PDULimits(announcedMaximumLength: maximumPDULength))
        self.connection = connection
        fileSender = connection as? any FileSendingConnection
        self.limits = limits
        self.cancellation = cancellation
        self.observer = observer
    }

    deinit {
        // Whoever lets go of an association without a word aborts it; nothing is waited for here.
        if !isClosed, isEstablished {
            partingEnd = .after(seconds: 0)
            sendLastWord(.abort(Abort(source: Abort.Source.serviceUser, reason: Abort.Reason.notSpecified)))
        }
        connection.close()
    }

    package var peerDescription: String { connection.peerDescription }
    /// Our end of the connection, `address:port` in numbers.
    package var localDescription: String { connection.localDescription }
    /// What the user should know of the connection's security, such as a certificate that expires soon.
    package var securityWarning: String? { connection.securityWarning }
    /// How long it took to come about, for a requestor.
    package internal(set) var timings: Timings?
    package var isRequestor: Bool { machine.role == .requestor }
    package var isEstablished: Bool { machine.state == .dataTransfer }

    /// Ids count up from 1, for each direction on its own; 0 is never used, and they begin again after 65535.
    package func nextMessageID() -> UInt16 {
        lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
        return lastMessageID
    }

    /// The asynchronous operations window for operations that we invoke: 1 unless the peer granted more; 0 is no limit.
    package var operationsWindow: Int {
        Int(accept?.userInformation.asynchronousOperationsWindow?.invoked ?? 1)
    }

    // MARK: Waits

    var readWait: WaitLimits {
        var wait = WaitLimits(
            inactivity: limits.inactivity, total: limits.end.earlier(patience), cancellation: cancellation,
            cancelledAt: heeds)
        wait.staysAwake = awaitsInstances
        return wait
    }

    /// A write is never stopped half-way by the first wish to stop: it would leave half a message.
    var writeWait: WaitLimits {
        WaitLimits(
            inactivity: limits.inactivity, total: limits.end, cancellation: cancellation, cancelledAt: .abort)
    }

    func wait(total seconds: Double?) -> WaitLimits {
        WaitLimits(
            total: seconds.map { Deadline.after(seconds: $0) } ?? .never, cancellation: cancellation, cancelledAt: heeds
        )
    }

    // MARK: The state machine

    /// Tells the machine what happened and does what it asks for, in its order.
    ///
    /// - Parameter content: the PDU to send where the machine asks for one that has content.
    func advance(
        _ event: UpperLayerStateMachine.Event, sending content: PDU? = nil
    ) throws(AssociationError) {
        for action in machine.handle(event) {
            switch action {
            case .sendPDU(.presentationData), .connect:
                // Data is laid out in the send buffer; the connection is open before this object exists.
                break
            case .sendPDU(.releaseRequest): try transmit(.releaseRequest)
            case .sendPDU(.releaseResponse): try transmit(.releaseResponse)
            case .sendPDU: if let content { try transmit(content) }
            case .sendAbort(let source, let reason): try transmit(.abort(Abort(source: source, reason: reason)))
            case .startARTIM, .restartARTIM: artim = .after(seconds: limits.association ?? .infinity)
            case .stopARTIM: artim = .never
            case .issue(.releaseCollision) where machine.role == .requestor: try advance(.releaseResponse)
            case .issue(.releaseConfirmed) where machine.state == .collisionAcceptorAwaitingResponse:
                try advance(.releaseResponse)
            case .issue: break
            case .closeTransport: connection.close()
            }
        }
    }

    private func transmit(_ pdu: PDU) throws(AssociationError) {
        do throws(TransportError) {
            try write(pdu.encode(), wait: writeWait.within(.after(seconds: limits.association ?? .infinity)))
        } catch {
            throw lost(error, waitingFor: .sending)
        }
        observer?(.sent(pdu))
    }

    /// Writes whole PDUs. Where the second wish to stop, or a limit, comes in their middle, what has begun is brought to its
    /// end if the peer takes it at once.
    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)? = nil
    ) throws(TransportError) {
        do throws(TransportError) {
            try put(bytes, wait: wait, whileBlocked: whileBlocked)
        } catch {
            let rest = connection.unwritten
            guard rest < bytes.count else { throw error }
            isTorn = true
            guard error == .cancelled else { throw error }
            do throws(TransportError) {
                var unsent = bytes
                unsent.removeFirst(bytes.count - rest)
                try put(unsent, wait: WaitLimits(total: parting()), whileBlocked: whileBlocked)
                isTorn = false
            } catch {}
            throw error
        }
    }

    private func put(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        guard let fileSender else { return try connection.write(bytes.memory, wait: wait, whileBlocked: whileBlocked) }
        try fileSender.write(bytes, wait: wait, whileBlocked: whileBlocked)
    }

    private func write(_ bytes: [UInt8], wait: WaitLimits) throws(TransportError) {
        var failure: TransportError?
        bytes.withUnsafeBytes { buffer in
            do throws(TransportError) { try write(OutgoingBytes(buffer), wait: wait) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: Ends

    private static let awaitingReleaseResponsePDU: [UpperLayerStateMachine.State] = [
        .awaitingReleaseAnswer, .collisionAcceptorAwaitingAnswer, .collisionRequestorAwaitingAnswer,
    ]

    /// Acts on a control PDU in an established association. All of them end it, so this only returns while a release goes on.
    func handleControl(_ pdu: PDU) throws(AssociationError) {
        let state = machine.state
        try advance(.received(pdu))
        switch pdu {
        case .abort(let abort):
            close()
            throw .abortedByPeer(abort)
        case .releaseRequest where state == .dataTransfer:
            try advance(.releaseResponse)
            closeAfterLastWord()
            throw .releasedByPeer
        case .releaseRequest where state == .awaitingReleaseAnswer:
            return
        case .releaseResponse where Self.awaitingReleaseResponsePDU.contains(state):
            return
        default:
            closeAfterLastWord()
            throw .protocolViolation(
                ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", "\(pdu.type) in state \(state)"))
        }
    }

    /// Releases the association and closes: A-RELEASE, PS3.8 7.2. What the peer still sends is read and passed over.
    package func release() throws(AssociationError) {
        guard isEstablished else { return close() }
        heeds = .abort
        let wait = wait(total: limits.release)
        do throws(AssociationError) {
            try advance(.releaseRequest)
            while machine.isEstablished {
                guard case .pdu(let pdu) = try nextStep(wait: wait, waitingFor: .releaseResponse) else {
                    continue
                }
                try handleControl(pdu)
            }
        } catch {
            switch error {
            // The work is done and answered; some peers leave without the last word.
            case .abortedByPeer, .connectionLost: break
            default: throw error
            }
        }
        close()
    }

    /// A-ABORT, PS3.8 7.3, and close. Never fails, and waits no longer than ``partingSeconds``.
    package func abort() {
        guard !isClosed else { return }
        if machine.permits(.abortRequest) {
            _ = machine.handle(.abortRequest)
            sendLastWord(.abort(Abort(source: Abort.Source.serviceUser, reason: Abort.Reason.notSpecified)))
        }
        closeAfterLastWord()
    }

    /// Aborts because the peer broke the protocol; gives the error to throw.
    func violation(_ error: ProtocolError) -> AssociationError {
        for case .sendAbort(let source, let reason) in machine.handle(.received(error)) {
            sendLastWord(.abort(Abort(source: source, reason: reason)))
        }
        closeAfterLastWord()
        return .protocolViolation(error)
    }

    private func sendLastWord(_ pdu: PDU) {
        guard !isTorn else { return }
        do throws(TransportError) {
            try connection.write(pdu.encode(), wait: WaitLimits(total: parting()))
            observer?(.sent(pdu))
        } catch {
            // The peer is gone or takes nothing: it will see the connection close instead.
        }
    }

    /// Closes so that what was sent last still arrives: closing with unread bytes would reset the connection, and the system would
    /// throw away what the peer has not read yet.
    func closeAfterLastWord() {
        guard !isClosed else { return }
        connection.closeWriting()
        let wait = WaitLimits(total: parting())
        receiveBuffer.use(receiveBuffer.count)
        pendingUse = 0
        do throws(TransportError) {
            while try connection.read(into: receiveBuffer.free, wait: wait) > 0, !wait.total.isPast {}
        } catch {}
        close()
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        connection.close()
        observer?(.closed)
    }

    /// What a transport's failure means for the association, which it ends in all cases but one: the first wish to stop.
    func lost(_ error: TransportError, waitingFor awaited: AssociationError.Awaited) -> AssociationError {
        switch error {
        case .cancelled where heeds == .graceful && cancellation?.level != .abort:
            return .interrupted(.graceful)
        case .cancelled:
            abort()
            return .interrupted(.abort)
        case .timedOut:
            abort()
            return .timedOut(waitingFor: awaited)
        default:
            // What the peer said before it went may explain why.
            let abort = lastWords()
            let isUnanswered = isRequestor && accept == nil && (error == .closed || error == .reset)
            _ = machine.handle(.transportClosed)
            close()
            if let abort { return .abortedByPeer(abort) }
            return isUnanswered ? .unreachable(.closedAtOnce(byReset: error == .reset)) : .connectionLost(error)
        }
    }

    /// An A-ABORT that arrived before the connection was lost.
    private func lastWords() -> Abort? {
        receiveBuffer.use(pendingUse)
        pendingUse = 0
        receiveBuffer.makeRoom(toHold: 1)
        do throws(TransportError) {
            while !receiveBuffer.free.isEmpty, let count = try connection.readAvailable(into: receiveBuffer.free),
                count > 0
            {
                receiveBuffer.filled(count)
            }
        } catch {}
        do throws(ProtocolError) {
            while true {
                switch try framer.next(in: receiveBuffer.unused) {
                case .needMore: return nil
                case .pdu(.abort(let abort), _): return abort
                case .pdu(_, let consumed), .fragment(_, let consumed): receiveBuffer.use(consumed)
                }
            }
        } catch {
            return nil
        }
    }

    /// How long a peer gets to take what has begun and our last word, and to close, in seconds. An interrupted run ends within
    /// one second.
    private static let partingSeconds = 0.7

    private func parting() -> Deadline {
        let end = partingEnd ?? .after(seconds: Self.partingSeconds)
        partingEnd = end
        return end
    }
}
