package import System

/// The certificate that a peer presents, in words.
package struct PeerCertificate: Sendable, Equatable {
    /// "CN=pacs.example,O=Hospital", by RFC 2253.
    package let subject: String
    package let issuer: String
    /// "DNS:pacs.example, IP Address:10.0.0.1"; nil if it has no alternative names.
    package let names: String?
    /// "2020-01-01 to 2021-01-01".
    package let validity: String
    /// SHA-256 of its encoding, as `openssl x509 -fingerprint -sha256` shows it.
    package let fingerprint: [UInt8]
    /// "2021-01-01": the last day that it is valid.
    package let lastDay: String
    /// The whole days until its end; negative ones have passed.
    package let daysLeft: Int
}

/// What a handshake of TLS has agreed on, and what the peer presented.
package struct SecurityDetails: Sendable, Equatable {
    /// "TLSv1.3".
    package let version: String
    package let cipher: String
    /// The peer's certificate, and those that it sent beside it.
    package let chain: [PeerCertificate]
    /// True if the peer asked for a certificate of ours, as far as that is known: TLS 1.3 asks while it shakes hands.
    package let asksForCertificate: Bool
    /// True if the session is that of a connection before, and the certificates are those that the peer showed then.
    package let isResumed: Bool
}

/// A certificate of a file.
package struct StoredCertificate: Sendable, Equatable {
    /// "CN=pacs.example,O=Hospital", by RFC 2253.
    package let subject: String
    /// "2021-01-01": the last day that it is valid.
    package let lastDay: String
    /// The whole days until its end.
    package let daysLeft: Int
    package let isPast: Bool
}

/// The certificates in a file.
package enum CertificateFile {
    /// A bundle of authorities has some hundred kilobytes.
    private static let maximumLength = 16 << 20

    /// Reads the certificates of a file in PEM, in their order; none where TLS is not available.
    ///
    /// - Throws: `FileReadError` if the file cannot be read.
    package static func certificates(in path: FilePath) throws(FileReadError) -> [StoredCertificate] {
        let bytes = try FileDescriptor.contents(of: path, limit: maximumLength)
        #if TLS
            return openOpenSSL() == nil ? CertificateDescription.certificates(ofPEM: bytes) : []
        #else
            return []
        #endif
    }
}

/// Called on the thread of the handshake.
package typealias CertificateObserver = @Sendable (PeerCertificate) -> Void

#if TLS
    import COpenSSL
    import Glibc

    /// The content of a certificate in words.
    enum CertificateDescription {
        /// "CN=pacs.example,O=Hospital", by RFC 2253, which also escapes control characters.
        static func subject(_ certificate: OpaquePointer) -> String {
            text { bio in
                X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, cXN_FLAG_RFC2253)
            }
        }

        /// As ``subject(_:)``.
        static func issuer(_ certificate: OpaquePointer) -> String {
            text { bio in
                X509_NAME_print_ex(bio, X509_get_issuer_name(certificate), 0, cXN_FLAG_RFC2253)
            }
        }

        /// "DNS:pacs.example, IP Address:10.0.0.1"; nil without the extension.
        static func alternativeNames(_ certificate: OpaquePointer) -> String? {
            let index = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)
            guard index >= 0, let found = X509_get_ext(certificate, index) else { return nil }
            return harmless(text { X509V3_EXT_print($0, found, 0, 0) })
        }

        /// "2020-01-01 to 2021-01-01".
        static func validity(_ certificate: OpaquePointer) -> String {
            "\(day(X509_get0_notBefore(certificate))) to \(day(X509_get0_notAfter(certificate)))"
        }

        static func lastDay(_ certificate: OpaquePointer) -> String { day(X509_get0_notAfter(certificate)) }

        static func daysLeft(_ certificate: OpaquePointer) -> Int {
            var (days, seconds): (CInt, CInt) = (0, 0)
            guard ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else { return 0 }
            return seconds < 0 && days == 0 ? -1 : Int(days)
        }

        /// SHA-256 of its encoding, as `openssl x509 -fingerprint -sha256` shows it.
        static func fingerprint(_ certificate: OpaquePointer) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var count: UInt32 = 0
            guard X509_digest(certificate, EVP_sha256(), &bytes, &count) == 1 else { return [] }
            return Array(bytes.prefix(Int(count)))
        }

        static func certificates(ofPEM bytes: [UInt8]) -> [StoredCertificate] {
            bytes.withUnsafeBytes { bytes in
                guard let bio = BIO_new_mem_buf(bytes.baseAddress, CInt(clamping: bytes.count)) else { return [] }
                defer { BIO_free(bio) }
                var found: [StoredCertificate] = []
                while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                    defer { X509_free(certificate) }
                    var (days, seconds): (CInt, CInt) = (0, 0)
                    let end = X509_get0_notAfter(certificate)
                    guard ASN1_TIME_diff(&days, &seconds, nil, end) == 1 else { continue }
                    found.append(
                        StoredCertificate(
                            subject: subject(certificate), lastDay: day(end), daysLeft: Int(days),
                            isPast: days < 0 || seconds < 0))
                }
                // What ends the list is not an error of ours.
                ERR_clear_error()
                return found
            }
        }

        /// "expires in 3 days (2026-05-01)", within the time that a warning is due.
        static func expiryWarning(_ certificate: OpaquePointer) -> String? {
            var days: CInt = 0
            var seconds: CInt = 0
            let end = X509_get0_notAfter(certificate)
            guard ASN1_TIME_diff(&days, &seconds, nil, end) == 1 else { return nil }
            return expiryWarning(daysLeft: Int(days), isPast: days < 0 || seconds < 0, day: day(end))
        }

        static func expiryWarning(daysLeft: Int, isPast: Bool, day: String) -> String? {
            if isPast { return "expired on \(day)" }
            guard daysLeft < TLSConfiguration.expiryWarningDays else { return nil }
            return "expires in \(daysLeft) \(daysLeft == 1 ? "day" : "days") (\(day))"
        }

        private static func day(_ time: UnsafePointer<ASN1_TIME>?) -> String {
            var fields = tm()
            guard ASN1_TIME_to_tm(time, &fields) == 1 else { return "unknown" }
            func padded(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
            return "\(fields.tm_year + 1900)-\(padded(fields.tm_mon + 1))-\(padded(fields.tm_mday))"
        }

        private static func text(_ print: (OpaquePointer?) -> CInt) -> String {
            guard let bio = BIO_new(BIO_s_mem()) else { return "" }
            defer { BIO_free(bio) }
            _ = print(bio)
            var bytes: UnsafePointer<CChar>?
            let count = cBIO_get_mem_data(bio, &bytes)
            guard count > 0, let bytes else { return "" }
            return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
        }

        /// A name is the peer's text: nothing in it may drive a terminal or forge a line.
        private static func harmless(_ text: String) -> String {
            String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
        }
    }

    extension PeerCertificate {
        init(_ certificate: OpaquePointer) {
            subject = CertificateDescription.subject(certificate)
            issuer = CertificateDescription.issuer(certificate)
            names = CertificateDescription.alternativeNames(certificate)
            validity = CertificateDescription.validity(certificate)
            fingerprint = CertificateDescription.fingerprint(certificate)
            lastDay = CertificateDescription.lastDay(certificate)
            daysLeft = CertificateDescription.daysLeft(certificate)
        }
    }
#endif
