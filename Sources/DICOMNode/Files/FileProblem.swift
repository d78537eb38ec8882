import Glibc
package import System

/// A problem with one file, to be reported and counted: the work with the others goes on.
package struct FileProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let path: FilePath
    package let code: Code
    /// A reason in lower case that goes beyond the code's words; may be empty.
    package let detail: String

    package enum Code: String, Sendable {
        case notFound = "no such file or directory"
        case notReadable = "cannot be read"
        case notAFile = "not a regular file"
        case empty = "is empty"
        case notDICOM = "not DICOM"
        /// A DICOMDIR (PS3.3 F).
        case mediaDirectory = "a DICOMDIR, which lists the instances of a medium and is none itself"
        case noDataSet = "has file meta information and no data set"
        case mislabelled = "contradicts itself"
        case noSOPClassUID = "has no SOP class UID"
        case noSOPInstanceUID = "has no SOP instance UID"
        /// Group 0002 has the UIDs that the data set lacks.
        case noUIDsInDataSet = "is incomplete"
        /// PS3.5 A.4.
        case pixelsNotEncapsulated = "has pixels that are not encapsulated"
        /// PS3.5 7.1.1.
        case oddLength = "has values of odd length"
        case truncated = "is truncated"
        case malformed = "is malformed"
        case changed = "changed while it was read"
        /// It exists, and what it holds is not to be added to or replaced.
        case otherKind = "is something else"
        case notWritable = "cannot be written"
        /// No room on the disk, or the user's quota is used up.
        case outOfSpace = "no space left on device"
        /// A wait for it ended by a signal.
        case interrupted = "was not waited for to its end"
        /// The policy says that an existing file is an error.
        case exists = "exists"
    }

    package init(_ path: FilePath, _ code: Code, _ detail: String = "") {
        self.path = path
        self.code = code
        self.detail = detail
    }

    /// A system error met while reading.
    package init(reading path: FilePath, _ error: SystemError) {
        self.init(path, error.isNotFound ? .notFound : .notReadable, error.isNotFound ? "" : error.reason)
    }

    /// A whole file that could not be read.
    package init(reading path: FilePath, _ error: FileReadError) {
        switch error {
        case .tooLong(let limit): self.init(path, .malformed, "more than \(limit) bytes")
        case .system(let error): self.init(reading: path, error)
        }
    }

    /// A system error met while writing.
    package init(writing path: FilePath, _ error: SystemError) {
        // The code says what ENOSPC says; a quota is another reason.
        let isSaid = error.errno == ENOSPC
        self.init(path, error.isOutOfSpace ? .outOfSpace : .notWritable, isSaid ? "" : error.description)
    }

    /// Does what reads the file, and turns a system error into the problem of the file.
    ///
    /// - Throws: `FileProblem` if `body` throws.
    @inline(__always)
    package static func reading<Result: ~Copyable>(
        _ path: @autoclosure () -> FilePath, _ body: () throws(SystemError) -> Result
    ) throws(FileProblem) -> Result {
        do throws(SystemError) { return try body() } catch { throw FileProblem(reading: path(), error) }
    }

    /// Does what writes the file, and turns a system error into the problem of the file.
    ///
    /// - Throws: `FileProblem` if `body` throws.
    @inline(__always)
    package static func writing<Result: ~Copyable>(
        _ path: @autoclosure () -> FilePath, _ body: () throws(SystemError) -> Result
    ) throws(FileProblem) -> Result {
        do throws(SystemError) { return try body() } catch { throw FileProblem(writing: path(), error) }
    }

    /// The words for several files.
    package var causeOfSeveral: String {
        switch code {
        case .mislabelled: "contradictory"
        case .changed: "changed while they were read"
        default:
            ["is ", "has "].first { code.rawValue.hasPrefix($0) }.map { String(code.rawValue.dropFirst($0.count)) }
                ?? code.rawValue
        }
    }

    /// The words without the path.
    package var reason: String { code.rawValue + (detail.isEmpty ? "" : ": \(detail)") }

    /// The words behind a message that says itself that the file cannot be written.
    package var cause: String { code == .notWritable && !detail.isEmpty ? detail : reason }

    package var description: String {
        "\(path.displayed): \(reason)"
    }
}
