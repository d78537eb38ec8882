import DICOM
import DICOMNode
import System

/// A failure that ends what was to be done, with its message and exit code.
struct RunFailure: Error {
    let exitCode: ExitCode
    let message: Message
    /// True if the message was written already.
    let isReported: Bool

    init(_ exitCode: ExitCode, _ message: Message, isReported: Bool = false) {
        self.exitCode = exitCode
        self.message = message
        self.isReported = isReported
    }

    init(_ error: UsageError) { self.init(.usage, Message(error)) }
}

/// Reports what happens in a run and keeps its exit code and its summary.
///
/// Several threads may work on one operation and report to it.
final class RunOutcome: Sendable {
    let diagnostics: Diagnostics
    /// The objects of JSON that are printed, one a line; nil for a query, whose objects are its matches, and for other
    /// formats.
    let events: EventWriter?
    /// Where the run stands.
    let status = RunStatus()
    private let watch = Stopwatch()
    private let state = Locked(State())

    private struct State {
        var exitCode = ExitCode.success
        var summary = RunEvent(.summary)
        /// The remedy of the last failure.
        var hint: String?
        /// The errors that were reported, and how often; `order` counts them.
        var reported: [String: (order: Int, count: Int)] = [:]
        /// The number of problems of each kind that concern one part of the run.
        var kinds: [(name: String, count: Int, level: Diagnostics.Level)] = []
    }

    /// Errors of one kind that are shown one by one.
    private static let shownOfAKind = 5

    init(diagnostics: Diagnostics, events: EventWriter? = nil) {
        self.diagnostics = diagnostics
        self.events = events
    }

    /// Reports a failure and remembers its exit code.
    func fail(_ code: ExitCode, _ message: Message) {
        let line = message.line(diagnostics.redaction)
        state.withLock {
            $0.exitCode = $0.exitCode.worst(code)
            $0.summary.set(.error, line)
            $0.summary.set(.cause, (message.cause ?? FailureCause(code))?.rawValue)
            $0.hint = message.hint
        }
        report(message)
    }

    /// Reports an error; one that was reported before in the same words is only counted.
    func report(_ message: Message) {
        let line = message.line(diagnostics.redaction)
        let isFirst = state.withLock { state in
            let order = state.reported.count
            state.reported[line, default: (order, 0)].count += 1
            return state.reported.count > order
        }
        if isFirst || diagnostics.isEnabled(.verbose) { diagnostics.error(message) }
    }

    /// Returns true if an error was reported in these words.
    func hasReported(_ line: String) -> Bool { state.withLock { $0.reported[line] != nil } }

    /// Reports a problem of one part of the run, such as a study among many: after a few of a kind they are only counted.
    ///
    /// - Parameter kind: the parts with such a problem, as they follow their number.
    func report(_ message: Message, kind: String, _ level: Diagnostics.Level = .error) {
        let count = state.withLock { state in
            if let index = state.kinds.firstIndex(where: { $0.name == kind }) {
                state.kinds[index].count += 1
                return state.kinds[index].count
            }
            state.kinds.append((kind, 1, level))
            return 1
        }
        if count <= Self.shownOfAKind || diagnostics.isEnabled(.verbose) { diagnostics.report(level, message) }
    }

    /// Says how many errors were not shown one by one.
    private func reportRepetitions() {
        guard !diagnostics.isEnabled(.verbose) else { return }
        guard state.withLock({ !$0.reported.isEmpty || !$0.kinds.isEmpty }) else { return }
        let (reported, kinds) = state.withLock { ($0.reported, $0.kinds) }
        let repeated = reported.filter { $0.value.count > 1 }.sorted { $0.value.order < $1.value.order }
        for (line, value) in repeated { diagnostics.error(Message(line, "\(value.count) times in all")) }
        for (name, count, level) in kinds where count > Self.shownOfAKind {
            diagnostics.report(level, Message("\(count) \(name)", "\(OptionName.verbose) shows each"))
        }
    }

