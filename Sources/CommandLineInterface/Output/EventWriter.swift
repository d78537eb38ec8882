import DICOM
import DICOMNode

/// Writes the objects of `--format jsonl`, each as one line and at once, for operations other than a query.
///
/// The schema is that of ``RunEvent``. Several threads may write. The first failure of the output is kept for the end of the
/// run and ends the writing, not the work.
final class EventWriter: Sendable {
    private let output: any ByteSink
    private let state = Locked<ByteSinkError?>(nil)

    private let escapesNonASCII: Bool

    /// - Parameter escapesNonASCII: for an output that has another encoding than UTF-8.
    init(output: any ByteSink, escapesNonASCII: Bool = false) {
        self.output = output
        self.escapesNonASCII = escapesNonASCII
    }

    func write(_ event: RunEvent) {
        var line = JSONValue.object(event.members).serialized()
        if escapesNonASCII { DICOMJSON.escapeNonASCII(in: &line, from: 0) }
        line.append(UInt8(ascii: "\n"))
        state.withLock { [line] failure in
            guard failure == nil else { return }
            do throws(ByteSinkError) { try output.write(line) } catch { failure = error }
        }
    }

    /// Why lines are missing.
    var failure: ByteSinkError? { state.withLock { $0 } }
}
