#if TLS
    import COpenSSL
    import System

    /// The sessions of one context that may be resumed, RFC 8446 2.2 and RFC 5246 7.3: at a client the newest of each peer, at a server
    /// those that it gave its callers. They are in memory alone, and end with the run.
    ///
    /// In a handshake that resumes a session nobody shows a certificate. ``TLSVerification/accepts(_:for:)`` therefore checks those of
    /// the session again before it is used: a resumed session never passes where a full handshake would not.
    final class TLSSessions: Sendable {
        /// More than the associations of a run at once; what a certificate chain of a caller takes is bounded by it, too.
        static let maximumCount = 64

        /// Seconds after which a session is not resumed any more; OpenSSL tells callers the same of ours.
        static let standardLifetime = 7200.0

        private struct Entry {
            let key: [UInt8]
            let session: ResumableSession
            let end: Deadline
        }

        /// The oldest one first.
        private let entries = Locked<[Entry]>([])
        /// The peers whose handshake fails when a session is offered.
        private let refusing = Locked<[[UInt8]]>([])
        private let lifetime: Double

        /// - Parameter lifetime: in seconds.
        init(lifetime: Double = standardLifetime) { self.lifetime = lifetime }

        /// What sessions with a peer are kept by: its host and port, as they were given.
        static func key(of endpoint: Endpoint) -> [UInt8] { Array(endpoint.description.utf8) }

        /// The session of a key; nil if there is none, it has expired or OpenSSL has found that it must not be resumed.
        func find(_ key: [UInt8]) -> ResumableSession? {
            let found = entries.withLock { entries in entries.last { $0.key == key } }
            guard let found, !found.end.isPast, SSL_SESSION_is_resumable(found.session.pointer) == 1 else { return nil }
            return found.session
        }

        /// Keeps a session in place of the last one of its key, or of the oldest one.
        func keep(_ session: ResumableSession, by key: [UInt8]) {
            guard refusing.withLock({ !$0.contains(key) }) else { return }
            entries.withLock { entries in
                entries.removeAll { $0.key == key }
                if entries.count == Self.maximumCount { entries.removeFirst() }
                entries.append(Entry(key: key, session: session, end: .after(seconds: lifetime)))
            }
        }

        /// Never again offers the peer a session.
        func refuse(_ key: [UInt8]) {
            refusing.withLock { $0.append(key) }
            entries.withLock { $0.removeAll { $0.key == key } }
        }
    }

    /// A session with the certificates that the peer showed when it was made.
    final class ResumableSession: @unchecked Sendable {
        // Unchecked: nothing changes after init but what OpenSSL guards itself.
        let pointer: OpaquePointer
        /// Nil where the peer showed none. It belongs to the session.
        let certificate: OpaquePointer?
        /// What the peer sent beside its certificate.
        let chain: OpaquePointer?
        /// True if the peer asked for a certificate of ours.
        let isCertificateRequested: Bool

        /// Takes over a reference to the session.
        ///
        /// - Parameter connection: the `SSL` that has it.
        init(_ pointer: OpaquePointer, of connection: OpaquePointer, isCertificateRequested: Bool) {
            self.pointer = pointer
            self.isCertificateRequested = isCertificateRequested
            certificate = SSL_SESSION_get0_peer(pointer)
            chain = SSL_get_peer_cert_chain(connection).flatMap { X509_chain_up_ref($0) }
        }

        deinit {
            cX509_free_all(chain)
            SSL_SESSION_free(pointer)
        }

        /// The number by which a caller asks for the session.
        var identifier: [UInt8] {
            var count: CUnsignedInt = 0
            return Array(UnsafeBufferPointer(start: SSL_SESSION_get_id(pointer, &count), count: Int(count)))
        }
    }

    // MARK: The callbacks of OpenSSL

    extension TLSContext {
        /// Has the library tell of each new session, and ask for those that callers want to resume.
        func startResuming(_ role: Role) {
            let kept = role == .client ? SSL_SESS_CACHE_CLIENT : SSL_SESS_CACHE_SERVER
            _ = cSSL_CTX_set_session_cache_mode(pointer, CLong(kept | SSL_SESS_CACHE_NO_INTERNAL))
            SSL_CTX_sess_set_new_cb(pointer) { connection, session in
                guard let connection, let session, let verification = TLSVerification.of(connection) else { return 0 }
                return verification.keep(session, of: connection) ? 1 : 0
            }
            guard role == .server else { return }
            // A session of one context is of no use in another: each has its own.
            SSL_CTX_set_session_id_context(pointer, Self.sessionContext, CUnsignedInt(Self.sessionContext.count))
            SSL_CTX_sess_set_get_cb(pointer) { connection, bytes, count, isBorrowed in
                // The reference that it gets here is the library's.
                isBorrowed?.pointee = 0
                guard let connection, let bytes, let verification = TLSVerification.of(connection) else { return nil }
                let key = Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
                return verification.find(key, for: connection)
            }
        }

        private static let sessionContext = Array("dcmscu".utf8)
    }
#endif
