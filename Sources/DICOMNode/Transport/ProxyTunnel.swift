import DICOM
import System

/// Asks a proxy for the connection to a peer. What is read ends with the proxy's answer: the next byte is the peer's.
struct ProxyTunnel {
    private let proxy: Proxy
    private let target: Endpoint
    private let wait: WaitLimits

    /// - Parameter wait: its total limits the look-up of the proxy, the connection to it and its answers together.
    init(_ proxy: Proxy, to target: Endpoint, wait: WaitLimits) {
        self.proxy = proxy
        self.target = target
        self.wait = wait
    }

    /// Opens the connection.
    ///
    /// - Throws: `TransportError.proxy` if the proxy does not make it, and `.cancelled`.
    func open() throws(TransportError) -> TCPConnection {
        let connection: TCPConnection
        do throws(TransportError) {
            connection = try .connect(host: proxy.endpoint.host, port: proxy.endpoint.port, wait: wait)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw problem(.unreachable(error.description))
        }
        do throws(TransportError) {
            switch proxy.scheme {
            case .http: try connectByHTTP(connection)
            case .socks5, .socks5h: try connectBySOCKS(connection)
            }
        } catch {
            connection.close()
            switch error {
            case .proxy, .cancelled, .nameNotFound, .timedOut(.lookup): throw error
            case .timedOut: throw problem(.silent)
            case .closed, .reset: throw problem(.unreachable("it closed the connection without an answer"))
            default: throw problem(.unreachable(error.description))
            }
        }
        return connection
    }

    private func problem(_ code: ProxyError.Code) -> TransportError {
        .proxy(ProxyError(proxy: proxy.description, target: target, code: code))
    }

