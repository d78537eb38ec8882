import DICOM
import DICOMNode
import DICOMweb
import Glibc
import System

/// Writes the exchanges over HTTP of a run: as HAR 1.2, or as text.
final class WebCapture: HTTPRecorder {
    private let redaction: Redaction
    private let archive: HTTPArchiveFile?
    private let texts: [Transcript]

    /// - Parameters:
    ///   - archive: nil if none is wanted.
    ///   - texts: the captures and transcripts that are text.
    init(_ redaction: Redaction, archive: HTTPArchiveFile?, texts: [Transcript]) {
        self.redaction = redaction
        self.archive = archive
        self.texts = texts
    }

    func record(_ exchange: HTTPRecord) {
        let shown = ShownExchange(exchange, redaction)
        archive?.append(shown.entry)
        for text in texts { text.append(shown.lines) }
    }
}

/// A file of exchanges in the form HAR 1.2, which the developer tools of browsers read. After each exchange it is whole.
///
/// Exchanges of a further run are added to those of earlier ones. What cannot be written ends the file, not the run.
final class HTTPArchiveFile: Sendable {
    private let path: FilePath
    private let file: RecordFile
    private let onFailure: @Sendable (FileProblem) -> Void
    private let state: Locked<State>

    private struct State {
        /// Where the next entry goes; what ends the document stands there.
        var end: Int64
        var isEmpty: Bool
        var hasFailed = false
    }

    private static let ending = Array("\n]}}\n".utf8)

    /// Opens the file, for its owner alone if it is new.
    ///
    /// - Parameter onFailure: called once, for the first exchange that cannot be written.
    /// - Throws: `FileProblem` if the file cannot be written, or exists and is none of this program.
    init(_ path: FilePath, onFailure: @escaping @Sendable (FileProblem) -> Void) throws(FileProblem) {
        let file = try RecordFile(path, .httpArchive)
        let number = file.descriptor.rawValue
        let size = file.isRegular ? Int64(lseek(number, 0, SEEK_END)) : 0
        var end = size
        if size > 0 {
            var tail = [UInt8](repeating: 0, count: Self.ending.count)
            let start = size - Int64(tail.count)
            let count = tail.withUnsafeMutableBytes { pread(number, $0.baseAddress, $0.count, off_t(start)) }
            guard count == tail.count, tail == Self.ending else {
                throw FileProblem(path, .otherKind, "it has no end, so nothing is added to it")
            }
            end = start
        } else {
            let head =
                "\(RecordFile.Kind.httpArchiveStart),\"version\":\"\(ImplementationIdentity.version)\"},\"entries\":["
            let bytes = Array(head.utf8)
            try FileProblem.writing(path) { () throws(SystemError) in
                try file.descriptor.writeAll(bytes + (file.isRegular ? Self.ending : []))
            }
            end = Int64(bytes.count)
        }
        state = Locked(State(end: end, isEmpty: size == 0))
        self.path = path
        self.file = file
        self.onFailure = onFailure
    }

    /// Adds an exchange, and ends the document anew.
    func append(_ entry: JSONValue) {
        let failure: FileProblem? = state.withLock { state in
            guard !state.hasFailed else { return nil }
            let text = Array((state.isEmpty ? "\n" : ",\n").utf8) + entry.serialized()
            do throws(FileProblem) {
                try FileProblem.writing(path) { () throws(SystemError) in
                    if file.isRegular { lseek(file.descriptor.rawValue, off_t(state.end), SEEK_SET) }
                    try file.descriptor.writeAll(file.isRegular ? text + Self.ending : text)
                }
                state.end += Int64(text.count)
                state.isEmpty = false
                return nil
            } catch {
                state.hasFailed = true
                // What was there before is whole again.
                if file.isRegular {
                    try? file.descriptor.truncate(to: UInt64(state.end))
                    lseek(file.descriptor.rawValue, off_t(state.end), SEEK_SET)
                    try? file.descriptor.writeAll(Self.ending)
                }
                return error
            }
        }
        if let failure { onFailure(failure) }
    }

    /// Ends the document where it is written to a pipe.
    func finish() {
        guard !file.isRegular else { return }
        state.withLock { state in
            if !state.hasFailed { try? file.descriptor.writeAll(Self.ending) }
            state.hasFailed = true
        }
    }
}
