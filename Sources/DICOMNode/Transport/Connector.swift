package import System

/// The host, by name or address, and the port of a peer.
package struct Endpoint: Sendable, Equatable, CustomStringConvertible {
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, an IPv6 address in brackets.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Opens the connection that an association runs on.
package struct Connector: Sendable {
    /// Nil for plain TCP.
    package let tls: TLSContext?
    private let recorder: (any ConnectionRecorder)?
    private let rate: RateLimit?
    private let route: ProxyRoute?

    /// - Parameters:
    ///   - tls: Secures the connection, and never falls back to a plain one; nil is plain TCP.
    ///   - recorder: records what goes over the connections.
    ///   - rate: the budget of bytes a second that the connections keep to; nil is without limit.
    ///   - route: the proxy through which peers are connected to; nil connects to them directly.
    package init(
        tls: TLSContext? = nil, recorder: (any ConnectionRecorder)? = nil, rate: RateLimit? = nil,
        route: ProxyRoute? = nil
    ) {
        self.rate = rate
        self.route = route
        self.tls = tls
        self.recorder = recorder
    }

    /// The addresses of a peer in numbers, in the order in which they are tried.
    ///
    /// - Throws: `TransportError` if the name has none, a limit passes or the wait is cancelled.
    package static func addresses(of endpoint: Endpoint, wait: WaitLimits) throws(TransportError) -> [String] {
        let found = try HostLookup.addresses(of: endpoint.host, port: endpoint.port, wait: wait)
        return found.map(\.host).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The address of ours by which the system would send to an address in numbers. Nothing is sent.
    ///
    /// - Throws: `TransportError` if there is no way to it.
    package static func localAddress(towards endpoint: Endpoint) throws(TransportError) -> String {
        guard let address = HostLookup.numericAddress(of: endpoint.host, port: endpoint.port) else {
            throw .nameNotFound(host: endpoint.host, detail: "not an address in numbers")
        }
        do throws(SystemError) {
            return try address.localAddress().host
        } catch {
            throw .noRoute(detail: error.reason)
        }
    }

    /// The same connector for plain TCP, also through the proxy, without a record of the bytes.
    package var withoutTLS: Connector { Connector(route: route) }

    /// A connector to look at a peer's TLS with: it takes any certificate, and shows none of ours. Nothing is sent over it.
    ///
    /// - Throws: `TransportError.tls` if TLS is not available.
    package func withAnyTLS() throws(TransportError) -> Connector {
        var configuration = TLSConfiguration()
        configuration.isInsecure = true
        configuration.profile = .aes
        return Connector(tls: try TLSContext(configuration, role: .client), route: route)
    }

    /// The proxy through which a host is connected to; nil for none.
    package func proxy(for host: String) -> Proxy? {
        guard let route, route.leads(to: host) else { return nil }
        return route.proxy
    }

    /// Connects to the peer, and secures the connection if TLS was requested.
    ///
    /// - Parameter wait: Its total limits name look-up, connect and TLS handshake together.
    /// - Throws: `TransportError` if name look-up, connect, proxy or TLS handshake fails, a limit passes or the wait is
    ///   cancelled.
    package func connect(to endpoint: Endpoint, wait: WaitLimits) throws(TransportError) -> any Connection {
        let opening = { () throws(TransportError) in try connectPlainly(to: endpoint, wait: wait) }
        let open: any Connection =
            if let tls { try tls.connect(to: endpoint, wait: wait, opening: opening) } else { try opening() }
        return RecordedConnection.over(PacedConnection.over(open, rate), recorder, isOpenedByPeer: false)
    }

    private func connectPlainly(to endpoint: Endpoint, wait: WaitLimits) throws(TransportError) -> TCPConnection {
        guard let proxy = proxy(for: endpoint.host) else {
            return try .connect(host: endpoint.host, port: endpoint.port, wait: wait)
        }
        return try ProxyTunnel(proxy, to: endpoint, wait: wait).open()
    }
}
