package import DICOM
import Glibc
import System

extension InstanceFile {
    /// Up to here system calls cost more than copying.
    private static let longestInMemory: UInt64 = 64 * 1024

    /// What may be done so that a file can be sent.
    package struct SendingRules: Sendable {
        /// True if UIDs that the data set lacks may be those of group 0002.
        package var assumesMeta = false
        /// True if no value but the last may be changed.
        package var neverRewrites = false

        package init() {}
    }

    /// The differences between the data set of a file and what is sent of it.
    package struct Changes: Sendable, Equatable {
        /// The syntax that it is rewritten in; nil for its own.
        package var transferSyntax: TransferSyntax?
        /// The values of odd length that got a padding byte (PS3.5 7.1.1).
        package var paddedValues = 0
        /// True if one of them is not the last value of the data set.
        package var padsBeforeLast = false
        /// The private elements whose representation is not told any more.
        package var lostRepresentations = 0

        package init() {}
    }

    /// The data set to be sent in a transfer syntax: the file's own, untouched, or another native one, rewritten as it
    /// goes. Values of odd length become even.
    ///
    /// - Parameter staysOpen: whether the file may be held open until the peer has answered, so that it can be sent
    ///   without being read.
    /// - Throws: `FileProblem` if the file is not what it was any more, ends in the middle of an element, or must not
    ///   be sent as it is.
    package func dataSetSource(
        as syntax: TransferSyntax, staysOpen: Bool = true, _ rules: SendingRules = SendingRules()
    ) throws(FileProblem) -> (source: any DataSetSource, changes: Changes) {
        // Files are not kept open since they were looked at: a batch may hold more of them than a process may have
        // descriptors.
        let descriptor = try Self.openForReading(path)
        try checkUnchanged(descriptor)
        var whole: [UInt8]?
        let checked: Checked
        if syntax == transferSyntax, !syntax.isDeflated, size <= Self.longestInMemory {
            // The bytes that are checked are then the ones sent, with one read.
            let bytes = try readWhole(descriptor)
            checked = try check(.memory(bytes))
            whole = bytes
        } else {
            checked = try check(.descriptor(descriptor.rawValue))
        }
        let (end, findings) = (checked.end, checked.findings)
        try checkSendable(findings, rules)
        var changes = Changes()
        changes.paddedValues = findings.oddValues
        changes.padsBeforeLast = findings.hasOddValueBeforeLast
        guard syntax == transferSyntax, findings.oddValues == 0 else {
            if syntax != transferSyntax {
                changes.transferSyntax = syntax
                if transferSyntax.isExplicitVR, !syntax.isExplicitVR {
                    changes.lostRepresentations = findings.privateRepresentations
                }
            }
            let source = try rewritten(descriptor, end: end, as: syntax)
            return (source, changes)
        }
        if let whole {
            return (MemoryDataSetSource(whole, from: Int(dataSetOffset), to: Int(end)), changes)
        }
        return (FileDataSetSource(self, descriptor: descriptor, end: end, staysOpen: staysOpen), changes)
    }

    private func rewritten(
        _ descriptor: consuming FileDescriptor, end: UInt64, as syntax: TransferSyntax
    ) throws(FileProblem) -> RewritingDataSetSource {
        // A deflated data set is not changed in place.
        if syntax == transferSyntax, !syntax.isDeflated {
            let padder = DataSetPadder(try padding(descriptor))
            return RewritingDataSetSource(self, descriptor: descriptor, end: end, padder)
        }
        do throws(DataSetError) {
            return try RewritingDataSetSource(self, descriptor: descriptor, end: end, to: syntax)
        } catch {
            throw FileProblem(path, .malformed, error.description)
        }
    }

    /// Finds out whether the file may be sent at all, whatever a peer accepts.
    ///
    /// - Throws: `FileProblem` as ``dataSetSource(as:staysOpen:_:)`` does.
    func checkSendable(_ rules: SendingRules) throws(FileProblem) {
        let descriptor = try Self.openForReading(path)
        try checkUnchanged(descriptor)
        try checkSendable(try check(.descriptor(descriptor.rawValue)).findings, rules)
    }

