/// The header of a file (PS3.10 7.1).
package struct FileMetaInformation: Sendable, Equatable {
    package var mediaStorageSOPClassUID: UID
    package var mediaStorageSOPInstanceUID: UID
    package var transferSyntax: TransferSyntax
    package var implementationClassUID: UID
    package var implementationVersionName: String
    package var sourceApplicationEntityTitle: String?

    package init(
        mediaStorageSOPClassUID: UID, mediaStorageSOPInstanceUID: UID, transferSyntax: TransferSyntax,
        implementationClassUID: UID = ImplementationIdentity.classUID,
        implementationVersionName: String = ImplementationIdentity.versionName,
        sourceApplicationEntityTitle: String? = nil
    ) {
        self.mediaStorageSOPClassUID = mediaStorageSOPClassUID
        self.mediaStorageSOPInstanceUID = mediaStorageSOPInstanceUID
        self.transferSyntax = transferSyntax
        self.implementationClassUID = implementationClassUID
        self.implementationVersionName = implementationVersionName
        self.sourceApplicationEntityTitle = sourceApplicationEntityTitle
    }

    package func encode() -> [UInt8] { [] }

    package static func decode(
        _ prefix: ArraySlice<UInt8>
    ) throws(DataSetError) -> (meta: FileMetaInformation, dataSetOffset: Int) {
        throw DataSetError(.notDICOM, "no preamble with DICM")
    }
}
