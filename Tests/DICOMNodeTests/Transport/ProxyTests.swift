import System
import TestSupport
import Testing

@testable import DICOMNode

/// Connecting through proxies, also hostile ones.
struct ProxyTests {
    private let patience = Loopback.patience
    private let target = Endpoint(host: "pacs.example", port: 104)

    // MARK: The URL and the exceptions

    @Test(
        arguments: [
            ("socks5h://proxy", "socks5h://proxy:1080", nil, nil), ("SOCKS5://p:9", "socks5://p:9", nil, nil),
            ("http://[::1]:3128/", "http://[::1]:3128", nil, nil), ("http://p", "http://p:8080", nil, nil),
            ("socks5h://me@p", "socks5h://p:1080", "me", nil), ("http://me:a%3Ab%40@p:1", "http://p:1", "me", "a:b@"),
            ("http://me:p@ss@p:1", "http://p:1", "me", "p@ss"),
        ] as [(String, String, String?, String?)])
    func `a URL names scheme, host, port, user and password`(
        _ text: String, _ name: String, _ user: String?, _ password: String?
    ) throws {
        let proxy = try #require(Proxy(text))
        #expect(proxy.description == name)
        #expect(proxy.userName == user)
        #expect(proxy.password == password)
    }

    @Test(arguments: [
        "", "proxy:1080", "https://p", "socks4://p", "socks5h://", "socks5h://p:0", "socks5h://p:65536", "http://p:x",
        "http://@p", "http://a:%zz@p", "http://a b", "http://p/x", "http://[::1", "http://[::1]x",
        "http://\(String(repeating: "u", count: 256))@p",
    ])
    func `what is no URL of a proxy is none`(_ text: String) { #expect(Proxy(text) == nil) }

    @Test func `the environment may leave out the scheme`() {
        #expect(Proxy("proxy:3128", standardScheme: .http)?.description == "http://proxy:3128")
    }

    @Test(arguments: [
        ("a.b.example", ".b.example,x", false), ("b.example", ".b.example", false), ("ab.example", "b.example", true),
        ("A.Example.", "example", false), ("a", "*", false), ("10.1.2.3", "10.0.0.0/8", false),
        ("11.1.2.3", "10.0.0.0/8", true), ("10.1.2.3", "10.1.2.3", false), ("10.1.2.3", "2.3", true),
        ("fe80::1", "FE80::/10", false), ("::2", "[::2]", false), ("10.1.2.3", "10.1.2.3/33,10.0.0.0/x", true),
        ("10.1.2.3", "0.0.0.0/0", false), ("10.1.2.193", "10.1.2.128/26", true), ("a", "", true), ("a", " , .,", true),
    ])
    func `exceptions are names, addresses and networks`(_ host: String, _ exceptions: String, _ leads: Bool) throws {
        let proxy = try #require(Proxy("http://p"))
        #expect(ProxyRoute(proxy, except: exceptions, sparesThisMachine: false).leads(to: host) == leads)
    }

    @Test func `this machine is spared where that is asked for`() throws {
        let proxy = try #require(Proxy("http://p"))
        for host in ["localhost", "x.localhost", "127.9.9.9", "::1"] {
            #expect(!ProxyRoute(proxy, except: "", sparesThisMachine: true).leads(to: host))
            #expect(ProxyRoute(proxy, except: "", sparesThisMachine: false).leads(to: host))
        }
        #expect(ProxyRoute(proxy, except: "", sparesThisMachine: true).leads(to: "128.0.0.1"))
    }

    // MARK: The conversation

    /// Connects through a proxy that answers so, whatever it is asked; then the peer says "hello".
    ///
    /// - Returns: what the proxy was told, and the first bytes of the peer.
    private func connect(
        _ scheme: String, user: String = "", answers: [[UInt8]], to target: Endpoint? = nil, hangsUp: Bool = true,
        wait: WaitLimits? = nil
    ) throws -> (asked: [UInt8], told: [UInt8]) {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let proxy = try #require(Proxy("\(scheme)://\(user)127.0.0.1:\(listener.port)"))
        let asked = Locked<[UInt8]>([])
        let end = try Cancellation()
        let patience = patience
        let thread = try PosixThread(name: "proxy") {
            guard let connection = try? listener.accept(wait: patience) else { return }
            var buffer = [UInt8](repeating: 0, count: 4096)
            for answer in answers {
                let count = buffer.withUnsafeMutableBytes { (try? connection.read(into: $0, wait: patience)) ?? 0 }
                guard count > 0 else { return connection.close() }
                asked.withLock { $0 += buffer[..<count] }
                try? connection.write(answer, wait: patience)
            }
            if !hangsUp { _ = end.wait(until: patience.total) }
            connection.close()
        }
        defer {
            end.raise()
            thread.join()
        }
        let route = ProxyRoute(proxy, except: "", sparesThisMachine: false)
        let connection = try Connector(route: route).connect(to: target ?? self.target, wait: wait ?? patience)
        var told = [UInt8](repeating: 0, count: 5)
        let count = try told.withUnsafeMutableBytes { try connection.read(into: $0, wait: patience) }
        connection.close()
        return (asked.withLock { $0 }, Array(told[..<count]))
    }

    private func code(_ body: () throws -> Void) -> ProxyError.Code? {
        do { try body() } catch let error as TransportError {
            if case .proxy(let error) = error {
                #expect(error.target == target)
                #expect(error.description.contains("127.0.0.1:"))
                return error.code
            }
        } catch {}
        return nil
    }

    private let hello = Array("hello".utf8)
    private let accepted: [UInt8] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

    @Test func `SOCKS gets the name, and the first byte after its answer is the peer's`() throws {
        let (asked, told) = try connect("socks5h", answers: [[5, 0], accepted + hello])
        #expect(asked == [5, 1, 0, 5, 1, 0, 3, 12] + Array("pacs.example".utf8) + [0, 104])
        #expect(told == hello)
    }

    @Test func `SOCKS gets addresses in numbers, and may answer with any kind of address`() throws {
        let ending = { (answer: [UInt8]) in [[5, 0], answer + self.hello] as [[UInt8]] }
        let four = try connect(
            "socks5h", answers: ending([5, 0, 0, 3, 2, 65, 66, 0, 0]), to: Endpoint(host: "10.0.0.1", port: 258))
        #expect(Array(four.asked.suffix(10)) == [5, 1, 0, 1, 10, 0, 0, 1, 1, 2])
        #expect(four.told == hello)
        let six = try connect(
            "socks5", answers: ending([5, 0, 0, 4] + [UInt8](repeating: 0, count: 18)),
            to: Endpoint(host: "::1", port: 104))
        #expect(Array(six.asked.suffix(22).prefix(4)) == [5, 1, 0, 4])
        #expect(six.told == hello)
    }

    @Test func `SOCKS gets user and password where it asks for them`() throws {
        let (asked, told) = try connect("socks5h", user: "me:secret@", answers: [[5, 2], [1, 0], accepted + hello])
        #expect(Array(asked.prefix(4)) == [5, 2, 0, 2])
        #expect(Array(asked.dropFirst(4).prefix(11)) == [1, 2] + Array("me".utf8) + [6] + Array("secret".utf8))
        #expect(told == hello)
    }

    @Test(
        arguments: [
            ("", [[5, 0xFF]], "wants a user name and a password"),
            ("me@", [[5, 0xFF]], "takes no user name and password"),
            ("me:x@", [[5, 2], [1, 1]], "refused our user name and password"),
        ] as [(String, [[UInt8]], String)])
    func `SOCKS tells what is wrong with user and password`(_ user: String, _ answers: [[UInt8]], _ words: String) {
        #expect(code { _ = try connect("socks5h", user: user, answers: answers) } == .credentials(words))
    }

    @Test(
        arguments: [
            (1, .target("general failure (1)")), (2, .forbidden("not allowed by its rules")),
            (3, .target("network unreachable")), (4, .target("host unreachable")), (5, .target("connection refused")),
            (6, .target("TTL expired")), (8, .forbidden("it does not take such an address")),
            (200, .target("general failure (200)")),
        ] as [(UInt8, ProxyError.Code)])
    func `SOCKS tells why it makes no connection`(_ reply: UInt8, _ expected: ProxyError.Code) {
        #expect(
            code { _ = try connect("socks5h", answers: [[5, 0], [5, reply, 0, 1, 0, 0, 0, 0, 0, 0]]) } == expected)
    }

