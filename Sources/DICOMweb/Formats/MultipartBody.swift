import DICOM
import DICOMNode
import Glibc

/// A file as a part of a request: its own bytes from the preamble on, or a header of ours where it has none.
final class OutgoingPart {
    private let file: InstanceFile
    private let rules: InstanceFile.SendingRules
    private let header: [UInt8]
    /// The differences between the data set of the file and what is sent of it.
    let changes: InstanceFile.Changes
    let length: UInt64
    private var source: (any DataSetSource)?
    private var offset = 0
    private var isAtEnd = false

    /// - Throws: `FileProblem` if the file cannot be read, or may not be sent as it is.
    ///
    /// - Parameter head: what stands before the file.
    init(_ file: InstanceFile, head: [UInt8], assumesMeta: Bool) throws(FileProblem) {
        self.file = file
        var rules = InstanceFile.SendingRules()
        rules.assumesMeta = assumesMeta
        self.rules = rules
        let (source, changes) = try file.dataSetSource(as: file.transferSyntax, staysOpen: false, rules)
        self.changes = changes
        self.source = source
        header = head + (try Self.fileHeader(file))
        length = UInt64(header.count) + (try Self.length(of: source, file, rules))
    }

    /// Preamble and group 0002 as they are, or made for a file that lacks them.
    private static func fileHeader(_ file: InstanceFile) throws(FileProblem) -> [UInt8] {
        guard file.form == .part10 else {
            return FileMetaInformation(
                mediaStorageSOPClassUID: file.sopClassUID, mediaStorageSOPInstanceUID: file.sopInstanceUID,
                transferSyntax: file.transferSyntax
            ).encode()
        }
        return try file.header()
    }

    /// The length of what a source gives: known, or found by reading it once.
    private static func length(
        of source: any DataSetSource, _ file: InstanceFile, _ rules: InstanceFile.SendingRules
    ) throws(FileProblem) -> UInt64 {
        if let length = source.length { return length }
        let counted = try file.dataSetSource(as: file.transferSyntax, staysOpen: false, rules).source
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var total: UInt64 = 0
        while true {
            let (count, isLast): (Int, Bool)
            do throws(DataSetSourceError) {
                (count, isLast) = try buffer.withUnsafeMutableBufferPointer { pointer throws(DataSetSourceError) in
                    try counted.fill(UnsafeMutableRawBufferPointer(pointer))
                }
            } catch {
                throw FileProblem(file.path, error)
            }
            total += UInt64(count)
            if isLast || count == 0 { return total }
        }
    }

    /// Goes back to the first byte.
    func rewind() {
        // A source that was read in part is opened again.
        if offset > 0 { source = nil }
        (offset, isAtEnd) = (0, false)
    }

    /// Reads the next bytes; 0 at the end.
    ///
    /// - Throws: the reason why the file cannot be read on.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AssociationError) -> Int {
        guard !isAtEnd, buffer.count > 0 else { return 0 }
        if offset < header.count {
            let count = min(buffer.count, header.count - offset)
            buffer.copyBytes(from: header[offset..<(offset + count)])
            offset += count
            return count
        }
        do throws(DataSetSourceError) {
            let (count, isLast) = try opened().fill(buffer)
            offset += count
            if isLast || count == 0 {
                isAtEnd = true
                source = nil
            }
            return count
        } catch {
            throw .sourceCutShort(error)
        }
    }

    private func opened() throws(DataSetSourceError) -> any DataSetSource {
        if let source { return source }
        do throws(FileProblem) {
            let opened = try file.dataSetSource(as: file.transferSyntax, staysOpen: false, rules).source
            source = opened
            return opened
        } catch {
            throw .changed(detail: error.reason)
        }
    }
}

extension DataSetSource {
    /// Fills one buffer.
    fileprivate func fill(
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(DataSetSourceError) -> (count: Int, isLast: Bool) {
        var gap = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
        return try withUnsafeMutablePointer(to: &gap) { gap throws(DataSetSourceError) in
            try fill(UnsafeMutableBufferPointer(start: gap, count: 1))
        }
    }
}

/// A body of instances.
protocol InstancesBody: RequestBody {
    var mediaType: String { get }
    /// The index of the instance that is being read.
    var current: Int { get }
}

/// A file as the whole body.
final class FileBody: InstancesBody {
    private let part: OutgoingPart
    let mediaType = "application/dicom"
    let current = 0

    init(_ part: OutgoingPart) { self.part = part }

    var length: UInt64 { part.length }

    func rewind() { part.rewind() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AssociationError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try part.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}

/// The body of a STOW-RS request (PS3.18 10.5.1), read part by part from the files while it is sent; its length is known before.
final class MultipartBody: InstancesBody {
    private let parts: [OutgoingPart]
    /// Orthanc before 1.4 could not read a boundary in quotes; the type has to be in quotes for others.
    let mediaType = "multipart/related; type=\"application/dicom\"; boundary=\(boundary)"
    private(set) var current = 0
    /// What stands between the parts and behind the last one, as far as it was not read.
    private var between: ArraySlice<UInt8> = []
    private var isAtEnd = false

    let length: UInt64

    /// Of letters and digits, and in no file but by chance of 2^-150.
    static let boundary = "dcmscu" + (0..<30).map { _ in String(Int.random(in: 0..<36), radix: 36) }.joined()

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]
    private static let delimiter = Array("--\(boundary)\r\n".utf8)
    private static let ending = Array("--\(boundary)--\r\n".utf8)
    /// Delimiter and header of a part. Orthanc drops parts with another header.
    static let partHead = delimiter + Array("Content-Type: application/dicom\r\n\r\n".utf8)

    init(_ parts: [OutgoingPart]) {
        self.parts = parts
        length =
            parts.reduce(0) { $0 + $1.length + UInt64(Self.lineEnd.count) } + UInt64(Self.ending.count)
    }

    func rewind() {
        for part in parts { part.rewind() }
        (current, between, isAtEnd) = (0, [], false)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AssociationError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            if !between.isEmpty {
                let count = min(rest.count, between.count)
                rest.copyBytes(from: between.prefix(count))
                between = between.dropFirst(count)
                filled += count
            } else if current < parts.count {
                let count = try parts[current].read(into: rest)
                filled += count
                guard count == 0 else { continue }
                current += 1
                between = (Self.lineEnd + (current == parts.count ? Self.ending : []))[...]
            } else {
                break
            }
        }
        return filled
    }
}
