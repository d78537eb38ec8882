#if TLS
    import COpenSSL

    /// Checks the peer's certificate during the handshake, and keeps the reason of a refusal.
    final class TLSVerification {
        private let configuration: TLSConfiguration
        private let expectedName: String?
        private let certificateObserver: CertificateObserver?
        /// Nil where no session is resumed.
        private let sessions: TLSSessions?
        /// What the sessions with the peer are kept by; nil at a server, which gives each its number.
        private let peer: [UInt8]?
        /// The reason why the certificate was not accepted.
        private(set) var refusal: TLSError?
        /// True if the peer asked for a certificate of ours.
        var isCertificateRequested = false
        /// The reason why it would not have been accepted, were the check not switched off.
        private(set) var waived: String?
        /// The same of the session that was found fit to be resumed, which the peer may still refuse.
        private var ofSession: (waived: String?, isCertificateRequested: Bool)?

        init(
            _ configuration: TLSConfiguration, expectedName: String?, certificateObserver: CertificateObserver? = nil,
            sessions: TLSSessions? = nil, peer: [UInt8]? = nil
        ) {
            self.configuration = configuration
            self.certificateObserver = certificateObserver
            self.expectedName = expectedName
            self.sessions = sessions
            self.peer = peer
        }

        /// The callback of OpenSSL in place of its own check; the session holds a reference to its verification.
        static func run(_ store: OpaquePointer?) -> CInt {
            guard let store,
                let connection = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
                let verification = of(OpaquePointer(connection))
            else { return 0 }
            return verification.verify(store) ? 1 : 0
        }

        /// The one that belongs to an `SSL`.
        static func of(_ connection: OpaquePointer) -> TLSVerification? {
            SSL_get_ex_data(connection, 0).map { Unmanaged<TLSVerification>.fromOpaque($0).takeUnretainedValue() }
        }

        /// Checks the certificate of the store, and keeps the reason of a refusal.
        func verify(_ store: OpaquePointer) -> Bool {
            ofSession = nil
            X509_STORE_CTX_set_verify_cb(store) { isGood, store in
                guard isGood == 0, X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL else {
                    return isGood
                }
                X509_STORE_CTX_set_error(store, X509_V_OK)
                return 1
            }
            let isGood = X509_verify_cert(store) == 1
            let certificate = X509_STORE_CTX_get0_cert(store)
            if let certificate { certificateObserver?(PeerCertificate(certificate)) }
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
            refusal = TLSError(Self.kind(of: code), problem)
            // Decides which alert the peer gets.
            X509_STORE_CTX_set_error(store, code)
            return false
        }

        // MARK: Sessions

        /// The session to be offered to the peer; nil if there is none that would pass a full handshake now.
        func sessionToOffer(by connection: OpaquePointer) -> ResumableSession? {
            guard let peer, let session = sessions?.find(peer), accepts(session, for: connection) else { return nil }
            return session
        }

        /// Never again offers the peer a session. Returns false if none was offered, or the handshake has come to the check of the
        /// peer's certificate without it.
        func refuseSessions() -> Bool {
            guard let peer, ofSession != nil, refusal == nil else { return false }
            sessions?.refuse(peer)
            return true
        }

        /// The session that a caller wants to resume, with a reference for OpenSSL; nil if it is not known, or would not pass a full
        /// handshake now.
        func find(_ identifier: [UInt8], for connection: OpaquePointer) -> OpaquePointer? {
            guard let session = sessions?.find(identifier), accepts(session, for: connection),
                SSL_SESSION_up_ref(session.pointer) == 1
            else { return nil }
            return session.pointer
        }

        /// Takes over a reference to a new session; returns false if it is not kept. One of a server that has stapled an OCSP response is
        /// not: with its next certificate comes the next response.
        func keep(_ session: OpaquePointer, of connection: OpaquePointer) -> Bool {
            guard let sessions, Self.stapledResponse(connection) == nil else { return false }
            let kept = ResumableSession(session, of: connection, isCertificateRequested: isCertificateRequested)
            sessions.keep(kept, by: peer ?? kept.identifier)
            return true
        }

        /// The peer has resumed the session: what holds for its certificate holds for the connection.
        func noteResumption() {
            guard let ofSession else { return }
            (waived, isCertificateRequested) = ofSession
        }

        /// Checks the certificates of a session as the library does in a full handshake, with the same rules and the time of now.
        private func accepts(_ session: ResumableSession, for connection: OpaquePointer) -> Bool {
            defer { ERR_clear_error() }
            let isServer = SSL_is_server(connection) == 1
            guard let certificate = session.certificate else {
                guard isServer, configuration.clientCertificate != .required else { return false }
                ofSession = (nil, session.isCertificateRequested)
                return true
            }
            let authorities = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(connection))
            guard let store = X509_STORE_CTX_new() else { return false }
            defer { X509_STORE_CTX_free(store) }
            guard X509_STORE_CTX_init(store, authorities, certificate, session.chain) == 1 else { return false }
            let parameters = X509_STORE_CTX_get0_param(store)
            X509_VERIFY_PARAM_set_auth_level(parameters, SSL_get_security_level(connection))
            guard X509_STORE_CTX_set_default(store, isServer ? "ssl_client" : "ssl_server") == 1,
                X509_VERIFY_PARAM_set1(parameters, SSL_get0_param(connection)) == 1
            else { return false }
            let check = TLSVerification(configuration, expectedName: expectedName)
            guard check.verify(store) else { return false }
            ofSession = (check.waived, session.isCertificateRequested)
            return true
        }

        private static func kind(of code: CInt) -> TLSError.Code {
            switch code {
            case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: .certificateDates
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .certificateName
            default: .certificate
            }
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

        /// Checks the OCSP response that the server stapled to its certificate, RFC 6066 8; none is no fault.
        ///
        /// - Returns: the reason why the certificate is not accepted, otherwise nil.
        func problemOfStapledResponse(_ session: OpaquePointer) -> String? {
            guard let problem = Self.stapledResponse(session).flatMap({ problem(of: $0, session) }) else { return nil }
            guard !configuration.isInsecure else {
                waived = problem
                return nil
            }
            return problem
        }

        /// The stapled response; nil if there is none. Its bytes belong to the session.
        private static func stapledResponse(_ session: OpaquePointer) -> UnsafeRawBufferPointer? {
            var bytes: UnsafePointer<UInt8>?
            let count = cSSL_get_tlsext_status_ocsp_resp(session, &bytes)
            guard count > 0, let bytes else { return nil }
            return UnsafeRawBufferPointer(start: bytes, count: count)
        }

        private func problem(of encoded: UnsafeRawBufferPointer, _ session: OpaquePointer) -> String? {
            defer { ERR_clear_error() }
            // Without a chain that was verified a pin or the user has decided.
            guard let chain = SSL_get0_verified_chain(session), OPENSSL_sk_num(chain) > 1,
                let certificate = OPENSSL_sk_value(chain, 0).map({ OpaquePointer($0) }),
                let issuer = OPENSSL_sk_value(chain, 1).map({ OpaquePointer($0) })
            else { return nil }
            let subject = "certificate \(CertificateDescription.subject(certificate))"
            var start = encoded.bindMemory(to: UInt8.self).baseAddress
            guard let response = d2i_OCSP_RESPONSE(nil, &start, encoded.count) else {
                return "\(subject): the server's OCSP response cannot be read"
            }
            defer { OCSP_RESPONSE_free(response) }
            // Such a response ("try later") says nothing about the certificate.
            guard OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL else { return nil }
            guard let basic = OCSP_response_get1_basic(response) else {
                return "\(subject): the server's OCSP response cannot be read"
            }
            defer { OCSP_BASICRESP_free(basic) }
            let authorities = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(session))
            guard OCSP_basic_verify(basic, chain, authorities, CUnsignedLong(OCSP_PARTIAL_CHAIN)) > 0 else {
                return "\(subject): the server's OCSP response is not signed by the certificate's issuer"
            }
            guard let id = OCSP_cert_to_id(nil, certificate, issuer) else { return nil }
            defer { OCSP_CERTID_free(id) }
            var status: CInt = 0
            var reason: CInt = 0
            var issued: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            var end: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
            guard OCSP_resp_find_status(basic, id, &status, &reason, nil, &issued, &end) == 1 else { return nil }
            guard OCSP_check_validity(issued, end, Self.clockTolerance, -1) == 1 else {
                return "\(subject): the server's OCSP response is out of date"
            }
            return status == V_OCSP_CERTSTATUS_REVOKED ? "\(subject): certificate revoked, by its OCSP response" : nil
        }

        /// Seconds by which the clocks of an OCSP responder and of this machine may differ.
        private static let clockTolerance: CLong = 300

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