    private func checkSendable(_ findings: DataSetFindings, _ rules: SendingRules) throws(FileProblem) {
        if !rules.assumesMeta {
            let lacking = [
                findings.hasSOPClassUID ? nil : "SOP Class UID", findings.hasSOPInstanceUID ? nil : "SOP Instance UID",
            ].compactMap { $0 }
            guard lacking.isEmpty else {
                throw FileProblem(
                    path, .noUIDsInDataSet, "\(lacking.joined(separator: " and ")) missing from the data set")
            }
        }
        if findings.hasNativePixelData, transferSyntax.isEncapsulated, UIDRegistry.name(of: transferSyntax.uid) != nil {
            throw FileProblem(
                path, .pixelsNotEncapsulated,
                "pixels of defined length in \(transferSyntax), which has fragments (PS3.5 A.4)")
        }
        guard rules.neverRewrites, findings.hasOddValueBeforeLast else { return }
        throw FileProblem(
            path, .oddLength, "\(findings.oddValues), which must be even (PS3.5 7.1.1), and it may not be rewritten")
    }
}

/// The unchanged data set of a file: sent directly from the file if the connection can, otherwise read into the send
/// buffer.
///
/// A deflated data set of odd length is padded with NUL as PS3.5 A.5 requires, which some software omits: peers abort
/// at a fragment of odd length.
final class FileDataSetSource: DataSetSource {
    private let file: InstanceFile
    private let descriptor: FileDescriptor
    private var offset: UInt64
    private let end: UInt64
    private var owesPadding: Bool
    /// True if the file stays open until the peer has responded: required to send directly from it.
    private let staysOpen: Bool
    private var wasSentFromFile = false

    /// Up to here a read and one write of it all take less time.
    private static let shortestSentFromFile: UInt64 = 128 * 1024

    /// Of the file: PDUs end where a page does, so that the system passes on whole ones.
    private static let pageLength: UInt64 = 4096

    /// - Parameter end: where the data set ends in the file: what fills its last block is not sent.
    init(_ file: InstanceFile, descriptor: consuming FileDescriptor, end: UInt64, staysOpen: Bool) {
        self.staysOpen = staysOpen
        owesPadding = file.transferSyntax.isDeflated && (end - file.dataSetOffset) % 2 == 1
        self.file = file
        self.descriptor = descriptor
        offset = file.dataSetOffset
        self.end = end
    }

    var length: UInt64? { end - offset + (owesPadding ? 1 : 0) }

    func fill(_ gaps: UnsafeMutableBufferPointer<iovec>) throws(DataSetSourceError) -> (count: Int, isLast: Bool) {
        let before = offset
        let room = gaps.reduce(0) { $0 + $1.iov_len }
        var index = 0
        // The last gap is cut to what is left, so that bytes appended to the file meanwhile are not sent.
        var wanted = 0
        for gap in gaps.indices {
            let left = Int(clamping: end - offset) - wanted
            gaps[gap].iov_len = min(gaps[gap].iov_len, left)
            wanted += gaps[gap].iov_len
        }
        while wanted > 0 {
            let rest = UnsafeMutableBufferPointer(rebasing: gaps[index...])
            let count: Int
            do throws(SystemError) {
                count = try systemCall("read", path: file.path) {
                    preadv(descriptor.rawValue, rest.baseAddress, CInt(rest.count), off_t(offset))
                }
            } catch {
                throw .unreadable(error)
            }
            guard count > 0 else { throw .changed(detail: "the file became shorter while it was sent") }
            offset += UInt64(count)
            wanted -= count
            var used = count
            while index < gaps.count, used >= gaps[index].iov_len {
                used -= gaps[index].iov_len
                index += 1
            }
            if used > 0 {
                gaps[index].iov_base = gaps[index].iov_base.map { $0 + used }
                gaps[index].iov_len -= used
            }
        }
        let count = Int(offset - before)
        guard offset == end else { return (count, false) }
        // Before the last fragment leaves: a data set that changed under our hands must not look complete to the peer.
        try checkUnchanged()
        guard owesPadding else { return (count, true) }
        // Gaps have even lengths, so an odd data set always leaves room in its last one.
        guard count < room, let last = gaps.last(where: { $0.iov_len > 0 }) else { return (count, false) }
        last.iov_base?.storeBytes(of: 0, toByteOffset: last.iov_len, as: UInt8.self)
        return (count + 1, true)
    }

    func takeRange(upTo limit: Int) throws(DataSetSourceError) -> (range: FileRange, isLast: Bool)? {
        let left = end - offset
        // PS3.8 E.2 requires even fragments, and pages are even, so the first one must begin at an even offset.
        guard staysOpen, !owesPadding, offset % 2 == 0, wasSentFromFile || left >= Self.shortestSentFromFile else {
            return nil
        }
        let whole = (offset + UInt64(limit)) / Self.pageLength * Self.pageLength
        let stop = left <= UInt64(limit) || whole <= offset ? min(end, offset + UInt64(limit)) : whole
        if stop == end { try checkUnchanged() }
        let range = FileRange(descriptor: descriptor.rawValue, offset: offset, count: Int(stop - offset))
        offset = stop
        wasSentFromFile = true
        return (range, offset == end)
    }

