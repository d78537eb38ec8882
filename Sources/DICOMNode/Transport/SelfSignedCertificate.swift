package import System

#if TLS
    import COpenSSL

    /// A self-signed certificate for tests of TLS on this machine; clients must be told to trust it.
    package enum SelfSignedCertificate {
        /// It is made for a run of seconds.
        private static let lifetime = 24 * 3600
        /// Clocks of virtual machines jump.
        private static let tolerance = 3600

        /// Makes a key and its certificate, and writes both into one PEM file.
        ///
        /// - Parameter address: The numeric address that the certificate is for.
        /// - Throws: `TransportError` if the key or certificate cannot be made, or the file cannot be written.
        package static func write(to path: FilePath, address: String) throws(TransportError) {
            try OpenSSL.open()
            guard let key = cEVP_EC_gen("P-256") else { throw failure("a key") }
            defer { EVP_PKEY_free(key) }
            guard let certificate = X509_new() else { throw failure("a certificate") }
            defer { X509_free(certificate) }
            try fill(certificate, key, address)
            try write(certificate, key, to: path)
        }

        private static func fill(
            _ certificate: OpaquePointer, _ key: OpaquePointer, _ address: String
        ) throws(TransportError) {
            let name = X509_get_subject_name(certificate)
            try check(X509_set_version(certificate, CLong(X509_VERSION_3)))
            try check(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1))
            guard X509_gmtime_adj(X509_getm_notBefore(certificate), CLong(-tolerance)) != nil,
                X509_gmtime_adj(X509_getm_notAfter(certificate), CLong(lifetime)) != nil
            else { throw failure("its dates") }
            try check(X509_set_pubkey(certificate, key))
            try check(X509_NAME_add_entry_by_txt(name, "CN", cMBSTRING_ASC, "dcmscu self-test", -1, -1, 0))
            try check(X509_set_issuer_name(certificate, name))
            guard let names = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, "IP:\(address)") else {
                throw failure("its names")
            }
            defer { X509_EXTENSION_free(names) }
            try check(X509_add_ext(certificate, names, -1))
            guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw failure("its signature") }
        }

        private static func write(
            _ certificate: OpaquePointer, _ key: OpaquePointer, to path: FilePath
        ) throws(TransportError) {
            guard let file = path.withCString({ BIO_new_file($0, "w") }) else { throw failure(path.displayed) }
            defer { BIO_free(file) }
            try check(PEM_write_bio_PrivateKey(file, key, nil, nil, 0, nil, nil))
            try check(PEM_write_bio_X509(file, certificate))
            try check(cBIO_flush(file))
        }

        private static func check(_ result: CInt) throws(TransportError) {
            guard result == 1 else { throw failure("a certificate") }
        }

        private static func failure(_ what: String) -> TransportError {
            .tls(TLSError(.configuration, "cannot make \(what): \(OpenSSLError.take())"))
        }
    }
#else
    /// Stands in where the binary was built without TLS.
    package enum SelfSignedCertificate {
        /// - Throws: `TransportError` if the key or certificate cannot be made, or the file cannot be written.
        package static func write(to path: FilePath, address: String) throws(TransportError) {
            throw .tls(TLSError(.notAvailable, "this program was built without TLS"))
        }
    }
#endif
