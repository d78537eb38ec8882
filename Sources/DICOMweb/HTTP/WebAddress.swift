import DICOM

/// The base URLs of services that a peer has elsewhere than at its own.
package struct WebBases: Sendable, Equatable {
    /// Of queries, QIDO-RS.
    package var query: WebAddress?
    /// Of retrievals, WADO-RS.
    package var retrieval: WebAddress?
    /// Of storage, STOW-RS.
    package var storage: WebAddress?

    package init() {}

    package var all: [WebAddress] { [query, retrieval, storage].compactMap(\.self) }
}

/// The base URL of the services of a peer over HTTP (PS3.18 8.2): scheme, host, port and path; never a user, a query or a fragment.
package struct WebAddress: Sendable, Equatable, CustomStringConvertible {
    package let isSecure: Bool
    /// What is spoken there over HTTP.
    package let interface: Interface
    /// A name or an address, an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    /// Begins with a slash and does not end with one, or is empty.
    package let path: String

    package enum Interface: Sendable {
        /// DICOMweb, PS3.18.
        case dicomWeb
        /// Orthanc's own.
        case orthanc
    }

    /// The reason why a text is no such URL, in words that follow it.
    package struct Problem: Error, Sendable, Equatable {
        package let words: String

        /// True if the text may hold a secret, and is not to be repeated.
        package var mayHoldSecret = false
    }

    private static let orthancPrefix = "orthanc+"

    /// True if the text is meant as a URL, right or wrong.
    package static func isMeant(_ text: String) -> Bool { text.contains("://") }

    /// Reads a URL as a person types it.
    ///
    /// - Throws: the reason why it cannot be used.
    package init(parsing text: String) throws(Problem) {
        let isOfOrthanc = text.lowercased().hasPrefix(Self.orthancPrefix)
        interface = isOfOrthanc ? .orthanc : .dicomWeb
        let text = isOfOrthanc ? String(text.dropFirst(Self.orthancPrefix.count)) : text
        let lower = text.lowercased()
        let length: Int
        if lower.hasPrefix("https://") {
            (isSecure, length) = (true, 8)
        } else if lower.hasPrefix("http://") {
            (isSecure, length) = (false, 7)
        } else {
            throw Problem(words: "a URL of another kind than http://, https:// and orthanc+http(s)://")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem(words: "a URL with spaces, or with characters that it must have as %XX")
        }
        let rest = text.dropFirst(length)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.contains("@") else {
            throw Problem(words: "a user or a password does not belong into a URL", mayHoldSecret: true)
        }
        var path = rest.dropFirst(authority.count)
        guard !path.contains("?"), !path.contains("#") else {
            throw Problem(words: "a base URL has no query (?) and no fragment (#)")
        }
        while path.last == "/" { path = path.dropLast() }
        self.path = String(path)
        let (host, port) = try Self.divide(authority)
        let isName = !host.isEmpty && host.allSatisfy { !"[]<>\"\\^`{|}".contains($0) }
        guard isName else { throw Problem(words: "a URL without a host") }
        self.host = String(host)
        guard let port else {
            self.port = isSecure ? 443 : 80
            return
        }
        guard let number = UInt16(port), number > 0 else { throw Problem(words: "the port is not one from 1 to 65535") }
        self.port = number
    }

    private static func divide(_ authority: Substring) throws(Problem) -> (host: Substring, port: Substring?) {
        guard authority.first == "[" else {
            guard let colon = authority.lastIndex(of: ":") else { return (authority, nil) }
            let host = authority[..<colon]
            guard !host.contains(":") else { throw Problem(words: "an IPv6 address needs brackets: [ADDRESS]") }
            return (host, authority[authority.index(after: colon)...])
        }
        guard let end = authority.firstIndex(of: "]") else { throw Problem(words: "a [ without its ]") }
        let host = authority[authority.index(after: authority.startIndex)..<end]
        let rest = authority[authority.index(after: end)...]
        guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
            throw Problem(words: "no IPv6 address in the brackets")
        }
        guard !rest.isEmpty else { return (host, nil) }
        guard rest.first == ":" else { throw Problem(words: "only :PORT may follow the ]") }
        return (host, rest.dropFirst())
    }

    private var scheme: String { isSecure ? "https" : "http" }

    /// Scheme, host and port, the last one where it is not the usual one.
    package var origin: String {
        let shown = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(shown)" + (port == (isSecure ? 443 : 80) ? "" : ":\(port)")
    }

    /// As requests name it.
    var url: String { origin + path }

    /// As a person types it, and messages name it.
    package var description: String { (interface == .orthanc ? Self.orthancPrefix : "") + url }

    /// True if what is sent there does not leave this machine.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// True if a host is this machine, whatever its names are.
    package static func isLoopback(_ host: String) -> Bool {
        host.lowercased() == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && host.split(separator: ".").count == 4
                && host.allSatisfy { $0.isNumber || $0 == "." })
    }

    /// The address that a redirect names, if requests to this one may follow it: to the same scheme, or from http to https.
    func redirected(to text: String) -> WebAddress? {
        // What follows the path belongs to the request.
        let target = text.prefix { $0 != "?" && $0 != "#" }
        guard let address = try? WebAddress(parsing: String(target)), address.interface == .dicomWeb,
            address.isSecure || !isSecure
        else { return nil }
        return address
    }

    /// True if credentials for this one may be sent to the other.
    func isSameOrigin(as other: WebAddress) -> Bool {
        isSecure == other.isSecure && host.lowercased() == other.host.lowercased() && port == other.port
    }
}
