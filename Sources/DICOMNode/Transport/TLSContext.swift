package import System

#if TLS
    import COpenSSL
    import Glibc

    /// Keys, certificates and rules, read once and shared by all connections of one side.
    package final class TLSContext: @unchecked Sendable {
        // Unchecked: an SSL_CTX may be used by several threads as long as nobody changes it, and nobody does after
        // init.
        package static let isAvailable = true

        package enum Role: Sendable { case client, server }

        let pointer: OpaquePointer
        let configuration: TLSConfiguration
        private let role: Role
        /// Told of each certificate that a peer presents, whether it is accepted or not.
        let certificateObserver: CertificateObserver?
        /// Of our own certificate; for the user, before anything is connected.
        package let warnings: [String]
        private let keyLog: TLSKeyLog?
        /// Those that its connections may resume.
        let sessions: TLSSessions

        /// Reads the certificates and keys of the configuration.
        ///
        /// - Throws: `TransportError.tls` if a file cannot be read, a setting is invalid or TLS is not available.
        package convenience init(
            _ configuration: TLSConfiguration, role: Role, certificateObserver: CertificateObserver? = nil,
            keyLog: TLSKeyLog? = nil
        ) throws(TransportError) {
            try self.init(
                configuration, role: role, certificateObserver: certificateObserver, keyLog: keyLog,
                sessions: TLSSessions())
        }

        init(
            _ configuration: TLSConfiguration, role: Role, certificateObserver: CertificateObserver? = nil,
            keyLog: TLSKeyLog? = nil, sessions: TLSSessions
        ) throws(TransportError) {
            try OpenSSL.open()
            // A peer that goes away would end the process: OpenSSL writes without MSG_NOSIGNAL.
            signal(SIGPIPE, SIG_IGN)
            guard let context = SSL_CTX_new(role == .client ? TLS_client_method() : TLS_server_method()) else {
                throw .tls(TLSError(.configuration, OpenSSLError.take()))
            }
            do throws(TLSError) {
                try Self.setRules(context, configuration, role)
                try Self.setTrust(context, configuration, role)
                warnings = try Self.setIdentity(context, configuration, role)
            } catch {
                SSL_CTX_free(context)
                throw .tls(error)
            }
            pointer = context
            self.configuration = configuration
            self.role = role
            self.certificateObserver = certificateObserver
            self.keyLog = keyLog
            self.sessions = sessions
            startResuming(role)
            if keyLog != nil { startKeyLog() }
        }

        private func startKeyLog() {
            SSL_CTX_set_ex_data(pointer, Self.ownIndex, Unmanaged.passUnretained(self).toOpaque())
            SSL_CTX_set_keylog_callback(pointer, Self.writeKey)
        }

        private static let writeKey: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> Void = { session, line in
            guard let session, let line,
                let context = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), TLSContext.ownIndex)
            else { return }
            // Each session keeps its context, see `TLSConnection`.
            Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue().keyLog?(String(cString: line))
        }

        /// The place of this object among the data of the application.
        private static let ownIndex: CInt = 0

        deinit { SSL_CTX_free(pointer) }

        /// Opens a connection and secures it as its client; the last session with the peer is resumed if it agrees.
        ///
        /// - Parameters:
        ///   - endpoint: What is connected to. The certificate must be for its host, and sessions are kept by it.
        ///   - opening: Opens the connection. A server whose handshake fails because a session is offered is connected to once more
        ///     without.
        /// - Throws: `TransportError` if the handshake or the check of the certificate fails, a limit passes or the
        ///   wait is cancelled; what `opening` throws.
        package func connect(
            to endpoint: Endpoint, wait: WaitLimits, opening: () throws(TransportError) -> TCPConnection
        ) throws(TransportError) -> any Connection {
            let first = try TLSConnection(self, over: opening(), to: endpoint)
            do throws(TransportError) {
                try first.handshake(wait: wait)
                return first
            } catch {
                guard case .tls = error, first.refuseSessions() else { throw error }
            }
            first.close()
            let second = try TLSConnection(self, over: opening(), to: endpoint)
            try second.handshake(wait: wait)
            return second
        }

        private static func setRules(
            _ context: OpaquePointer, _ configuration: TLSConfiguration, _ role: Role
        ) throws(TLSError) {
            try setVersionsAndCiphers(context, configuration)
            _ = cSSL_CTX_set_dh_auto(context, 1)
            // A server's sessions are here, with the certificates of their callers, and no secret of all of them lasts.
            var options = role == .server ? cSSL_OP_NO_TICKET | cSSL_OP_CIPHER_SERVER_PREFERENCE : 0
            // Many peers just close; a DICOM message tells by itself whether it is complete.
            options |= cSSL_OP_IGNORE_UNEXPECTED_EOF
            SSL_CTX_set_options(context, options)
            _ = cSSL_CTX_set_mode(
                context, CLong(SSL_MODE_ENABLE_PARTIAL_WRITE) | CLong(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
            SSL_CTX_set_num_tickets(context, 1)
            // Several records with one system call.
            cSSL_CTX_set_read_ahead(context, 1)
            SSL_CTX_set_default_read_buffer_len(context, readBufferLength)
        }

        private static func setVersionsAndCiphers(
            _ context: OpaquePointer, _ configuration: TLSConfiguration
        ) throws(TLSError) {
            let version = configuration.minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
            try check(cSSL_CTX_set_min_proto_version(context, version), "the minimum version")
            try check(SSL_CTX_set_cipher_list(context, configuration.profile.cipherList), "the ciphers")
            // PS3.15 B.12: at least 256 bits for elliptic curves.
            try check(cSSL_CTX_set1_groups_list(context, "X25519:P-256:P-384:P-521"), "the key exchange groups")
            SSL_CTX_set_options(context, cSSL_OP_NO_RENEGOTIATION | cSSL_OP_NO_COMPRESSION)
        }

        /// Four records of the longest kind (2^14 bytes and their frame).
        private static let readBufferLength = 4 * (16 * 1024 + 512)

        private static func setTrust(
            _ context: OpaquePointer, _ configuration: TLSConfiguration, _ role: Role
        ) throws(TLSError) {
            switch configuration.trust {
            case .system:
                try SystemAuthorities.use(in: SSL_CTX_get_cert_store(context))
            case .path(let path):
                var status = stat()
                if path.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR {
                    try mustBeReadable(path)
                    try check(path.withCString { SSL_CTX_load_verify_dir(context, $0) }, path.displayed)
                } else {
                    try PEMFile.load(path, into: SSL_CTX_get_cert_store(context))
                }
                // What the user trusts needs no issuer: an intermediate alone is enough.
                X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), CUnsignedLong(X509_V_FLAG_PARTIAL_CHAIN))
            }
            try setRevocation(context, configuration)
            var mode = SSL_VERIFY_PEER
            if role == .server {
                switch configuration.clientCertificate {
                case .none: mode = SSL_VERIFY_NONE
                case .optional: break
                case .required: mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                }
            }
            SSL_CTX_set_verify(context, mode, nil)
            SSL_CTX_set_cert_verify_callback(context, { store, _ in TLSVerification.run(store) }, nil)
        }

        /// Revocation lists are honoured where the user gave any; a certificate whose issuer has none is not refused.
        private static func setRevocation(
            _ context: OpaquePointer, _ configuration: TLSConfiguration
        ) throws(TLSError) {
            if let path = configuration.revocationLists {
                try PEMFile.loadRevocationLists(path, into: SSL_CTX_get_cert_store(context))
            } else if configuration.trust == .system {
                return
            }
            X509_VERIFY_PARAM_set_flags(
                SSL_CTX_get0_param(context), CUnsignedLong(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
        }

        private static func setIdentity(
            _ context: OpaquePointer, _ configuration: TLSConfiguration, _ role: Role
        ) throws(TLSError) -> [String] {
            guard let certificate = configuration.certificate else {
                guard role == .client else {
                    throw TLSError(.configuration, "a certificate and its key are needed to accept connections")
                }
                guard configuration.key == nil else {
                    throw TLSError(.configuration, "a key without a certificate")
                }
                return []
            }
            let key = configuration.key ?? certificate
            try PEMFile.useChain(certificate, in: context)
            // OpenSSL is given one also if there is none: it would otherwise ask for it on the terminal.
            let password = KeyPassword(configuration.keyPassword)
            do throws(TLSError) {
                try PEMFile.useKey(key, in: context, password: password)
            } catch {
                if password.wasAsked {
                    let reason = configuration.keyPassword == nil ? "needs a password" : "has another password"
                    throw TLSError(.configuration, "\(key.displayed): the key \(reason)")
                }
                guard configuration.key == nil else { throw error }
                throw TLSError(
                    .missingKey, "\(certificate.displayed): the file has no private key beside the certificate")
            }
            try check(
                SSL_CTX_check_private_key(context), "\(key.displayed) is not the key of \(certificate.displayed)")
            guard let own = SSL_CTX_get0_certificate(context) else { return [] }
            return CertificateDescription.expiryWarning(own).map { ["our own certificate \($0)"] } ?? []
        }

        private static func mustBeReadable(_ path: FilePath) throws(TLSError) {
            do throws(SystemError) {
                _ = try systemCall("access") { path.withCString { access($0, R_OK) } }
            } catch {
                throw TLSError(.configuration, "\(path.displayed): \(error.reason)")
            }
        }

        private static func check(_ result: CInt, _ what: @autoclosure () -> String) throws(TLSError) {
            guard result == 1 else { throw TLSError(.configuration, "\(what()): \(OpenSSLError.take())") }
        }
    }

    /// The rules of a context for sessions that a library makes: versions and ciphers, whom we trust, who we are, and our own check of
    /// the peer's certificate. What the library checks itself is to be switched off.
    package final class BorrowedTLS: @unchecked Sendable {
        // Unchecked: used by the one thread of the connection.
        private let context: TLSContext
        private let host: String
        private let verification: TLSVerification
        /// The reason why the rules could not be set.
        private var problem: TLSError?

        /// - Parameter host: the name or address that is connected to; the certificate must be for it.
        package init(_ context: TLSContext, host: String) {
            self.context = context
            self.host = context.configuration.expectedName ?? host
            verification = TLSVerification(
                context.configuration, expectedName: self.host, certificateObserver: context.certificateObserver)
        }

        /// The reason why no session was made: our rules, or the certificate of the peer.
        package var refusal: TLSError? { problem ?? verification.refusal }

        /// The reason why the certificate would not have been accepted, were the check not switched off.
        package var warning: String? {
            verification.waived.map { "the peer's certificate was not accepted, but used: \($0)" }
        }

        /// Sets the rules of a context of OpenSSL's, an `SSL_CTX`. Returns false if that fails: no session may be made.
        package func apply(to pointer: UnsafeMutableRawPointer) -> Bool {
            do throws(TLSError) {
                try context.setClientRules(OpaquePointer(pointer), host: host, verification)
                return true
            } catch {
                problem = error
                return false
            }
        }
    }

    extension TLSContext {
        fileprivate func setClientRules(
            _ pointer: OpaquePointer, host: String, _ verification: TLSVerification
        ) throws(TLSError) {
            try Self.setVersionsAndCiphers(pointer, configuration)
            try Self.setTrust(pointer, configuration, .client)
            _ = try Self.setIdentity(pointer, configuration, .client)
            if keyLog != nil {
                SSL_CTX_set_ex_data(pointer, Self.ownIndex, Unmanaged.passUnretained(self).toOpaque())
                SSL_CTX_set_keylog_callback(pointer, Self.writeKey)
            }
            // The library may keep data of its own with the sessions: the check gets its object as an argument.
            SSL_CTX_set_cert_verify_callback(
                pointer,
                { store, owner in
                    guard let store, let owner else { return 0 }
                    return Unmanaged<TLSVerification>.fromOpaque(owner).takeUnretainedValue().verify(store) ? 1 : 0
                }, Unmanaged.passUnretained(verification).toOpaque())
            guard configuration.checksName else { return }
            let parameters = SSL_CTX_get0_param(pointer)
            X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            let result =
                SocketAddress.isNumeric(host)
                ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
                : X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count)
            guard result == 1 else {
                ERR_clear_error()
                throw TLSError(.configuration, "\(host): no name that a certificate could be for")
            }
        }
    }
