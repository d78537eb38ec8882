import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// `--echo`: C-ECHO, or a small query of DICOMweb, once or repeatedly, with the time that each part of it took.
final class EchoCommand {
    private let options: EchoOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private var rounds: [EchoTimes] = []
    private var failures = 0
    private var outputError: ByteSinkError?

    init(_ options: EchoOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        let count = options.count
        for number in 1...max(count, 1) {
            if number > 1, network.cancellation.wait(until: .after(seconds: options.interval)) { break }
            echo(number)
            if outputError != nil { break }
        }
        if network.cancellation.isRaised, outcome.exitCode != .interrupted {
            let asked = Quantity.count(rounds.count + failures, network.connection.web == nil ? "C-ECHO" : "request")
            outcome.fail(.interrupted, Message("interrupted after \(asked)"))
        }
        summarize()
        if let outputError { outcome.failOutput(outputError) }
    }

    /// What is asked, as people call it.
    private var service: String {
        switch network.connection.web?.interface {
        case nil: "C-ECHO"
        case .dicomWeb: "DICOMweb"
        case .orthanc: "Orthanc"
        }
    }

    private func echo(_ number: Int) {
        guard network.connection.web == nil else { return echoOverHTTP(number) }
        let whole = Stopwatch()
        do throws(AssociationError) {
            let association = try network.associate(for: VerificationSCU.needs)
            let echo = Stopwatch()
            let answer: CommandSet
            do throws(AssociationError) {
                answer = try VerificationSCU.echo(on: association)
            } catch {
                if error.leavesAssociationUsable { try network.release(association) }
                throw error
            }
            let echoSeconds = echo.seconds
            let release = Stopwatch()
            try network.release(association)
            let times = EchoTimes(
                association.timings, echo: echoSeconds, release: release.seconds, total: whole.seconds)
            if answer.status?.kind == .success {
                rounds.append(times)
            } else {
                failures += 1
                outcome.fail(
                    .failureStatus, Message(refusal: answer, of: "C-ECHO", by: network.peerName, service: .verification)
                )
            }
            report(number, answer, times)
        } catch {
            failures += 1
            let error = network.identified(error)
            outcome.fail(error, calling: network.server)
            reportFailure(error)
        }
    }

    private func echoOverHTTP(_ number: Int) {
        let whole = Stopwatch()
        do throws(AssociationError) {
            let session = try network.webSession()
            let times = EchoTimes(try session.echo().timings, total: whole.seconds)
            rounds.append(times)
            report(number, .echoResponse(to: .echoRequest(messageID: 1)), times)
        } catch {
            failures += 1
            let error = network.identified(error)
            outcome.fail(error, calling: network.server)
            reportFailure(error)
        }
    }

    // MARK: Results

    private func report(_ number: Int, _ answer: CommandSet, _ times: EchoTimes) {
        if let events = outcome.events {
            var event = RunEvent(.echo)
            event.set(.peer, network.peerName)
            event.set(answer.status?.kind == .success ? .done : .failed)
            event.set(answer, for: .verification)
            if let status = answer.status, status.kind != .success {
                event.set(.cause, FailureCause(status).rawValue)
            }
            event.set(.seconds, seconds: times.echo)
            for (key, time) in EchoTimes.keys { event.set(key, seconds: time(times)) }
            return events.write(event)
        }
        guard answer.status?.kind == .success else { return }
        let which = options.count > 1 ? " \(number)" : ""
        let line = "\(network.peerName): \(service)\(which) answered in \(times.line)"
        // A terminal gets whole words; everything else one line.
        guard let width = environment.terminalWidth else { return print(line + "\n") }
        print(TextWidth.lines(line, width).joined(separator: "\n") + "\n")
    }

    private func reportFailure(_ error: AssociationError) {
        guard let events = outcome.events else { return }
        var event = RunEvent(.echo)
        event.set(.peer, network.peerName)
        event.set(.failed)
        event.set(.error, network.message(error).line)
        event.set(.cause, FailureCause(error).rawValue)
        events.write(event)
    }

