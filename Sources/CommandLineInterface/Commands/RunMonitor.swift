import DICOM
import DICOMNode
import Glibc
import System

/// What a monitor is told once all runs of a command line have ended: the line of a plugin, metrics on the standard output, the
/// file of metrics.
final class RunMonitor {
    /// A run that has ended.
    struct FinishedRun {
        let operation: Operation
        let peer: String
        let exitCode: ExitCode
        let summary: RunEvent
        /// The remedy of the last failure.
        var hint: String?
        /// What was asked for, as people call it.
        var service: String
        var isOverHTTP = false

        var isSuccess: Bool { exitCode == .success }
    }

    private let options: MonitoringOptions
    private let environment: Environment
    private let file: MetricsFile?
    private var runs: [FinishedRun] = []

    /// - Throws: `RunFailure` if the file of metrics cannot be written.
    init(_ options: MonitoringOptions, _ environment: Environment) throws(RunFailure) {
        self.options = options
        self.environment = environment
        do throws(FileProblem) {
            file = try options.metricsPath.map { path throws(FileProblem) in try MetricsFile(path) }
        } catch {
            throw RunFailure(.localFiles, Message(error))
        }
    }

    func add(_ run: FinishedRun) { runs.append(run) }

    /// Adds a run that could not begin.
    func add(_ failure: RunFailure, _ invocation: Invocation) {
        var summary = RunEvent(.summary)
        summary.set(.error, failure.message.line)
        add(
            FinishedRun(
                operation: invocation.operation, peer: invocation.connection.peerName, exitCode: failure.exitCode,
                summary: summary, hint: failure.message.hint, service: invocation.operation.serviceName,
                isOverHTTP: invocation.connection.web != nil))
    }

    /// Writes what the options ask for.
    ///
    /// - Parameter exitCode: of all runs.
    func finish(_ exitCode: ExitCode) -> RunResult {
        var result = RunResult(exitCode: exitCode)
        var problem: Message?
        do throws(FileProblem) {
            try file?.write(runs, options.labels)
        } catch {
            problem = Message(error)
            result.exitCode = result.exitCode.worst(.localFiles)
        }
        if options.form != .nagios, let problem {
            Diagnostics(sink: environment.standardError).error(problem)
        }
        do throws(ByteSinkError) {
            switch options.form {
            case .nagios:
                guard let run = runs.last else { break }
                let line = problem.map { PluginLine(unknown: $0) } ?? PluginReport(run, options).line
                result.pluginState = line.state
                try environment.standardOutput.write(line.text)
            case .prometheus: try environment.standardOutput.write(EchoMetrics.text(of: runs, options.labels))
            case nil: break
            }
        } catch {
            guard !error.isReaderGone else { return result }
            result.exitCode = result.exitCode.worst(error.exitCode)
            if result.pluginState != nil { result.pluginState = .unknown }
        }
        return result
    }
}

/// The end of a command line: its exit code, or the state of a monitoring plugin in its place.
package struct RunResult: Sendable, Equatable {
    package var exitCode: ExitCode
    package var pluginState: PluginState?

    /// The exit code of the process.
    package var processCode: Int32 {
        if let pluginState { return pluginState.rawValue }
        return exitCode.ofProcess
    }
}

extension ExitCode {
    /// As the process ends: which signal it was is a part of it.
    var ofProcess: Int32 { self == .interrupted ? SignalThread.exitCode : rawValue }
}

// MARK: - Monitoring plugin

extension PluginLine {
    /// A fault of this side, or a mistake in the command line.
    init(unknown message: Message) {
        self.init(state: .unknown, words: message.line, details: message.hint.map { ["hint: \($0)"] } ?? [])
    }
}

/// The outcome of a run as the line of a plugin.
struct PluginReport {
    private let run: RunMonitor.FinishedRun
    private let options: MonitoringOptions

    init(_ run: RunMonitor.FinishedRun, _ options: MonitoringOptions) {
        self.run = run
        self.options = options
    }

