import DICOM
import DICOMProtocol
import System

/// Assembles the messages of an established association from its PDUs, PS3.7 6.3 and PS3.8 annex E.
final class MessageReader {
    private let channel: AssociationChannel
    private let contexts: NegotiatedContexts
    /// Of the receiver that accepted the association; nil on one that we requested.
    private let memory: MemoryBudget?
    private var assembler = MessageAssembler()
    /// A message that has arrived in part is kept when a wait is interrupted.
    private var state = State.betweenMessages

    private enum State {
        case betweenMessages
        /// The rest of a command set is some hundred bytes that a peer has at hand: it has a deadline of its own.
        case inCommand(until: Deadline)
        case inDataSet(IncomingDataSet)
    }

    /// The longest data set that is dropped where a small one belongs. Whatever a server has put into a response, such
    /// as an image, goes by and the others follow; what is longer still is a stream that may never end.
    private static let maximumDataSetDropped = 256 << 20

    init(_ channel: AssociationChannel, contexts: NegotiatedContexts, memory: MemoryBudget? = nil) {
        self.channel = channel
        self.contexts = contexts
        self.memory = memory
    }

    /// Waits for the next whole message.
    ///
    /// - Parameter destination: asked once a command that announces a data set is complete: where the data set goes.
    /// - Throws: The errors of the channel, and `.violation` if the message is malformed.
    func receive(
        _ options: ReceiveOptions, destination: (CommandSet, UInt8) -> DataSetDestination
    ) throws(AssociationFault) -> DIMSEMessage {
        let inactivity = options.cancelled?.silence ?? channel.limits.inactivity
        var progress = ReceivingProgress(limit: inactivity)
        var elsewhere = options.elsewhere?.progress ?? 0
        defer { flush() }
        while true {
            switch try channel.nextStep() {
            case .pdu(let pdu)?: try channel.handleControl(pdu)
            case .fragment(let fragment)?:
                if let message = try accept(fragment, options, destination: destination) { return message }
            case nil:
                flush()
                options.beforeBlockingRead?()
                let end = end(options)
                var wait = WaitLimits(
                    inactivity: inactivity, total: end.earlier(progress.deadline), cancellation: channel.cancellation,
                    cancelledAt: options.cancelledAt)
                wait.staysAwake = options.expectsInstances
                let paused = channel.connection.pausedSeconds
                do throws(AssociationFault) {
                    progress.add(try channel.read(wait, waitingFor: .message))
                    progress.extend(by: channel.connection.pausedSeconds - paused)
                } catch .lost(.timedOut, let awaited) where !channel.limits.end.isPast {
                    // What we have paused, the peer was not silent.
                    progress.extend(by: channel.connection.pausedSeconds - paused)
                    if channel.connection.pausedSeconds > paused, !progress.deadline.isPast, !end.isPast { continue }
                    if let cancelled = options.cancelled {
                        guard case .betweenMessages = state, !cancelled.isOver() else {
                            throw .lost(.timedOut(.read), waitingFor: awaited)
                        }
                    } else {
                        guard !end.isPast, let now = options.elsewhere,
                            now.progress != elsewhere || now.messagesArriving > 0
                        else { throw .lost(.timedOut(.read), waitingFor: awaited) }
                        elsewhere = now.progress
                    }
                    progress.restart()
                }
            }
        }
    }

    /// Lets a data set that goes elsewhere let go of the bytes that were received: others take their place.
    private func flush() {
        if case .inDataSet(let incoming) = state, case .sink(let sink) = incoming.destination { sink.flush() }
    }

    /// The point in time at which a wait fails, whatever arrives.
    private func end(_ options: ReceiveOptions) -> Deadline {
        let cancelled = options.cancelled
        switch state {
        case .betweenMessages:
            return channel.limits.end.earlier(cancelled?.deadline(inInstance: false) ?? .never)
        case .inCommand(let deadline):
            return channel.limits.end.earlier(deadline).earlier(cancelled?.deadline(inInstance: false) ?? .never)
        case .inDataSet(let incoming):
            return channel.limits.end.earlier(cancelled?.deadline(inInstance: incoming.isInstance) ?? .never)
        }
    }

