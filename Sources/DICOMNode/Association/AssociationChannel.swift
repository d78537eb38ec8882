import DICOMProtocol
import System

/// The connection of one association and what moves PDUs over it: state machine, framer, receive buffer and ARTIM
/// timer.
///
/// The rules of the protocol are all in ``UpperLayerStateMachine`` and ``PDUFramer``; the channel moves the bytes
/// between them and the socket, and obeys. What goes wrong is thrown as an ``AssociationFault`` and changes nothing
/// here: ``AssociationEnding`` does what follows from it. Used by one thread at a time.
final class AssociationChannel {
    let connection: any Connection
    var limits: AssociationLimits
    let cancellation: Cancellation
    let observer: AssociationObserver?

    private(set) var machine: UpperLayerStateMachine
    private var framer: PDUFramer
    private let receiveBuffer = ReceiveBuffer()
    /// The bytes, from the first unused one, with which there is a further step.
    private var wantedBytes = 0
    /// The bytes of the last fragment; used up with the next step, so that they stay where they are until then.
    private var pendingUse = 0
    /// The end of the ARTIM timer, PS3.8 9.1.5; never while the timer is stopped.
    private var artim = Deadline.never
    private var phase = Phase.open
    /// True if a PDU was sent only in part, so that nothing else may be sent.
    private(set) var hasPartialPDU = false

    private enum Phase {
        case open
        /// The final PDU, and the wait for the peer to close, have one deadline together.
        case closing(Deadline)
        case closed
    }

    /// Time for a peer to take what has begun and the final PDU, and to close. An interrupted run ends within one
    /// second.
    private static let closingTimeout = Duration.milliseconds(700)

    /// The longest read-ahead while the peer takes nothing, in bytes. It holds the responses to more operations than
    /// any window allows; a peer that sends on and on and reads nothing must not fill memory.
    private static let maximumReadAhead = 4 << 20

    /// The same for an acceptor, which has many associations: a peer that calls sends requests and, in a C-GET, short
    /// responses.
    private static let maximumReadAheadOfAcceptor = 256 << 10

    init(
        role: UpperLayerStateMachine.Role, connection: any Connection, maximumPDULength: UInt32,
        limits: AssociationLimits, cancellation: Cancellation, observer: AssociationObserver?
    ) {
        machine = UpperLayerStateMachine(role)
        framer = PDUFramer(limits: PDULimits(announcedMaximumLength: maximumPDULength))
        self.connection = connection
        self.limits = limits
        self.cancellation = cancellation
        self.observer = observer
    }

    deinit { connection.close() }

    // MARK: Limits of waits

    /// The limits of a wait for a PDU that has to be there in time, whatever moves meanwhile.
    func controlWait(timeout seconds: Double?, cancelledAt level: Cancellation.Level) -> WaitLimits {
        WaitLimits(
            total: Deadline.after(seconds: seconds ?? .infinity).earlier(artim), cancellation: cancellation,
            cancelledAt: level)
    }

    /// The limits of a write. A graceful cancellation never stops one half-way: it would leave half a message.
    var writeWait: WaitLimits {
        var wait = WaitLimits(
            inactivity: limits.inactivity, total: limits.end, cancellation: cancellation, cancelledAt: .abort)
        wait.notice = limits.notice(.sending)
        return wait
    }

    // MARK: The state machine

