import DICOMNode
import DICOMProtocol

/// The port that peers call back while an operation lasts.
enum Receiver {
    /// Listens from now on. Nil: it cannot, reported.
    static func start(_ run: CommandRun, port: UInt16, services: [any ServiceClass]) -> AssociationServer? {
        do throws(TransportError) {
            let listener = try TCPListener(port: port, bind: run.invocation.bindAddress)
            var policy = AcceptancePolicy(calledAETitles: [run.invocation.callingAETitle])
            policy.maximumPDULength = run.invocation.maximumPDULength
            let server = try makeServer(run, listener, policy, services)
            run.diagnostics.verbose("listening at \(listener.localDescription) as \(run.invocation.callingAETitle)")
            return server
        } catch {
            let hint: Hint? = if case .portInUse = error { .receiverPortTaken(port: port) } else { nil }
            run.fail(.localFiles, Message("cannot listen at port \(port)", error.description, hint: hint))
            return nil
        }
    }

    private static func makeServer(
        _ run: CommandRun, _ listener: TCPListener, _ policy: AcceptancePolicy, _ services: [any ServiceClass]
    ) throws(TransportError) -> AssociationServer {
        do throws(SystemError) {
            let server = try AssociationServer(
                listener: listener, policy: policy, services: services, tls: run.security.listening, limits: run.limits,
                observer: run.observer,
                report: ServerNarrator(diagnostics: run.diagnostics).narrate)
            try server.start()
            return server
        } catch {
            throw .system(error)
        }
    }
}
