import DICOM
import Glibc

/// A proxy that connects to peers for us: SOCKS version 5 (RFC 1928, 1929), or CONNECT of HTTP (RFC 9110 9.3.6).
package struct Proxy: Sendable, Equatable, CustomStringConvertible {
    package enum Scheme: String, Sendable, CaseIterable {
        /// The proxy looks names up.
        case socks5h
        /// Names are looked up here.
        case socks5
        case http

        fileprivate var standardPort: UInt16 { self == .http ? 8080 : 1080 }
    }

    package let scheme: Scheme
    package let endpoint: Endpoint
    package var userName: String?
    package var password: String?

    /// True if names of peers go to the proxy as they are.
    package var looksUpNames: Bool { scheme != .socks5 }

    /// The length of a user name and of a password, RFC 1929 2.
    private static let maximumSecretLength = 255

    /// Reads `SCHEME://[USER[:PASSWORD]@]HOST[:PORT]`; nil if it is none. Percent signs stand for characters as in every URL.
    ///
    /// - Parameter standardScheme: that of a text without one; nil if there has to be one.
    package init?(_ text: String, standardScheme: Scheme? = nil) {
        var rest = text[...]
        var scheme = standardScheme
        if let end = text.firstRange(of: "://") {
            scheme = Scheme(rawValue: text[..<end.lowerBound].lowercased())
            rest = text[end.upperBound...]
        }
        guard let scheme else { return nil }
        self.scheme = scheme
        if rest.last == "/" { rest = rest.dropLast() }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            rest = rest[rest.index(after: at)...]
            let decoded = parts.map { Self.decoded($0) }
            guard let name = decoded[0], !name.isEmpty, decoded.allSatisfy({ $0 != nil }) else { return nil }
            userName = name
            password = decoded.count > 1 ? decoded[1] : nil
            guard [userName, password].allSatisfy({ ($0?.utf8.count ?? 0) <= Self.maximumSecretLength }) else {
                return nil
            }
        }
        var port: Substring?
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { return nil }
            port = behind.isEmpty ? nil : behind.dropFirst()
            rest = rest[rest.index(after: rest.startIndex)..<end]
        } else if let colon = rest.firstIndex(of: ":") {
            port = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        guard !rest.isEmpty, rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            return nil
        }
        guard let port else {
            endpoint = Endpoint(host: String(rest), port: scheme.standardPort)
            return
        }
        guard let number = UInt16(port), number > 0 else { return nil }
        endpoint = Endpoint(host: String(rest), port: number)
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            rest = rest.dropFirst(2)
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Without user and password.
    package var description: String { "\(scheme.rawValue)://\(endpoint)" }
}

/// A proxy with the hosts that are connected to without it.
package struct ProxyRoute: Sendable, Equatable {
    package let proxy: Proxy
    private let exceptions: [Substring]
    private let sparesThisMachine: Bool

    /// - Parameters:
    ///   - exceptions: as `NO_PROXY` has them: names, which stand for those that end in them too, addresses, and networks
    ///     such as 10.0.0.0/8, with commas between; `*` is every host.
    ///   - sparesThisMachine: true if this machine is connected to without the proxy.
    package init(_ proxy: Proxy, except exceptions: String, sparesThisMachine: Bool) {
        self.proxy = proxy
        self.exceptions = exceptions.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }
        self.sparesThisMachine = sparesThisMachine
    }

    /// Returns true if the host is connected to through the proxy.
    package func leads(to host: String) -> Bool {
        var name = host.lowercased()[...]
        if name.last == "." { name = name.dropLast() }
        let address = Self.bytes(ofAddress: name)
        if sparesThisMachine, Self.isThisMachine(name, address) { return false }
        return !exceptions.contains { entry in
            if entry == "*" { return true }
            if let address {
                let parts = entry.split(separator: "/", maxSplits: 1)
                guard let first = parts.first, let network = Self.bytes(ofAddress: Self.unbracketed(first)),
                    network.count == address.count
                else { return false }
                guard parts.count == 2 else { return network == address }
                guard let length = Int(parts[1]), (0...network.count * 8).contains(length) else { return false }
                return Self.begins(address, with: network, bits: length)
            }
            let suffix = entry.first == "." ? entry.dropFirst() : entry
            return !suffix.isEmpty && (name == suffix || name.hasSuffix("." + suffix))
        }
    }

    private static func isThisMachine(_ name: Substring, _ address: [UInt8]?) -> Bool {
        guard let address else { return name == "localhost" || name.hasSuffix(".localhost") }
        return address.count == 4 ? address[0] == 127 : address == [UInt8](repeating: 0, count: 15) + [1]
    }

    private static func unbracketed(_ text: Substring) -> Substring {
        text.first == "[" && text.last == "]" ? text.dropFirst().dropLast() : text
    }

    /// 4 bytes of IPv4, 16 of IPv6; nil for a name.
    private static func bytes(ofAddress text: Substring) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, String(text), &bytes) == 1 { return bytes }
        }
        return nil
    }

    private static func begins(_ address: [UInt8], with network: [UInt8], bits: Int) -> Bool {
        let (whole, rest) = bits.quotientAndRemainder(dividingBy: 8)
        guard address[..<whole] == network[..<whole] else { return false }
        return rest == 0 || (address[whole] ^ network[whole]) >> UInt8(8 - rest) == 0
    }
}

/// The reason why a proxy made no connection to a peer.
package struct ProxyError: Error, Sendable, Equatable, CustomStringConvertible {
    package let proxy: String
    package let target: Endpoint
    package let code: Code

    /// - Parameters:
    ///   - proxy: as messages name it.
    ///   - target: the peer.
    package init(proxy: String, target: Endpoint, code: Code) {
        self.proxy = proxy
        self.target = target
        self.code = code
    }

    package enum Code: Sendable, Equatable {
        /// The proxy itself cannot be connected to, or has cut the connection.
        case unreachable(String)
        /// The proxy took the connection and did not answer in time.
        case silent
        /// The answer is none of the proxy's protocol.
        case foreign(String)
        /// The proxy wants a user name and a password, or has refused ours.
        case credentials(String)
        /// The proxy does not connect to this peer.
        case forbidden(String)
        /// The proxy could not connect to the peer.
        case target(String)
    }

    package var description: String {
        switch code {
        case .unreachable(let why): "the proxy \(proxy) cannot be used: \(why)"
        case .silent: "the proxy \(proxy) does not answer"
        case .foreign(let why): "the proxy \(proxy) does not speak its protocol: \(why)"
        case .credentials(let why): "the proxy \(proxy) \(why)"
        case .forbidden(let why): "the proxy \(proxy) does not connect to \(target): \(why)"
        case .target(let why): "the proxy \(proxy) cannot connect to \(target): \(why)"
        }
    }
}
