import DICOMNode
import DICOMProtocol
import System

/// The port that peers call back while an operation lasts.
enum Receiver {
    /// Listens from now on. Nil: it cannot, reported.
    ///
    /// - Parameters:
    ///   - titles: the titles that peers may call, beside our own.
    ///   - callers: the titles that may call; empty lets everybody in who knows ours.
    ///   - watch: told what happens at the port, after it has been narrated.
    static func start(
        _ network: Network, _ outcome: RunOutcome, port: UInt16, services: [any ServiceClass], titles: [AETitle] = [],
        from callers: [AETitle] = [], watch: @escaping @Sendable (AssociationServer.Event) -> Void = { _ in }
    ) -> AssociationServer? {
        do throws(TransportError) {
            let listener = try TCPListener(port: port, bind: network.connection.bindAddress)
            var policy = AcceptancePolicy(calledAETitles: Set([network.connection.callingAETitle] + titles))
            policy.maximumPDULength = network.connection.maximumPDULength
            if !callers.isEmpty { policy.callingAETitles = Set(callers) }
            let server = try makeServer(network, listener, policy, services, watch)
            network.diagnostics.verbose(
                "listening at \(listener.localDescription) as \(network.connection.callingAETitle)")
            return server
        } catch {
            let hint: Hint? = if case .portInUse = error { .receiverPortTaken(port: port) } else { nil }
            outcome.fail(.localFiles, Message("cannot listen at port \(port)", error.description, hint: hint))
            return nil
        }
    }

    private static func makeServer(
        _ network: Network, _ listener: TCPListener, _ policy: AcceptancePolicy, _ services: [any ServiceClass],
        _ watch: @escaping @Sendable (AssociationServer.Event) -> Void
    ) throws(TransportError) -> AssociationServer {
        do throws(SystemError) {
            let narrate = ServerNarrator(diagnostics: network.diagnostics).narrate
            let server = try AssociationServer(
                listener: listener, policy: policy, services: services, tls: network.security.listening,
                limits: network.limits,
                observer: network.observer,
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
