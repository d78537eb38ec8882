import DICOMProtocol
import Glibc

/// One block of memory in which P-DATA-TF PDUs are laid out, each a header and its payload, and from which one write
/// carries many of them.
///
/// The payload of a data set is read straight into its place: the headers' places are left as gaps between the pieces
/// of one scattered read, and stamped when it is known how much came. PS3.8 9.3.5.
final class SendBuffer {
    /// A CT slice fits whole, so that it can be laid out while the peer is at work on the one before.
    static let standardCapacity = 1024 * 1024

    /// Filled at a time where the peer waits for it: what was written stays in the second-level cache until it leaves,
    /// and the peer begins to read while the next is filled.
    static let streamingLength = 256 * 1024

    /// The system takes no more pieces than this in one read or write (IOV_MAX); it matters for peers with tiny PDUs.
    private static let maximumGaps = 1024

    /// The payload of a PDU that is sent from a file. With the PDU's header it fits into one segment of 64 KiB, and it
    /// is a whole number of pages: the system then passes the pages on as they are, one PDU to a segment. Longer and
    /// unaligned ones take a third more time.
    private static let filePayload = 60 * 1024

    /// If the peer accepts short PDUs only, reading and writing many of them at once takes less time.
    private static let shortestFilePayload = 32 * 1024

    private let memory: UnsafeMutableRawBufferPointer
    private let gaps: UnsafeMutableBufferPointer<iovec>
    private let maximumPayload: Int
    private let observer: AssociationObserver?
    private var end = 0
    /// The presentation data values that are laid out, if somebody observes them.
    private var summaries: [PresentationDataSummary] = []

    /// - Parameter peerMaximumLength: the largest P-DATA-TF body that the peer has announced to accept; nil or 0 is no
    ///   maximum.
    init(peerMaximumLength: UInt32?, observer: AssociationObserver? = nil, capacity: Int = standardCapacity) {
        self.observer = observer
        memory = .allocate(byteCount: capacity, alignment: 64)
        gaps = .allocate(capacity: Self.maximumGaps)
        maximumPayload = PresentationDataHeader.maximumPayloadLength(
            announced: peerMaximumLength ?? 0, ownLimit: (capacity - PresentationDataHeader.length) & ~1)
    }

    deinit {
        memory.deallocate()
        gaps.deallocate()
    }

    /// The most that a PDU carries of a file that is sent without being read; nil where the peer's PDUs are too short
    /// for it.
    var longestFilePayload: Int? {
        let payload = min(Self.filePayload, maximumPayload)
        return payload < Self.shortestFilePayload || memory.count - end < PresentationDataHeader.length ? nil : payload
    }

    /// Lays out the header of a PDU whose payload follows from elsewhere. There is room where ``longestFilePayload`` is
    /// not nil.
    func appendHeader(payload: Int, contextID: UInt8, isLast: Bool) {
        stamp(at: end, payload: payload, contextID: contextID, isCommand: false, isLast: isLast)
        end += PresentationDataHeader.length
    }

    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<end]) }

    /// The bytes of the data set that are laid out, without the headers between them.
    func payload(upTo limit: Int) -> [UInt8] {
        var payload: [UInt8] = []
        var start = 0
        while payload.count < limit, end - start >= PresentationDataHeader.length {
            // As the header that was stamped here says.
            let length = memory[start + 2..<start + PDU.headerLength].reduce(0) { $0 << 8 | Int($1) }
            let next = min(start + PDU.headerLength + length, end)
            let isCommand = memory[start + PresentationDataHeader.length - 1] & 1 != 0
            if !isCommand {
                payload += memory[start + PresentationDataHeader.length..<next].prefix(limit - payload.count)
            }
            start = next
        }
        return payload
    }

    /// Reports the presentation data values that are laid out, and will now be sent, to the observer.
    func reportContents() {
        for summary in summaries { observer?(.sentData(summary)) }
    }

    func clear() {
        end = 0
        summaries.removeAll(keepingCapacity: true)
    }

    /// Lays out a command set or a small data set that is wholly in memory. False: there is no room now.
    func append(_ bytes: UnsafeRawBufferPointer, contextID: UInt8, isCommand: Bool) -> Bool {
        let count = Swift.max((bytes.count + maximumPayload - 1) / maximumPayload, 1)
        guard bytes.count + count * PresentationDataHeader.length <= memory.count - end else { return false }
        var offset = 0
        repeat {
            let payload = Swift.min(maximumPayload, bytes.count - offset)
            let isLast = offset + payload == bytes.count
            stamp(at: end, payload: payload, contextID: contextID, isCommand: isCommand, isLast: isLast)
            end += PresentationDataHeader.length
            UnsafeMutableRawBufferPointer(rebasing: memory[end..<end + payload])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + payload]))
            end += payload
            offset += payload
        } while offset < bytes.count
        return true
    }

    /// Fills the rest of the block, or less of it, from a data set. True once its last fragment is in the block.
    func fill(
        from source: any DataSetSource, contextID: UInt8, upTo limit: Int = .max
    ) throws(DataSetSourceError) -> Bool {
        let header = PresentationDataHeader.length
        // As many whole PDUs as the limit has room for, but at least one, whatever the peer's maximum.
        let capacity = min(memory.count, max(limit, end + header + min(maximumPayload, memory.count - end - header)))
        var count = 0
        var position = end
        while count < Self.maximumGaps, capacity - position > header + 1 {
            let payload = Swift.min(maximumPayload, (capacity - position - header) & ~1)
            gaps[count] = iovec(iov_base: memory.baseAddress.map { $0 + position + header }, iov_len: payload)
            position += header + payload
            count += 1
        }
        guard count > 0 else { return false }
        let lengths = gaps[..<count]
        let (filled, isLast) = try source.fill(UnsafeMutableBufferPointer(rebasing: lengths))
        var rest = filled
        repeat {
            // A source may have moved the pieces' starts on, but the layout is known from the place alone.
            let payload = Swift.min(rest, Swift.min(maximumPayload, (capacity - end - header) & ~1))
            rest -= payload
            stamp(at: end, payload: payload, contextID: contextID, isCommand: false, isLast: isLast && rest == 0)
            end += header + payload
        } while rest > 0
        return isLast
    }

    private func stamp(at offset: Int, payload: Int, contextID: UInt8, isCommand: Bool, isLast: Bool) {
        if observer != nil {
            summaries.append(
                PresentationDataSummary(contextID: contextID, isCommand: isCommand, isLast: isLast, length: payload))
        }
        PresentationDataHeader.write(
            into: UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + PresentationDataHeader.length]),
            contextID: contextID, isCommand: isCommand, isLast: isLast, payloadLength: payload)
    }
}
