import DICOMNode
import DICOMProtocol

/// `--echo`: C-ECHO.
struct EchoCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        run.withAssociation(for: VerificationSCU.needs) { association throws(AssociationError) in
            let start = ContinuousClock.now
            let status = try VerificationSCU.echo(on: association)
            report(status, took: ContinuousClock.now - start)
            guard status.kind != .success else {
                return run.diagnostics.verbose("\(run.peerName): C-ECHO succeeded")
            }
            run.fail(
                .failureStatus,
                Message("\(run.peerName): C-ECHO refused", status.meaning(for: .verification), code: status.description)
            )
        }
    }

    private func report(_ status: DIMSEStatus, took time: Duration) {
        guard let events = run.events else { return }
        var event = RunEvent(.echo)
        event.set(.peer, run.peerName)
        event.set(status.kind == .success ? .done : .failed)
        event.set(.status, status.description)
        event.set(.meaning, status.meaning(for: .verification))
        event.set(.seconds, time)
        events.write(event)
    }
}
