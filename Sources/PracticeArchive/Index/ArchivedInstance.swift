import DICOM
package import DICOMNode
package import System

/// An instance that the archive holds: its file, and the attributes that queries can match and return.
package struct ArchivedInstance: Sendable {
    package let file: InstanceFile
    /// The small elements before the pixels; see ``InstanceAttributes``.
    let attributes: DataSet
    /// Empty if the data set has none: such an instance is in no response.
    let studyInstanceUID: UID
    let seriesInstanceUID: UID
    let patientID: String

    init(_ file: InstanceFile, attributes: DataSet) {
        self.file = file
        self.attributes = attributes
        studyInstanceUID = attributes.uid(.studyInstanceUID) ?? ""
        seriesInstanceUID = attributes.uid(.seriesInstanceUID) ?? ""
        patientID = attributes.string(.patientID) ?? ""
    }

    /// Opens a file and reads its attributes.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    package static func read(_ path: FilePath) throws(FileProblem) -> ArchivedInstance {
        let opened = try InstanceFile.open(path)
        let attributes = try InstanceAttributes.read(opened.file, opened.descriptor)
        return ArchivedInstance(opened.file, attributes: attributes)
    }
}

/// The elements of an instance that the index keeps: the small standard ones before the pixels.
enum InstanceAttributes {
    /// Longer values are not kept: no key of a query is so long.
    private static let longestValue = 1_024
    /// The numbers of bytes that are read, one after the other until the pixels begin. In nearly all files they do so in
    /// the first; a long private element in front of them costs a second read.
    private static let pieces = [64 << 10, 1 << 20, 16 << 20]
    /// The last tag before the pixels.
    private static let last = Tag(0x7FDF_FFFF)

    static func read(
        _ file: InstanceFile, _ descriptor: borrowing FileDescriptor
    ) throws(FileProblem) -> DataSet {
        var found = DataSet()
        for length in pieces {
            let bytes = try file.dataSetBytes(descriptor, count: length)
            var isComplete = UInt64(length) >= file.dataSetLength
            do throws(DataSetError) {
                let beginning = try DataSetDecoder(file.transferSyntax).decodeBeginning(bytes[...], through: last)
                found = beginning.dataSet
                isComplete = isComplete || beginning.isComplete
            } catch {
                throw FileProblem(file.path, .malformed, error.description)
            }
            if isComplete { break }
        }
        return kept(found)
    }

    /// A copy of the small elements, so that the bytes of the file are not kept alive.
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
