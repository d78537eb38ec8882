import DICOMNode
import DICOMProtocol

/// `--echo`: C-ECHO.
struct EchoCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        run.withAssociation(for: VerificationSCU.needs) { association throws(AssociationError) in
            let status = try VerificationSCU.echo(on: association)
            guard status.kind != .success else {
                return run.diagnostics.verbose("\(run.peerName): C-ECHO succeeded")
            }
            run.fail(
                .failureStatus,
                Message("\(run.peerName): C-ECHO refused", status.meaning(for: .verification), code: status.description))
        }
    }
}
