import TestSupport
import Testing

@testable import DICOMNode

struct TLSConfigurationTests {
    @Test func `a fingerprint is read with and without colons`() {
        let digits = String(repeating: "0aFf", count: 16)
        let expected = [UInt8](repeating: 0, count: 32).enumerated().map { UInt8($0.offset % 2 == 0 ? 0x0A : 0xFF) }
        #expect(TLSConfiguration.pin(parsing: digits) == expected)
        let colons = expected.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        #expect(TLSConfiguration.pin(parsing: colons) == expected)
    }

    @Test(arguments: ["", "12", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func `what is no fingerprint is refused`(text: String) {
        #expect(TLSConfiguration.pin(parsing: text) == nil)
    }

    #if TLS
        private func failure(_ role: TLSContext.Role, _ change: (inout TLSConfiguration) -> Void) -> TLSError? {
            var configuration = TLSConfiguration()
            change(&configuration)
            let error = #expect(throws: TransportError.self) { try TLSContext(configuration, role: role) }
            guard case .tls(let reason) = error else { return nil }
            return reason
        }

        @Test func `a certificate that is made for a run serves both sides`() throws {
            let folder = try TemporaryFolder()
            let path = folder["made.pem"]
            try SelfSignedCertificate.write(to: path, address: "127.0.0.1")
            var configuration = TLSConfiguration()
            configuration.trust = .path(path)
            configuration.certificate = path
            // It lasts a day, of which a warning tells nobody anything: it is the context's to give.
            for role in [TLSContext.Role.client, .server] { _ = try TLSContext(configuration, role: role) }
            #expect(throws: TransportError.self) {
                try SelfSignedCertificate.write(to: "/dev/null/made.pem", address: "127.0.0.1")
            }
            #expect(throws: TransportError.self) { try SelfSignedCertificate.write(to: path, address: "nowhere") }
        }

        @Test func `files that cannot be used are named with the reason`() throws {
            let folder = try TLSFixtureFolder()
            let missing = failure(.client) { $0.trust = .path("/no/such/file") }
            #expect(missing == TLSError(.configuration, "/no/such/file: no such file or directory"))
            let key = failure(.client) { $0.trust = .path(folder["clientKey"]) }
            #expect(key?.code == .configuration)
            let noPassword = failure(.client) {
                $0.certificate = folder["client"]
                $0.key = folder["encryptedClientKey"]
            }
            #expect(noPassword?.detail.hasSuffix("the key needs a password") == true)
            let wrongPassword = failure(.client) {
                $0.certificate = folder["client"]
                $0.key = folder["encryptedClientKey"]
                $0.keyPassword = "wrong"
            }
            #expect(wrongPassword?.detail.hasSuffix("the key has another password") == true)
            let otherKey = failure(.client) {
                $0.certificate = folder["client"]
                $0.key = folder["serverKey"]
            }
            #expect(otherKey?.code == .configuration)
            #expect(failure(.client) { $0.key = folder["clientKey"] }?.detail == "a key without a certificate")
            #expect(failure(.server) { _ in }?.code == .configuration)
        }

        @Test func `our own certificate is looked at, too`() throws {
            let folder = try TLSFixtureFolder()
            var configuration = TLSConfiguration()
            configuration.certificate = folder["expired"]
            configuration.key = folder["serverKey"]
            let context = try TLSContext(configuration, role: .server)
            #expect(context.warnings == ["our own certificate expired on 2001-01-01"])
        }

        @Test(arguments: TLSProfile.allCases)
        func `every profile has ciphers that the library knows`(profile: TLSProfile) throws {
            var configuration = TLSConfiguration()
            configuration.profile = profile
            let context = try TLSContext(configuration, role: .client)
            #expect(context.warnings.isEmpty)
        }

        @Test func `a certificate is worth a warning in its last fortnight`() {
            typealias Description = CertificateDescription
            #expect(Description.expiryWarning(daysLeft: 14, isPast: false, day: "2026-05-15") == nil)
            let soon = Description.expiryWarning(daysLeft: 13, isPast: false, day: "2026-05-14")
            #expect(soon == "expires in 13 days (2026-05-14)")
            #expect(Description.expiryWarning(daysLeft: 1, isPast: false, day: "d") == "expires in 1 day (d)")
            #expect(Description.expiryWarning(daysLeft: 0, isPast: true, day: "d") == "expired on d")
        }
    #else
        @Test func `a binary without TLS says so`() {
            #expect(!TLSContext.isAvailable)
            let words = "this program was built without TLS"
            #expect(throws: TransportError.tls(TLSError(.notAvailable, words))) {
                try TLSContext(TLSConfiguration(), role: .client)
            }
        }
    #endif
}
