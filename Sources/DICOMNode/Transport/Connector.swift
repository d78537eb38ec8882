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
    private let tls: TLSContext?
    private let recorder: (any ConnectionRecorder)?

    /// - Parameters:
    ///   - tls: Secures the connection, and never falls back to a plain one; nil is plain TCP.
    ///   - recorder: records what goes over the connections.
    package init(tls: TLSContext? = nil, recorder: (any ConnectionRecorder)? = nil) {
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

    /// Connects to the peer, and secures the connection if TLS was requested.
    ///
    /// - Parameter wait: Its total limits name look-up, connect and TLS handshake together.
    /// - Throws: `TransportError` if name look-up, connect or TLS handshake fails, a limit passes or the wait is
    ///   cancelled.
    package func connect(to endpoint: Endpoint, wait: WaitLimits) throws(TransportError) -> any Connection {
        let connection = try TCPConnection.connect(host: endpoint.host, port: endpoint.port, wait: wait)
        let open: any Connection =
            if let tls { try tls.connect(over: connection, host: endpoint.host, wait: wait) } else { connection }
        return RecordedConnection.over(open, recorder, isOpenedByPeer: false)
    }
}
