import DICOM

/// Where the data set of a file begins and how it is encoded, by the first bytes of the file.
struct DataSetStart {
    let form: InstanceFile.Form
    /// In bytes from the beginning of the file.
    let offset: Int
    let transferSyntax: TransferSyntax
    /// From group 0002; nil where it does not say.
    let sopClassUID: UID?
    let sopInstanceUID: UID?

    /// Nil when the bytes are not DICOM. A `.truncated` error asks for more of the file.
    static func find(in bytes: [UInt8]) throws(DataSetError) -> DataSetStart? {
        let hasPreamble = bytes.dropFirst(FileMetaInformation.preambleLength).starts(with: FileMetaInformation.prefix)
        let isGroup2 = bytes.starts(with: [0x02, 0x00])
        guard hasPreamble || isGroup2 else { return atFirstElement(bytes, offset: 0) }
        do throws(DataSetError) {
            let (meta, offset) = try FileMetaInformation.decode(bytes[...])
            let sopClassUID = meta.mediaStorageSOPClassUID
            let sopInstanceUID = meta.mediaStorageSOPInstanceUID
            return DataSetStart(
                form: hasPreamble ? .part10 : .metaInformationAlone, offset: offset,
                transferSyntax: meta.transferSyntax, sopClassUID: sopClassUID.string.isEmpty ? nil : sopClassUID,
                sopInstanceUID: sopInstanceUID.string.isEmpty ? nil : sopInstanceUID)
        } catch {
            guard error.code == .metaInformationMissing else { throw error }
            // A preamble, and the data set right behind it.
            return atFirstElement(bytes, offset: FileMetaInformation.preambleLength + FileMetaInformation.prefix.count)
        }
    }

    private static func atFirstElement(_ bytes: [UInt8], offset: Int) -> DataSetStart? {
        TransferSyntax.guessed(fromDataSet: bytes.dropFirst(offset)).map { syntax in
            DataSetStart(
                form: .dataSetAlone, offset: offset, transferSyntax: syntax, sopClassUID: nil, sopInstanceUID: nil)
        }
    }

    /// The elements that identify the instance, as far as the bytes reach; none where they cannot be read.
    func attributes(_ bytes: [UInt8]) -> DataSet {
        do throws(DataSetError) {
            let decoder = DataSetDecoder(transferSyntax)
            return try decoder.decodePrefix(bytes.dropFirst(offset), through: .seriesInstanceUID)
        } catch {
            // Group 0002 may still say what it is; whether the data set is sound is the business of the check.
            return DataSet()
        }
    }
}
