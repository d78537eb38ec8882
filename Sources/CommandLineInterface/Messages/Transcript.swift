import DICOM
import DICOMNode
import System

/// The text of what a run said to its peer and heard from it, to be mailed to somebody who was not there.
///
/// Each line begins with the number of the association, or "run" for what the program says itself, and the time since
/// its beginning in seconds.
final class Transcript: Sendable {
    private let path: FilePath
    private let file: RecordFile
    private let onFailure: @Sendable (FileProblem) -> Void
    private let state = Locked(State())
    private let watch = Stopwatch()

    private struct State {
        /// Those that were begun, or exchanges over HTTP.
        var associations = 0
        var hasFailed = false
    }

    /// Opens the file, and writes its head. A file of earlier runs is added to.
    ///
    /// - Parameters:
    ///   - peer: who is called.
    ///   - isRedacted: False if patient data are shown.
    ///   - onFailure: called once, for the first line that cannot be written.
    /// - Throws: `FileProblem` if the file cannot be written, or exists and is no transcript.
    init(
        _ path: FilePath, peer: String, isRedacted: Bool, onFailure: @escaping @Sendable (FileProblem) -> Void
    ) throws(FileProblem) {
        let file = try RecordFile(path, .transcript, appends: true)
        let head = """
            \(RecordFile.Kind.transcriptStart)\(ImplementationIdentity.version), \(LogTime.now)
            peer: \(DisplayText.line(peer))
            \(isRedacted ? "patient data are masked" : "patient data are shown")

            """
        try FileProblem.writing(path) { () throws(SystemError) in try file.descriptor.writeAll(Array(head.utf8)) }
        self.path = path
        self.file = file
        self.onFailure = onFailure
    }

    /// The sink for the run's own messages.
    func messages() -> any ByteSink { TranscriptSink(self, "run") }

    /// Tells of a further association.
    func association(_ redaction: Redaction) -> Diagnostics {
        let number = state.withLock { state in
            state.associations += 1
            return state.associations
        }
        let style = LogLine.Style(isBare: true)
        return Diagnostics(
            [Diagnostics.Channel(sink: TranscriptSink(self, "#\(number)"), level: .debug, style: style)],
            redaction: redaction)
    }

    /// Writes an exchange over HTTP, with the time since the beginning of the run.
    func append(_ exchange: [String]) {
        let number = state.withLock { state in
            state.associations += 1
            return state.associations
        }
        let start = "#\(number) +\(Decimal.text(watch.seconds, digits: 3)) "
        write(Array(exchange.map { "\(start)\(DisplayText.line($0))\n" }.joined().utf8))
    }

    /// A transcript that cannot be written ends, and the run goes on.
    fileprivate func write(_ bytes: [UInt8]) {
        let failure: FileProblem? = state.withLock { state in
            guard !state.hasFailed else { return nil }
            do throws(FileProblem) {
                try FileProblem.writing(path) { () throws(SystemError) in try file.descriptor.writeAll(bytes) }
                return nil
            } catch {
                state.hasFailed = true
                return error
            }
        }
        if let failure { onFailure(failure) }
    }
}

/// Writes lines to a transcript, each behind the name of what it is about and the time since its beginning.
private final class TranscriptSink: ByteSink {
    private let transcript: Transcript
    private let name: String
    private let watch = Stopwatch()

    init(_ transcript: Transcript, _ name: String) {
        self.transcript = transcript
        self.name = name
    }

    func write(_ bytes: RawSpan) throws(ByteSinkError) {
        let head = Array("\(name) +\(Decimal.text(watch.seconds, digits: 3)) ".utf8)
        let text = bytes.withUnsafeBytes { Array($0) }
        let lines = text.split(separator: UInt8(ascii: "\n")).flatMap { head + $0 + [UInt8(ascii: "\n")] }
        transcript.write(lines)
    }
}
