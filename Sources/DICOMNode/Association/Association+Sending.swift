package import DICOMProtocol

/// Messages on their way out, PS3.7 6.3 and PS3.8 9.3.5.
extension Association {
    /// Sends a message whose data set, if any, is in memory.
    package func send(
        _ command: CommandSet, contextID: UInt8, dataSet: [UInt8]? = nil
    ) throws(AssociationError) {
        try send(command, contextID: contextID, source: dataSet.map(MemoryDataSetSource.init))
        if let observer, let dataSet, let context = contexts?.context(id: contextID) {
            observer(.sentDataSet(dataSet, context.transferSyntax))
        }
    }

    /// Sends a message whose data set is read while it is sent; memory stays flat whatever its size.
    ///
    /// A small message, command and data set, leaves in one write.
    package func send(
        _ command: CommandSet, contextID: UInt8, source: (any DataSetSource)?
    ) throws(AssociationError) {
        try send(try stage(command, contextID: contextID, source: source))
    }

    /// The payload of a PDU whose header is the last in the send buffer.
    struct FileFragment {
        let range: FileRange
        let contextID: UInt8
        let isLast: Bool
    }

    /// A message that is laid out in the send buffer, with as much of its data set as there is room for, and has not left.
    struct StagedMessage {
        let command: CommandSet
        let contextID: UInt8
        /// What is sent from a file behind the part in the buffer.
        let file: FileFragment?
        /// What comes behind that; nil when it is all.
        let rest: (any DataSetSource)?
    }

    /// Lays a message out, while the peer may still be at work on another. It is the next one to be sent.
    ///
    /// - Throws: `sourceUnreadable` where the data set cannot be read; nothing has happened then.
    func stage(
        _ command: CommandSet, contextID: UInt8, source: (any DataSetSource)?
    ) throws(AssociationError) -> StagedMessage {
        guard contexts?.context(id: contextID) != nil else {
            throw .unsendable("presentation context \(contextID) was not accepted")
        }
        sendBuffer.clear()
        let encoded = command.encode()
        let fits = encoded.withUnsafeBytes { sendBuffer.append($0, contextID: contextID, isCommand: true) }
        guard fits else { throw .unsendable("a command set of \(encoded.count) bytes") }
        guard let source else {
            return StagedMessage(command: command, contextID: contextID, file: nil, rest: nil)
        }
        do throws(DataSetSourceError) {
            let (file, isLast) = try layOut(source, contextID: contextID)
            return StagedMessage(command: command, contextID: contextID, file: file, rest: isLast ? nil : source)
        } catch {
            sendBuffer.clear()
            throw .sourceUnreadable(error)
        }
    }

    /// Sends what was laid out last, and the rest of its data set.
    func send(_ staged: StagedMessage) throws(AssociationError) {
        try advance(.presentationDataRequest)
        try flush(then: staged.file)
        if let rest = staged.rest { try sendRest(of: rest, contextID: staged.contextID) }
        observer?(.sentMessage(staged.command, contextID: staged.contextID))
    }

    private func sendRest(of source: any DataSetSource, contextID: UInt8) throws(AssociationError) {
        while true {
            let file: FileFragment?
            let isLast: Bool
            do throws(DataSetSourceError) {
                (file, isLast) = try layOut(source, contextID: contextID, upTo: SendBuffer.streamingLength)
            } catch {
                sendBuffer.clear()
                abort()
                throw .sourceCutShort(error)
            }
            try flush(then: file)
            if isLast { return }
        }
    }

    /// Lays out what comes next of a data set: many PDUs of it or, where it is sent from its file, the header of one.
    private func layOut(
        _ source: any DataSetSource, contextID: UInt8, upTo limit: Int = .max
    ) throws(DataSetSourceError) -> (file: FileFragment?, isLast: Bool) {
        guard fileSender != nil, let longest = sendBuffer.longestFilePayload,
            let (range, isLast) = try source.takeRange(upTo: longest)
        else { return (nil, try sendBuffer.fill(from: source, contextID: contextID, upTo: limit)) }
        sendBuffer.appendHeader(payload: range.count, contextID: contextID, isLast: isLast)
        return (FileFragment(range: range, contextID: contextID, isLast: isLast), isLast)
    }

    /// Writes what is laid out, and reads meanwhile what the peer says: it may wait for us to do so.
    private func flush(then file: FileFragment?) throws(AssociationError) {
        defer { sendBuffer.clear() }
        do throws(TransportError) {
            observeSending(then: file)
            let bytes = OutgoingBytes(sendBuffer.contents, then: file?.range)
            try write(bytes, wait: writeWait, whileBlocked: { self.readWhileBlocked() })
        } catch .file(let fault) {
            // In the middle of a PDU: nothing more can be said, and the connection closes.
            abort()
            throw .sourceCutShort(DataSetSourceError(fault))
        } catch {
            throw lost(error, waitingFor: .sending)
        }
    }

    /// What is read ahead at most while the peer takes nothing. It holds the responses to more operations than any window
    /// allows; a peer that sends on and on and reads nothing must not fill memory.
    private static let maximumReadAhead = 4 << 20

    /// Tells of the presentation data that is laid out, for a transcript in every detail.
    private func observeSending(then file: FileFragment?) {
        guard let observer else { return }
        var framer = PDUFramer()
        var rest = UnsafeRawBufferPointer(sendBuffer.contents)
        do throws(ProtocolError) {
            while !rest.isEmpty, case .fragment(let fragment, let consumed) = try framer.next(in: rest) {
                observer(.sentData(PresentationDataSummary(fragment)))
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(consumed))
            }
        } catch {
            // Our own PDUs: only lengths beyond the framer's limits could be meant, and they are sent all the same.
        }
        if let file { observer(.sentData(PresentationDataSummary(file))) }
    }

    private func readWhileBlocked() -> BlockedWrite {
        guard receiveBuffer.count < Self.maximumReadAhead else { return .stopWatching }
        receiveBuffer.makeRoom(toHold: 1)
        do throws(TransportError) {
            switch try connection.readAvailable(into: receiveBuffer.free) {
            case nil: return .keepWatching
            case 0?: return .stopWatching
            case let count?:
                receiveBuffer.filled(count)
                return .keepWatching
            }
        } catch {
            return .stopWatching
        }
    }
}
