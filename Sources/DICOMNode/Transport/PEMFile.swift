import System

#if TLS
    import COpenSSL
    import Glibc

    /// The files in PEM that TLS is set up with: certificates, revocation lists, keys.
    ///
    /// They are read here and not by OpenSSL: a named pipe and a shell's `<(...)` are waited for as ``LocalInput``, which
    /// the first signal ends, and may be named more than once, though they give their bytes only once.
    enum PEMFile {
        /// In bytes; the revocation lists of large issuers have some tens of megabytes.
        private static let maximumLength = 256 << 20
        /// What pipes gave.
        private static let piped = Locked<[FilePath: [UInt8]]>([:])

        /// - Throws: `TLSError` that names the file if it cannot be read.
        static func read(_ path: FilePath) throws(TLSError) -> [UInt8] {
            do throws(FileReadError) {
                var status = stat()
                guard path.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFIFO else {
                    return try FileDescriptor.contents(of: path, limit: maximumLength)
                }
                return try piped.withLock { (piped) throws(FileReadError) in
                    if let bytes = piped[path] { return bytes }
                    let bytes = try FileDescriptor.contents(of: path, limit: maximumLength)
                    piped[path] = bytes
                    return bytes
                }
            } catch {
                throw TLSError(.configuration, "\(path.displayed): \(error.reason)")
            }
        }

        /// Adds the certificates and the revocation lists of the file to those that are trusted.
        ///
        /// - Throws: `TLSError` that names the file if it cannot be read or has none.
        static func load(_ path: FilePath, into store: OpaquePointer?) throws(TLSError) {
            let count = try withBytes(of: path) { bytes throws(TLSError) in
                guard let found = PEM_X509_INFO_read_bio(bytes, nil, nil, nil) else { throw failure(path) }
                defer { cX509_INFO_free_all(found) }
                return cX509_STORE_add_all(store, found)
            }
            guard count > 0 else { throw failure(path, count == 0 ? "no certificate or crl found" : nil) }
        }

        /// Adds the revocation lists of the file.
        ///
        /// - Throws: `TLSError` that names the file if it cannot be read or has none.
        static func loadRevocationLists(_ path: FilePath, into store: OpaquePointer?) throws(TLSError) {
            try withBytes(of: path) { bytes throws(TLSError) in
                var count = 0
                while let list = PEM_read_bio_X509_CRL(bytes, nil, nil, nil) {
                    defer { X509_CRL_free(list) }
                    guard X509_STORE_add_crl(store, list) == 1 else { throw failure(path) }
                    count += 1
                }
                try expectEnd(path, after: count, none: "no crl found")
            }
        }

        /// Makes the first certificate of the file our own, and those behind it the ones between it and the root.
        ///
        /// - Throws: `TLSError` that names the file if it cannot be read, has none or OpenSSL refuses one.
        static func useChain(_ path: FilePath, in context: OpaquePointer) throws(TLSError) {
            try withBytes(of: path) { bytes throws(TLSError) in
                guard let own = PEM_read_bio_X509_AUX(bytes, nil, { _, _, _, _ in -1 }, nil) else {
                    throw failure(path)
                }
                defer { X509_free(own) }
                guard SSL_CTX_use_certificate(context, own) == 1 else { throw failure(path) }
                var count = 1
                while let issuer = PEM_read_bio_X509(bytes, nil, { _, _, _, _ in -1 }, nil) {
                    guard cSSL_CTX_add0_chain_cert(context, issuer) == 1 else {
                        X509_free(issuer)
                        throw failure(path)
                    }
                    count += 1
                }
                try expectEnd(path, after: count, none: "no certificate found")
            }
        }

        /// Makes the first private key of the file our own.
        ///
        /// - Parameter password: Asked for if the key is encrypted.
        /// - Throws: `TLSError` that names the file if it cannot be read, has no key, the password is another, or the
        ///   key is not that of our certificate.
        static func useKey(
            _ path: FilePath, in context: OpaquePointer, password: KeyPassword
        ) throws(TLSError) {
            try withBytes(of: path) { bytes throws(TLSError) in
                let key = withExtendedLifetime(password) {
                    PEM_read_bio_PrivateKey(
                        bytes, nil, { KeyPassword.give($0, $1, $3) }, Unmanaged.passUnretained(password).toOpaque())
                }
                guard let key else { throw failure(path) }
                defer { EVP_PKEY_free(key) }
                guard SSL_CTX_use_PrivateKey(context, key) == 1 else { throw failure(path) }
            }
        }

        private static func withBytes<Result>(
            of path: FilePath, _ body: (OpaquePointer) throws(TLSError) -> Result
        ) throws(TLSError) -> Result {
            let bytes = try read(path)
            // Of an empty file there is no address.
            guard let bio = bytes.isEmpty ? BIO_new(BIO_s_mem()) : copy(of: bytes) else { throw failure(path) }
            defer { BIO_free(bio) }
            return try body(bio)
        }

        private static func copy(of bytes: [UInt8]) -> OpaquePointer? {
            guard let bio = BIO_new(BIO_s_mem()) else { return nil }
            let count = CInt(clamping: bytes.count)
            guard BIO_write(bio, bytes, count) == count else {
                BIO_free(bio)
                return nil
            }
            return bio
        }

        /// The end of the file is known by an error, too; others say that it is damaged.
        private static func expectEnd(_ path: FilePath, after count: Int, none: String) throws(TLSError) {
            let error = ERR_peek_last_error()
            guard cERR_GET_LIB(error) == ERR_LIB_PEM, cERR_GET_REASON(error) == PEM_R_NO_START_LINE else {
                throw failure(path)
            }
            ERR_clear_error()
            guard count > 0 else { throw failure(path, none) }
        }

        private static func failure(_ path: FilePath, _ reason: String? = nil) -> TLSError {
            TLSError(.configuration, "\(path.displayed): \(reason ?? OpenSSLError.take())")
        }
    }

    /// The password of a key, on its way through OpenSSL's callback.
    final class KeyPassword {
        private let bytes: [UInt8]?
        private(set) var wasAsked = false

        init(_ password: String?) { bytes = password.map { Array($0.utf8) } }

        static func give(
            _ buffer: UnsafeMutablePointer<CChar>?, _ size: CInt, _ context: UnsafeMutableRawPointer?
        ) -> CInt {
            guard let context, let buffer else { return -1 }
            let password = Unmanaged<KeyPassword>.fromOpaque(context).takeUnretainedValue()
            password.wasAsked = true
            guard let bytes = password.bytes, bytes.count <= size else { return -1 }
            UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)).copyBytes(from: bytes)
            return CInt(bytes.count)
        }
    }
#endif
