import DICOM
import Glibc

extension InstanceFile {
    /// Read at a time where headers are dense; a long value is passed over without reading it.
    private static let chunkLength = 16 * 1024

    /// Deflated bytes can inflate a thousandfold; small pieces keep the result small.
    private static let deflatedChunkLength = 4 * 1024

    /// Proves that the file is still the one that was opened; called after its data set was read.
    package func checkUnchanged(_ descriptor: borrowing FileDescriptor) throws(FileProblem) {
        guard try FileState(of: descriptor, path: path) == state else { throw FileProblem(path, .changed) }
    }

    /// Proves that the file ends where an element of its data set ends, reading headers only: values are passed over by
    /// seeking. A deflated data set is inflated as a stream.
    package func checkComplete(_ descriptor: borrowing FileDescriptor) throws(FileProblem) {
        if transferSyntax.isDeflated {
            try checkDeflated(descriptor)
        } else {
            try checkPlain(descriptor)
        }
    }

    private func checkPlain(_ descriptor: borrowing FileDescriptor) throws(FileProblem) {
        var walker = DataSetWalker(transferSyntax)
        var buffer = [UInt8](repeating: 0, count: Int(min(UInt64(Self.chunkLength), dataSetLength)))
        var offset = dataSetOffset
        while offset < size {
            let count = try read(descriptor, at: offset, into: &buffer)
            offset += UInt64(count)
            try checked { () throws(DataSetError) in try walker.consume(buffer.span.extracting(..<count).bytes) }
            let passedOver = min(walker.skippable, size - offset)
            walker.skip(passedOver)
            offset += passedOver
        }
        try checked { () throws(DataSetError) in try walker.finish() }
    }

    private func checkDeflated(_ descriptor: borrowing FileDescriptor) throws(FileProblem) {
        // The walker sees what comes out, which is Explicit VR Little Endian (PS3.5 A.5).
        var walker = DataSetWalker(.explicitVRLittleEndian)
        var inflater = Inflater()
        var buffer = [UInt8](repeating: 0, count: Self.deflatedChunkLength)
        var inflated: [UInt8] = []
        var offset = dataSetOffset
        while offset < size, !inflater.isAtEnd {
            let count = try read(descriptor, at: offset, into: &buffer)
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
    }

    private func checked(_ body: () throws(DataSetError) -> Void) throws(FileProblem) {
        do throws(DataSetError) {
            try body()
        } catch {
            let isCut = error.code == .truncated || error.code == .lengthBeyondEnd
            throw FileProblem(path, isCut ? .truncated : .malformed, error.description)
        }
    }

    /// At least one byte, never beyond the size that the file had when it was opened.
    private func read(
        _ descriptor: borrowing FileDescriptor, at offset: UInt64, into buffer: inout [UInt8]
    ) throws(FileProblem) -> Int {
        let wanted = Int(min(UInt64(buffer.count), size - offset))
        let number = descriptor.rawValue
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