    private func accept(
        _ fragment: PDUFramer.Fragment, _ options: ReceiveOptions,
        destination: (CommandSet, UInt8) -> DataSetDestination
    ) throws(AssociationFault) -> DIMSEMessage? {
        guard contexts.accepts(id: fragment.contextID) else {
            throw .violation(
                ProtocolError(
                    .unknownPresentationContext, section: "PS3.8 9.3.5.1",
                    "data in presentation context \(fragment.contextID), which was not accepted"))
        }
        try channel.advance(.presentationDataPDU)
        let bytes = channel.bytes(of: fragment)
        let event: MessageAssembler.Event?
        do throws(ProtocolError) {
            event = try assembler.accept(
                contextID: fragment.contextID, isCommand: fragment.isCommand,
                isLast: fragment.isLast && fragment.endsPDV, bytes: bytes)
        } catch {
            throw .violation(error)
        }
        switch consume event {
        case nil:
            if case .inCommand = state {
            } else {
                state = .inCommand(until: .after(seconds: channel.limits.association ?? .infinity))
            }
            return nil
        case .command(let command, let contextID)?:
            channel.observer?(.receivedMessage(command, contextID: contextID))
            guard command.hasDataSet else {
                state = .betweenMessages
                return DIMSEMessage(command: command, contextID: contextID)
            }
            if !command.isResponse, options.cancelled?.isTooLateToBegin == true {
                throw .lost(.timedOut(.read), waitingFor: .message)
            }
            let destination = destination(command, contextID)
            state = .inDataSet(
                IncomingDataSet(
                    of: command, contextID: contextID, to: destination, keepsBeginning: channel.observer != nil,
                    memory: memory))
            return nil
        case .data(let isLast)?:
            guard case .inDataSet(let incoming) = state else { return nil }
            if case .sink(let sink) = incoming.destination {
                incoming.keepBeginning(bytes)
                sink.take(bytes)
            } else if !incoming.hold(bytes, maximumLength: Self.maximumDataSetDropped) {
                throw .violation(
                    ProtocolError(
                        .messageTooLong, section: "PS3.7 6.3",
                        "a data set of more than \(Self.maximumDataSetDropped) bytes where a small one belongs"))
            }
            guard isLast else { return nil }
            flush()
            state = .betweenMessages
            let message = incoming.message(in: contexts)
            if let observer = channel.observer, let context = contexts.context(id: message.contextID) {
                if let dataSet = message.dataSet {
                    observer(.receivedDataSet(dataSet, context.transferSyntax))
                } else if case .sink = incoming.destination {
                    observer(.receivedInstance(incoming.beginning, context.transferSyntax))
                }
            }
            return message
        }
    }
}

/// The part of a data set that has arrived.
private final class IncomingDataSet {
    private let command: CommandSet
    let contextID: UInt8
    let destination: DataSetDestination
    private var bytes: [UInt8] = []
    /// Bytes that have arrived; more than are held once they are too many for that.
    private var length = 0
    /// The first bytes of a data set that goes elsewhere, if somebody observes it.
    private(set) var beginning: [UInt8] = []
    private let keepsBeginning: Bool
    private let memory: ReservedMemory?
    private var isBeyondMemory = false

    init(
        of command: CommandSet, contextID: UInt8, to destination: DataSetDestination, keepsBeginning: Bool,
        memory: MemoryBudget?
    ) {
        self.command = command
        self.contextID = contextID
        self.destination = destination
        self.keepsBeginning = keepsBeginning
        self.memory = memory.map { ReservedMemory(of: $0) }
    }

    func keepBeginning(_ arrived: UnsafeRawBufferPointer) {
        guard keepsBeginning else { return }
        beginning.append(contentsOf: arrived.prefix(AssociationEvent.maximumBeginning - beginning.count))
    }

    /// True if it is not the identifier of a response.
    var isInstance: Bool { !command.isResponse }

    private var isOmitted: Bool { length > Association.maximumDataSetInMemory || isBeyondMemory }

    /// Holds the bytes in memory if they belong there; returns false, and takes nothing, if they are too many even to be
    /// dropped.
    func hold(_ arrived: UnsafeRawBufferPointer, maximumLength: Int) -> Bool {
        guard case .memory = destination else { return true }
        guard arrived.count <= maximumLength - length else { return false }
        length += arrived.count
        // An array that grows has room for twice what is in it.
        if let memory, !isOmitted, !memory.grow(by: 2 * arrived.count) { isBeyondMemory = true }
        if isOmitted { omit() } else { bytes.append(contentsOf: arrived) }
        return true
    }

    private func omit() {
        bytes = []
        memory?.giveBack()
    }

    /// The message, once all of its data set has arrived. What a service makes of the data set is reserved with it.
    func message(in contexts: NegotiatedContexts) -> DIMSEMessage {
        guard case .memory = destination else { return DIMSEMessage(command: command, contextID: contextID) }
        if let memory, !isOmitted, let syntax = contexts.context(id: contextID)?.transferSyntax {
            let decoder = DataSetDecoder(syntax)
            if !memory.grow(by: decoder.memoryNeeded(for: bytes[...], atMost: memory.limit)) {
                isBeyondMemory = true
                omit()
            }
        }
        return isOmitted
            ? DIMSEMessage(
                command: command, contextID: contextID, omittedLength: length, isBeyondMemory: isBeyondMemory)
            : DIMSEMessage(command: command, contextID: contextID, dataSet: bytes, memory: memory)
    }
}
