import DICOM
import Glibc
import System

@testable import DICOMNode

/// Files to send.
///
/// Invariant: whatever the file, it is an instance or a problem; of an instance that is complete exactly the bytes of its data
/// set are sent, or, if it has values of odd length, a data set that has none.
enum FileTarget: FuzzTarget {
    private static let path = "\(scratchFolder)/dcmscu-fuzz-file"

    static func run(_ bytes: [UInt8]) {
        guard writeFile(bytes, path) else { fatalError("no file") }
        do throws(FileProblem) {
            let opened = try InstanceFile.open(FilePath(path)).file
            let descriptor = try InstanceFile.openForReading(opened.path)
            try opened.checkUnchanged(descriptor)
            let end = try opened.checkComplete(descriptor)
            precondition(opened.dataSetOffset <= end && end <= UInt64(bytes.count))
            let source = FileDataSetSource(opened, descriptor: descriptor, end: end, staysOpen: false)
            let (usual, changes) = try opened.dataSetSource(as: opened.transferSyntax)
            var sent: [UInt8] = []
            do throws(DataSetSourceError) {
                sent = try read(source)
                let other = try read(usual)
                if changes.paddedValues == 0 {
                    precondition(sent == other, "it makes a difference how the file is read")
                } else if !opened.transferSyntax.isDeflated {
                    precondition(isEven(other, opened.transferSyntax), "values of odd length are sent")
                }
            } catch {
                preconditionFailure("cannot be sent: \(error)")
            }
            let expected = bytes[Int(opened.dataSetOffset)..<Int(end)]
            precondition(sent.starts(with: expected) && sent.count - expected.count <= 1, "other bytes are sent")
        } catch {}
    }

    private static func isEven(_ dataSet: [UInt8], _ syntax: TransferSyntax) -> Bool {
        var walker = DataSetWalker(syntax)
        do throws(DataSetError) {
            try walker.consume(dataSet.span.bytes)
            try walker.finish()
        } catch {
            return false
        }
        return walker.findings.oddValues == 0 && dataSet.count.isMultiple(of: 2)
    }

    private static func read(_ source: any DataSetSource) throws(DataSetSourceError) -> [UInt8] {
        var sent: [UInt8] = []
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 8)
        let gaps = UnsafeMutableBufferPointer<iovec>.allocate(capacity: 3)
        defer {
            memory.deallocate()
            gaps.deallocate()
        }
        while true {
            gaps[0] = iovec(iov_base: memory.baseAddress, iov_len: 10)
            gaps[1] = iovec(iov_base: memory.baseAddress.map { $0 + 10 }, iov_len: 990 - 10)
            gaps[2] = iovec(iov_base: memory.baseAddress.map { $0 + 990 }, iov_len: 10)
            let (count, isLast) = try source.fill(gaps)
            sent += memory[..<count]
            if isLast { return sent }
        }
    }

    static var seeds: [[UInt8]] {
        DataSetTarget.syntaxes.map { Recorded.file($0) }
            + [DataSetEncoder(.implicitVRLittleEndian).encode(Recorded.dataSet)]
    }

    static func seeds(from file: [UInt8]) -> [[UInt8]] { [file] }
}
