import DICOM

#if TLS
    import COpenSSL
#endif

/// The SHA-256 digest of a file, fed piece by piece: by OpenSSL, which uses the instructions that the processor has for it,
/// or by our own in a build without it. OpenSSL is not touched where no digest is made.
struct FileDigest: ~Copyable {
    #if TLS
        private let context: OpaquePointer?
        /// Where OpenSSL is missing, or offers no SHA-256, as a configuration of it may say.
        private var own: SHA256?
        private var hasFailed = false

        private static let length = 32

        init() {
            context = openOpenSSL() == nil ? EVP_MD_CTX_new() : nil
            if context == nil || EVP_DigestInit_ex(context, EVP_sha256(), nil) != 1 { own = SHA256() }
        }

        deinit { if context != nil { EVP_MD_CTX_free(context) } }

        mutating func update(_ bytes: UnsafeRawBufferPointer) {
            guard own == nil else {
                own?.update(bytes)
                return
            }
            if EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) != 1 { hasFailed = true }
        }

        /// The digest of all that was fed, in lower-case hexadecimal as `sha256sum` prints it; nil if OpenSSL has failed. Nothing
        /// is fed afterwards.
        func hexadecimal() -> String? {
            if let own { return own.hexadecimal() }
            let digest = [UInt8](unsafeUninitializedCapacity: Self.length) { buffer, count in
                var written: UInt32 = 0
                let isMade = EVP_DigestFinal_ex(context, buffer.baseAddress, &written) == 1
                count = isMade ? Int(written) : 0
            }
            return hasFailed || digest.isEmpty ? nil : Hexadecimal.text(digest)
        }
    #else
        private var own = SHA256()

        init() {}

        mutating func update(_ bytes: UnsafeRawBufferPointer) { own.update(bytes) }

        /// The digest of all that was fed, in lower-case hexadecimal as `sha256sum` prints it. Nothing is fed afterwards.
        func hexadecimal() -> String? { own.hexadecimal() }
    #endif
}