    var line: PluginLine {
        var state = PluginState(run.exitCode)
        var words = run.isSuccess ? done : run.summary.text(.error) ?? "exit code \(run.exitCode.rawValue)"
        if state == .ok, (run.summary.number(.warnings) ?? 0) > 0 { state = .warning }
        if state == .ok || state == .warning, let (threshold, range) = passed {
            state = threshold
            words += ", outside \(range.text)"
        }
        var line = PluginLine(state: state, words: words, measurements: measurements)
        if state != .ok, let hint = run.hint { line.details = ["hint: \(hint)"] }
        return line
    }

    private var seconds: Double { run.summary.number(.seconds) ?? 0 }
    private var matches: Double { run.summary.number(.count) ?? 0 }

    /// The threshold that the run passed, the worse one first.
    private var passed: (PluginState, ThresholdRange)? {
        let value = run.operation.isQuery ? matches : seconds
        if let range = options.critical, range.alerts(value) { return (.critical, range) }
        if let range = options.warning, range.alerts(value) { return (.warning, range) }
        return nil
    }

    /// What was done, in words.
    private var done: String {
        let time = "in \(Decimal.text(seconds, digits: 3)) s"
        if run.operation.isQuery { return "\(run.peer): \(Quantity.count(Int(matches), "match")) \(time)" }
        let counts = Self.counts.compactMap { key, words in
            run.summary.number(key).flatMap { $0 > 0 ? "\(Int($0)) \(words)" : nil }
        }
        if run.operation == .echo { return "\(run.peer): \(run.service) answered \(time)" }
        if run.operation == .probe {
            let found = Quantity.count(Int(matches), run.isOverHTTP ? "service" : "storage SOP class")
            return "\(run.peer): \(found) \(run.isOverHTTP ? "offered" : "accepted") \(time)"
        }
        return ([run.peer + ": " + run.service] + counts).joined(separator: ", ") + " " + time
    }

    private static let counts: [(RunEvent.Key, String)] = [
        (.done, "done"), (.warnings, "with a warning"), (.skipped, "skipped"), (.failures, "failed"),
        (.pending, "pending"),
    ]

    private var measurements: [PluginLine.Measurement] {
        var time = PluginLine.Measurement(name: "time", value: Decimal.text(seconds, digits: 6), unit: "s")
        guard !run.operation.isQuery else {
            let count = PluginLine.Measurement(
                name: "matches", value: "\(Int(matches))", warning: options.warning, critical: options.critical)
            return [count, time]
        }
        (time.warning, time.critical) = (options.warning, options.critical)
        var found = [time]
        for phase in EchoMetrics.phases {
            guard let seconds = run.summary.number(phase.key) else { continue }
            found.append(
                PluginLine.Measurement(name: phase.name, value: Decimal.text(seconds, digits: 6), unit: "s"))
        }
        if run.operation == .probe, run.isSuccess {
            found.append(
                PluginLine.Measurement(name: run.isOverHTTP ? "services" : "classes", value: "\(Int(matches))"))
        }
        guard run.operation.countsInstances else { return found }
        for (key, _) in Self.counts {
            guard let count = run.summary.number(key) else { continue }
            found.append(PluginLine.Measurement(name: key.rawValue, value: "\(Int(count))"))
        }
        if let bytes = run.summary.number(.bytes) {
            found.append(PluginLine.Measurement(name: "bytes", value: "\(Int(bytes))", unit: "B"))
        }
        return found
    }
}

// MARK: - Metrics

/// The metrics of an echo of each peer, by the names that dashboards for Prometheus' blackbox exporter have.
enum EchoMetrics {
    /// The parts of an echo, with the names of their metrics.
    static let phases: [(key: RunEvent.Key, name: String)] = [
        (.lookupSeconds, "resolve"), (.connectSeconds, "connect"), (.securitySeconds, "tls"),
        (.associationSeconds, "associate"), (.medianSeconds, "echo"), (.releaseSeconds, "release"),
    ]

