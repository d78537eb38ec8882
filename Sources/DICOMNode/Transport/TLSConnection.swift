import System

#if TLS
    import COpenSSL
    import Glibc
    import Synchronization

    /// TLS over a TCP connection, with the same waits.
    final class TLSConnection: Connection, @unchecked Sendable {
        // Unchecked: a connection is used by one thread at a time, see `Connection`.
        private let session: OpaquePointer
        private let tcp: TCPConnection
        private let context: TLSContext
        private let verification: TLSVerification
        private let isClosed = Atomic<Bool>(false)
        private let left = Atomic<Int>(0)
        /// After a fatal error OpenSSL allows no further call, not even the closing one.
        private var isBroken = false
        private var isClient = false
        /// The bytes that were read ahead, see ``gather(_:)``; returned first.
        private var early: [UInt8] = []
        /// Holds the records of a write until there are many; nil before the first long write. It belongs to the session.
        private var gathered: OpaquePointer?

        /// Nothing is said to the peer yet: the handshake comes next.
        ///
        /// - Parameter endpoint: The peer as a client: the certificate must be for its host, unless the configuration says another
        ///   name. Nil as a server.
        init(_ context: TLSContext, over tcp: TCPConnection, to endpoint: Endpoint?) throws(TransportError) {
            guard let session = SSL_new(context.pointer) else {
                throw .tls(TLSError(.configuration, OpenSSLError.take()))
            }
            self.session = session
            self.tcp = tcp
            self.context = context
            let host = endpoint.map { context.configuration.expectedName ?? $0.host }
            verification = TLSVerification(
                context.configuration, expectedName: host, certificateObserver: context.certificateObserver,
                sessions: context.sessions, peer: endpoint.map(TLSSessions.key))
            SSL_set_ex_data(session, 0, Unmanaged.passUnretained(verification).toOpaque())
            guard SSL_set_fd(session, tcp.descriptor) == 1 else {
                throw .tls(TLSError(.configuration, OpenSSLError.take()))
            }
            if let host {
                try setExpectedName(host)
                _ = cSSL_set_tlsext_status_type(session, CInt(TLSEXT_STATUSTYPE_ocsp))
                isClient = true
                // Called when the server asks for a certificate of ours; that of the context is taken then.
                SSL_set_cert_cb(
                    session,
                    { _, owner in
                        if let owner {
                            Unmanaged<TLSVerification>.fromOpaque(owner).takeUnretainedValue()
                                .isCertificateRequested = true
                        }
                        return 1
                    }, Unmanaged.passUnretained(verification).toOpaque())
                SSL_set_connect_state(session)
                if let offered = verification.sessionToOffer(by: session) { SSL_set_session(session, offered.pointer) }
            } else {
                SSL_set_accept_state(session)
            }
        }

        deinit {
            close()
            SSL_free(session)
        }

        var descriptor: CInt { tcp.descriptor }
        var peerDescription: String { tcp.peerDescription }
        var localDescription: String { tcp.localDescription }
        var unwritten: Int { left.load(ordering: .relaxed) }

        private var version: String { SSL_get_version(session).map { String(cString: $0) } ?? "TLS" }
        private var cipher: String { cSSL_get_cipher_name(session).map { String(cString: $0) } ?? "unknown cipher" }

        private var isResumed: Bool { SSL_session_reused(session) == 1 }

        var securityDetails: SecurityDetails? {
            let chain = SSL_get_peer_cert_chain(session)
            let certificates = (0..<max(0, OPENSSL_sk_num(chain))).compactMap { index in
                OPENSSL_sk_value(chain, index).map { PeerCertificate(OpaquePointer($0)) }
            }
            return SecurityDetails(
                version: version, cipher: cipher, chain: certificates,
                asksForCertificate: verification.isCertificateRequested, isResumed: isResumed)
        }

        var securityDescription: String? {
            let agreed = "\(version), \(cipher)\(isResumed ? ", session resumed" : "")"
            guard let certificate = SSL_get0_peer_certificate(session) else { return agreed }
            return "\(agreed), peer \(CertificateDescription.subject(certificate))"
        }

        var timings: TCPConnection.Timings? { tcp.timings }

        var securityWarning: String? {
            if let waived = verification.waived {
                return "the peer's certificate was not accepted, but used: \(waived)"
            }
            guard let certificate = SSL_get0_peer_certificate(session) else { return nil }
            return CertificateDescription.expiryWarning(certificate).map { "the peer's certificate \($0)" }
        }

        private func setExpectedName(_ host: String) throws(TransportError) {
            let parameters = SSL_get0_param(session)
            let isAddress = SocketAddress.isNumeric(host)
            // RFC 6066 3: only names of hosts are announced, never addresses.
            if !isAddress { _ = cSSL_set_tlsext_host_name(session, host) }
            guard context.configuration.checksName else { return }
            X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            let result =
                isAddress
                ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
                : X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count)
            guard result == 1 else {
                ERR_clear_error()
                throw .tls(TLSError(.configuration, "\(host): no name that a certificate could be for"))
            }
        }

        /// Waits for the whole handshake.
        func handshake(wait: WaitLimits) throws(TransportError) {
            // One deadline for the whole: a peer that sends a byte now and then does not hold us.
            let deadline = wait.deadlineFromNow()
            while true {
                try wait.checkCancellation()
                guard let wanted = try handshakeStep() else { return }
                _ = try Readiness.wait(
                    tcp.descriptor, for: wanted, until: deadline, limits: wait, phase: .handshake)
            }
        }

        /// As much of the handshake as can be done without waiting: what it waits for, or nil when it is done.
        func handshakeStep() throws(TransportError) -> Readiness? {
            ERR_clear_error()
            let result = SSL_do_handshake(session)
            if result == 1 {
                if isResumed { verification.noteResumption() }
                if isClient, let problem = verification.problemOfStapledResponse(session) {
                    throw .tls(TLSError(.certificate, problem))
                }
                return nil
            }
            switch SSL_get_error(session, result) {
            case SSL_ERROR_WANT_READ: return .readable
            case SSL_ERROR_WANT_WRITE: return .writable
            case let code:
                let failed = errno
                isBroken = true
                if let refusal = verification.refusal { throw .tls(refusal) }
                throw .tls(failureOfHandshake(isEnd: code == SSL_ERROR_SYSCALL && ERR_peek_error() == 0, errno: failed))
            }
        }

        /// After a handshake that failed: as ``TLSVerification/refuseSessions()``.
        func refuseSessions() -> Bool { verification.refuseSessions() }

        private func failureOfHandshake(isEnd: Bool, errno: CInt) -> TLSError {
            let words =
                errno == ECONNRESET || errno == EPIPE
                ? "the peer reset the connection" : "the peer closed the connection"
            let failure =
                isEnd ? TLSError(.handshake, "\(words) in the handshake") : OpenSSLError.takeFailure(inHandshake: true)
            // In TLS 1.2 a server says no more about a certificate that it misses.
            if failure.code == .handshake, verification.isCertificateRequested, context.configuration.certificate == nil
            {
                return TLSError(
                    .certificateRefusedByPeer,
                    "the peer asked for a certificate of ours, and none is given: \(failure.detail)")
            }
            return isEnd ? TLSError(.handshake, failure.detail + "; it may not speak TLS") : failure
        }

        /// Reads on, without waiting, until so many bytes are there that nobody has read: what there are of them, and
        /// what the rest waits for, nil when they are there. A read gets them first.
        func gather(_ count: Int) throws(TransportError) -> (bytes: [UInt8], wanted: Readiness?) {
            while early.count < count {
                var chunk = [UInt8](repeating: 0, count: count - early.count)
                var wanted = Readiness.readable
                guard let read = try fill(&chunk, orWaitFor: &wanted) else { return (early, wanted) }
                guard read > 0 else { throw .closed }
                early += chunk[..<read]
            }
            return (early, nil)
        }

        private func fill(
            _ chunk: inout [UInt8], orWaitFor wanted: inout Readiness
        ) throws(TransportError) -> Int? {
            var result: Result<Int?, TransportError> = .success(nil)
            chunk.withUnsafeMutableBytes { buffer in
                result = Result { () throws(TransportError) in try take(into: buffer, orWaitFor: &wanted) }
            }
            return try result.get()
        }

        /// Takes as much of ``early`` as fits.
        private func takeEarly(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
            guard !early.isEmpty else { return nil }
            let count = min(early.count, buffer.count)
            buffer.copyBytes(from: early[..<count])
            early.removeFirst(count)
            return count
        }

        func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int {
            try wait.checkCancellation()
            if let count = takeEarly(into: buffer) { return count }
            var wanted = Readiness.readable
            var waiting = TCPConnection.ReadWait()
            while true {
                if let count = try take(into: buffer, orWaitFor: &wanted) {
                    tcp.end(waiting)
                    return count
                }
                try tcp.wait(for: wanted, wait, &waiting)
            }
        }

        func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
            if let count = takeEarly(into: buffer) { return count }
            tcp.setQuickAcknowledgement()
            var wanted = Readiness.readable
            return try take(into: buffer, orWaitFor: &wanted)
        }

        /// One record or, where more of them have arrived, as many as fit.
        private func take(
            into buffer: UnsafeMutableRawBufferPointer, orWaitFor wanted: inout Readiness
        ) throws(TransportError) -> Int? {
            guard !isClosed.load(ordering: .relaxed), !isBroken else { throw .closed }
            var total = 0
            repeat {
                var count = 0
                ERR_clear_error()
                let result = SSL_read_ex(
                    session, buffer.baseAddress.map { $0 + total }, buffer.count - total, &count)
                if result == 1 {
                    total += count
                    continue
                }
                // Bytes that were read already come first; an error is found again at the next call.
                let code = SSL_get_error(session, result)
                switch code {
                case SSL_ERROR_WANT_READ: wanted = .readable
                case SSL_ERROR_WANT_WRITE: wanted = .writable
                case SSL_ERROR_ZERO_RETURN: return total
                default:
                    let error = failure(code)
                    guard total > 0 else { throw error }
                }
                return total > 0 ? total : nil
            } while total < buffer.count && SSL_has_pending(session) == 1
            return total
        }

        func write(
            _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
        ) throws(TransportError) {
            var rest = bytes.file
            try write(bytes.memory, before: rest?.count ?? 0, wait: wait, whileBlocked: whileBlocked)
            while let range = rest, range.count > 0 {
                let piece = try range.read(upTo: Self.pieceLength)
                rest?.removeFirst(piece.count)
                let behind = range.count - piece.count
                let result = piece.withUnsafeBytes { piece in
                    Result { () throws(TransportError) in
                        try write(piece, before: behind, wait: wait, whileBlocked: whileBlocked)
                    }
                }
                try result.get()
            }
        }

        /// Read at a time of a file, in bytes.
        private static let pieceLength = 64 * 1024

        /// - Parameter behind: the number of bytes that follow by further writes.
        private func write(
            _ bytes: UnsafeRawBufferPointer, before behind: Int, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
        ) throws(TransportError) {
            var rest = bytes
            defer { left.store(rest.count + behind, ordering: .relaxed) }
            try wait.checkCancellation()
            if bytes.count > Self.recordLength { gatherRecords() }
            var watcher = whileBlocked
            while true {
                let isLast = rest.isEmpty
                switch try send(&rest, isFirst: rest.count == bytes.count) {
                case nil where isLast: return
                case nil: try wait.checkCancellation()
                case .writable?:
                    left.store(rest.count + behind, ordering: .relaxed)
                    try tcp.waitUntilWritable(wait: wait, watcher: &watcher)
                case let wanted?:
                    _ = try Readiness.wait(
                        tcp.descriptor, for: wanted, until: wait.deadlineFromNow(), limits: wait, phase: .write)
                }
            }
        }

        /// Sends one record and, behind the last one, what was gathered, also by a write that was cancelled. Returns what it has to wait
        /// for.
        private func send(
            _ rest: inout UnsafeRawBufferPointer, isFirst: Bool
        ) throws(TransportError) -> Readiness? {
            if rest.isEmpty, gathered == nil { return nil }
            guard !isClosed.load(ordering: .relaxed), !isBroken else { throw .closed }
            ERR_clear_error()
            guard !rest.isEmpty else {
                guard let gathered, cBIO_flush(gathered) != 1 else { return nil }
                guard cBIO_should_retry(gathered) else { throw failure(SSL_ERROR_SYSCALL) }
                return .writable
            }
            var count = 0
            let result = SSL_write_ex(session, rest.baseAddress, rest.count, &count)
            guard result != 1 else {
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
                // The first one leaves at once: to wake a peer takes as long as to encrypt the next.
                if isFirst, let gathered { _ = cBIO_flush(gathered) }
                return nil
            }
            switch SSL_get_error(session, result) {
            case SSL_ERROR_WANT_WRITE: return .writable
            case SSL_ERROR_WANT_READ: return .readable
            case let code: throw failure(code)
            }
        }

        /// The most that one record carries, in bytes.
        private static let recordLength = 16 * 1024

        /// Sent by one system call, in bytes: eight records. What was encrypted is still in the cache then, and the peer begins to read
        /// while the next are encrypted.
        private static let gatheredLength = 128 * 1024

        /// From now on records leave many at a time: each by itself would be a system call, and the peer would be woken for each.
        private func gatherRecords() {
            guard gathered == nil, let buffer = BIO_new(BIO_f_buffer()) else { return }
            guard cBIO_set_write_buffer_size(buffer, CLong(Self.gatheredLength)) == 1,
                let socket = BIO_new_socket(tcp.descriptor, BIO_NOCLOSE)
            else {
                // It goes without.
                BIO_free(buffer)
                ERR_clear_error()
                return
            }
            SSL_set0_wbio(session, BIO_push(buffer, socket))
            gathered = buffer
        }

        private func failure(_ code: CInt) -> TransportError {
            let number = errno
            isBroken = true
            if code == SSL_ERROR_SYSCALL, ERR_peek_error() == 0 {
                switch number {
                case 0: return .closed
                case ECONNRESET, EPIPE, ECONNABORTED: return .reset
                default: return .system(SystemError(errno: number, operation: "TLS"))
                }
            }
            return .tls(OpenSSLError.takeFailure(inHandshake: false))
        }

        func closeWriting() {
            sendCloseNotify()
            tcp.closeWriting()
        }

        func close() {
            guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
            sendCloseNotify()
            tcp.close()
        }

        /// close_notify, if it can leave at once; nobody waits for the peer's.
        private func sendCloseNotify() {
            guard !isBroken, SSL_is_init_finished(session) == 1 else { return }
            ERR_clear_error()
            if SSL_get_shutdown(session) & SSL_SENT_SHUTDOWN == 0 { SSL_shutdown(session) }
            ERR_clear_error()
        }
    }
#endif
