#if TLS
    import COpenSSL

    /// The library that does TLS. It is opened at its first use: none of its functions may be called before.
    enum OpenSSL {
        /// - Throws: `.noLibrary` if it is not installed, or of another version.
        static func open() throws(TransportError) {
            if let problem = openOpenSSL() { throw .tls(TLSError(.noLibrary, String(cString: problem))) }
            // What it would free when the process ends, the system takes anyway.
            OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
        }
    }

    /// The errors that OpenSSL collects in a queue of each thread.
    enum OpenSSLError {
        /// The reason of the oldest error, which is the cause of the others; the queue is empty afterwards.
        static func take() -> String {
            defer { ERR_clear_error() }
            return words(ERR_peek_error())
        }

        static func words(_ error: UInt) -> String {
            guard error != 0 else { return "unknown reason" }
            if let reason = ERR_reason_error_string(error) { return String(cString: reason).lowercased() }
            var text = [CChar](repeating: 0, count: 256)
            ERR_error_string_n(error, &text, text.count)
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        /// Takes the reason why a handshake or a session failed from the newest error; the queue is empty afterwards.
        static func takeFailure(inHandshake: Bool) -> TLSError {
            defer { ERR_clear_error() }
            let error = ERR_peek_last_error()
            guard error != 0, cERR_GET_LIB(error) == ERR_LIB_SSL else {
                guard inHandshake else { return TLSError(.session, words(error)) }
                return TLSError(.handshake, error == 0 ? "the peer closed the connection" : words(error))
            }
            let reason = cERR_GET_REASON(error)
            // An alert of the peer has its number above this (RFC 8446 6).
            let alert = reason - CInt(SSL_AD_REASON_OFFSET)
            switch reason {
            case SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_HTTP_REQUEST, SSL_R_UNEXPECTED_MESSAGE,
                SSL_R_HTTPS_PROXY_REQUEST, SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_BAD_RECORD_TYPE:
                return inHandshake ? .notSpoken : TLSError(.session, TLSError.notSpoken.detail)
            case SSL_R_NO_SHARED_CIPHER:
                return TLSError(.handshake, "no cipher in common with the peer")
            case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_VERSION_TOO_LOW:
                return TLSError(.handshake, "no version of TLS in common with the peer")
            case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
                return TLSError(.certificate, "the peer has shown no certificate")
            default: break
            }
            switch alert {
            case 0...: return ofAlert(alert)
            default: return TLSError(inHandshake ? .handshake : .session, words(error))
            }
        }

        private static func ofAlert(_ alert: CInt) -> TLSError {
            switch alert {
            case SSL_AD_HANDSHAKE_FAILURE, SSL_AD_INSUFFICIENT_SECURITY:
                return TLSError(.handshake, "the peer found no cipher in common, or misses our certificate")
            case SSL_AD_PROTOCOL_VERSION:
                return TLSError(.handshake, "no version of TLS in common with the peer")
            case SSL_AD_CERTIFICATE_REQUIRED:
                return TLSError(.certificateRefusedByPeer, "the peer requires a certificate of ours")
            case SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
                SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA, SSL_AD_ACCESS_DENIED:
                return TLSError(.certificateRefusedByPeer, "the peer does not accept our certificate: \(name(alert))")
            default:
                return TLSError(.session, "alert of the peer: \(name(alert))")
            }
        }

        private static func name(_ alert: CInt) -> String {
            SSL_alert_desc_string_long(alert).map { String(cString: $0).lowercased() } ?? "number \(alert)"
        }
    }
#endif
