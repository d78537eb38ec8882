package import DICOM

@testable import DICOMNode

/// An instance for tests, with a sequence, an empty element and pixel data.
package enum SampleInstance {
    package static let sopClassUID: UID = "1.2.840.10008.5.1.4.1.1.2"
    package static let sopInstanceUID: UID = "1.2.3.4"
    package static let studyInstanceUID: UID = "1.2.3"

    package static func dataSet(pixels: Int = 64) -> DataSet {
        var item = DataSet()
        item.set(.referencedSOPInstanceUID, "1.2.3.9")
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 100")
        dataSet.set(.sopClassUID, sopClassUID)
        dataSet.set(.sopInstanceUID, sopInstanceUID)
        dataSet.set(.referencedSOPSequence, items: [item])
        dataSet.set(.patientID, .LO, "P 1/2")
        dataSet.setEmpty(.patientName, .PN)
        dataSet.set(.studyInstanceUID, studyInstanceUID)
        dataSet[.pixelData] = DataElement(
            tag: .pixelData, vr: .OW, value: .bytes([UInt8](repeating: 0x5A, count: pixels)[...]))
        return dataSet
    }

    package static func meta(_ syntax: TransferSyntax = .explicitVRLittleEndian) -> FileMetaInformation {
        FileMetaInformation(
            mediaStorageSOPClassUID: sopClassUID, mediaStorageSOPInstanceUID: sopInstanceUID, transferSyntax: syntax)
    }

    package static func file(_ syntax: TransferSyntax = .explicitVRLittleEndian, pixels: Int = 64) -> [UInt8] {
        meta(syntax).encode() + DataSetEncoder(syntax).encode(dataSet(pixels: pixels))
    }
}
