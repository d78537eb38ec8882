import System
import TestSupport

#if TLS
    import Glibc
    import Testing

    @testable import DICOMNode

    /// Which connections resume the session of one before, and that none gets in by it that would not without.
    struct TLSSessionsTests {
        private let patience = Loopback.patience
        private let folder: TLSFixtureFolder
        private let peer = Endpoint(host: "127.0.0.1", port: 2762)

        init() throws { folder = try TLSFixtureFolder() }

        private func client(
            sessions: TLSSessions = TLSSessions(), _ change: (inout TLSConfiguration) -> Void = { _ in }
        ) throws -> TLSContext {
            var configuration = TLSConfiguration()
            configuration.trust = .path(folder["authority"])
            change(&configuration)
            return try TLSContext(configuration, role: .client, sessions: sessions)
        }

        private func server(
            _ certificate: String = "server", sessions: TLSSessions = TLSSessions(),
            _ change: (inout TLSConfiguration) -> Void = { _ in }
        ) throws -> TLSContext {
            var configuration = TLSConfiguration()
            configuration.trust = .path(folder["authority"])
            configuration.certificate = folder[certificate]
            configuration.key = folder["serverKey"]
            change(&configuration)
            return try TLSContext(configuration, role: .server, sessions: sessions)
        }

        private struct Pair {
            let client: any Connection
            let server: any Connection

            /// Both ends agree about it.
            var isResumed: Bool {
                let ofClient = client.securityDetails?.isResumed
                #expect(ofClient == server.securityDetails?.isResumed)
                #expect(client.securityDescription?.split(separator: ", ").contains("session resumed") == ofClient)
                return ofClient == true
            }

            func close() {
                client.close()
                server.close()
            }
        }

        /// A connection with a byte in each direction, as of an association: a ticket comes before the byte of the server.
        private func connect(
            _ client: TLSContext, _ server: TLSContext, to endpoint: Endpoint? = nil
        ) throws -> Pair {
            let loopback = try Loopback()
            let end = loopback.server
            let accepting = try Background { () -> any Connection in
                do {
                    let secured = try server.accept(over: end)
                    try secured.write([1], wait: Loopback.patience)
                    return secured
                } catch {
                    end.close()
                    throw error
                }
            }
            do {
                let secured = try client.connect(to: endpoint ?? peer, wait: patience) { loopback.client }
                #expect(try secured.readBytes(1) == [1])
                let pair = Pair(client: secured, server: try accepting.value())
                try secured.write([2], wait: patience)
                #expect(try pair.server.readBytes(1) == [2])
                return pair
            } catch {
                loopback.client.close()
                throw error
            }
        }

        private func refusal(_ client: TLSContext, _ server: TLSContext) throws -> TLSError? {
            let error = #expect(throws: TransportError.self) { try connect(client, server) }
            guard case .tls(let reason) = error else { return nil }
            return reason
        }

        @Test func `each connection resumes the session of the one before it`() throws {
            let (client, server) = (try client(), try server())
            let first = try connect(client, server)
            #expect(!first.isResumed)
            let others = try (0..<3).map { _ in try connect(client, server) }
            first.close()
            let last = try connect(client, server)
            for pair in others + [last] {
                #expect(pair.isResumed)
                #expect(pair.client.securityDetails?.chain == first.client.securityDetails?.chain)
                #expect(pair.client.securityDescription?.hasSuffix(", session resumed, peer CN=localhost") == true)
            }
        }

        @Test func `the session of another host, port or run is not used`() throws {
            let (client, server) = (try client(), try server())
            _ = try connect(client, server)
            for other in [Endpoint(host: "127.0.0.1", port: 104), Endpoint(host: "localhost", port: peer.port)] {
                #expect(try !connect(client, server, to: other).isResumed)
            }
            #expect(try !connect(self.client(), server).isResumed)
            #expect(try connect(client, server).isResumed)
        }

        @Test func `a server that does not know the session makes a new one`() throws {
            let client = try client()
            _ = try connect(client, server())
            let other = try server()
            #expect(try !connect(client, other).isResumed)
            #expect(try connect(client, other).isResumed)
        }

        @Test func `an expired session is not used, by neither side`() throws {
            let (forgetful, server) = (try client(sessions: TLSSessions(lifetime: 0)), try server())
            for _ in 0..<2 { #expect(try !connect(forgetful, server).isResumed) }
            let (client, forgetfulServer) = (try client(), try self.server(sessions: TLSSessions(lifetime: 0)))
            for _ in 0..<2 { #expect(try !connect(client, forgetfulServer).isResumed) }
        }

        @Test(arguments: ["expired", "foreign", "otherName"])
        func `a certificate that is not accepted now leads to a full handshake, which refuses it`(
            certificate: String
        ) throws {
            let sessions = TLSSessions()
            let server = try server(certificate)
            let insecure = try client(sessions: sessions) { $0.isInsecure = true }
            let warning = try connect(insecure, server).client.securityWarning
            #expect(warning?.hasPrefix("the peer's certificate was not accepted, but used: certificate CN=") == true)
            let resumed = try connect(insecure, server)
            #expect(resumed.isResumed)
            #expect(resumed.client.securityWarning == warning)
            let strict = try client(sessions: sessions)
            let codes: [TLSError.Code] = [.certificateDates, .certificate, .certificateName]
            let reason = try #require(try refusal(strict, server))
            #expect(codes.contains(reason.code))
        }

        @Test func `a name or a pin that the certificate has not leads to a full handshake, which refuses it`() throws {
            let sessions = TLSSessions()
            let server = try server()
            _ = try connect(client(sessions: sessions), server)
            let named = try client(sessions: sessions) { $0.expectedName = "pacs.example" }
            #expect(try refusal(named, server)?.code == .certificateName)
            let pinned = try client(sessions: sessions) { $0.pin = [UInt8](repeating: 1, count: 32) }
            #expect(try refusal(pinned, server)?.detail == "the peer's certificate is not the pinned one")
            #expect(try connect(client(sessions: sessions), server).isResumed)
        }

        private func showing(_ certificate: String) throws -> TLSContext {
            try client {
                $0.certificate = folder[certificate]
                $0.key = folder["clientKey"]
            }
        }

        @Test func `a server knows a client by the certificate that it showed at first`() throws {
            let server = try server { $0.clientCertificate = .required }
            let client = try showing("client")
            for number in 0..<3 {
                let pair = try connect(client, server)
                #expect(pair.isResumed == (number > 0))
                #expect(pair.server.securityDescription?.hasSuffix("peer CN=dcmscu test client") == true)
                #expect(pair.client.securityDetails?.asksForCertificate == true)
            }
        }

        @Test func `a client whose certificate is not accepted now gets in by no session`() throws {
            let sessions = TLSSessions()
            let lax = try server(sessions: sessions) {
                $0.clientCertificate = .required
                $0.isInsecure = true
            }
            let client = try showing("foreignClient")
            _ = try connect(client, lax)
            #expect(try connect(client, lax).isResumed)
            let strict = try server(sessions: sessions) { $0.clientCertificate = .required }
            #expect(try refusal(client, strict)?.code == .certificateRefusedByPeer)
        }

        @Test func `a session without a certificate does not get in where one is required`() throws {
            let sessions = TLSSessions()
            let client = try client()
            _ = try connect(client, server(sessions: sessions))
            #expect(try connect(client, server(sessions: sessions) { $0.clientCertificate = .optional }).isResumed)
            let strict = try server(sessions: sessions) { $0.clientCertificate = .required }
            #expect(try refusal(client, strict)?.code == .certificateRefusedByPeer)
        }

        @Test func `a server that fails over a session is connected to without, and never offered one again`() throws {
            let (client, server) = (try client(), try server())
            _ = try connect(client, server)
            let failing = try Loopback()
            // A fatal alert, "internal error".
            try failing.server.write([0x15, 3, 3, 0, 2, 2, 80], wait: patience)
            let good = try Loopback()
            let accepting = try Background { try server.accept(over: good.server) }
            var opened = [failing.client, good.client]
            let secured = try client.connect(to: peer, wait: patience) { opened.removeFirst() }
            #expect(opened.isEmpty)
            #expect(secured.securityDetails?.isResumed == false)
            #expect(try accepting.value().securityDetails?.isResumed == false)
            #expect(try !connect(client, server).isResumed)
        }

        @Test func `a handshake that fails without a session is not repeated`() throws {
            let failing = try Loopback()
            try failing.server.write([0x15, 3, 3, 0, 2, 2, 80], wait: patience)
            var opened = [failing.client]
            let client = try client()
            #expect(throws: TransportError.self) {
                try client.connect(to: peer, wait: patience) { opened.removeFirst() }
            }
        }

        @Test func `the sessions of many callers do not fill memory`() throws {
            let sessions = TLSSessions()
            let server = try server(sessions: sessions)
            let first = try client()
            _ = try connect(first, server)
            for _ in 0..<TLSSessions.maximumCount { _ = try connect(client(), server) }
            #expect(try !connect(first, server).isResumed)
        }
    }
#endif