    @Test(
        arguments: [
            [[4, 0]], [[5, 1]], [Array("HTTP/1.1 400 Bad\r\n\r\n".utf8)], [[5, 0], [4, 0, 0, 1]],
            [[5, 0], [5, 0, 0, 9]],
            [[5, 0], [5, 7, 0, 1]],
        ] as [[[UInt8]]])
    func `what is no SOCKS is told`(_ answers: [[UInt8]]) {
        guard case .foreign = code({ _ = try connect("socks5h", answers: answers) }) else {
            Issue.record("\(answers)")
            return
        }
    }

    @Test(arguments: [[[5]], [[5, 0], [5, 0, 0, 3, 255, 1]], [[5, 0], [5, 0, 0]], [[]]] as [[[UInt8]]])
    func `a proxy that ends in its answer, or lies about a length, is told`(_ answers: [[UInt8]]) {
        for scheme in ["socks5h", "http"] where scheme == "socks5h" || answers.count == 1 {
            guard case .unreachable? = code({ _ = try connect(scheme, answers: answers.isEmpty ? [[]] : answers) })
            else {
                Issue.record("\(scheme) \(answers)")
                continue
            }
        }
    }

    @Test(arguments: ["socks5h", "http"])
    func `a proxy that never answers costs the limit`(_ scheme: String) {
        let wait = WaitLimits(total: .after(seconds: 0.2))
        #expect(code { _ = try connect(scheme, answers: [[]], hangsUp: false, wait: wait) } == .silent)
    }

