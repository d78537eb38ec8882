#if TLS
    import COpenSSL
    import Glibc
    import System

    /// The authorities that the system trusts: OpenSSL's directory, where each is a file named by the hash of its name, and its bundle,
    /// one file of them all. `SSL_CERT_DIR` and `SSL_CERT_FILE` count as for other programs.
    ///
    /// Nothing is read before a certificate is checked. The authority that has issued it is then looked up in the directory, and the
    /// bundle, whose hundred and more certificates take 20 ms, is read once, for the first authority that the directory has not.
    enum SystemAuthorities {
        /// - Throws: `TLSError` if there is no memory for it.
        static func use(in store: OpaquePointer?) throws(TLSError) {
            guard let directory = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir()),
                let file = X509_STORE_add_lookup(store, X509_LOOKUP_file()),
                let bundle = X509_STORE_add_lookup(store, bundleMethod),
                X509_LOOKUP_set_method_data(bundle, UnsafeMutableRawPointer(file)) == 1
            else { throw TLSError(.configuration, "the system's certificates: \(OpenSSLError.take())") }
            // A system without the directory is no failure: nothing is found in it.
            _ = X509_LOOKUP_ctrl(directory, X509_L_ADD_DIR, nil, CLong(X509_FILETYPE_DEFAULT), nil)
            ERR_clear_error()
        }

        /// Asked behind the directory, for what that has not. OpenSSL keeps the pointer for as long as the process runs.
        nonisolated(unsafe) private static let bundleMethod: OpaquePointer? = {
            let method = X509_LOOKUP_meth_new("the system's bundle of authorities")
            X509_LOOKUP_meth_set_get_by_subject(method) { lookup, type, name, result in
                guard type == X509_LU_X509, let lookup, SystemAuthorities.loadBundle(for: lookup) else { return 0 }
                return SystemAuthorities.find(name, in: X509_LOOKUP_get_store(lookup), result)
            }
            return method
        }()

        /// Threads that check certificates at once: all wait for the one that reads.
        private static let reading = Locked<Void>(())

        /// Returns false if there is no bundle to be looked at.
        private static func loadBundle(for lookup: OpaquePointer) -> Bool {
            reading.withLock { _ in
                guard let file = X509_LOOKUP_get_method_data(lookup) else { return true }
                guard !directoryHasBundle else { return false }
                X509_LOOKUP_set_method_data(lookup, nil)
                let found = X509_LOOKUP_ctrl(
                    OpaquePointer(file), X509_L_FILE_LOAD, nil, CLong(X509_FILETYPE_DEFAULT), nil)
                if found != 1 { ERR_clear_error() }
                return true
            }
        }

        private static func find(_ name: OpaquePointer?, in store: OpaquePointer?, _ result: OpaquePointer?) -> CInt {
            guard X509_STORE_lock(store) == 1 else { return 0 }
            defer { X509_STORE_unlock(store) }
            guard
                let found = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), X509_LU_X509, name),
                let certificate = X509_OBJECT_get0_X509(found), X509_OBJECT_set1_X509(result, certificate) == 1
            else { return 0 }
            // The caller takes a reference of its own; that of the store keeps the certificate.
            X509_free(certificate)
            return 1
        }

        /// True if the bundle lies in the directory, and the directory is one to look authorities up in: the system then makes both of
        /// the same certificates, and the bundle has no other.
        private static let directoryHasBundle: Bool = {
            func place(_ variable: UnsafePointer<CChar>?, _ standard: UnsafePointer<CChar>?) -> FilePath? {
                path(variable.flatMap { getenv($0) }.map { UnsafePointer($0) } ?? standard)
            }
            guard let directory = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()),
                let bundle = place(X509_get_default_cert_file_env(), X509_get_default_cert_file())
            else { return false }
            // Another file that a variable names may be anything.
            return bundle == path(X509_get_default_cert_file()) && bundle.folder == directory
                && hasHashedNames(directory)
        }()

        private static func path(_ name: UnsafePointer<CChar>?) -> FilePath? {
            name.flatMap { FilePath(bytes: UnsafeRawBufferPointer(start: $0, count: strlen($0))).withoutLinks }
        }

        /// True if a file in the directory is named by the hash of an authority: eight hexadecimal digits, a full stop, a number.
        private static func hasHashedNames(_ path: FilePath) -> Bool {
            var isFound = false
            try? FileDescriptor.open(path, [.folder]).forEachEntry { name, _ in
                guard !isFound, name.count > 9, name[8] == UInt8(ascii: ".") else { return }
                isFound =
                    name[..<8].allSatisfy { isxdigit(CInt($0)) != 0 }
                    && name[9...].allSatisfy { isdigit(CInt($0)) != 0 }
            }
            return isFound
        }
    }
#endif
