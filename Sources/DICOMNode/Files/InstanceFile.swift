package import DICOM
import Glibc
package import System

/// A file as it must be known before it can be offered to a peer; found with one small read.
package struct InstanceFile: Sendable, Equatable {
    package let path: FilePath
    /// Bytes in the file.
    package let size: UInt64
    /// The offset of the data set: behind preamble and group 0002, if there are any.
    package let dataSetOffset: UInt64
    package let sopClassUID: UID
    package let sopInstanceUID: UID
    package let transferSyntax: TransferSyntax
    /// Known where the first bytes of the file reach that far, and it is not deflated.
    package let studyInstanceUID: UID?
    /// Known as far as the study is.
    package let seriesInstanceUID: UID?
    package let form: Form
    /// The state of the file when it was opened.
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

    /// The same with the memory of another file's UIDs where they are equal: an index holds thousands of a series.
    package func sharingUIDs(with other: InstanceFile) -> InstanceFile {
        func shared(_ uid: UID?, _ same: UID?) -> UID? { uid == same ? same : uid }
        return InstanceFile(
            path: path, size: size, dataSetOffset: dataSetOffset,
            sopClassUID: sopClassUID == other.sopClassUID ? other.sopClassUID : sopClassUID,
            sopInstanceUID: sopInstanceUID,
            transferSyntax: transferSyntax == other.transferSyntax ? other.transferSyntax : transferSyntax,
            studyInstanceUID: shared(studyInstanceUID, other.studyInstanceUID),
            seriesInstanceUID: shared(seriesInstanceUID, other.seriesInstanceUID), form: form, state: state)
    }

    /// A DICOMDIR (PS3.3 F): the table of contents of a medium and no instance that any peer stores.
    package var isMediaStorageDirectory: Bool { sopClassUID == "1.2.840.10008.1.3.10" }

    /// A file that was opened, and its description.
    package struct Opened: ~Copyable {
        package let file: InstanceFile
        package let descriptor: FileDescriptor
        /// The first bytes of the file, which were read to find out what it is.
        package let beginning: [UInt8]
    }
}

extension InstanceFile {
    /// A file as it was found when it was opened before, of the same length and time. Nil if it cannot have been so.
    ///
    /// - Parameter modified: The last change of its bytes, in nanoseconds of the file system's clock.
    package init?(
        path: FilePath, size: UInt64, modified: Int64, dataSetOffset: UInt64, form: Form, sopClassUID: UID,
        sopInstanceUID: UID, transferSyntax: TransferSyntax, studyInstanceUID: UID?, seriesInstanceUID: UID?
    ) {
        guard dataSetOffset < size else { return nil }
        self.init(
            path: path, size: size, dataSetOffset: dataSetOffset, sopClassUID: sopClassUID,
            sopInstanceUID: sopInstanceUID, transferSyntax: transferSyntax, studyInstanceUID: studyInstanceUID,
            seriesInstanceUID: seriesInstanceUID, form: form,
            state: FileState(size: size, isRegular: true, modified: modified))
    }
}

// MARK: Opening

extension InstanceFile {
    /// Nearly every file has its group 0002 and the identifying elements of group 0008 within it.
    private static let prefixLength = 8 * 1024

    /// Group 0002 may hold private information (0002,0102) of any length; beyond this it is no header any more.
    private static let longestPrefix = 4 * 1024 * 1024

    private static let noHeader = "neither a header (DICM behind 128 bytes) nor the beginning of a data set"

    /// Opens a file and finds out what it is, normally with one read.
    ///
    /// The UIDs are those of the data set, which is what the peer gets and compares; those of group 0002 stand in for
    /// them. Files without group 0002 are recognised by their first element.
    ///
    /// - Throws: `FileProblem` if the file cannot be read, is no instance, or is cut off before it is known what it is.
    package static func open(_ path: FilePath) throws(FileProblem) -> Opened {
        let descriptor = try openForReading(path)
        let state = try FileState(of: descriptor, path: path)
        guard state.isRegular else { throw FileProblem(path, .notAFile) }
        guard state.size > 0 else { throw FileProblem(path, .empty) }
        let (file, beginning) = try describe(path, descriptor, state, prefixLength: prefixLength)
        return Opened(file: file, descriptor: descriptor, beginning: beginning)
    }

    static func openForReading(_ path: FilePath) throws(FileProblem) -> FileDescriptor {
        // A named pipe must not hold us until somebody writes into it.
        try FileProblem.reading(path) { () throws(SystemError) in
            try FileDescriptor.open(path, [.notWaiting, .noControllingTerminal])
        }
    }

