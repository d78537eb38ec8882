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

// MARK: Whole files

extension InstanceFile {
    /// A file as PS3.10 has it, ready to be sent as it stands: a header that is missing in it, and the rest as a range.
    package struct Whole: ~Copyable {
        package let header: [UInt8]
        package let range: FileRange
        /// Open as long as this value.
        private let descriptor: FileDescriptor

        fileprivate init(_ header: [UInt8], _ descriptor: consuming FileDescriptor, from offset: UInt64, _ count: Int) {
            self.header = header
            range = FileRange(descriptor: descriptor.rawValue, offset: offset, count: count)
            self.descriptor = descriptor
        }
    }

    /// Preamble and group 0002 for a file that lacks them.
    private var missingHeader: [UInt8] {
        guard form != .part10 else { return [] }
        return FileMetaInformation(
            mediaStorageSOPClassUID: sopClassUID, mediaStorageSOPInstanceUID: sopInstanceUID,
            transferSyntax: transferSyntax
        ).encode()
    }

    /// The number of bytes of ``openWhole()``.
    package var wholeLength: UInt64 {
        form == .part10 ? size : UInt64(missingHeader.count) + dataSetLength
    }

    /// Opens the file to send all of it.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or has changed.
    package func openWhole() throws(FileProblem) -> Whole {
        let descriptor = try Self.openForReading(path)
        try checkUnchanged(descriptor)
        let start = form == .part10 ? 0 : dataSetOffset
        return Whole(missingHeader, descriptor, from: start, Int(clamping: size - start))
    }
}