    /// Reports that the results could not be written. A reader that has gone wanted no more: the work goes on, or ends, without a
    /// word.
    func failOutput(_ error: ByteSinkError) {
        guard !error.isReaderGone else { return }
        fail(error.exitCode, Message("standard output", error.description))
    }

    func fail(_ failure: RunFailure) { fail(failure.exitCode, failure.message) }

    /// - Parameter server: the server that was called.
    func fail(_ error: AssociationError, calling server: CalledServer) {
        fail(ExitCode(for: error), Message(error, calling: server))
    }

    /// Reports a problem with one of the files given.
    func report(_ problem: FileProblem) { fail(.incomplete, Message(problem)) }

    /// Reports a finding among the files given that is not an instance.
    func report(_ note: InstanceBatches.Note) {
        switch note {
        case .passedOver(let path, let reason):
            diagnostics.note(Message(path.displayed, "skipped: \(reason.rawValue)"))
        case .notAnInstance(let problem):
            diagnostics.note(Message(problem.path.displayed, "skipped: \(problem.code.rawValue)"))
        case .problem(let problem):
            report(problem)
        }
    }

    /// Remembers the exit code of a failure that was already reported.
    func record(_ code: ExitCode) { state.withLock { $0.exitCode = $0.exitCode.worst(code) } }

    /// Keeps an error that was already reported for the summary.
    func recordError(_ error: String, _ cause: FailureCause?, remedy: String? = nil) {
        state.withLock {
            $0.hint = remedy ?? $0.hint
            $0.summary.set(.error, error)
            $0.summary.set(.cause, cause?.rawValue)
        }
    }

    /// Sets the exit code to that of the whole, after its parts have been counted.
    func replaceExitCode(with code: ExitCode) { state.withLock { $0.exitCode = code } }

    var exitCode: ExitCode { state.withLock { $0.exitCode } }

    /// The last object of the events: operations put their counts here, once their threads have ended.
    var summary: RunEvent {
        get { state.withLock { $0.summary } }
        set { state.withLock { $0.summary = newValue } }
    }

    /// The remedy of the last failure.
    var hint: String? { state.withLock { $0.hint } }

    /// Completes the summary, once everything else is done, and writes it to the events.
    func finish(_ operation: Operation, peer: String) {
        reportRepetitions()
        summary.set(.operation, operation.rawValue)
        summary.set(.peer, peer)
        summary.set(.seconds, watch.elapsed)
        guard let events else { return }
        // An output that takes no more lines is a cause of its own, and the summary may still get through.
        if let failure = events.failure { failOutput(failure) }
        // As the process ends: which signal it was is part of it.
        summary.set(.exitCode, Int(exitCode.ofProcess))
        let failed = events.failure != nil
        events.write(summary)
        if !failed, let failure = events.failure { failOutput(failure) }
    }
}

extension RunOutcome {
    /// Reports a file that was written, by what was in its place.
    func reportWritten(_ path: FilePath, _ kind: InstanceWriter.Outcome.Kind) {
        switch kind {
        case .written: diagnostics.verbose("\(path.displayed): written")
        case .replaced: diagnostics.verbose("\(path.displayed): replaced")
        case .skipped: diagnostics.verbose("\(path.displayed): skipped, it is already present")
        case .renamed:
            // The name itself may be a patient's, and is hidden then.
            let end =
                Self.numberAtEnd(of: path).map { "saved with \($0) at the end of its name" } ?? "saved under this name"
            report(
                Message(path.displayed, "\(end): a file with different content has the usual one"),
                kind: "files saved under other names, as files with different content have the usual ones", .warning)
        }
    }

    /// The number that tells a renamed file from the one with the usual name: `-2` of `image-2.dcm`.
    private static func numberAtEnd(of path: FilePath) -> String? {
        let name = path.displayed.split(separator: "/").last ?? ""
        guard let hyphen = name.lastIndex(of: "-") else { return nil }
        let digits = name[hyphen...].dropFirst().prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? nil : "-\(digits)"
    }
}
