import DICOMNode
import DICOMProtocol

/// `--echo`: C-ECHO, as often as asked for, with the time that each part of it took.
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
            ask(number)
            if outputError != nil { break }
        }
        if network.cancellation.isRaised, outcome.exitCode != .interrupted {
            outcome.fail(.interrupted, Message("interrupted after \(rounds.count + failures) echoes"))
        }
        summarize()
        if let outputError { outcome.fail(.localFiles, Message("standard output", outputError.description)) }
    }

    private func ask(_ number: Int) {
        let whole = Stopwatch()
        do throws(AssociationError) {
            let association = try network.associate(for: VerificationSCU.needs)
            let echo = Stopwatch()
            let answer: CommandSet
            do throws(AssociationError) {
                answer = try VerificationSCU.echo(on: association)
            } catch {
                if error.leavesAssociationUsable { try association.release() }
                throw error
            }
            let echoSeconds = echo.seconds
            let release = Stopwatch()
            try association.release()
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
            event.set(.seconds, seconds: times.echo)
            event.set(.lookupSeconds, seconds: times.lookup)
            event.set(.connectSeconds, seconds: times.connect)
            event.set(.securitySeconds, seconds: times.security)
            event.set(.associationSeconds, seconds: times.association)
            event.set(.releaseSeconds, seconds: times.release)
            return events.write(event)
        }
        guard answer.status?.kind == .success else { return }
        let which = options.count > 1 ? " \(number)" : ""
        print("\(network.peerName): C-ECHO\(which) answered in \(times.line)\n")
    }

    private func reportFailure(_ error: AssociationError) {
        guard let events = outcome.events else { return }
        var event = RunEvent(.echo)
        event.set(.peer, network.peerName)
        event.set(.failed)
        event.set(.error, network.message(error).line)
        events.write(event)
    }

    private func summarize() {
        let asked = rounds.count + failures
        if outcome.events != nil {
            outcome.summary.set(.count, asked)
            outcome.summary.set(.done, rounds.count)
            outcome.summary.set(.failures, failures)
            if let echo = Distribution(rounds.map(\.echo)) {
                outcome.summary.set(.minimumSeconds, seconds: echo.minimum)
                outcome.summary.set(.medianSeconds, seconds: echo.median)
                outcome.summary.set(.percentile95Seconds, seconds: echo.percentile95)
                outcome.summary.set(.maximumSeconds, seconds: echo.maximum)
            }
        } else if options.count > 1 {
            print(
                "\(network.peerName): \(asked) asked, \(rounds.count) answered, \(failures) failed\n"
                    + EchoTimes.table(of: rounds))
        }
    }

    private func print(_ text: String) {
        do throws(ByteSinkError) { try environment.standardOutput.write(text) } catch { outputError = error }
    }
}
