import Testing

@testable import DICOMweb

struct RequestHeadTests {
    private func head(_ text: String) throws(Refusal) -> RequestHead { try RequestHead(Array(text.utf8)[...]) }

    /// The status that a head is refused with; nil if it is not.
    private func status(_ text: String) -> Int? {
        do throws(Refusal) {
            _ = try head(text)
            return nil
        } catch {
            return error.status
        }
    }

    @Test func `line, fields and length of a request are read`() throws {
        let head = try head(
            "POST /studies?a=b HTTP/1.1\r\nhost: a.b:80\r\nContent-Length: 12\r\nX-A:  b \r\nx-a:c\r\n\r\n")
        #expect(head.method == "POST")
        #expect(head.target.path == ["studies"])
        #expect(head.body == .bytes(12))
        #expect(head.list("x-a") == "b,c")
        #expect(head.keepsAlive && !head.expectsContinue && !head.isOld)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false), ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
    ])
    func `a connection is kept as its version and its field say`(text: String, isKept: Bool) throws {
        #expect(try head(text).keepsAlive == isKept)
    }

    @Test(arguments: [
        // Two lengths, of which each reader may believe another one.
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: 3, 3\r\n", 400), ("Content-Length: +3\r\n", 400), ("Content-Length: -1\r\n", 400),
        ("Content-Length: 0x3\r\n", 400), ("Content-Length: 9999999999999999999999\r\n", 400),
        ("Content-Length:\r\n", 400), ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", 501), ("Transfer-Encoding: xchunked\r\n", 501),
        ("Transfer-Encoding : chunked\r\n", 400), ("Content-Length : 3\r\n", 400), (" Content-Length: 3\r\n", 400),
        ("X: a\r\n continued\r\n", 400), ("X: a\nContent-Length: 3\r\n", 400), ("X: a\rb\r\n", 400),
        ("X: a\0b\r\n", 400),
        // White space and letters of Unicode, which other readers take for something else.
        ("Transfer-Encoding: chun\u{212A}ed\r\n", 400), ("Transfer-Encoding: \u{A0}chunked\r\n", 400),
        ("Transfer-Encoding: chunked\u{85}\r\n", 400), ("Content-Length: \u{2003}5\r\n", 400),
        ("Content-Length: \u{FF15}\r\n", 400), ("Content-Length: 5\u{3000}\r\n", 400),
        ("Connection: \u{212A}eep-alive\r\n", 400), ("Expect: 100-continue\u{A0}\r\n", 400),
        ("Transfer-Encoding: \u{B}chunked\r\n", 400), ("Content-Length: \u{C}5\r\n", 400),
        ("Transfer-Encoding:\r\n", 501), ("Transfer-Encoding: chunked, \r\n", 501),
        ("no colon\r\n", 400), (": no name\r\n", 400), ("Host: b\r\n", 400), ("Expect: 200-ok\r\n", 417),
    ])
    func `what two readers could understand in two ways is refused`(fields: String, expected: Int) {
        #expect(status("POST /studies HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") == expected)
    }

    @Test func `spaces and tabs around a value belong to nobody`() throws {
        let head = try head("POST / HTTP/1.1\r\nHost:\ta \r\nTransfer-Encoding: \t CHUNKED\t\r\nX: \u{A0}é\r\n\r\n")
        #expect(head.body == .chunked)
        #expect(head.host == "a")
        #expect(head.field("x") == "\u{A0}é")
    }

    @Test(
        arguments: [
            ("/studies", "a:80", "a:80"), ("http://b:81/studies", "a:80", "b:81"), ("HTTPS://b?x", "a", "b"),
            ("/studies", "", nil), ("http://b/", "", "b"),
        ] as [(String, String, String?)])
    func `the host of the target wins over the field, and an empty one is none`(
        target: String, field: String, host: String?
    ) throws {
        #expect(try head("GET \(target) HTTP/1.1\r\nHost: \(field)\r\n\r\n").host == host)
    }

    @Test(arguments: ["\r", "\n", "\0", "\r\nX-Evil: 1", "1.2\r\n\r\nHTTP/1.1 200 OK"])
    func `a field that would be several lines is not sent`(value: String) {
        let fields = [HTTPField("A", "1"), HTTPField("Content-Type", "x; y=\(value)"), HTTPField("B", "2")]
        #expect(HTTPField.lines(fields) == "A: 1\r\nB: 2\r\n")
    }

    @Test(arguments: [
        ("GET http:///studies HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://\"<b>/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("GET /\r\nHost: a\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / SPDY/1\r\nHost: a\r\n\r\n", 400), ("GET studies HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: \"><b>\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400), ("\r\n\r\n", 400),
    ])
    func `a line or a target that is none is refused`(text: String, expected: Int) {
        #expect(status(text) == expected)
    }

    @Test func `a target that is too long and too many fields have statuses of their own`() {
        let long = String(repeating: "a", count: 20_000)
        #expect(status("GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n") == 414)
        let fields = String(repeating: "A: b\r\n", count: RequestHead.maximumFields)
        #expect(status("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") == 431)
    }

    @Test func `a path is divided before it is decoded, and a query afterwards`() throws {
        let target = try RequestTarget("/studies/1%2F2/?PatientName=A%5EB%26c&x&y=a=b&plus=a+b")
        #expect(target.path == ["studies", "1/2"])
        let parameters = try target.parameters()
        #expect(parameters.map(\.name) == ["PatientName", "x", "y", "plus"])
        #expect(parameters.map(\.value) == ["A^B&c", "", "a=b", "a+b"])
        #expect(try target.parameters(decodes: false).first?.value == "A%5EB%26c")
        #expect(try RequestTarget("http://host:1/studies?a=b").path == ["studies"])
        #expect(try RequestTarget("http://host?a=b").path.isEmpty)
        #expect(try RequestTarget("/").path.isEmpty)
    }
}
