import DICOM
import DICOMNode
import System

/// The messages about the run, filtered by level: on the standard error and in the log file, never on the standard output.
///
/// Every line begins with the program's name; everything is made harmless before it is written, because most of it can
/// carry text of a peer, and patient data is hidden in it. A log that cannot be written is remembered for the end of the run.
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

    /// A destination of messages, with the level up to which it takes them.
    struct Channel: Sendable {
        let sink: any ByteSink
        let level: Level
        var style = LogLine.Style.plain
        /// True for the log file, which is asked for as the results are.
        var isLog = false

        fileprivate var hasFrame: Bool { style.hasTime || style.isJSON || style.isBare }
    }

    private let channels: [Channel]
    package let level: Level

    /// The patient data to hide.
    let redaction: Redaction
    private let failure = Locked<ByteSinkError?>(nil)

    package convenience init(sink: any ByteSink, level: Level = .note, redaction: Redaction = .names) {
        self.init([Channel(sink: sink, level: level)], redaction: redaction)
    }

    init(_ channels: [Channel], redaction: Redaction) {
        self.channels = channels
        level = channels.map(\.level).max() ?? .error
        self.redaction = redaction
    }

    /// The reason why the log is not whole: its first failure.
    var logFailure: ByteSinkError? { failure.withLock { $0 } }

    package func isEnabled(_ level: Level) -> Bool { level <= self.level }

    /// Writes one message and, on the next line, its hint. The message is not even made when its level is off.
    package func report(_ level: Level, _ message: @autoclosure () -> Message) {
        guard isEnabled(level) else { return }
        let message = message()
        write(
            LogLine(
                level: level, text: message.line(redaction),
                hint: message.hint.map { DisplayText.line(redaction.ownText($0)) }),
            to: channels)
    }

    /// Writes the start or the end of a run to the channels whose lines have a time.
    func frame(_ text: String, _ members: [(String, JSONValue)] = []) {
        let line = LogLine(level: .note, text: DisplayText.line(text), members: members)
        // A log has them whatever else it takes: it must tell that there was a run.
        write(line, to: channels.filter(\.hasFrame), isInEachLog: true)
    }

    /// Writes what was asked for by a signal to all channels, whatever their level.
    func answer(_ text: String) {
        let line = LogLine(level: .note, text: DisplayText.line(redaction.ownText(text)))
        write(line, to: channels, isForAll: true)
    }

    /// True if some channel has lines with a time, and so those of the start and the end.
    var hasFrame: Bool { channels.contains(where: \.hasFrame) }

    private func write(
        _ line: LogLine, to channels: [Channel], isInEachLog: Bool = false, isForAll: Bool = false
    ) {
        for channel in channels
        where line.level <= channel.level || isForAll || (isInEachLog && channel.isLog) {
            do throws(ByteSinkError) { try channel.sink.write(line.bytes(channel.style)) } catch {
                if channel.isLog { failure.withLock { $0 = $0 ?? error } }
            }
        }
    }

    package func error(_ message: @autoclosure () -> Message) { report(.error, message()) }
    package func warning(_ message: @autoclosure () -> Message) { report(.warning, message()) }
    package func note(_ message: @autoclosure () -> Message) { report(.note, message()) }
    package func verbose(_ text: @autoclosure () -> String) { report(.verbose, Message(text())) }
    package func debug(_ text: @autoclosure () -> String) { report(.debug, Message(text())) }
}