#else
    /// Stands in where the binary was built without TLS: no context can be made for it.
    package final class BorrowedTLS: Sendable {
        package let refusal: TLSError? = nil
        package let warning: String? = nil

        /// - Parameter host: the name or address that is connected to.
        package init(_ context: TLSContext, host: String) {}

        /// Returns false: there are no rules.
        package func apply(to pointer: UnsafeMutableRawPointer) -> Bool { false }
    }

    /// Stands in where the binary was built without TLS, and says so.
    package final class TLSContext: Sendable {
        package static let isAvailable = false

        package enum Role: Sendable { case client, server }

        package let warnings: [String] = []

        /// Reads the certificates and keys of the configuration.
        ///
        /// - Throws: `TransportError.tls` if a file cannot be read, a setting is invalid or TLS is not available.
        package init(
            _ configuration: TLSConfiguration, role: Role, certificateObserver: CertificateObserver? = nil,
            keyLog: TLSKeyLog? = nil
        ) throws(TransportError) {
            throw .tls(TLSError(.notAvailable, "this program was built without TLS"))
        }

        /// - Throws: `TransportError` if the handshake or the check of the certificate fails, a limit passes or the
        ///   wait is cancelled.
        package func connect(
            to endpoint: Endpoint, wait: WaitLimits, opening: () throws(TransportError) -> TCPConnection
        ) throws(TransportError) -> any Connection {
            throw .tls(TLSError(.notAvailable, "this program was built without TLS"))
        }
    }
#endif
