import DICOM
package import DICOMNode
package import System

/// An instance that the archive holds: its file, and what can be asked about it.
package struct StoredInstance: Sendable {
    package let file: InstanceFile
    /// The small elements before the pixels; see ``InstanceAttributes``.
    let attributes: DataSet
    /// Empty where the data set has none: such an instance is in no query's answer.
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

    /// Opens a file and reads what is needed of it.
    package static func read(_ path: FilePath) throws(FileProblem) -> StoredInstance {
        let opened = try InstanceFile.open(path)
        let attributes = try InstanceAttributes.read(opened.file, opened.descriptor)
        return StoredInstance(opened.file, attributes: attributes)
    }
}
