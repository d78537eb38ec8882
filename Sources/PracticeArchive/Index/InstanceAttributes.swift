import DICOM
import DICOMNode
import System

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
            let bytes = try file.dataSetBytes(descriptor, count: length)
            do throws(DataSetError) {
                found = try DataSetDecoder(file.transferSyntax).decodePrefix(bytes[...], through: last)
            } catch {
                throw FileProblem(file.path, .malformed, error.description)
            }
            if found[.seriesInstanceUID] != nil || UInt64(length) >= file.dataSetLength { break }
        }
        return kept(found)
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