    func checkArrived() throws(DataSetSourceError) {
        guard wasSentFromFile else { return }
        try checkUnchanged()
    }

    private func checkUnchanged() throws(DataSetSourceError) {
        do throws(FileProblem) { try file.checkUnchanged(descriptor) } catch {
            throw .changed(detail: error.detail)
        }
    }
}

/// The data set of a file with changes that are made as a stream: in another of the native transfer syntaxes, or with
/// values of even length.
final class RewritingDataSetSource: DataSetSource {
    /// Enough for long values to pass in few steps, and little beside the send buffer.
    private static let chunk = 64 * 1024

    private let file: InstanceFile
    private let descriptor: FileDescriptor
    /// One of the two makes the changes.
    private var rewriter: DataSetRewriter?
    private var padder: DataSetPadder?
    private var offset: UInt64
    private let end: UInt64
    private var input = [UInt8](repeating: 0, count: chunk)
    private var output: [UInt8] = []
    private var taken = 0
    private var isFinished = false

    init(
        _ file: InstanceFile, descriptor: consuming FileDescriptor, end: UInt64, to syntax: TransferSyntax
    ) throws(DataSetError) {
        rewriter = try DataSetRewriter(from: file.transferSyntax, to: syntax)
        self.file = file
        self.descriptor = descriptor
        offset = file.dataSetOffset
        self.end = end
    }

    init(_ file: InstanceFile, descriptor: consuming FileDescriptor, end: UInt64, _ padder: DataSetPadder) {
        self.padder = padder
        self.file = file
        self.descriptor = descriptor
        offset = file.dataSetOffset
        self.end = end
    }

    func fill(_ gaps: UnsafeMutableBufferPointer<iovec>) throws(DataSetSourceError) -> (count: Int, isLast: Bool) {
        var placed = 0
        for gap in gaps {
            var filled = 0
            while filled < gap.iov_len {
                // More is made before the gap is full, so that the last fragment is known as such when it leaves.
                if taken == output.count { try produce() }
                if taken == output.count { break }
                let count = min(gap.iov_len - filled, output.count - taken)
                output.withUnsafeBytes { bytes in
                    guard let base = bytes.baseAddress else { return }
                    gap.iov_base?.advanced(by: filled).copyMemory(from: base + taken, byteCount: count)
                }
                filled += count
                taken += count
            }
            placed += filled
        }
        if taken == output.count { try produce() }
        return (placed, taken == output.count)
    }

    /// Makes at least one byte of output, unless the data set has ended.
    private func produce() throws(DataSetSourceError) {
        output.removeAll(keepingCapacity: true)
        taken = 0
        while output.isEmpty, !isFinished {
            let count = try readInput()
            do throws(DataSetError) {
                guard count > 0 else {
                    try rewriter?.finish(into: &output)
                    padder?.finish(into: &output)
                    isFinished = true
                    break
                }
                let chunk = input[..<count]
                try rewriter?.consume(chunk.span.bytes, into: &output)
                padder?.consume(chunk.span.bytes, into: &output)
            } catch {
                throw .unconvertible(error)
            }
        }
        guard isFinished else { return }
        do throws(FileProblem) { try file.checkUnchanged(descriptor) } catch {
            throw .changed(detail: error.detail)
        }
    }

    private func readInput() throws(DataSetSourceError) -> Int {
        let wanted = Int(clamping: min(end - offset, UInt64(input.count)))
        guard wanted > 0 else { return 0 }
        let offset = off_t(offset)
        let count = input.withUnsafeMutableBytes { bytes in
            readAgainWhenInterrupted { pread(descriptor.rawValue, bytes.baseAddress, wanted, offset) }
        }
        guard count >= 0 else { throw .unreadable(.last("read", path: file.path)) }
        guard count > 0 else { throw .changed(detail: "the file became shorter while it was sent") }
        self.offset += UInt64(count)
        return count
    }

    private func readAgainWhenInterrupted(_ body: () -> Int) -> Int {
        while true {
            let count = body()
            if count >= 0 || errno != EINTR { return count }
        }
    }
}