    @Test func `a wait for a proxy is cancelled`() throws {
        let cancellation = try Cancellation()
        let thread = try PosixThread(name: "cancel") { cancellation.raise() }
        defer { thread.join() }
        #expect(throws: TransportError.cancelled) {
            try connect(
                "http", answers: [[]], hangsUp: false,
                wait: WaitLimits(total: patience.total, cancellation: cancellation))
        }
    }

    @Test func `HTTP is asked by CONNECT, and the first byte after its headers is the peer's`() throws {
        let answer = Array("HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nhello".utf8)
        let (asked, told) = try connect("http", user: "me:secret@", answers: [answer])
        #expect(
            String(decoding: asked, as: UTF8.self)
                == "CONNECT pacs.example:104 HTTP/1.1\r\nHost: pacs.example:104\r\n"
                + "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n")
        #expect(told == hello)
    }

    @Test(
        arguments: [
            (
                "407 Authentication Required",
                .credentials("wants a user name and a password (407 Authentication Required)")
            ),
            ("401 Unauthorized", .credentials("wants a user name and a password (401 Unauthorized)")),
            ("403 Forbidden", .forbidden("403 Forbidden")), ("502 Bad Gateway", .target("502 Bad Gateway")),
            ("302 Found", .foreign("it answers 302 Found")), ("99999 x", .foreign("its answer is not one of HTTP")),
        ] as [(String, ProxyError.Code)])
    func `HTTP tells why it makes no connection`(_ status: String, _ expected: ProxyError.Code) {
        #expect(code { _ = try connect("http", answers: [Array("HTTP/1.1 \(status)\r\n\r\n".utf8)]) } == expected)
    }

    @Test func `headers without end and other protocols are told`() {
        let endless = Array("HTTP/1.1 200 OK\r\n".utf8) + Array(String(repeating: "X: y\r\n", count: 5000).utf8)
        #expect(code { _ = try connect("http", answers: [endless]) } == .foreign("its answer has no end"))
        for answer in ["SSH-2.0-OpenSSH_9.2\r\n", "220 smtp.example ESMTP\r\n"] {
            #expect(
                code { _ = try connect("http", answers: [Array(answer.utf8)], hangsUp: false) }
                    == .foreign("its answer is not one of HTTP"))
        }
    }

    @Test func `a name that would be a header of its own is none`() {
        #expect(throws: TransportError.self) {
            try connect("http", answers: [[]], to: Endpoint(host: "a\r\nX: y", port: 104))
        }
    }

    @Test func `a proxy that is not there is told from the peer`() throws {
        var listener: TCPListener? = try TCPListener(port: 0, bind: "127.0.0.1")
        let port = try #require(listener?.port)
        listener = nil
        let proxy = try #require(Proxy("socks5h://127.0.0.1:\(port)"))
        let connector = Connector(route: ProxyRoute(proxy, except: "", sparesThisMachine: false))
        #expect(
            code { _ = try connector.connect(to: target, wait: patience) } == .unreachable("connection refused"))
    }
}