    private func summarize() {
        let asked = rounds.count + failures
        outcome.summary.set(.count, asked)
        outcome.summary.set(.done, rounds.count)
        outcome.summary.set(.failures, failures)
        if let echo = Distribution(rounds.map(\.echo)) {
            outcome.summary.set(.minimumSeconds, seconds: echo.minimum)
            outcome.summary.set(.medianSeconds, seconds: echo.median)
            outcome.summary.set(.percentile95Seconds, seconds: echo.percentile95)
            outcome.summary.set(.maximumSeconds, seconds: echo.maximum)
        }
        for (key, time) in EchoTimes.keys {
            outcome.summary.set(key, seconds: Distribution(rounds.compactMap(time))?.median)
        }
        if outcome.events == nil, options.count > 1 {
            print(
                "\(network.peerName): \(asked) sent, \(rounds.count) answered"
                    + (failures > 0 ? ", \(failures) failed" : "") + "\n" + EchoTimes.table(of: rounds))
        }
    }

    private func print(_ text: String) {
        do throws(ByteSinkError) { try environment.standardOutput.write(text) } catch { outputError = error }
    }
}

/// The durations of the steps of one echo, in seconds.
struct EchoTimes: Sendable {
    let lookup: Double
    let connect: Double
    /// The TLS handshake; nil over plain TCP.
    let security: Double?
    /// Nil over HTTP, as the release is.
    let association: Double?
    let echo: Double
    let release: Double?
    let total: Double

    init(_ timings: Association.Timings?, echo: Double, release: Double, total: Double) {
        lookup = timings?.lookup ?? 0
        connect = timings?.connect ?? 0
        security = timings?.security
        association = timings?.association ?? 0
        self.echo = echo
        self.release = release
        self.total = total
    }

    /// - Parameter timings: of a request over HTTP.
    init(_ timings: HTTPTimings, total: Double) {
        lookup = timings.lookup
        connect = timings.connect
        security = timings.security
        (association, release) = (nil, nil)
        echo = timings.answer
        self.total = total
    }

    private static let parts: [(name: String, time: @Sendable (EchoTimes) -> Double?)] = [
        ("look-up", { $0.lookup }), ("connect", { $0.connect }), ("TLS", { $0.security }),
        ("association", { $0.association }), ("echo", { $0.echo }), ("release", { $0.release }),
    ]

    /// The parts beside the echo itself, with the members of JSON lines that they are.
    static let keys: [(RunEvent.Key, @Sendable (EchoTimes) -> Double?)] = [
        (.lookupSeconds, { $0.lookup }), (.connectSeconds, { $0.connect }), (.securitySeconds, { $0.security }),
        (.associationSeconds, { $0.association }), (.releaseSeconds, { $0.release }),
    ]

    /// `12.3 ms (look-up 0.1, connect 0.3, association 9.9, echo 1.0, release 1.0)`.
    var line: String {
        var parts = ""
        for (name, time) in Self.parts {
            guard let seconds = time(self) else { continue }
            parts += "\(parts.isEmpty ? "" : ", ")\(name) \(Quantity.milliseconds(seconds: seconds))"
        }
        return "\(Quantity.milliseconds(seconds: total)) ms (\(parts))"
    }

    /// Minimum, median, 95th percentile and maximum of each part; empty if nothing was measured.
    static func table(of rounds: [EchoTimes]) -> String {
        let all: (name: String, time: @Sendable (EchoTimes) -> Double?) = ("all", { $0.total })
        let rows = (parts + [all]).compactMap { part in
            Distribution(rounds.compactMap(part.time)).map { (name: part.name, times: $0) }
        }
        guard !rows.isEmpty else { return "" }
        var text = row("ms", ["min", "median", "p95", "max"])
        for (name, times) in rows {
            let values = [times.minimum, times.median, times.percentile95, times.maximum]
            text += row(name, values.map { Quantity.milliseconds(seconds: $0) })
        }
        return text
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        let padded = cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
        return "  " + TextLayout.padded(name, to: 11) + padded.joined() + "\n"
    }
}

/// The spread of a set of measurements.
struct Distribution: Equatable {
    let minimum: Double
    let median: Double
    /// 95 of 100 measurements are at or below it (the nearest one that was measured).
    let percentile95: Double
    let maximum: Double

    /// Nil where nothing was measured.
    init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        minimum = first
        maximum = last
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        percentile95 = sorted[(sorted.count * 95 + 99) / 100 - 1]
    }
}
