import TestSupport

#if TLS
    import DICOMProtocol
    import Testing

    @testable import DICOMNode

    /// What strangers do at a receiver that speaks TLS, before they have asked for an association.
    @Suite struct FrozenHandshakeTests {
        private let server: TLSContext
        private let client: TLSContext

        init() throws {
            let folder = try TLSFixtureFolder()
            var configuration = TLSConfiguration()
            configuration.trust = .path(folder["authority"])
            client = try TLSContext(configuration, role: .client)
            configuration.certificate = folder["server"]
            configuration.key = folder["serverKey"]
            server = try TLSContext(configuration, role: .server)
        }

        /// The first bytes of a ClientHello that says it has 512.
        private static let halfHello: [UInt8] =
            [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + [UInt8](repeating: 7, count: 32)

        private func secured(_ receiving: Receiving) throws -> any Connection {
            let connection = try receiving.connect()
            return try client.connect(to: Endpoint(host: "127.0.0.1", port: 104), wait: Loopback.patience) {
                connection
            }
        }

        @Test func `a peer gets in beside handshakes and requests that freeze at each stage`() throws {
            let receiving = try Receiving(tls: server)
            defer { receiving.server.stop() }
            var frozen: [any Connection] = []
            for number in 0..<160 {
                switch number % 4 {
                case 0: frozen.append(try receiving.connect())
                case 1:
                    let connection = try receiving.connect()
                    try connection.write(Self.halfHello, wait: Loopback.patience)
                    frozen.append(connection)
                case 2: frozen.append(try secured(receiving))
                default:
                    let connection = try secured(receiving)
                    try connection.write(Array(Receiving.request().dropLast(9)), wait: Loopback.patience)
                    frozen.append(connection)
                }
            }
            #expect(try receiving.echoes(over: client))
            #expect(receiving.server.threadsInUse < 10)
            for connection in frozen { connection.close() }
        }

        @Test func `a request in pieces over TLS is answered`() throws {
            let receiving = try Receiving(tls: server)
            defer { receiving.server.stop() }
            let connection = try secured(receiving)
            let request = Receiving.request()
            for part in [request.prefix(3), request[3..<6], request[6..<50], request[50...]] {
                try connection.write(Array(part), wait: Loopback.patience)
            }
            #expect(try connection.readBytes(1) == [2])
            connection.close()
        }

        @Test func `what follows the request at once is not lost`() throws {
            let receiving = try Receiving(tls: server)
            defer { receiving.server.stop() }
            let connection = try secured(receiving)
            let message = PeerBytes.message(Receiving.store(), context: 1, dataSet: Receiving.dataSet)
            try connection.write(Receiving.request() + message, wait: Loopback.patience)
            #expect(receiving.received.wait(until: .after(seconds: 20)) { !$0.isEmpty })
            #expect(try receiving.folder.names() == ["1.2.3.4"])
            connection.close()
        }

        @Test func `a handshake and a request that do not come cost their limit`() throws {
            let receiving = try Receiving(association: 0.3, tls: server)
            defer { receiving.server.stop() }
            let silent = try receiving.connect()
            #expect(try silent.readBytes(1) == [])
            #expect(
                receiving.waitForEvent {
                    if case .stranger(_, .unreachable(.timedOut(.handshake))) = $0 { true } else { false }
                })
        }

        @Test(arguments: [
            ("HTTP", Array("GET / HTTP/1.1\r\n\r\n".utf8)), ("SSH", Array("SSH-2.0-x\r\n".utf8)),
            ("plain DICOM", Receiving.request()),
        ])
        func `what is no TLS is told apart, and the next peer is served`(_ name: String, _ bytes: [UInt8]) throws {
            let receiving = try Receiving(tls: server)
            defer { receiving.server.stop() }
            try receiving.play([.send(bytes), .hearAll])
            #expect(
                receiving.waitForEvent { if case .stranger(_, .unreachable(.tls)) = $0 { true } else { false } },
                "\(name)")
            #expect(try receiving.echoes(over: client), "\(name)")
        }
    }
#endif
