import DICOM
import Glibc
package import System

extension InstanceFile {
    /// Read at a time where headers are dense; a long value is passed over without reading it.
    private static let chunkLength = 16 * 1024

    /// Zeros behind the data set that are taken for the filling of a block; more are a sign of something else.
    private static let longestFilling: UInt64 = 1024 * 1024

    /// A whole tag: none is (0000,0000).
    private static let shortestFillingBigEndian: UInt64 = 4

    /// The header of an element tells how the data set is encoded.
    private static let headLength: UInt64 = 16

    /// Deflated bytes can inflate a thousandfold; small pieces keep the result small.
    private static let deflatedChunkLength = 4 * 1024

    /// Proves that the file is still the one that was opened; called after its data set was read.
    ///
    /// - Throws: `.changed` if its length or time is another one, or the reason why it cannot be read.
    package func checkUnchanged(_ descriptor: borrowing FileDescriptor) throws(FileProblem) {
        guard try FileState(of: descriptor, path: path) == state else {
            throw FileProblem(path, .changed, Self.otherState)
        }
    }

    private static let otherState = "its length or time is not what it was"

    /// Proves that the file ends where an element of its data set ends, reading headers only: values are passed over by
    /// seeking. A deflated data set is inflated as a stream.
    ///
    /// Some storage systems fill the last block of a file with zeros. They belong to no element and other readers stumble
    /// over them, so they are tolerated here, but must not be sent.
    ///
    /// - Returns: where the data set ends, in bytes from the beginning of the file; its size in all but the case above.
    /// - Throws: `FileProblem`: `.truncated`, `.malformed`, `.mislabelled` or `.changed`, or the reason why it cannot be read.
    @discardableResult
    package func checkComplete(_ descriptor: borrowing FileDescriptor) throws(FileProblem) -> UInt64 {
        try check(.descriptor(descriptor.rawValue)).end
    }

    /// What a walk through the headers of a file has found out.
    struct Checked {
        /// Where the data set ends, in bytes from the beginning of the file.
        let end: UInt64
        let findings: DataSetFindings
    }

    /// Returns the changes that give each value of the data set an even length.
    ///
    /// - Throws: `FileProblem` as ``checkComplete(_:)`` does, or if there are too many of them.
    func padding(_ descriptor: borrowing FileDescriptor) throws(FileProblem) -> DataSetPadding {
        let source = Source.descriptor(descriptor.rawValue)
        var walker = DataSetWalker(transferSyntax, findsPadding: true)
        _ = try walkToEnd(source, with: &walker)
        guard var padding = walker.padding, padding.movesFragments else { return walker.padding ?? DataSetPadding() }
        var buffer = [UInt8](repeating: 0, count: Self.chunkLength)
        for table in padding.tables {
            // A whole number of words at a time; an incomplete one at the end is no offset.
            var offset = table.offset
            let end = table.offset + table.length / UInt64(table.wordSize) * UInt64(table.wordSize)
            while offset < end {
                let wanted = min(buffer.count, Int(clamping: end - offset))
                var count = 0
                while count < wanted {
                    var piece = [UInt8](repeating: 0, count: wanted - count)
                    let read = try read(
                        source, at: dataSetOffset + offset + UInt64(count), before: dataSetOffset + end, into: &piece)
                    buffer.replaceSubrange(count..<count + read, with: piece[..<read])
                    count += read
                }
                let piece = buffer[..<count]
                try checked { () throws(DataSetError) in try padding.moveOffsets(piece, at: offset, of: table) }
                offset += UInt64(count)
            }
        }
        return padding
    }