    private static func describe(
        _ path: FilePath, _ descriptor: borrowing FileDescriptor, _ state: FileState, prefixLength: Int
    ) throws(FileProblem) -> (file: InstanceFile, beginning: [UInt8]) {
        let prefix = try readPrefix(path, descriptor, length: prefixLength)
        let found: DataSetStart
        do throws(DataSetError) {
            guard let start = try DataSetStart.find(in: prefix) else {
                throw DataSetError(.notDICOM, "")
            }
            found = start
        } catch {
            let isCut = error.code == .truncated || error.code == .lengthBeyondEnd
            guard isCut else {
                throw FileProblem(path, .notDICOM, error.code == .notDICOM ? noHeader : error.description)
            }
            guard UInt64(prefix.count) < state.size, prefix.count < longestPrefix else {
                throw FileProblem(path, .truncated, error.description)
            }
            return try describe(path, descriptor, state, prefixLength: longestPrefix)
        }

        guard UInt64(found.offset) < state.size else { throw FileProblem(path, .noDataSet) }
        let attributes = found.attributes(prefix)
        guard let sopClassUID = attributes.uid(.sopClassUID) ?? found.sopClassUID else {
            // A few bytes that happen to look like an element make no DICOM file.
            let isRecognisable = found.form != .dataSetAlone || attributes.elements.count > 1
            throw FileProblem(path, isRecognisable ? .noSOPClassUID : .notDICOM)
        }
        guard let sopInstanceUID = attributes.uid(.sopInstanceUID) ?? found.sopInstanceUID else {
            throw FileProblem(path, .noSOPInstanceUID)
        }
        let file = InstanceFile(
            path: path, size: state.size, dataSetOffset: UInt64(found.offset), sopClassUID: sopClassUID,
            sopInstanceUID: sopInstanceUID, transferSyntax: found.transferSyntax,
            studyInstanceUID: attributes.uid(.studyInstanceUID),
            seriesInstanceUID: attributes.uid(.seriesInstanceUID), form: found.form, state: state)
        return (file, prefix)
    }

    /// The bytes before the data set: preamble and group 0002, as they stand in the file.
    ///
    /// - Throws: `FileProblem` if the file cannot be read, or has changed.
    package func header() throws(FileProblem) -> [UInt8] {
        let descriptor = try Self.openForReading(path)
        try checkUnchanged(descriptor)
        let length = Int(clamping: dataSetOffset)
        let bytes = try Self.readPrefix(path, descriptor, length: length)
        guard bytes.count == length else { throw FileProblem(path, .changed) }
        return bytes
    }

    private static func readPrefix(
        _ path: FilePath, _ descriptor: borrowing FileDescriptor, length: Int
    ) throws(FileProblem) -> [UInt8] {
        let number = descriptor.rawValue
        var failure: FileProblem?
        let prefix = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            do throws(SystemError) {
                while count < length {
                    let read = try systemCall("read") {
                        pread(number, buffer.baseAddress.map { $0 + count }, length - count, off_t(count))
                    }
                    count += read
                    // A short read of a regular file is its end; only long prefixes are worth another call.
                    if read == 0 || length == prefixLength { break }
                }
            } catch {
                failure = FileProblem(reading: path, error)
            }
        }
        if let failure { throw failure }
        return prefix
    }
}

/// The place and the encoding of the data set of a file, by the first bytes of the file.
struct DataSetStart {
    let form: InstanceFile.Form
    /// In bytes from the beginning of the file.
    let offset: Int
    let transferSyntax: TransferSyntax
    /// From group 0002; nil where it does not say.
    let sopClassUID: UID?
    let sopInstanceUID: UID?

    private static let identifying: [Tag] = [.sopClassUID, .sopInstanceUID, .studyInstanceUID, .seriesInstanceUID]

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

    /// The elements that identify the instance, as far as the bytes reach; none where they cannot be read. Others may be among
    /// them, and are where a data set stands alone.
    func attributes(_ bytes: [UInt8]) -> DataSet {
        do throws(DataSetError) {
            let decoder = DataSetDecoder(transferSyntax, limits: .beginning)
            return try decoder.decodeBeginning(
                bytes.dropFirst(offset), through: .seriesInstanceUID,
                only: form == .dataSetAlone ? nil : Self.identifying
            ).dataSet
        } catch {
            // Group 0002 may still say what it is; whether the data set is sound is the business of the check.
            return DataSet()
        }
    }
}

/// The state of a file, by which it is known whether it changed since it was opened.
struct FileState: Sendable, Equatable {
    let size: UInt64
    let isRegular: Bool
    /// The last change of its bytes, in nanoseconds of the file system's clock.
    let modified: Int64

    init(size: UInt64, isRegular: Bool, modified: Int64) {
        self.size = size
        self.isRegular = isRegular
        self.modified = modified
    }

    init(of descriptor: borrowing FileDescriptor, path: FilePath) throws(FileProblem) {
        var status = stat()
        let number = descriptor.rawValue
        _ = try FileProblem.reading(path) { () throws(SystemError) in
            try systemCall("stat") { fstat(number, &status) }
        }
        size = UInt64(clamping: status.st_size)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }
}
