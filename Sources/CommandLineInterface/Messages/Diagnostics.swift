import DICOM
import DICOMNode
import System

/// The messages about the run, filtered by level: on standard error or in the log file, never on the standard output.
///
/// Every line begins with the program's name; everything is made harmless before it is written, because most of it can
/// carry text of a peer, and patient data is hidden in it. A sink that fails is remembered for the end of the run.
package final class Diagnostics: Sendable {
    /// The importance of a message; a level shows itself and all that come before it.
    package enum Level: Int, Sendable, CaseIterable, Comparable {
        case error, warning, note, verbose, debug

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

        /// The label before the message; errors, which a person expects here, have none.
        var label: String {
            switch self {
            case .error, .verbose: ""
            case .warning: "warning: "
            case .note: "note: "
            case .debug: "debug: "
            }
        }
    }

    private let sink: any ByteSink
    package let level: Level

    /// The patient data to hide.
    let redaction: Redaction
    private let failure = Locked<ByteSinkError?>(nil)

    package init(sink: any ByteSink, level: Level = .note, redaction: Redaction = .names) {
        self.sink = sink
        self.level = level
        self.redaction = redaction
    }

    /// The reason why messages are missing: the first failure of the sink.
    var sinkFailure: ByteSinkError? { failure.withLock { $0 } }

    package func isEnabled(_ level: Level) -> Bool { level <= self.level }

    /// Writes one message and, on the next line, its hint. The message is not even made when its level is off.
    package func report(_ level: Level, _ message: @autoclosure () -> Message) {
        guard isEnabled(level) else { return }
        let message = message()
        var text = "dcmscu: \(level.label)\(message.line(redaction))\n"
        if let hint = message.hint { text += "hint: \(DisplayText.line(hint))\n" }
        do throws(ByteSinkError) { try sink.write(text) } catch {
            failure.withLock { $0 = $0 ?? error }
        }
    }

    package func error(_ message: @autoclosure () -> Message) { report(.error, message()) }
    package func warning(_ message: @autoclosure () -> Message) { report(.warning, message()) }
    package func note(_ message: @autoclosure () -> Message) { report(.note, message()) }
    package func verbose(_ text: @autoclosure () -> String) { report(.verbose, Message(text())) }
    package func debug(_ text: @autoclosure () -> String) { report(.debug, Message(text())) }
}
