/// Opens the connection that an association runs on.
package struct Connector: Sendable {
    package init() {}

    /// - Parameter wait: its total bounds name look-up, connect and, where it is asked for, the TLS handshake together.
    package func connect(to endpoint: Endpoint, wait: WaitLimits) throws(TransportError) -> any Connection {
        try TCPConnection.connect(host: endpoint.host, port: endpoint.port, wait: wait)
    }
}