    private func read(_ count: Int, from connection: TCPConnection) throws(TransportError) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            var failure: TransportError?
            let wanted = count - bytes.count
            let got = part.withUnsafeMutableBytes { buffer in
                do throws(TransportError) {
                    return try connection.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), wait: wait)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard got > 0 else { throw .closed }
            bytes += part[..<got]
        }
        return bytes
    }

    // MARK: SOCKS

    private static let version: UInt8 = 5
    private static let noAuthentication: UInt8 = 0
    private static let userAndPassword: UInt8 = 2

    private func connectBySOCKS(_ connection: TCPConnection) throws(TransportError) {
        let address = try targetAddress()
        let methods = proxy.userName == nil ? [Self.noAuthentication] : [Self.noAuthentication, Self.userAndPassword]
        try connection.write([Self.version, UInt8(methods.count)] + methods, wait: wait)
        let answer = try read(2, from: connection)
        guard answer[0] == Self.version else { throw foreign(answer) }
        guard answer[1] != 0xFF else {
            let why = proxy.userName == nil ? "wants a user name and a password" : "takes no user name and password"
            throw problem(.credentials(why))
        }
        guard methods.contains(answer[1]) else {
            throw problem(.foreign("it chose method \(answer[1]), which was not offered"))
        }
        if answer[1] == Self.userAndPassword { try authenticate(connection) }

        let port = target.port
        try connection.write(
            [Self.version, 1, 0] + address + [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)], wait: wait)
        let head = try read(4, from: connection)
        guard head[0] == Self.version else { throw foreign(head) }
        guard head[1] == 0 else { throw refusal(head[1]) }
        switch head[3] {
        case 1: _ = try read(4 + 2, from: connection)
        case 3: _ = try read(Int(try read(1, from: connection)[0]) + 2, from: connection)
        case 4: _ = try read(16 + 2, from: connection)
        default: throw problem(.foreign("address type \(head[3]) in its answer"))
        }
    }

    /// RFC 1929.
    private func authenticate(_ connection: TCPConnection) throws(TransportError) {
        let (name, password) = (Array((proxy.userName ?? "").utf8), Array((proxy.password ?? "").utf8))
        guard let nameLength = UInt8(exactly: name.count), let passwordLength = UInt8(exactly: password.count) else {
            throw problem(.credentials("takes no password of more than 255 bytes"))
        }
        try connection.write([1, nameLength] + name + [passwordLength] + password, wait: wait)
        guard try read(2, from: connection)[1] == 0 else {
            throw problem(.credentials("refused our user name and password"))
        }
    }

    /// The type and the bytes of the peer's address, RFC 1928 5.
    private func targetAddress() throws(TransportError) -> [UInt8] {
        var address = HostLookup.numericAddress(of: target.host, port: target.port)
        if address == nil, proxy.scheme == .socks5 {
            address = try HostLookup.addresses(of: target.host, port: target.port, wait: wait).first
        }
        guard let address else {
            let name = Array(target.host.utf8)
            guard let length = UInt8(exactly: name.count) else {
                throw .nameNotFound(host: target.host, detail: "longer than a name can be")
            }
            return [3, length] + name
        }
        let bytes = address.addressBytes
        return [bytes.count == 4 ? 1 : 4] + bytes
    }

    private func foreign(_ answer: [UInt8]) -> TransportError {
        let isHTTP = answer.starts(with: Array("HT".utf8))
        return problem(.foreign(isHTTP ? "it answers as an HTTP server" : "its answer is not one of SOCKS version 5"))
    }

    /// RFC 1928 6.
    private func refusal(_ reply: UInt8) -> TransportError {
        switch reply {
        case 2: problem(.forbidden("not allowed by its rules"))
        case 3: problem(.target("network unreachable"))
        case 4: problem(.target("host unreachable"))
        case 5: problem(.target("connection refused"))
        case 6: problem(.target("TTL expired"))
        case 7: problem(.foreign("it does not know the command CONNECT"))
        case 8: problem(.forbidden("it does not take such an address"))
        default: problem(.target("general failure (\(reply))"))
        }
    }

    // MARK: HTTP

    /// Longer answers are none of a proxy, in bytes.
    private static let maximumAnswer = 16 * 1024
    /// Shown of the words of an answer, in characters.
    private static let maximumReason = 80

    private func connectByHTTP(_ connection: TCPConnection) throws(TransportError) {
        guard target.host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw .nameNotFound(host: target.host, detail: "not a name")
        }
        var request = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        if let name = proxy.userName {
            let credentials = Array("\(name):\(proxy.password ?? "")".utf8)
            request += "Proxy-Authorization: Basic \(Base64.text(credentials))\r\n"
        }
        try connection.write(Array((request + "\r\n").utf8), wait: wait)
        let line = try readAnswer(connection)
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), parts[1].count == 3, let status = Int(parts[1]) else {
            throw problem(.foreign("its answer is not one of HTTP"))
        }
        let words = parts.dropFirst().joined(separator: " ").prefix(Self.maximumReason)
        switch status {
        case 200...299: return
        // Some say 401 of the credentials that they refuse.
        case 401, 407:
            throw problem(
                .credentials(
                    proxy.userName == nil
                        ? "wants a user name and a password (\(words))"
                        : "refused our user name and password (\(words))"))
        case 400...499: throw problem(.forbidden(String(words)))
        case 500...599: throw problem(.target(String(words)))
        default: throw problem(.foreign("it answers \(words)"))
        }
    }

    /// Reads to the empty line, byte by byte, as what follows is the peer's. Returns the first line.
    private func readAnswer(_ connection: TCPConnection) throws(TransportError) -> String {
        var line: [UInt8] = []
        var first: [UInt8]?
        for _ in 0..<Self.maximumAnswer {
            let byte = try read(1, from: connection)[0]
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                // What cannot become an answer is told at once, and not when it ends.
                if first == nil, line.count == 5, line != Array("HTTP/".utf8) {
                    throw problem(.foreign("its answer is not one of HTTP"))
                }
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if let first, line.isEmpty { return String(decoding: first, as: UTF8.self) }
            first = first ?? line
            line.removeAll(keepingCapacity: true)
        }
        throw problem(.foreign("its answer has no end"))
    }
}
