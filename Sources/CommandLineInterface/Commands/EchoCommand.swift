import DICOMNode
import DICOMProtocol

/// `--echo`: C-ECHO, as often as asked for, with the time that each part of it took.
final class EchoCommand {
    private let run: CommandRun
    private var rounds: [EchoTimes] = []
    private var failures = 0
    private var outputError: ByteSinkError?

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let count = run.invocation.echoCount
        for number in 1...max(count, 1) {
            if number > 1, run.cancellation?.wait(until: .after(seconds: run.invocation.echoInterval)) == true { break }
            ask(number)
            if outputError != nil { break }
        }
        if run.cancellation.map({ $0.level > .none }) == true, run.exitCode != .interrupted {
            run.fail(.interrupted, Message("interrupted after \(rounds.count + failures) echoes"))
        }
        summarize()
        if let outputError { run.fail(.localFiles, Message("standard output", outputError.description)) }
    }

    private func ask(_ number: Int) {
        let whole = Stopwatch()
        do throws(AssociationError) {
            let association = try run.associate(for: VerificationSCU.needs)
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
                run.fail(
                    .failureStatus, Message(refusal: answer, of: "C-ECHO", by: run.peerName, service: .verification))
            }
            report(number, answer, times)
        } catch {
            failures += 1
            run.fail(error)
            reportFailure(error)
        }
    }

    // MARK: Results

    private func report(_ number: Int, _ answer: CommandSet, _ times: EchoTimes) {
        if let events = run.events {
            var event = RunEvent(.echo)
            event.set(.peer, run.peerName)
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
        let which = run.invocation.echoCount > 1 ? " \(number)" : ""
        print("\(run.peerName): C-ECHO\(which) answered in \(times.line)\n")
    }

    private func reportFailure(_ error: AssociationError) {
        guard let events = run.events else { return }
        var event = RunEvent(.echo)
        event.set(.peer, run.peerName)
        event.set(.failed)
        event.set(.error, run.message(error).line)
        events.write(event)
    }

    private func summarize() {
        let asked = rounds.count + failures
        if run.events != nil {
            run.summary.set(.count, asked)
            run.summary.set(.done, rounds.count)
            run.summary.set(.failures, failures)
            if let echo = Distribution(rounds.map(\.echo)) {
                run.summary.set(.minimumSeconds, seconds: echo.minimum)
                run.summary.set(.medianSeconds, seconds: echo.median)
                run.summary.set(.percentile95Seconds, seconds: echo.percentile95)
                run.summary.set(.maximumSeconds, seconds: echo.maximum)
            }
        } else if run.invocation.echoCount > 1 {
            print(
                "\(run.peerName): \(asked) asked, \(rounds.count) answered, \(failures) failed\n"
                    + EchoTimes.table(of: rounds))
        }
    }

    private func print(_ text: String) {
        do throws(ByteSinkError) { try run.output.write(text) } catch { outputError = error }
    }
}
