package import DICOMNode
import Glibc

#if DICOMweb
    import CCurl
    import CLoader

    /// The system's libcurl, opened when the first peer over HTTP is called: a run without one never looks for it.
    struct CurlLibrary: @unchecked Sendable {
        // Unchecked: the addresses of functions, which never change.
        let easySet: UnsafeMutableRawPointer
        let easyInfo: UnsafeMutableRawPointer
        let easyInit: UnsafeMutableRawPointer
        let easyCleanup: UnsafeMutableRawPointer
        let easyReset: UnsafeMutableRawPointer
        let easyWords: UnsafeMutableRawPointer
        let listAppend: UnsafeMutableRawPointer
        let listFree: UnsafeMutableRawPointer
        let multiInit: UnsafeMutableRawPointer
        let multiCleanup: UnsafeMutableRawPointer
        let multiAdd: UnsafeMutableRawPointer
        let multiRemove: UnsafeMutableRawPointer
        let multiPerform: UnsafeMutableRawPointer
        let multiPoll: UnsafeMutableRawPointer
        let multiInfo: UnsafeMutableRawPointer
        /// True if TLS is OpenSSL's, so that our own rules hold there.
        let usesOpenSSL: Bool

        private enum Found {
            case library(CurlLibrary)
            case problem(WebError)
        }

        private static let found = load()

        /// - Throws: `.web` if the library is not installed, or too old.
        static func open() throws(AssociationError) -> CurlLibrary {
            switch found {
            case .library(let library): return library
            case .problem(let error): throw .web(error)
            }
        }

        private static func load() -> Found {
            for (name, usesOpenSSL) in [("libcurl.so.4", true), ("libcurl-gnutls.so.4", false)] {
                var problem: UnsafePointer<CChar>?
                guard let handle = openSystemLibrary(name, &problem) else { continue }
                guard let library = CurlLibrary(handle, usesOpenSSL: usesOpenSSL) else {
                    return .problem(WebError(.noLibrary, "\(name) is older than 7.66"))
                }
                return .library(library)
            }
            return .problem(WebError(.noLibrary, "libcurl.so.4 is not installed"))
        }

        private init?(_ handle: UnsafeMutableRawPointer, usesOpenSSL: Bool) {
            func find(_ name: String) -> UnsafeMutableRawPointer? { dlsym(handle, name) }
            guard let easySet = find("curl_easy_setopt"), let easyInfo = find("curl_easy_getinfo"),
                let easyInit = find("curl_easy_init"), let easyCleanup = find("curl_easy_cleanup"),
                let easyReset = find("curl_easy_reset"), let easyWords = find("curl_easy_strerror"),
                let listAppend = find("curl_slist_append"), let listFree = find("curl_slist_free_all"),
                let multiInit = find("curl_multi_init"), let multiCleanup = find("curl_multi_cleanup"),
                let multiAdd = find("curl_multi_add_handle"), let multiRemove = find("curl_multi_remove_handle"),
                let multiPerform = find("curl_multi_perform"), let multiPoll = find("curl_multi_poll"),
                let multiInfo = find("curl_multi_info_read"), let globalInit = find("curl_global_init"),
                cCurlGlobalInit(globalInit, cCURL_GLOBAL_DEFAULT) == cCURLE_OK.signed
            else { return nil }
            self.easySet = easySet
            self.easyInfo = easyInfo
            self.easyInit = easyInit
            self.easyCleanup = easyCleanup
            self.easyReset = easyReset
            self.easyWords = easyWords
            self.listAppend = listAppend
            self.listFree = listFree
            self.multiInit = multiInit
            self.multiCleanup = multiCleanup
            self.multiAdd = multiAdd
            self.multiRemove = multiRemove
            self.multiPerform = multiPerform
            self.multiPoll = multiPoll
            self.multiInfo = multiInfo
            self.usesOpenSSL = usesOpenSSL
        }

        func words(_ code: CInt) -> String {
            cCurlWords(easyWords, code).map { String(cString: $0) } ?? "error \(code)"
        }
    }

    extension BinaryInteger {
        /// The number as C takes it: those of an enumeration without a name are wider in Swift.
        var signed: CInt { CInt(truncatingIfNeeded: self) }
    }
#endif

/// The library by which peers are called over HTTP.
package enum WebLibrary {
    /// The reason why nobody can be called; nil if the library is there.
    package static var problem: WebError? {
        #if DICOMweb
            do throws(AssociationError) { _ = try CurlLibrary.open() } catch .web(let error) { return error } catch {
                return WebError(.noLibrary, "\(error)")
            }
            return nil
        #else
            return WebError(.notAvailable, "this program was built without DICOMweb")
        #endif
    }
}
