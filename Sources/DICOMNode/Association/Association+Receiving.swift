package import DICOMProtocol

/// Messages on their way in.
extension Association {
    /// The part of a message that has arrived; it outlives an interrupted wait.
    struct IncomingMessage {
        var command: CommandSet?
        var contextID: UInt8 = 0
        var destination = DataSetDestination.memory
        var dataSet: [UInt8] = []
        /// Bytes of the data set that have arrived; more than are held once it is too long for that.
        var length = 0

        var isOmitted: Bool { length > Association.maximumDataSetInMemory }
    }

    /// Waits for the next whole message.
    ///
    /// - Parameter destination: asked once a command that announces a data set is complete: where the data set goes.
    package func receive(
        destination: (CommandSet, UInt8) -> DataSetDestination = { _, _ in .memory }
    ) throws(AssociationError) -> DIMSEMessage {
        expectProgress()
        while true {
            switch try nextStep(wait: readWait.within(commandEnd), waitingFor: .message) {
            case .pdu(let pdu):
                try handleControl(pdu)
            case .fragment(let fragment):
                if let complete = try accept(fragment, destination: destination) { return complete }
            }
        }
    }

    /// One PDU or one span of presentation data that has arrived.
    enum Step {
        case pdu(PDU)
        case fragment(PDUFramer.Fragment)
    }

    /// Whether bytes are at hand that have not been looked at: a message may be complete without another read.
    package var hasUnreadBytes: Bool { receiveBuffer.count > pendingUse }

    /// The clock of ``minimumProgress`` begins anew.
    private func expectProgress() {
        bytesOfProgress = 0
        progressEnd = limits.inactivity.map { .after(seconds: $0) } ?? .never
    }

    /// Reads until there is something to act on. A fragment's bytes stay valid until the next call.
    func nextStep(wait: WaitLimits, waitingFor awaited: AssociationError.Awaited) throws(AssociationError) -> Step {
        receiveBuffer.use(pendingUse)
        pendingUse = 0
        while true {
            do throws(ProtocolError) {
                switch try framer.next(in: receiveBuffer.unused) {
                case .needMore(let atLeast):
                    receiveBuffer.makeRoom(toHold: atLeast)
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
                throw violation(recognized(error))
            }
            willRead?()
            do throws(TransportError) {
                let wait = wait.inactivity == nil ? wait : wait.within(progressEnd)
                // A peer that always has another byte ready never makes a read wait.
                if wait.total.isPast { throw .timedOut(.read) }
                let count = try connection.read(into: receiveBuffer.free, wait: wait)
                guard count > 0 else { throw TransportError.closed }
                receiveBuffer.filled(count)
                bytesOfProgress += count
                if bytesOfProgress >= Self.minimumProgress { expectProgress() }
            } catch {
                if case .timedOut = error, !wait.total.isPast, movesElsewhere?() == true {
                    expectProgress()
                    continue
                }
                throw lost(error, waitingFor: awaited)
            }
        }
    }

    /// Where the very first byte of a peer is none of a PDU, another protocol may be known by it and the next ones.
    private func recognized(_ error: ProtocolError) -> ProtocolError {
        guard error.code == .unrecognizedPDU, contexts == nil else { return error }
        do throws(TransportError) {
            receiveBuffer.makeRoom(toHold: receiveBuffer.count + 1)
            if let count = try connection.readAvailable(into: receiveBuffer.free) { receiveBuffer.filled(count) }
        } catch {
            // What is there may be enough.
        }
        guard let found = ForeignProtocol.recognize(receiveBuffer.unused) else { return error }
        return ProtocolError(.foreignProtocol(found), section: error.section, "it speaks \(found.rawValue), not DICOM")
    }

    private func accept(
        _ fragment: PDUFramer.Fragment, destination: (CommandSet, UInt8) -> DataSetDestination
    ) throws(AssociationError) -> DIMSEMessage? {
        guard contexts?.context(id: fragment.contextID) != nil else {
            throw violation(
                ProtocolError(
                    .unknownPresentationContext, section: "PS3.8 9.3.5.1",
                    "data in presentation context \(fragment.contextID), which was not accepted"))
        }
        try advance(.presentationDataPDU)
        let bytes = UnsafeRawBufferPointer(rebasing: receiveBuffer.unused[fragment.range])
        let event: MessageAssembler.Event?
        do throws(ProtocolError) {
            event = try assembler.accept(
                contextID: fragment.contextID, isCommand: fragment.isCommand,
                isLast: fragment.isLast && fragment.endsPDV, bytes: bytes)
        } catch {
            throw violation(error)
        }
        switch event {
        case nil:
            if commandEnd == .never { commandEnd = .after(seconds: limits.association ?? .infinity) }
            return nil
        case .command(let command, let contextID)?:
            commandEnd = .never
            observer?(.receivedMessage(command, contextID: contextID))
            guard command.hasDataSet else { return DIMSEMessage(command: command, contextID: contextID, dataSet: nil) }
            message = IncomingMessage(
                command: command, contextID: contextID, destination: destination(command, contextID))
            return nil
        case .data(let isLast)?:
            try take(bytes)
            guard isLast, let command = message.command else { return nil }
            if let observer, case .memory = message.destination, !message.isOmitted,
                let context = contexts?.context(id: message.contextID)
            {
                observer(.receivedDataSet(message.dataSet, context.transferSyntax))
            }
            var complete = DIMSEMessage(command: command, contextID: message.contextID, dataSet: nil)
            if case .memory = message.destination {
                if message.isOmitted {
                    complete.omittedLength = message.length
                } else {
                    complete.dataSet = message.dataSet
                }
            }
            message = IncomingMessage()
            return complete
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        switch message.destination {
        case .discard: break
        case .sink(let sink): sink.write(bytes)
        case .memory:
            guard bytes.count <= Self.maximumDataSetPassedOver - message.length else {
                throw violation(
                    ProtocolError(
                        .messageTooLong, section: "PS3.7 6.3",
                        "a data set of more than \(Self.maximumDataSetPassedOver) bytes where a small one belongs"))
            }
            message.length += bytes.count
            if message.isOmitted { message.dataSet = [] } else { message.dataSet.append(contentsOf: bytes) }
        }
    }
}