    static func text(of runs: [RunMonitor.FinishedRun], _ further: [MetricLabel]) -> String {
        var metrics = MetricsText()
        for run in runs {
            let labels = [MetricLabel(name: "target", value: run.peer)] + further
            metrics.add(
                "probe_success", "1 if the peer answered C-ECHO, otherwise 0.", labels, run.isSuccess ? 1 : 0)
            metrics.add(
                "probe_duration_seconds", "Time of the whole probe.", labels, run.summary.number(.seconds) ?? 0)
            if let seconds = run.summary.number(.lookupSeconds) {
                metrics.add("probe_dns_lookup_time_seconds", "Time of the name look-up.", labels, seconds)
            }
            for phase in phases {
                guard let seconds = run.summary.number(phase.key) else { continue }
                metrics.add(
                    "probe_dicom_duration_seconds", "Time of each part of a C-ECHO, of several the median.",
                    labels + [MetricLabel(name: "phase", value: phase.name)], seconds)
            }
            metrics.add(
                "probe_dicom_exit_code", "Exit code of dcmscu for this peer.", labels, Double(run.exitCode.ofProcess))
        }
        return metrics.text
    }
}

/// The file of metrics about the last run of a command line.
final class MetricsFile {
    private static let lastSuccess = "dcmscu_run_last_success_timestamp_seconds"

    /// A file of ours has some lines for each peer.
    private static let maximumLength = 16 << 20

    private let file: RecordFile
    /// The lines about the last success of the file as it was.
    private let formerSuccesses: [Substring]

    /// Opens the file before anything is sent; it keeps what it holds until the end of the run.
    ///
    /// - Throws: `FileProblem` if it cannot be written, or exists and holds no metrics of dcmscu.
    init(_ path: FilePath) throws(FileProblem) {
        file = try RecordFile(path, .metrics)
        var former: [UInt8] = []
        do throws(FileReadError) {
            if file.isRegular { former = try file.descriptor.readAll(from: 0, limit: Self.maximumLength) }
        } catch {
            throw FileProblem(reading: path, error)
        }
        formerSuccesses = String(decoding: former, as: UTF8.self).split(separator: "\n").filter {
            $0.hasPrefix(Self.lastSuccess + "{")
        }
    }

    /// Writes the metrics of all runs.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    func write(_ runs: [RunMonitor.FinishedRun], _ further: [MetricLabel]) throws(FileProblem) {
        var metrics = MetricsText()
        for run in runs {
            let labels =
                [
                    MetricLabel(name: "operation", value: run.operation.rawValue),
                    MetricLabel(name: "peer", value: run.peer),
                ] + further
            metrics.add(
                "dcmscu_run_exit_code", "Exit code of the last run: 0 if all was done.", labels,
                Double(run.exitCode.ofProcess))
            add(run, labels, to: &metrics)
            metrics.add(
                "dcmscu_run_duration_seconds", "Time of the last run.", labels, run.summary.number(.seconds) ?? 0)
            let end = Double(time(nil))
            metrics.add("dcmscu_run_end_timestamp_seconds", "End of the last run, Unix time.", labels, end)
            if let success = run.isSuccess ? end : formerSuccess(labels) {
                metrics.add(Self.lastSuccess, "End of the last run that did all, Unix time.", labels, success)
            }
        }
        try file.replaceContent(Array(metrics.text.utf8))
    }

    /// Matches of a query, echoes, or instances by their outcome.
    private func add(_ run: RunMonitor.FinishedRun, _ labels: [MetricLabel], to metrics: inout MetricsText) {
        guard !run.operation.isQuery else {
            return metrics.add(
                "dcmscu_run_matches", "Matches of the last query.", labels, run.summary.number(.count) ?? 0)
        }
        guard run.operation.countsInstances else { return }
        let outcomes: [(RunEvent.Outcome, RunEvent.Key)] = [
            (.done, .done), (.warning, .warnings), (.skipped, .skipped), (.failed, .failures), (.pending, .pending),
        ]
        for (outcome, key) in outcomes {
            metrics.add(
                "dcmscu_run_instances", "Instances of the last run by outcome.",
                labels + [MetricLabel(name: "outcome", value: outcome.rawValue)], run.summary.number(key) ?? 0)
        }
        metrics.add("dcmscu_run_bytes", "Bytes of the last run.", labels, run.summary.number(.bytes) ?? 0)
    }

    private func formerSuccess(_ labels: [MetricLabel]) -> Double? {
        let start = MetricsText.series(Self.lastSuccess, labels) + " "
        return formerSuccesses.first { $0.hasPrefix(start) }.flatMap { Double($0.dropFirst(start.count)) }
    }
}
