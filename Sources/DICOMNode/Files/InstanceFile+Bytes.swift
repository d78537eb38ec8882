package import DICOM
import Glibc
package import System

extension InstanceFile {
    /// The whole data set as it is encoded, for small files.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or has changed.
    package func dataSetBytes() throws(FileProblem) -> [UInt8] {
        let opened = try InstanceFile.open(path)
        return try opened.file.dataSetBytes(opened.descriptor, count: Int(clamping: dataSetLength))
    }

    /// The first bytes of the data set, or all of them if there are fewer.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or has changed.
    package func dataSetBytes(_ descriptor: borrowing FileDescriptor, count: Int) throws(FileProblem) -> [UInt8] {
        try dataSetBytes(descriptor.rawValue, count: count)
    }

    /// The same of a descriptor that somebody else owns.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or has changed.
    package func dataSetBytes(_ number: CInt, count: Int) throws(FileProblem) -> [UInt8] {
        let wanted = Int(clamping: min(UInt64(count), dataSetLength))
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

    /// The elements at the beginning of the file's data set, where those are that identify the patient; none where they
    /// cannot be read.
    package static func attributes(of path: FilePath) -> DataSet {
        do throws(FileProblem) {
            let opened = try open(path)
            let bytes = try opened.file.dataSetBytes(opened.descriptor, count: 64 << 10)
            do throws(DataSetError) {
                return try DataSetDecoder(opened.file.transferSyntax, limits: .beginning).decodePrefix(
                    bytes[...], through: Tag(0x0040_FFFF))
            } catch {
                return DataSet()
            }
        } catch {
            return DataSet()
        }
    }
}
