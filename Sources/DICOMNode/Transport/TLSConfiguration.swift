package import System

/// Takes the secrets of TLS connections, so that what others have captured of them can be read: a line of NSS key log
/// format, without its line feed. Called on the threads of the connections.
package typealias TLSKeyLog = @Sendable (String) -> Void

/// The settings of TLS: the same for connecting and for listening.
package struct TLSConfiguration: Sendable, Equatable {
    /// The trusted CA certificates.
    package enum Trust: Sendable, Equatable {
        /// The trusted certificates of the system.
        case system
        /// A file of certificates in PEM, or a directory of such files with names by `openssl rehash`.
        case path(FilePath)
    }

    package enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// The certificate that a listener requires of its clients.
    package enum ClientCertificate: String, Sendable, CaseIterable {
        case none, optional, required
    }

    package var trust = Trust.system
    /// Certificate revocation lists, PEM; those that stand in the file of ``trust`` count as well.
    package var revocationLists: FilePath?
    /// Our own certificate and those between it and the root, PEM; none is allowed for a client.
    package var certificate: FilePath?
    /// Nil: the key stands in the certificate's file.
    package var key: FilePath?
    package var keyPassword: String?
    package var minimumVersion = Version.tls12
    package var profile = TLSProfile.bcp195
    /// The name, or address in numbers, that the peer's certificate must be for; nil: the host connected to.
    package var expectedName: String?
    package var checksName = true
    /// SHA-256 of the one certificate that is accepted, 32 bytes. It takes the place of a known issuer and of the name,
    /// not of the dates.
    package var pin: [UInt8]?
    /// Accepts any certificate: nothing protects from somebody in between.
    package var isInsecure = false
    package var clientCertificate = ClientCertificate.none

    package init() {}

    /// A fingerprint as tools print it: 64 hexadecimal digits, with or without colons; otherwise nil.
    package static func pin(parsing text: String) -> [UInt8]? {
        let digits = text.filter { $0 != ":" && $0 != " " }.map(\.hexDigitValue)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return bytes
    }

    /// Days before its end in which a certificate is worth a warning: a working fortnight to get a new one.
    package static let expiryWarningDays = 14
}

/// Secure transport connection profiles, PS3.15 annex B: which versions and ciphers may be negotiated.
package enum TLSProfile: String, Sendable, CaseIterable {
    /// PS3.15 B.12: TLS 1.2 and 1.3 as RFC 9325 recommends.
    case bcp195
    /// PS3.15 B.13: B.12 with longer keys first and a few more ciphers.
    case bcp195Modified = "bcp195-modified"
    /// PS3.15 B.10, retired: as RFC 7525 had it, with finite-field Diffie-Hellman.
    case bcp195NonDowngrading = "bcp195-nd"
    /// PS3.15 B.3, retired: for old equipment, which knows nothing but AES in CBC mode.
    case aes

    /// Ciphers of TLS 1.2 in OpenSSL's names; those of TLS 1.3 are all good and need no choice.
    var cipherList: String {
        let recommended = [
            "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
        ]
        let finiteField = ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"]
        let ciphers: [String]
        switch self {
        case .bcp195: ciphers = recommended
        case .bcp195Modified:
            ciphers =
                [
                    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384",
                    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-CCM",
                    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256",
                    "ECDHE-ECDSA-AES128-CCM",
                ]
        case .bcp195NonDowngrading: ciphers = recommended + finiteField
        case .aes:
            ciphers =
                recommended + finiteField + ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"]
        }
        return ciphers.joined(separator: ":")
    }
}
