import DICOM
import Glibc
package import System

extension InstanceFile {
    /// Nearly every file has its group 0002 and the identifying elements of group 0008 within it.
    private static let prefixLength = 8 * 1024

    /// Group 0002 may hold private information (0002,0102) of any length; beyond this it is no header any more.
    private static let longestPrefix = 4 * 1024 * 1024

    /// Opens a file and finds out what it is, normally with one read.
    ///
    /// The UIDs are those of the data set, which is what the peer gets and compares; those of group 0002 stand in for
    /// them. Files without group 0002 are recognised by their first element.
    package static func open(_ path: FilePath) throws(FileProblem) -> Opened {
        let descriptor = try openForReading(path)
        let state = try FileState(of: descriptor, path: path)
        guard state.isRegular else { throw FileProblem(path, .notAFile) }
        guard state.size > 0 else { throw FileProblem(path, .empty) }
        let file = try describe(path, descriptor, state, prefixLength: prefixLength)
        return Opened(file: file, descriptor: descriptor)
    }

    static func openForReading(_ path: FilePath) throws(FileProblem) -> FileDescriptor {
        // A named pipe must not hold us until somebody writes into it.
        try FileProblem.reading(path) { () throws(SystemError) in
            try FileDescriptor.open(path, [.notWaiting, .noControllingTerminal])
        }
    }

    private static func describe(
        _ path: FilePath, _ descriptor: borrowing FileDescriptor, _ state: FileState, prefixLength: Int
    ) throws(FileProblem) -> InstanceFile {
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
                throw FileProblem(path, .notDICOM, error.code == .notDICOM ? "" : error.description)
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
        return InstanceFile(
            path: path, size: state.size, dataSetOffset: UInt64(found.offset), sopClassUID: sopClassUID,
            sopInstanceUID: sopInstanceUID, transferSyntax: found.transferSyntax,
            studyInstanceUID: attributes.uid(.studyInstanceUID),
            seriesInstanceUID: attributes.uid(.seriesInstanceUID), form: found.form, state: state)
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
