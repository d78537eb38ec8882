package import DICOMNode
import Glibc
import System

extension InstanceFile {
    /// The whole data set as it is encoded, for small files.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or has changed.
    package func dataSetBytes() throws(FileProblem) -> [UInt8] {
        let opened = try InstanceFile.open(path)
        return try opened.file.dataSetBytes(opened.descriptor, count: Int(clamping: dataSetLength))
    }

    /// The first bytes of the data set, or all of them if there are fewer.
    func dataSetBytes(_ descriptor: borrowing FileDescriptor, count: Int) throws(FileProblem) -> [UInt8] {
        let wanted = Int(clamping: min(UInt64(count), dataSetLength))
        let number = descriptor.rawValue
        let start = off_t(clamping: dataSetOffset)
        var failure: FileProblem?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let count = pread(
                    number, buffer.baseAddress.map { $0 + filled }, wanted - filled, start + off_t(filled))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    failure = FileProblem(path, count == 0 ? .changed : .notReadable)
                    return
                }
                filled += count
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
