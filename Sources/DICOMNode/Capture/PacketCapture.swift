import DICOM
import DICOMProtocol
import System

/// Writes the connections of a run to a ``PacketFile``, each as a TCP conversation that might have been: real addresses,
/// ports, times and bytes, made-up headers.
package final class PacketCapture: ConnectionRecorder {
    private let file: PacketFile
    private let rules: CaptureRules

    package init(_ file: PacketFile, rules: CaptureRules) {
        self.file = file
        self.rules = rules
    }

    package func begin(_ connection: ConnectionEnds) -> any StreamRecorder {
        PacketConversation(connection, file, rules)
    }
}

/// One connection as TCP packets.
final class PacketConversation: StreamRecorder, @unchecked Sendable {
    // Unchecked: a connection is used by one thread at a time, and so is what records it.
    private let ends: ConnectionEnds
    private let file: PacketFile
    private var local: Half
    private var peer: Half
    private var contexts: [UInt8: TransferSyntax] = [:]

    /// One direction.
    private struct Half {
        let stream: CapturedStream
        /// The sequence number of the next byte; both sides begin at 0.
        var sequence: UInt32 = 0
        var hasEnded = false
        /// The number of the next packet, in the header of IPv4.
        var identification: UInt16 = 0
    }

    init(_ ends: ConnectionEnds, _ file: PacketFile, _ rules: CaptureRules) {
        self.ends = ends
        self.file = file
        local = Half(stream: CapturedStream(rules))
        peer = Half(stream: CapturedStream(rules))
        let opener: ConnectionSide = ends.isOpenedByPeer ? .peer : .local
        let comment = ends.security.map { "The connection is secured (\($0)). These are the bytes inside." }
        send(.synchronize, from: opener, comment: comment)
        send([.synchronize, .acknowledge], from: opener.other)
        send(.acknowledge, from: opener)
    }

    func record(_ bytes: UnsafeRawBufferPointer, from side: ConnectionSide) {
        guard !self[side].hasEnded else { return }
        self[side].stream.take(bytes, contexts: contexts) { write($0, from: side) }
    }

    func end(of side: ConnectionSide, isReset: Bool) {
        guard !self[side].hasEnded else { return }
        self[side].stream.finish(contexts: contexts) { write($0, from: side) }
        send(isReset ? [.reset, .acknowledge] : [.finish, .acknowledge], from: side)
        self[side].hasEnded = true
        if self[side.other].hasEnded { send(.acknowledge, from: side.other) }
    }

    func close() {
        if !peer.hasEnded { peer.stream.finish(contexts: contexts) { write($0, from: .peer) } }
        end(of: .local, isReset: false)
    }

    private subscript(_ side: ConnectionSide) -> Half {
        get { side == .local ? local : peer }
        set { if side == .local { local = newValue } else { peer = newValue } }
    }

    private func write(_ event: CapturedStream.Event, from side: ConnectionSide) {
        switch event {
        case .accepted(let accept):
            for context in accept.presentationContexts where context.result == .acceptance {
                contexts[context.id] = context.transferSyntax.map { TransferSyntax($0) }
            }
        case .segment(let segment):
            send(segment.endsPDU ? [.push, .acknowledge] : .acknowledge, from: side, segment)
        }
    }

    // MARK: Packets

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let finish = Flags(rawValue: 0x01)
        static let synchronize = Flags(rawValue: 0x02)
        static let reset = Flags(rawValue: 0x04)
        static let push = Flags(rawValue: 0x08)
        static let acknowledge = Flags(rawValue: 0x10)
    }

    /// Maximum segment size, 65,495 bytes, and a window scale of 14: nobody's window is ever full.
    private static let synchronizeOptions: [UInt8] = [2, 4, 0xFF, 0xD7, 3, 3, 14, 1]
    private static let tcp: UInt8 = 6
    private static let timeToLive: UInt8 = 64

    private func send(
        _ flags: Flags, from side: ConnectionSide, _ segment: CapturedStream.Segment? = nil, comment: String? = nil
    ) {
        let (source, target) = side == .local ? (ends.local, ends.peer) : (ends.peer, ends.local)
        let payload = segment?.bytes ?? []
        let length = segment?.length ?? 0
        var header: [UInt8] = []
        header.appendBigEndian(source.port)
        header.appendBigEndian(target.port)
        header.appendBigEndian(self[side].sequence)
        header.appendBigEndian(flags.contains(.acknowledge) ? self[side.other].sequence : 0)
        let options = flags.contains(.synchronize) ? Self.synchronizeOptions : []
        header.append(UInt8(5 + options.count / 4) << 4)
        header.append(flags.rawValue)
        // The window; checksum and urgent pointer.
        header.appendBigEndian(UInt16.max)
        header += [0, 0, 0, 0]
        header += options
        let total = header.count + length
        var sum = InternetChecksum()
        sum.add(source.address[...])
        sum.add(target.address[...])
        sum.add([0, Self.tcp, UInt8(truncatingIfNeeded: total >> 8), UInt8(truncatingIfNeeded: total)])
        sum.add(header[...])
        // What was left out counts as zeros, which it was made of.
        sum.add(payload)
        header.replace(at: 16, sum.value)
        let network = networkHeader(source.address, target.address, length: total, side)
        file.write(
            network + header + payload, length: network.count + total, isInbound: side == .peer, comment: comment)
        self[side].sequence &+= UInt32(truncatingIfNeeded: length)
        if !flags.isDisjoint(with: [.synchronize, .finish]) { self[side].sequence &+= 1 }
    }

    /// The header of IPv4 (RFC 791) or IPv6 (RFC 8200).
    private func networkHeader(
        _ source: [UInt8], _ target: [UInt8], length: Int, _ side: ConnectionSide
    ) -> [UInt8] {
        var header: [UInt8] = []
        if source.count == 16 {
            header += [0x60, 0, 0, 0]
            header.appendBigEndian(UInt16(clamping: length))
            header += [Self.tcp, Self.timeToLive]
            return header + source + target
        }
        header += [0x45, 0]
        header.appendBigEndian(UInt16(clamping: 20 + length))
        header.appendBigEndian(self[side].identification)
        self[side].identification &+= 1
        // Not to be fragmented; then the checksum.
        header += [0x40, 0, Self.timeToLive, Self.tcp, 0, 0]
        header += source + target
        var sum = InternetChecksum()
        sum.add(header[...])
        header.replace(at: 10, sum.value)
        return header
    }
}

extension ConnectionSide {
    fileprivate var other: ConnectionSide { self == .local ? .peer : .local }
}

/// The checksum of IP and TCP, RFC 1071.
private struct InternetChecksum {
    private var sum: UInt64 = 0

    /// Adds bytes; an odd number of them only at the end.
    mutating func add(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset + 2 <= buffer.count {
                sum &+= UInt64(UInt16(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
                offset += 2
            }
            if offset < buffer.count { sum &+= UInt64(buffer[offset]) << 8 }
        }
    }

    var value: UInt16 {
        var folded = sum
        while folded > 0xFFFF { folded = folded & 0xFFFF &+ folded >> 16 }
        return ~UInt16(truncatingIfNeeded: folded)
    }
}

extension [UInt8] {
    fileprivate mutating func appendBigEndian(_ number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func replace(at offset: Int, _ number: UInt16) {
        self[offset] = UInt8(truncatingIfNeeded: number >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: number)
    }
}
