#if TLS
    import COpenSSL

    /// Checks the peer's certificate during the handshake, and keeps the reason of a refusal.
    final class TLSVerification {
        private let configuration: TLSConfiguration
        private let expectedName: String?
        /// The reason why the certificate was not accepted.
        private(set) var refusal: String?
        /// The reason why it would not have been accepted, were the check not switched off.
        private(set) var waived: String?

        init(_ configuration: TLSConfiguration, expectedName: String?) {
            self.configuration = configuration
            self.expectedName = expectedName
        }

        /// The callback of OpenSSL in place of its own check; the session holds a reference to its verification.
        static func run(_ store: OpaquePointer?) -> CInt {
            guard let store,
                let session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
                let owner = SSL_get_ex_data(OpaquePointer(session), 0)
            else { return 0 }
            return Unmanaged<TLSVerification>.fromOpaque(owner).takeUnretainedValue().verify(store) ? 1 : 0
        }

        private func verify(_ store: OpaquePointer) -> Bool {
            let isGood = X509_verify_cert(store) == 1
            let certificate = X509_STORE_CTX_get0_cert(store)
            var problem = isGood ? nil : reason(store)
            var code = isGood ? X509_V_OK : X509_STORE_CTX_get_error(store)
            if let pin = configuration.pin, let certificate {
                if CertificateDescription.fingerprint(certificate) != pin {
                    problem = "the peer's certificate is not the pinned one"
                    code = X509_V_ERR_CERT_REJECTED
                } else if let dates = Self.wrongDates(certificate) {
                    problem = dates
                    code = X509_V_ERR_CERT_HAS_EXPIRED
                } else {
                    problem = nil
                }
            }
            guard let problem else {
                X509_STORE_CTX_set_error(store, X509_V_OK)
                return true
            }
            guard !configuration.isInsecure else {
                waived = problem
                X509_STORE_CTX_set_error(store, X509_V_OK)
                return true
            }
            refusal = problem
            // Decides which alert the peer gets.
            X509_STORE_CTX_set_error(store, code)
            return false
        }

        private func reason(_ store: OpaquePointer) -> String {
            let code = X509_STORE_CTX_get_error(store)
            let words = X509_verify_cert_error_string(CLong(code)).map { String(cString: $0).lowercased() }
            var text = words ?? "unknown reason"
            guard let certificate = X509_STORE_CTX_get_current_cert(store) else { return text }
            switch code {
            case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
                text += " (valid \(CertificateDescription.validity(certificate)))"
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
                let names = CertificateDescription.alternativeNames(certificate)
                text = "it is for \(names ?? CertificateDescription.subject(certificate))"
                text += ", not for \(expectedName ?? "this host")"
            default: break
            }
            return "certificate \(CertificateDescription.subject(certificate)): \(text)"
        }

        private static func wrongDates(_ certificate: OpaquePointer) -> String? {
            let isEarly = X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0
            let isLate = X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0
            guard isEarly || isLate else { return nil }
            let words = isLate ? "certificate has expired" : "certificate is not yet valid"
            return "certificate \(CertificateDescription.subject(certificate)): \(words)"
                + " (valid \(CertificateDescription.validity(certificate)))"
        }
    }
#endif
