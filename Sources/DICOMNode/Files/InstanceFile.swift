package import DICOM
package import System

/// What must be known of a file before it can be offered to a peer; found with one small read.
package struct InstanceFile: Sendable, Equatable {
    package let path: FilePath
    /// Bytes in the file.
    package let size: UInt64
    /// Where the data set begins: behind preamble and group 0002, if there are any.
    package let dataSetOffset: UInt64
    package let sopClassUID: UID
    package let sopInstanceUID: UID
    package let transferSyntax: TransferSyntax
    /// Known where the first bytes of the file reach that far, and it is not deflated.
    package let studyInstanceUID: UID?
    /// Known as far as the study is.
    package let seriesInstanceUID: UID?
    package let form: Form
    /// What the file was when it was opened.
    let state: FileState

    /// The last change of its bytes when it was opened, in nanoseconds of the file system's clock.
    package var modified: Int64 { state.modified }

    package enum Form: Sendable, Equatable {
        /// Preamble, DICM and group 0002 (PS3.10 7.1).
        case part10
        /// Group 0002 without a preamble, as some old software writes.
        case metaInformationAlone
        /// A data set and nothing else: its encoding was recognised by its first element.
        case dataSetAlone
    }

    package var dataSetLength: UInt64 { size - dataSetOffset }

    /// A DICOMDIR (PS3.3 F): the table of contents of a medium and no instance that any peer stores.
    package var isMediaStorageDirectory: Bool { sopClassUID == "1.2.840.10008.1.3.10" }

    /// A file that was opened, and its description.
    package struct Opened: ~Copyable {
        package let file: InstanceFile
        package let descriptor: FileDescriptor
    }
}
