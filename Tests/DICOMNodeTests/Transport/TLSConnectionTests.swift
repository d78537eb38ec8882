import System
import TestSupport

#if TLS
    import Glibc
    import Testing

    @testable import DICOMNode

    struct TLSConnectionTests {
        private let patience = Loopback.patience
        private let folder: TLSFixtureFolder

        init() throws { folder = try TLSFixtureFolder() }

        private func client(_ change: (inout TLSConfiguration) -> Void = { _ in }) -> TLSConfiguration {
            var configuration = TLSConfiguration()
            configuration.trust = .path(folder["authority"])
            change(&configuration)
            return configuration
        }

        private func server(
            _ certificate: String = "server", _ change: (inout TLSConfiguration) -> Void = { _ in }
        ) -> TLSConfiguration {
            var configuration = TLSConfiguration()
            configuration.trust = .path(folder["authority"])
            configuration.certificate = folder[certificate]
            configuration.key = folder["serverKey"]
            change(&configuration)
            return configuration
        }

        private func peer(_ host: String = "127.0.0.1") -> Endpoint { Endpoint(host: host, port: 104) }

        private struct Pair {
            let client: any Connection
            let server: any Connection
        }

        /// Both ends shake hands at once; what either of them throws is thrown, the client's first.
        private func secure(
            _ client: TLSConfiguration, _ server: TLSConfiguration, host: String = "127.0.0.1"
        ) throws -> Pair {
            let loopback = try Loopback(smallBuffers: true)
            let serverContext = try TLSContext(server, role: .server)
            let end = loopback.server
            let accepting = try Background { () -> any Connection in
                do {
                    return try serverContext.accept(over: end)
                } catch {
                    end.close()
                    throw error
                }
            }
            let context = try TLSContext(client, role: .client)
            do {
                let secured = try context.connect(to: peer(host), wait: patience) { loopback.client }
                return Pair(client: secured, server: try accepting.value())
            } catch {
                loopback.client.close()
                throw error
            }
        }

        private func refusal(
            _ client: TLSConfiguration, _ server: TLSConfiguration, host: String = "127.0.0.1"
        ) throws -> TLSError {
            let error = #expect(throws: TransportError.self) { try secure(client, server, host: host) }
            guard case .tls(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return TLSError(.session, "")
            }
            return reason
        }

        @Test(arguments: ["127.0.0.1", "::1", "localhost"])
        func `bytes pass both ways`(host: String) throws {
            let pair = try secure(client(), server(), host: host)
            try pair.client.write([1, 2, 3], wait: patience)
            #expect(try pair.server.readBytes(3) == [1, 2, 3])
            try pair.server.write([4, 5], wait: patience)
            #expect(try pair.client.readBytes(2) == [4, 5])
            let security = try #require(pair.client.securityDescription)
            #expect(security.hasPrefix("TLSv1.3, TLS_") && security.hasSuffix(", peer CN=localhost"))
            #expect(pair.client.securityWarning == nil)
        }

        @Test func `much passes although the reader is slow to start`() throws {
            let pair = try secure(client(), server())
            let bytes = pattern(Loopback.blockingLength)
            let writer = pair.client
            let writing = try Background { try writer.write(bytes, wait: Loopback.patience) }
            #expect(try pair.server.readBytes(bytes.count) == bytes)
            try writing.value()
        }

        @Test func `a blocked write hears the peer`() throws {
            let pair = try secure(client(), server())
            try pair.server.write([7], wait: patience)
            let bytes = [UInt8](repeating: 0, count: Loopback.blockingLength)
            var heard: [UInt8] = []
            #expect(throws: TransportError.abandoned) {
                try bytes.withUnsafeBytes {
                    try pair.client.write(OutgoingBytes($0), wait: patience) {
                        heard += (try? pair.client.readNow()) ?? []
                        return heard.isEmpty ? .keepWatching : .abandon
                    }
                }
            }
            #expect(heard == [7])
        }

        @Test func `a write that was cancelled goes on where it stopped`() throws {
            let pair = try secure(client(), server())
            try pair.server.write([7], wait: patience)
            let bytes = pattern(Loopback.blockingLength)
            let cancellation = try Cancellation()
            #expect(throws: TransportError.cancelled) {
                try bytes.withUnsafeBytes {
                    try pair.client.write(OutgoingBytes($0), wait: WaitLimits(cancellation: cancellation)) {
                        cancellation.raise()
                        return .keepWatching
                    }
                }
            }
            let rest = pair.client.unwritten
            #expect(rest > 0 && rest < bytes.count)
            let server = pair.server
            let reading = try Background { try server.readBytes(bytes.count) }
            try bytes.suffix(rest).withUnsafeBytes { try pair.client.write($0, wait: patience) }
            #expect(try reading.value() == bytes)
        }

        @Test func `a part of a file is read and goes behind the bytes`() throws {
            let folder = try TemporaryFolder()
            let bytes = pattern(Loopback.blockingLength)
            try folder.write(bytes, to: "file")
            let file = try FileDescriptor.open(folder["file"])
            let pair = try secure(client(), server())
            #expect(!pair.client.sendsFiles)
            let server = pair.server
            let reading = try Background { try server.readBytes(3 + bytes.count - 10) }
            let range = FileRange(descriptor: file.rawValue, offset: 10, count: bytes.count - 10)
            try pair.client.write([1, 2, 3], then: range, wait: patience)
            #expect(try reading.value() == [1, 2, 3] + bytes[10...])
            #expect(pair.client.unwritten == 0)
        }

        @Test func `a file that ends before its range is an error that says how much is left`() throws {
            let folder = try TemporaryFolder()
            try folder.write(pattern(1000), to: "file")
            let file = try FileDescriptor.open(folder["file"])
            let pair = try secure(client(), server())
            #expect(throws: TransportError.file(.ended)) {
                try pair.client.write(
                    [1, 2, 3], then: FileRange(descriptor: file.rawValue, offset: 0, count: 1500), wait: patience)
            }
            #expect(pair.client.unwritten == 500)
            #expect(try pair.server.readBytes(3) == [1, 2, 3])
        }

        @Test func `an orderly end is seen, with close_notify and without`() throws {
            let pair = try secure(client(), server())
            pair.server.closeWriting()
            #expect(try pair.client.readBytes(1) == [])
            try pair.client.write([1], wait: patience)
            #expect(try pair.server.readBytes(1) == [1])
            pair.client.close()
            #expect(throws: TransportError.closed) { try pair.client.readBytes(1) }
        }

        @Test func `waits end with their clocks and when they are cancelled`() throws {
            let pair = try secure(client(), server())
            #expect(try pair.client.readNow() == nil)
            #expect(throws: TransportError.timedOut(.read)) {
                try pair.client.readBytes(1, wait: WaitLimits(inactivity: 0))
            }
            let cancellation = try Cancellation()
            cancellation.raise()
            #expect(throws: TransportError.cancelled) {
                try pair.client.readBytes(1, wait: WaitLimits(cancellation: cancellation))
            }
        }

        @Test(arguments: [
            (
                "expired", TLSError.Code.certificateDates,
                "certificate CN=localhost: certificate has expired (valid 2000-01-01 to 2001-01-01)"
            ),
            (
                "early", .certificateDates,
                "certificate CN=localhost: certificate is not yet valid (valid 2100-01-01 to 2120-01-01)"
            ),
            ("foreign", .certificate, "certificate CN=localhost: unable to get local issuer certificate"),
            ("selfSigned", .certificate, "certificate CN=localhost: self-signed certificate"),
            (
                "otherName", .certificateName,
                "certificate CN=pacs.example: it is for DNS:pacs.example, IP Address:192.0.2.1, not for 127.0.0.1"
            ),
        ])
        func `a wrong certificate is refused with its reason`(
            certificate: String, code: TLSError.Code, reason: String
        ) throws {
            #expect(try refusal(client(), server(certificate)) == TLSError(code, reason))
        }

        @Test func `the name may be another one, or unchecked, when the user says so`() throws {
            _ = try secure(client { $0.expectedName = "pacs.example" }, server("otherName"))
            _ = try secure(client { $0.checksName = false }, server("otherName"))
            let wrong = try refusal(client { $0.expectedName = "other.example" }, server())
            #expect(wrong.detail.hasSuffix("not for other.example"))
        }

        @Test func `a pinned certificate needs no issuer and no name, but the right dates`() throws {
            let pin = try #require(TLSConfiguration.pin(parsing: TLSFixtures.selfSignedFingerprint))
            _ = try secure(client { $0.pin = pin }, server("selfSigned"), host: "other.example")
            let wrong = try refusal(client { $0.pin = pin }, server())
            #expect(wrong == TLSError(.certificate, "the peer's certificate is not the pinned one"))
        }

        @Test func `insecure accepts anything and says so`() throws {
            let pair = try secure(client { $0.isInsecure = true }, server("expired"))
            let warning = try #require(pair.client.securityWarning)
            #expect(warning.contains("certificate has expired"))
        }

        @Test func `a client shows its certificate to a server that asks`() throws {
            let asking = server { $0.clientCertificate = .required }
            let shown = client {
                $0.certificate = folder["client"]
                $0.key = folder["encryptedClientKey"]
                $0.keyPassword = "secret"
            }
            let pair = try secure(shown, asking)
            #expect(pair.server.securityDescription?.hasSuffix("peer CN=dcmscu test client") == true)
            let optional = server { $0.clientCertificate = .optional }
            _ = try secure(client(), optional)
        }

        @Test(arguments: [nil, "foreignClient"])
        func `a client without a good certificate learns that it was refused`(certificate: String?) throws {
            let asking = server {
                $0.clientCertificate = .required
                $0.minimumVersion = .tls13
            }
            let shown = client {
                $0.certificate = certificate.map { folder[$0] }
                $0.key = certificate.map { _ in folder["clientKey"] }
            }
            let loopback = try Loopback()
            let context = try TLSContext(asking, role: .server)
            let end = loopback.server
            let accepting = try Background { _ = try context.accept(over: end) }
            // In TLS 1.3 the client is done before the server has judged it.
            let connection = try TLSContext(shown, role: .client)
                .connect(to: peer(), wait: patience) { loopback.client }
            let error = #expect(throws: TransportError.self) { try connection.readBytes(1) }
            guard case .tls(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.code == .certificateRefusedByPeer)
            #expect(throws: TransportError.self) { try accepting.value() }
        }

        @Test func `a peer that speaks something else is told from one whose TLS fails`() throws {
            let words = TransportError.tls(TLSError(.handshake, "the peer does not speak TLS"))
            let http = try Loopback()
            try http.server.write(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), wait: patience)
            let clientContext = try TLSContext(client(), role: .client)
            #expect(throws: words) {
                try clientContext.connect(to: peer(), wait: patience) { http.client }
            }
            let plain = try Loopback()
            // The beginning of an A-ASSOCIATE-RQ.
            try plain.client.write([0x01, 0x00, 0x00, 0x00, 0x00, 0xCD, 0x00, 0x01], wait: patience)
            let serverContext = try TLSContext(server(), role: .server)
            #expect(throws: words) { try serverContext.accept(over: plain.server) }
        }

        @Test func `a peer that closes or keeps silent does not hold the handshake`() throws {
            let context = try TLSContext(client(), role: .client)
            let closing = try Loopback()
            closing.server.closeWriting()
            let error = #expect(throws: TransportError.self) {
                try context.connect(to: peer(), wait: patience) { closing.client }
            }
            guard case .tls(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.code == .handshake)
            let silent = try Loopback()
            #expect(throws: TransportError.timedOut(.handshake)) {
                try context.connect(to: peer(), wait: WaitLimits(inactivity: 0)) { silent.client }
            }
        }
    }

    extension TLSContext {
        /// The whole handshake of a server at once; ours waits for it in its lobby.
        func accept(over connection: TCPConnection) throws(TransportError) -> any Connection {
            let secured = try TLSConnection(self, over: connection, to: nil)
            try secured.handshake(wait: Loopback.patience)
            return secured
        }
    }
#endif
