import DICOMNode
import DICOMProtocol

/// The port that peers call back while an operation lasts.
enum Receiver {
    /// Listens from now on. Nil: it cannot, reported.
    ///
    /// - Parameters:
    ///   - titles: the titles that peers may call, beside our own.
    ///   - callers: the titles that may call; empty lets everybody in who knows ours.
    ///   - watch: told what happens at the port, after it has been narrated.
    static func start(
        _ run: CommandRun, port: UInt16, services: [any ServiceClass], titles: [AETitle] = [],
        from callers: [AETitle] = [], watch: @escaping @Sendable (AssociationServer.Event) -> Void = { _ in }
    ) -> AssociationServer? {
        do throws(TransportError) {
            let listener = try TCPListener(port: port, bind: run.invocation.bindAddress)
            var policy = AcceptancePolicy(calledAETitles: Set([run.invocation.callingAETitle] + titles))
            policy.maximumPDULength = run.invocation.maximumPDULength
            if !callers.isEmpty { policy.callingAETitles = Set(callers) }
            let server = try makeServer(run, listener, policy, services, watch)
            run.diagnostics.verbose("listening at \(listener.localDescription) as \(run.invocation.callingAETitle)")
            return server
        } catch {
            let hint: Hint? = if case .portInUse = error { .receiverPortTaken(port: port) } else { nil }
            run.fail(.localFiles, Message("cannot listen at port \(port)", error.description, hint: hint))
            return nil
        }
    }

    private static func makeServer(
        _ run: CommandRun, _ listener: TCPListener, _ policy: AcceptancePolicy, _ services: [any ServiceClass],
        _ watch: @escaping @Sendable (AssociationServer.Event) -> Void
    ) throws(TransportError) -> AssociationServer {
        do throws(SystemError) {
            let narrate = ServerNarrator(diagnostics: run.diagnostics).narrate
            let server = try AssociationServer(
                listener: listener, policy: policy, services: services, tls: run.security.listening, limits: run.limits,
                observer: run.observer,
                report: { event in
                    narrate(event)
                    watch(event)
                })
            try server.start()
            return server
        } catch {
            throw .system(error)
        }
    }
}