    /// Passes an event to the state machine and performs its actions, in its order.
    ///
    /// - Parameter content: the PDU to send where the machine asks for one that has content.
    /// - Throws: `.lost` if a PDU cannot be sent.
    func advance(
        _ event: UpperLayerStateMachine.Event, sending content: PDU? = nil
    ) throws(AssociationFault) {
        for action in noteEvent(event) {
            switch action {
            case .sendPDU(.presentationData), .connect:
                // Data is laid out in the send buffer; the connection is open before this object exists.
                break
            case .sendPDU(.releaseRequest): try send(.releaseRequest)
            case .sendPDU(.releaseResponse): try send(.releaseResponse)
            case .sendPDU: if let content { try send(content) }
            case .sendAbort(let source, let reason): try send(.abort(Abort(source: source, reason: reason)))
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

    /// Passes an event to the state machine; returns its actions without performing them.
    func noteEvent(_ event: UpperLayerStateMachine.Event) -> [UpperLayerStateMachine.Action] {
        guard let observer else { return machine.handle(event) }
        let before = machine.state
        let entry = UpperLayerStateMachine.transition(on: event, in: before)
        let actions = machine.handle(event)
        observer(.changed(UpperLayerStateMachine.Transition(event, from: before, to: machine.state, entry)))
        return actions
    }

    private static let awaitingReleaseResponsePDU: [UpperLayerStateMachine.State] = [
        .awaitingReleaseAnswer, .collisionAcceptorAwaitingAnswer, .collisionRequestorAwaitingAnswer,
    ]

    /// Acts on a control PDU of an established association. All of them end it, so this only returns while a release
    /// goes on.
    ///
    /// - Throws: `.abortedByPeer`, `.releasedByPeer`, and `.unexpectedPDU` for any other.
    func handleControl(_ pdu: PDU) throws(AssociationFault) {
        let state = machine.state
        try advance(.received(pdu))
        switch pdu {
        case .abort(let abort): throw .abortedByPeer(abort)
        case .releaseRequest where state == .dataTransfer:
            try advance(.releaseResponse)
            throw .releasedByPeer
        case .releaseRequest where state == .awaitingReleaseAnswer: return
        case .releaseResponse where Self.awaitingReleaseResponsePDU.contains(state): return
        default:
            throw .unexpectedPDU(
                ProtocolError(.unexpectedPDU, section: "PS3.8 9.2", "\(pdu.type) in state \(state)"))
        }
    }

    // MARK: Receiving

    /// A PDU or a span of presentation data that has arrived.
    enum Step {
        case pdu(PDU)
        case fragment(PDUFramer.Fragment)
    }

    /// True if received bytes were not parsed yet: a message may be complete without another read.
    var hasUnreadBytes: Bool { receiveBuffer.count > pendingUse }

    /// Gives the next step from the bytes that have arrived; nil if there are too few. The bytes of fragments stay valid until
    /// something is read.
    ///
    /// - Throws: `.violation` for bytes that are no PDU of the upper layer protocol.
    func nextStep() throws(AssociationFault) -> Step? {
        receiveBuffer.use(pendingUse)
        pendingUse = 0
        do throws(ProtocolError) {
            switch try framer.next(in: receiveBuffer.unused) {
            case .needMore(let atLeast):
                wantedBytes = atLeast
                return nil
            case .pdu(let pdu, let consumed):
                receiveBuffer.use(consumed)
                observer?(.received(pdu))
                return .pdu(pdu)
            case .fragment(let fragment, let consumed):
                pendingUse = consumed
                observer?(.receivedData(PresentationDataSummary(fragment)))
                return .fragment(fragment)
            }
        } catch {
            throw .violation(error)
        }
    }

    /// Reads until there is a step.
    ///
    /// - Throws: as ``nextStep()`` and ``read(_:waitingFor:)`` do.
    func nextStep(_ wait: WaitLimits, waitingFor awaited: AssociationError.Awaited) throws(AssociationFault) -> Step {
        while true {
            if let step = try nextStep() { return step }
            _ = try read(wait, waitingFor: awaited)
        }
    }

    /// The bytes of the fragment that ``nextStep()`` gave last.
    func bytes(of fragment: PDUFramer.Fragment) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: receiveBuffer.unused[fragment.range])
    }

    /// Reads the available bytes, at least one; returns their number.
    ///
    /// - Throws: `.lost` or `.interrupted`; `.lost` with `.timedOut` also if the total limit has passed while bytes
    ///   kept coming.
    func read(_ wait: WaitLimits, waitingFor awaited: AssociationError.Awaited) throws(AssociationFault) -> Int {
        do throws(TransportError) {
            // A peer that always has another byte ready never makes a read wait.
            if wait.total.isPast { throw .timedOut(.read) }
            var watched = wait
            watched.notice = limits.notice(awaited)
            receiveBuffer.makeRoom(toHold: max(wantedBytes, receiveBuffer.count + 1))
            let count = try connection.read(into: receiveBuffer.free, wait: watched)
            guard count > 0 else { throw TransportError.closed }
            receiveBuffer.filled(count)
            return count
        } catch {
            throw fault(error, cancelledAt: wait.cancelledAt, waitingFor: awaited)
        }
    }

    /// Reads the available bytes, up to a maximum, without waiting; returns nil if there are none.
    ///
    /// - Throws: the transport's failure, `.closed` if the peer has closed its side.
    func readAvailable(atMost maximum: Int = .max) throws(TransportError) -> Int? {
        receiveBuffer.makeRoom(toHold: receiveBuffer.count + 1)
        let free = UnsafeMutableRawBufferPointer(rebasing: receiveBuffer.free.prefix(maximum))
        guard let count = try connection.readAvailable(into: free) else { return nil }
        guard count > 0 else { throw .closed }
        receiveBuffer.filled(count)
        return count
    }

    /// Waits until the peer sends something; returns false if the deadline passed, or `wakeUp` became readable, first.
    ///
    /// - Throws: `.interrupted` at a graceful cancellation, `.lost` if the connection is.
    func waitForBytes(until deadline: Deadline, wakeUp: CInt) throws(AssociationFault) -> Bool {
        if hasUnreadBytes { return true }
        do throws(TransportError) {
            // A secured connection may hold bytes that its socket no longer shows.
            if try readAvailable() != nil { return true }
        } catch {
            throw .lost(error, waitingFor: .message)
        }
        return try waitForFirst(of: connection.descriptor, wakeUp, until: deadline, limits.notice(.message))
    }

    /// Waits for a time and does nothing.
    ///
    /// - Throws: `.interrupted` at a graceful cancellation.
    func pause(until deadline: Deadline) throws(AssociationFault) { _ = try waitForFirst(of: -1, -1, until: deadline) }

    private func waitForFirst(
        of first: CInt, _ second: CInt, until deadline: Deadline, _ notice: WaitNotice? = nil
    ) throws(AssociationFault) -> Bool {
        var limits = WaitLimits(cancellation: cancellation)
        limits.notice = notice
        do throws(TransportError) {
            let ready = try Readiness.wait(
                first, for: .readable, orWakeUp: second, until: deadline, limits: limits, phase: .read)
            return !ready.isEmpty
        } catch {
            if case .timedOut = error { return false }
            throw fault(error, cancelledAt: .graceful, waitingFor: .message)
        }
    }

    /// The bytes that have arrived and were not used.
    var unusedBytes: UnsafeRawBufferPointer { receiveBuffer.unused }

    /// Reads what the peer has sent before the connection was lost; returns its A-ABORT, if there is one.
    func abortAmongUnreadBytes() -> Abort? {
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

    // MARK: Sending

    private func send(_ pdu: PDU) throws(AssociationFault) {
        let wait = writeWait.within(.after(seconds: limits.association ?? .infinity))
        var failure: AssociationFault?
        pdu.encode().withUnsafeBytes { bytes in
            do throws(AssociationFault) { try send(OutgoingBytes(bytes), wait: wait) } catch { failure = error }
        }
        if let failure { throw failure }
        observer?(.sent(pdu))
    }

    /// Sends whole PDUs of data, and reads what the peer sends meanwhile: it may wait for that.
    ///
    /// After a cancellation in their middle the rest is sent, if the peer takes it at once.
    ///
    /// - Parameter wait: the limits of a control PDU, which goes without reading; nil for data.
    /// - Throws: `.lost`; `.sourceCutShort` if a file cannot be read to the end of its range.
    func send(_ bytes: OutgoingBytes, wait: WaitLimits? = nil) throws(AssociationFault) {
        let whileBlocked = wait == nil ? { self.readWhileBlocked() } : nil
        do throws(TransportError) {
            try connection.write(bytes, wait: wait ?? writeWait, whileBlocked: whileBlocked)
        } catch {
            let unwritten = connection.unwritten
            if unwritten < bytes.count {
                hasPartialPDU = error != .cancelled || !finish(bytes, unwritten: unwritten, whileBlocked)
            }
            if case .file(let fault) = error { throw .sourceCutShort(DataSetSourceError(fault)) }
            throw .lost(error, waitingFor: .sending)
        }
    }

    /// Writes the rest of PDUs that have left in part; returns false if the peer does not take it at once.
    private func finish(
        _ bytes: OutgoingBytes, unwritten: Int, _ whileBlocked: (() -> BlockedWrite)?
    ) -> Bool {
        var rest = bytes
        rest.removeFirst(bytes.count - unwritten)
        do throws(TransportError) {
            try connection.write(rest, wait: closingWait(), whileBlocked: whileBlocked)
            return true
        } catch {
            return false
        }
    }

    private func readWhileBlocked() -> BlockedWrite {
        let maximum = machine.role == .acceptor ? Self.maximumReadAheadOfAcceptor : Self.maximumReadAhead
        guard receiveBuffer.count < maximum else { return .stopWatching }
        do throws(TransportError) {
            _ = try readAvailable(atMost: maximum - receiveBuffer.count)
            return .keepWatching
        } catch {
            return .stopWatching
        }
    }

    // MARK: Closing

    var isClosed: Bool { if case .closed = phase { true } else { false } }

    /// Begins to close, at the first call, and gives the limit of all that is done until the connection is closed.
    ///
    /// - Parameter waits: whether there is time for the peer at all.
    func closingWait(waits: Bool = true) -> WaitLimits {
        if case .closing(let deadline) = phase { return WaitLimits(total: deadline) }
        let deadline = waits ? Deadline.after(Self.closingTimeout) : .now
        if !isClosed { phase = .closing(deadline) }
        return WaitLimits(total: deadline)
    }

    /// Sends the final PDU if it can still be understood. A peer that is gone, or takes nothing, sees the connection
    /// close instead.
    func sendFinal(_ pdu: PDU, waits: Bool = true) {
        guard !hasPartialPDU else { return }
        do throws(TransportError) {
            try connection.write(pdu.encode(), wait: closingWait(waits: waits))
            observer?(.sent(pdu))
        } catch {}
    }

    /// Closes so that what was sent last still arrives: closing with unread bytes would reset the connection, and the
    /// system would throw away what the peer has not read yet.
    func closeAfterFinalPDU() {
        guard !isClosed else { return }
        connection.closeWriting()
        let wait = closingWait()
        receiveBuffer.use(receiveBuffer.count)
        pendingUse = 0
        do throws(TransportError) {
            while try connection.read(into: receiveBuffer.free, wait: wait) > 0, !wait.total.isPast {}
        } catch {}
        close()
    }

    func close() {
        guard !isClosed else { return }
        phase = .closed
        connection.close()
        observer?(.closed)
    }

    private func fault(
        _ error: TransportError, cancelledAt level: Cancellation.Level, waitingFor awaited: AssociationError.Awaited
    ) -> AssociationFault {
        error == .cancelled && level == .graceful && cancellation.level != .abort
            ? .interrupted : .lost(error, waitingFor: awaited)
    }
}