    /// Reads the whole of a small file by one call.
    func readWhole(_ descriptor: borrowing FileDescriptor) throws(FileProblem) -> [UInt8] {
        let wanted = Int(clamping: size)
        let number = descriptor.rawValue
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            do throws(SystemError) {
                count = try systemCall("read") { pread(number, buffer.baseAddress, wanted, 0) }
            } catch {
                failure = error
            }
        }
        if let failure { throw FileProblem(reading: path, failure) }
        guard bytes.count == wanted else { throw FileProblem(path, .changed) }
        return bytes
    }

    /// The place that the bytes of a file are read from.
    enum Source {
        case descriptor(CInt)
        /// The whole of the file.
        case memory([UInt8])
    }

    func check(_ source: Source) throws(FileProblem) -> Checked {
        do throws(FileProblem) {
            return try walk(source)
        } catch {
            throw try contradiction(source) ?? error
        }
    }

    /// Returns the problem of a data set that makes no sense in the syntax that the file says, but begins as in another.
    private func contradiction(_ source: Source) throws(FileProblem) -> FileProblem? {
        guard form != .dataSetAlone, !transferSyntax.isDeflated else { return nil }
        var head = [UInt8](repeating: 0, count: Int(min(dataSetLength, Self.headLength)))
        let count = try read(source, at: dataSetOffset, before: size, into: &head)
        guard let actual = TransferSyntax.guessed(fromDataSet: head[..<count]),
            actual.isExplicitVR != transferSyntax.isExplicitVR || actual.isBigEndian != transferSyntax.isBigEndian
        else { return nil }
        let (said, seen) = (transferSyntax.uid, actual.uid)
        return FileProblem(
            path, .mislabelled,
            "the file meta information says \(UIDRegistry.name(of: said) ?? said.string), "
                + "the data set looks like \(UIDRegistry.name(of: seen) ?? seen.string)")
    }

    private func walk(_ source: Source) throws(FileProblem) -> Checked {
        if transferSyntax.isDeflated { return Checked(end: size, findings: try checkDeflated(source)) }
        var walker = DataSetWalker(transferSyntax)
        let end = try walkToEnd(source, with: &walker)
        return Checked(end: end, findings: walker.findings)
    }

    private func walkToEnd(_ source: Source, with walker: inout DataSetWalker) throws(FileProblem) -> UInt64 {
        let zeros = try startOfFinalZeros(source)
        var offset = try walk(source, to: zeros, with: &walker)
        // The zeros may be the end of a value, of a header, or nothing of the data set at all: the walker knows.
        let zero: [UInt8] = [0]
        while offset < size, !walker.isAtEnd {
            try checked { () throws(DataSetError) in try walker.consume(zero.span.bytes) }
            offset += 1 + passOver(&walker, size - offset - 1)
        }
        try checked { () throws(DataSetError) in try walker.finish() }
        // In big endian nearly every tag begins with a zero, after which the file may have been cut.
        if transferSyntax.isBigEndian, offset < size, size - offset < Self.shortestFillingBigEndian {
            throw FileProblem(path, .truncated, "it ends in the tag of an element at byte \(offset)")
        }
        return offset
    }

    /// Walks to `end`, or beyond it to the end of a value.
    private func walk(
        _ source: Source, to end: UInt64, with walker: inout DataSetWalker
    ) throws(FileProblem) -> UInt64 {
        var offset = dataSetOffset
        if case .memory(let whole) = source {
            guard offset < end else { return offset }
            try checked { () throws(DataSetError) in
                try walker.consume(whole.span.extracting(Int(offset)..<Int(end)).bytes)
            }
            return end + passOver(&walker, size - end)
        }
        var buffer = [UInt8](repeating: 0, count: Int(min(UInt64(Self.chunkLength), dataSetLength)))
        while offset < end {
            let count = try read(source, at: offset, before: end, into: &buffer)
            offset += UInt64(count)
            try checked { () throws(DataSetError) in try walker.consume(buffer.span.extracting(..<count).bytes) }
            offset += passOver(&walker, size - offset)
        }
        return offset
    }

    /// Leaves out what is left of a value, as far as the file holds it.
    private func passOver(_ walker: inout DataSetWalker, _ available: UInt64) -> UInt64 {
        let count = min(walker.skippable, available)
        walker.skip(count)
        return count
    }

    /// Returns the offset of the zeros that the file ends with; its size where it ends with none, or with more than a filling.
    private func startOfFinalZeros(_ source: Source) throws(FileProblem) -> UInt64 {
        let limit = max(dataSetOffset, size - min(size, Self.longestFilling))
        var start = size
        // In most files something else than a zero is among the last bytes; then larger steps.
        var length = 64
        while start > limit {
            var buffer = [UInt8](repeating: 0, count: Int(min(UInt64(length), start - limit)))
            let from = start - UInt64(buffer.count)
            guard try read(source, at: from, before: start, into: &buffer) == buffer.count else { return size }
            if let last = buffer.lastIndex(where: { $0 != 0 }) { return from + UInt64(last) + 1 }
            start = from
            length = Self.chunkLength
        }
        return start > dataSetOffset ? size : start
    }

    private func checkDeflated(_ source: Source) throws(FileProblem) -> DataSetFindings {
        // The walker sees what comes out, which is Explicit VR Little Endian (PS3.5 A.5).
        var walker = DataSetWalker(.explicitVRLittleEndian)
        var inflater = Inflater()
        var buffer = [UInt8](repeating: 0, count: Self.deflatedChunkLength)
        var inflated: [UInt8] = []
        var offset = dataSetOffset
        while offset < size, !inflater.isAtEnd {
            let count = try read(source, at: offset, before: size, into: &buffer)
            offset += UInt64(count)
            inflated.removeAll(keepingCapacity: true)
            try checked { () throws(DataSetError) in
                try inflater.consume(buffer.span.extracting(..<count).bytes, into: &inflated)
                try walker.consume(inflated.span.bytes)
            }
        }
        try checked { () throws(DataSetError) in
            try inflater.finish()
            try walker.finish()
        }
        return walker.findings
    }

    private func checked(_ body: () throws(DataSetError) -> Void) throws(FileProblem) {
        do throws(DataSetError) {
            try body()
        } catch {
            let isCut = error.code == .truncated || error.code == .lengthBeyondEnd
            throw FileProblem(path, isCut ? .truncated : .malformed, error.description)
        }
    }

    /// At least one byte; none where the file has become shorter since it was opened.
    private func read(
        _ source: Source, at offset: UInt64, before end: UInt64, into buffer: inout [UInt8]
    ) throws(FileProblem) -> Int {
        let wanted = Int(min(UInt64(buffer.count), end - offset))
        switch source {
        case .memory(let whole):
            for index in 0..<wanted { buffer[index] = whole[Int(offset) + index] }
            return wanted
        case .descriptor(let number):
            let count: Int
            do throws(SystemError) {
                count = try systemCall("read") { pread(number, &buffer, wanted, off_t(clamping: offset)) }
            } catch {
                throw FileProblem(reading: path, error)
            }
            guard count > 0 else { throw FileProblem(path, .changed) }
            return count
        }
    }
}
