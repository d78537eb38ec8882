import DICOMProtocol
import System

/// Lays the messages of an established association out as P-DATA-TF PDUs and sends them, PS3.7 6.3 and PS3.8 9.3.5.
final class MessageWriter {
    private let channel: AssociationChannel
    private let contexts: NegotiatedContexts
    private let buffer: SendBuffer

    /// - Parameter peerMaximumLength: the largest P-DATA-TF body that the peer accepts; nil or 0 is no maximum.
    init(_ channel: AssociationChannel, contexts: NegotiatedContexts, peerMaximumLength: UInt32?) {
        self.channel = channel
        self.contexts = contexts
        buffer = SendBuffer(peerMaximumLength: peerMaximumLength, observer: channel.observer)
    }

    /// A message that is laid out in the send buffer, with as much of its data set as there is room for, and was not
    /// sent.
    struct StagedMessage {
        let command: CommandSet
        let contextID: UInt8
        /// The payload of the last PDU in the buffer, if it is sent from a file.
        let file: FileRange?
        /// The source of the rest of the data set; nil if all of it is laid out.
        let rest: (any DataSetSource)?
        /// The first bytes of the data set, if somebody observes it; nil if there is none.
        var beginning: [UInt8]?
    }

    /// Lays a message out, while the peer may still be at work on another. It is the next one to be sent.
    ///
    /// - Throws: `unsendable` for a context that was not accepted or a command set that is too long; `sourceUnreadable`
    ///   if the data set cannot be read. Nothing has happened to the association then.
    func stage(
        _ command: CommandSet, contextID: UInt8, source: (any DataSetSource)?
    ) throws(AssociationError) -> StagedMessage {
        guard contexts.accepts(id: contextID) else {
            throw .unsendable("presentation context \(contextID) was not accepted")
        }
        buffer.clear()
        let encoded = command.encode()
        let fits = encoded.withUnsafeBytes { buffer.append($0, contextID: contextID, isCommand: true) }
        guard fits else { throw .unsendable("a command set of \(encoded.count) bytes") }
        guard let source else {
            return StagedMessage(command: command, contextID: contextID, file: nil, rest: nil)
        }
        do throws(DataSetSourceError) {
            let (file, isLast) = try layOut(source, contextID: contextID)
            return StagedMessage(
                command: command, contextID: contextID, file: file, rest: isLast ? nil : source,
                beginning: channel.observer == nil ? nil : beginning(file))
        } catch {
            buffer.clear()
            throw .sourceUnreadable(error)
        }
    }

    /// Sends the message that was laid out last, and the rest of its data set.
    ///
    /// - Throws: The error that ended the association; `sourceCutShort` if its data set cannot be read to the end.
    func send(_ staged: StagedMessage) throws(AssociationError) {
        defer { buffer.clear() }
        do throws(AssociationFault) {
            try channel.advance(.presentationDataRequest)
            var file = staged.file
            var rest = staged.rest
            while true {
                buffer.reportContents()
                try channel.send(OutgoingBytes(buffer.contents, then: file))
                buffer.clear()
                guard let source = rest else { break }
                let isLast: Bool
                do throws(DataSetSourceError) {
                    (file, isLast) = try layOut(source, contextID: staged.contextID, upTo: SendBuffer.streamingLength)
                } catch {
                    throw .sourceCutShort(error)
                }
                if isLast { rest = nil }
            }
        } catch {
            try AssociationEnding(channel).act(on: error)
        }
        channel.observer?(.sentMessage(staged.command, contextID: staged.contextID))
        if let beginning = staged.beginning, staged.command.commandField == .cStoreRQ,
            let context = contexts.context(id: staged.contextID)
        {
            channel.observer?(.sentInstance(beginning, context.transferSyntax))
        }
    }

    /// The first bytes of the data set that is laid out, for an observer.
    private func beginning(_ file: FileRange?) -> [UInt8] {
        guard let file else { return buffer.payload(upTo: AssociationEvent.maximumBeginning) }
        let wanted = min(file.count, AssociationEvent.maximumBeginning)
        return [UInt8](unsafeUninitializedCapacity: wanted) { bytes, count in
            let target = UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: wanted)
            // One that cannot be read fails where it is sent.
            count = (try? FileDescriptor.read(file.descriptor, into: target, at: file.offset)) ?? 0
        }
    }

    /// Lays out what comes next of a data set: many PDUs of it or, where it is sent from its file, the header of one.
    private func layOut(
        _ source: any DataSetSource, contextID: UInt8, upTo limit: Int = .max
    ) throws(DataSetSourceError) -> (file: FileRange?, isLast: Bool) {
        guard channel.connection.sendsFiles, let longest = buffer.longestFilePayload,
            let (range, isLast) = try source.takeRange(upTo: longest)
        else { return (nil, try buffer.fill(from: source, contextID: contextID, upTo: limit)) }
        buffer.appendHeader(payload: range.count, contextID: contextID, isLast: isLast)
        return (range, isLast)
    }
}
