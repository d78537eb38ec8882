import DICOM
import Glibc
package import System

/// A file of packets in the form pcapng (draft-ietf-opsawg-pcapng), which Wireshark and tcpdump read.
///
/// Each run adds a section to a file that earlier runs have written. What cannot be written ends the file, not the run.
package final class PacketFile: Sendable {
    package let path: FilePath
    private let file: RecordFile
    private let state = Locked(State())
    private let onFailure: @Sendable (FileProblem) -> Void

    private struct State {
        /// The first failure; nothing is written after it.
        var failure: FileProblem?
        var packets = 0
    }

    /// Opens the file, for its owner alone if it is new, and begins a section.
    ///
    /// - Parameter onFailure: called once, for the first packet that cannot be written.
    /// - Throws: `FileProblem` if the file cannot be written, or exists and is no capture of this program.
    package init(
        _ path: FilePath, rules: CaptureRules, onFailure: @escaping @Sendable (FileProblem) -> Void
    ) throws(FileProblem) {
        let file = try RecordFile(path, .capture, appends: true)
        try FileProblem.writing(path) { () throws(SystemError) in
            try file.descriptor.writeAll(Self.sectionHeader(rules) + Self.interfaceDescription())
        }
        self.path = path
        self.file = file
        self.onFailure = onFailure
    }

    /// The packets that were written.
    package var packetCount: Int { state.withLock { $0.packets } }

    /// Writes a packet with the time of now.
    ///
    /// - Parameters:
    ///   - length: the length of the packet on its way; more than its bytes if some were left out.
    ///   - isInbound: True if it came from the peer.
    func write(_ packet: [UInt8], length: Int, isInbound: Bool, comment: String? = nil) {
        let failure: FileProblem? = state.withLock { state in
            guard state.failure == nil else { return nil }
            // Within the lock, so that times ascend in the file.
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            let block = Self.packetBlock(packet, length: length, isInbound: isInbound, time: time, comment: comment)
            do throws(FileProblem) {
                try append(block)
                state.packets += 1
                return nil
            } catch {
                state.failure = error
                return error
            }
        }
        if let failure { onFailure(failure) }
    }

    /// Writes a block whole or not at all, so that what is in the file can be read.
    private func append(_ block: [UInt8]) throws(FileProblem) {
        let descriptor = file.descriptor.rawValue
        let end = file.isRegular ? lseek(descriptor, 0, SEEK_END) : -1
        do throws(SystemError) {
            try file.descriptor.writeAll(block)
        } catch {
            if end >= 0 { try? file.descriptor.truncate(to: UInt64(end)) }
            throw FileProblem(writing: path, error)
        }
    }

    // MARK: Blocks

    private enum BlockType {
        static let sectionHeader: UInt32 = 0x0A0D_0D0A
        static let interfaceDescription: UInt32 = 1
        static let enhancedPacket: UInt32 = 6
    }

    private enum OptionCode {
        static let comment: UInt16 = 1
        static let interfaceName: UInt16 = 2
        static let packetFlags: UInt16 = 2
        static let application: UInt16 = 4
        static let timeResolution: UInt16 = 9
    }

    /// LINKTYPE_RAW: the packet begins with the header of IPv4 or IPv6.
    private static let rawIP: UInt16 = 101

    /// The name of the program in a section header, by which a file is known as ours.
    static let application = "dcmscu \(ImplementationIdentity.version)"

    private static func sectionHeader(_ rules: CaptureRules) -> [UInt8] {
        var body: [UInt8] = []
        // The byte order magic, version 1.0, and a length that is not told.
        body.appendLittleEndian(UInt32(0x1A2B_3C4D))
        body.appendLittleEndian(UInt16(1))
        body.appendLittleEndian(UInt16(0))
        body.appendLittleEndian(UInt64.max)
        let data = rules.hidesPatientData ? "Patient data are masked" : "Patient data are not masked"
        body.appendOption(OptionCode.application, Array(application.utf8))
        body.appendOption(
            OptionCode.comment,
            Array(
                """
                What dcmscu sent and received, inside TLS too: the headers of IP and TCP are made up around it. \
                \(data); binary values are cut after \(rules.keptBytes) bytes.
                """.utf8))
        body.endOptions()
        return block(BlockType.sectionHeader, body)
    }

    private static func interfaceDescription() -> [UInt8] {
        var body: [UInt8] = []
        body.appendLittleEndian(rawIP)
        body.appendLittleEndian(UInt16(0))
        // Without a limit of the captured length.
        body.appendLittleEndian(UInt32(0))
        body.appendOption(OptionCode.interfaceName, Array("dcmscu".utf8))
        // Times in nanoseconds.
        body.appendOption(OptionCode.timeResolution, [9])
        body.endOptions()
        return block(BlockType.interfaceDescription, body)
    }

    private static func packetBlock(
        _ packet: [UInt8], length: Int, isInbound: Bool, time: timespec, comment: String?
    ) -> [UInt8] {
        let nanoseconds = UInt64(max(0, time.tv_sec)) &* 1_000_000_000 &+ UInt64(max(0, time.tv_nsec))
        var body: [UInt8] = []
        body.reserveCapacity(packet.count + 64)
        body.appendLittleEndian(UInt32(0))
        body.appendLittleEndian(UInt32(truncatingIfNeeded: nanoseconds >> 32))
        body.appendLittleEndian(UInt32(truncatingIfNeeded: nanoseconds))
        body.appendLittleEndian(UInt32(clamping: packet.count))
        body.appendLittleEndian(UInt32(clamping: length))
        body += packet
        body.pad()
        if let comment { body.appendOption(OptionCode.comment, Array(comment.utf8)) }
        var flags: [UInt8] = []
        flags.appendLittleEndian(UInt32(isInbound ? 1 : 2))
        body.appendOption(OptionCode.packetFlags, flags)
        body.endOptions()
        return block(BlockType.enhancedPacket, body)
    }

    /// Type, length, body, length again.
    private static func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
        var block: [UInt8] = []
        block.reserveCapacity(body.count + 12)
        let length = UInt32(clamping: body.count + 12)
        block.appendLittleEndian(type)
        block.appendLittleEndian(length)
        block += body
        block.appendLittleEndian(length)
        return block
    }
}

extension [UInt8] {
    fileprivate mutating func appendLittleEndian(_ number: some FixedWidthInteger) {
        for shift in stride(from: 0, to: number.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    /// Fills the last four bytes.
    fileprivate mutating func pad() { while !count.isMultiple(of: 4) { append(0) } }

    fileprivate mutating func appendOption(_ code: UInt16, _ value: [UInt8]) {
        appendLittleEndian(code)
        appendLittleEndian(UInt16(clamping: value.count))
        self += value
        pad()
    }

    fileprivate mutating func endOptions() { self += [0, 0, 0, 0] }
}
