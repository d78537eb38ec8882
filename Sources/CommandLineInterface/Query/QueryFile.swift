package import DICOM

/// A constructed query as a DICOM file, so that it can be looked at and sent again.
package enum QueryFile {
    /// Part 10 bytes: preamble, File Meta Information, data set in Implicit VR Little Endian.
    ///
    /// - Parameter sopClass: the SOP class of the operation that the query is for: find, move or get of its model.
    package static func encode(_ dataSet: DataSet, sopClass: UID, instance: UID) -> [UInt8] {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: instance,
            transferSyntax: .implicitVRLittleEndian)
        var bytes = meta.encode()
        DataSetEncoder(.implicitVRLittleEndian).encode(dataSet, into: &bytes)
        return bytes
    }
}
