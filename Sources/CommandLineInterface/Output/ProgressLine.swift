import DICOMNode
import Glibc
import System

/// One line at the bottom of a terminal that shows the progress of a long run.
///
/// It exists only if the standard error is a terminal. All other output to the terminal goes through a sink of this type, which
/// removes the line before and restores it afterwards, so that the two never mix.
package final class ProgressLine: Sendable {
    /// The counts of the run. `total` and `totalBytes` are nil as long as they are unknown.
    package struct Progress: Sendable, Equatable {
        package var instances = 0
        package var failures = 0
        /// Of data sets, as the summary counts them; 0 where they are not known.
        package var bytes: UInt64 = 0
        /// Of the files that are done, for the time that is left; nil if that is ``bytes``.
        package var finishedBytes: UInt64?
        package var total: Int?
        package var totalBytes: UInt64?

        package init() {}
    }

    private struct State {
        var shown: [UInt8] = []
        /// The progress as it was told last, also if it was not drawn; nil if a text is shown in its place.
        var latest: Progress?
        var nextDrawing = Deadline.now
        /// When the progress was told last.
        var lastUpdate = Stopwatch()
        /// True while the last message has no line feed at its end: the line is not drawn into it.
        var isMidLine = false
    }

    private static let secondsBetweenDrawings = 0.2

    private let terminal: any ByteSink
    private let columns: @Sendable () -> Int
    private let watch = Stopwatch()
    private let state = Locked(State())

    package init(terminal: any ByteSink, columns: @escaping @Sendable () -> Int) {
        self.terminal = terminal
        self.columns = columns
    }

    /// Shows the progress, unless it was shown a moment ago. Cheap enough to be called for every instance.
    package func update(_ progress: @autoclosure () -> Progress) {
        state.withLock { state in
            let progress = progress()
            state.latest = progress
            state.lastUpdate = Stopwatch()
            guard state.nextDrawing.isPast, !state.isMidLine else { return }
            state.nextDrawing = .after(seconds: Self.secondsBetweenDrawings)
            state.shown = line(Self.text(progress, seconds: watch.seconds))
            write(Self.clearing + state.shown)
        }
    }

    /// The last column stays free: some terminals begin a new line there.
    private func line(_ text: String) -> [UInt8] { Array(text.utf8.prefix(max(columns() - 1, 0))) }

    /// A text about many small things need not change with each.
    static let itemsBetweenTexts = 500

    /// Shows a text in the place of the progress, until the next update.
    ///
    /// - Parameter afterSeconds: for how long nothing must have been told: what moves is of more interest.
    package func show(_ text: @autoclosure () -> String, afterSeconds: Double = 0) {
        state.withLock { state in
            guard !state.isMidLine, afterSeconds == 0 || state.lastUpdate.seconds >= afterSeconds else { return }
            state.shown = line(text())
            state.latest = nil
            write(Self.clearing + state.shown)
        }
    }

    /// Removes the line until the next update.
    package func clear() {
        state.withLock { state in
            if !state.shown.isEmpty { write(Self.clearing) }
            state.shown = []
            state.latest = nil
        }
    }

    /// A sink for messages on the same terminal.
    package func sink(over sink: any ByteSink) -> any ByteSink { InterleavingSink(self, sink) }

    fileprivate func passing(_ bytes: RawSpan, to sink: any ByteSink) throws(ByteSinkError) {
        try state.withLock { state throws(ByteSinkError) in
            if !state.shown.isEmpty, !state.isMidLine { write(Self.clearing) }
            try sink.write(bytes)
            guard bytes.byteCount > 0 else { return }
            state.isMidLine =
                bytes.unsafeLoad(fromByteOffset: bytes.byteCount - 1, as: UInt8.self) != UInt8(ascii: "\n")
            guard !state.shown.isEmpty, !state.isMidLine else { return }
            if let latest = state.latest { state.shown = line(Self.text(latest, seconds: watch.seconds)) }
            write(state.shown)
        }
    }

    /// Moves to the start of the line and erases it (ECMA-48 EL).
    private static let clearing = Array("\r\u{1B}[K".utf8)

    private func write(_ bytes: [UInt8]) {
        // If the terminal has gone, so has the line; the work goes on.
        do throws(ByteSinkError) { try terminal.write(bytes) } catch {}
    }

    /// As `120 of 400 instances, 63.6 MB, 55.2 MB/s, 0:12 left, 2 failed`.
    static func text(_ progress: Progress, seconds: Double) -> String {
        let finished = progress.finishedBytes ?? progress.bytes
        let rate = seconds > 0 ? Double(finished) / seconds : 0
        var text = "\(progress.instances)"
        if let total = progress.total { text += " of \(total)" }
        text += " instances"
        if progress.bytes > 0 {
            text += ", \(Quantity.size(progress.bytes)), \(Quantity.rate(progress.bytes, seconds: seconds))"
        }
        if let total = progress.totalBytes, rate > 0 {
            text += ", \(Quantity.clock(seconds: Double(total - min(total, finished)) / rate)) left"
        }
        if progress.failures > 0 { text += ", \(progress.failures) failed" }
        return text
    }

    /// The width of the terminal in characters; 80 if it cannot be asked.
    package static func columns(of descriptor: Int32) -> Int {
        var size = winsize()
        return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}

private final class InterleavingSink: ByteSink {
    private let line: ProgressLine
    private let sink: any ByteSink

    init(_ line: ProgressLine, _ sink: any ByteSink) {
        self.line = line
        self.sink = sink
    }

    func write(_ bytes: RawSpan) throws(ByteSinkError) { try line.passing(bytes, to: sink) }
}
