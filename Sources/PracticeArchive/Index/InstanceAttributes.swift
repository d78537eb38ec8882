import DICOM
import DICOMNode
import Glibc

/// The elements of an instance that the index keeps: the small ones of the standard that stand before the pixels.
enum InstanceAttributes {
    /// Values longer than any key of a query can be; what is longer is no attribute to be asked for.
    private static let longestValue = 1_024
    /// Bytes of the data set that are looked at. Nearly all files have their UIDs in the first piece; a long private element
    /// in front of them costs a second look.
    private static let pieces = [64 << 10, 1 << 20, 16 << 20]
    /// Right before the pixels.
    private static let last = Tag(0x7FDF_FFFF)

    static func read(
        _ file: InstanceFile, _ descriptor: borrowing FileDescriptor
    ) throws(FileProblem) -> DataSet {
        var found = DataSet()
        for length in pieces {
            let bytes = try bytes(of: file, descriptor, count: length)
            do throws(DataSetError) {
                found = try DataSetDecoder(file.transferSyntax).decodePrefix(bytes[...], through: last)
            } catch {
                throw FileProblem(file.path, .malformed, error.description)
            }
            if found[.seriesInstanceUID] != nil || UInt64(length) >= file.dataSetLength { break }
        }
        return kept(found)
    }

    private static func bytes(
        of file: InstanceFile, _ descriptor: borrowing FileDescriptor, count: Int
    ) throws(FileProblem) -> [UInt8] {
        let wanted = Int(clamping: min(UInt64(count), file.dataSetLength))
        let number = descriptor.rawValue
        let start = off_t(clamping: file.dataSetOffset)
        var failure: FileProblem?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let count = pread(
                    number, buffer.baseAddress.map { $0 + filled }, wanted - filled, start + off_t(filled))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    failure = FileProblem(file.path, count == 0 ? .changed : .notReadable)
                    return
                }
                filled += count
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// A copy of what is small, so that the bytes of the file are not kept alive by it.
    private static func kept(_ dataSet: DataSet) -> DataSet {
        var kept = DataSet()
        for element in dataSet.elements where element.tag.group % 2 == 0 {
            switch element.value {
            case .bytes(let bytes) where bytes.count <= longestValue:
                kept.append(DataElement(tag: element.tag, vr: element.vr, value: .bytes(Array(bytes)[...])))
            case .items(let items):
                kept.append(DataElement(tag: element.tag, vr: .SQ, value: .items(items.map { Self.kept($0) })))
            case .bytes, .fragments:
                break
            }
        }
        return kept
    }
}
