package import DICOM
package import DICOMProtocol
import System

/// An established association: sends and receives messages, and ends in order.
///
/// A facade over the parts that have the state: ``AssociationChannel`` (connection, framer, state machine),
/// ``MessageReader``, ``MessageWriter`` and ``AssociationEnding``. It is used by one thread at a time; dropping it
/// aborts it.
package final class Association {
    private let channel: AssociationChannel
    private let reader: MessageReader
    /// Lays out messages, one of which may be the next to be sent while the peer is still at work on another.
    let writer: MessageWriter
    private var lastMessageID: UInt16 = 0

    package let request: AssociateRequest
    package let accept: AssociateAccept
    package let contexts: NegotiatedContexts
    /// The time that establishing it took; nil if the connection was open before, or was accepted.
    package let timings: Timings?

    /// The longest data set that is held in memory. A match of a query has some kilobytes, a commitment report of
    /// 100,000 references 15 MB; a longer one is dropped, and its length is in the message.
    package static let maximumDataSetInMemory = 16 << 20

    init(
        _ channel: AssociationChannel, _ agreement: AssociationEstablishing.Agreement, timings: Timings? = nil,
        memory: MemoryBudget? = nil
    ) {
        self.channel = channel
        request = agreement.request
        accept = agreement.accept
        contexts = agreement.contexts
        self.timings = timings
        let peer = channel.machine.role == .requestor ? accept.userInformation : request.userInformation
        reader = MessageReader(channel, contexts: contexts, memory: memory)
        writer = MessageWriter(channel, contexts: contexts, peerMaximumLength: peer.maximumLength)
    }

    deinit { ending.abandon() }

    private var ending: AssociationEnding { AssociationEnding(channel) }

    // MARK: Properties

    package var peerDescription: String { channel.connection.peerDescription }
    /// The peer's address in numbers, without the port.
    package var peerAddress: String {
        let peer = peerDescription
        guard let colon = peer.lastIndex(of: ":") else { return peer }
        let host = peer[..<colon]
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
    }
    /// Our end of the connection, `address:port` in numbers.
    package var localDescription: String { channel.connection.localDescription }
    /// A warning about the connection's security, such as a certificate that expires soon.
    package var securityWarning: String? { channel.connection.securityWarning }
    package var isRequestor: Bool { channel.machine.role == .requestor }
    /// True while messages can be exchanged: Sta6 of PS3.8 9.2.
    package var isEstablished: Bool { channel.machine.state == .dataTransfer }
    var limits: AssociationLimits { channel.limits }
    /// The time in seconds for which the peer may be silent while a message is due; nil: for any time.
    package var inactivity: Double? {
        get { channel.limits.inactivity }
        set { channel.limits.inactivity = newValue }
    }
    /// False if the peer has sent something that nobody has asked for, or has closed: an association that was idle is over then.
    package var isAtRest: Bool {
        guard isEstablished else { return false }
        do throws(AssociationError) {
            return try !waitForMessage(until: .now)
        } catch {
            return error.leavesAssociationUsable
        }
    }

    /// Ids count up from 1, for each direction on its own; 0 is never used, and they begin again after 65535.
    package func nextMessageID() -> UInt16 {
        lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
        return lastMessageID
    }

    /// The asynchronous operations window for operations that we invoke: 1 unless the peer granted more; 0 is no limit.
    package var operationsWindow: Int {
        Int(accept.userInformation.asynchronousOperationsWindow?.invoked ?? 1)
    }

    /// The options of queries and retrievals that were granted for a SOP class, whichever side asked for them.
    package func grantedNegotiation(for sopClass: UID) -> QueryNegotiation {
        let items = accept.userInformation.extendedNegotiations
        return items.first { $0.sopClass == sopClass }.map { QueryNegotiation(granted: $0) } ?? []
    }

    /// The accepted context for an operation.
    ///
    /// - Throws: `noPresentationContext` with the reasons if no context of the abstract syntax was accepted.
    package func context(for abstractSyntax: UID) throws(AssociationError) -> NegotiatedContexts.Accepted {
        guard let context = contexts.contexts(for: abstractSyntax).first else {
            throw .noPresentationContext(
                abstractSyntax: abstractSyntax, refused: contexts.refusals(for: abstractSyntax))
        }
        return context
    }

    // MARK: Messages

    /// Sends a message whose data set, if any, is in memory.
    ///
    /// - Throws: `unsendable`, which leaves the association whole; otherwise the error that ended it.
    package func send(
        _ command: CommandSet, contextID: UInt8, dataSet: [UInt8]? = nil
    ) throws(AssociationError) {
        try writer.send(try writer.stage(command, contextID: contextID, source: dataSet.map(MemoryDataSetSource.init)))
        if let observer = channel.observer, let dataSet, let context = contexts.context(id: contextID) {
            observer(.sentDataSet(dataSet, context.transferSyntax))
        }
    }

    /// Sends a message whose data set is read while it is sent; memory stays flat independent of its size. A small
    /// message, command and data set, leaves in one write.
    ///
    /// - Throws: `unsendable` and `sourceUnreadable`, which leave the association whole; otherwise the error that ended
    ///   it.
    package func send(
        _ command: CommandSet, contextID: UInt8, source: any DataSetSource
    ) throws(AssociationError) {
        try writer.send(try writer.stage(command, contextID: contextID, source: source))
    }

    /// Waits for the next whole message.
    ///
    /// - Parameter destination: asked once a command that announces a data set is complete: where the data set goes.
    /// - Throws: `interrupted(.graceful)`, which leaves the association whole; otherwise the error that ended it.
    package func receive(
        _ options: ReceiveOptions = ReceiveOptions(),
        destination: (CommandSet, UInt8) -> DataSetDestination = { _, _ in .memory }
    ) throws(AssociationError) -> DIMSEMessage {
        do throws(AssociationFault) {
            return try reader.receive(options, destination: destination)
        } catch {
            try ending.act(on: error)
        }
    }

    /// Receives the next message if the peer has begun to send one; returns nil, at once, if it has not.
    ///
    /// - Throws: as ``receive(_:destination:)``; a graceful cancellation interrupts in either case, so that long work
    ///   ends there.
    package func receiveIfAny() throws(AssociationError) -> DIMSEMessage? {
        guard try waitForMessage(until: .now) else { return nil }
        return try receive()
    }

    /// Waits until the peer sends something; returns false if the deadline passed, or `wakeUp` became readable, first.
    ///
    /// - Throws: `interrupted(.graceful)`, which leaves the association whole; otherwise the error that ended it.
    func waitForMessage(until deadline: Deadline, wakeUp: CInt = -1) throws(AssociationError) -> Bool {
        do throws(AssociationFault) {
            return try channel.waitForBytes(until: deadline, wakeUp: wakeUp)
        } catch {
            try ending.act(on: error)
        }
    }

    /// Waits and does nothing.
    ///
    /// - Throws: `interrupted` at a cancellation.
    package func pause(seconds: Double) throws(AssociationError) {
        guard seconds > 0 else { return }
        do throws(AssociationFault) {
            try channel.pause(until: .after(seconds: seconds))
        } catch {
            try ending.act(on: error)
        }
    }

    // MARK: Ends

    /// Releases the association and closes, PS3.8 7.2. Data that the peer still sends is read and dropped.
    ///
    /// - Throws: `timedOut`, `interrupted(.abort)`, `protocolViolation`; the association is closed all the same.
    package func release() throws(AssociationError) { try ending.release() }

    /// A-ABORT, PS3.8 7.3, and close. Never fails, and waits less than a second.
    package func abort() { ending.abort() }

    /// Closes without a word to the peer, as a peer does that crashes.
    package func close() { channel.close() }

    /// Aborts because the peer broke the protocol of a service.
    ///
    /// - Throws: always, `protocolViolation`.
    func abort(for error: ProtocolError) throws(AssociationError) -> Never { try ending.act(on: .violation(error)) }
}
