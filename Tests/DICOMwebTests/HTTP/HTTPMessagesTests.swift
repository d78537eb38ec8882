import Testing

@testable import DICOMweb

struct HTTPMessagesTests {
    private func head(_ lines: String...) -> HTTPHead {
        var head = HTTPHead()
        for line in lines {
            let bytes = Array((line + "\r\n").utf8)
            bytes.withUnsafeBytes { _ = head.accept(line: $0) }
        }
        return head
    }

    @Test
    func `a status line begins another head`() {
        let head = head("HTTP/1.1 100 Continue", "X-A: 1", "", "HTTP/2 206", "Content-Type:  Text/HTML ; a=b", "X-B:2")
        #expect(head.status == 206)
        #expect(head.field("x-a") == nil)
        #expect(head.field("x-b") == "2")
        #expect(head.mediaType.name == "text/html")
    }

    @Test
    func `a head without an end is refused, also of interim answers`() {
        var head = HTTPHead()
        let line = Array("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".utf8)
        var count = 0
        while count < 100_000, line.withUnsafeBytes({ head.accept(line: $0) }) { count += 1 }
        #expect(count < 10_000)
        var interim = HTTPHead()
        let status = Array("HTTP/1.1 100 Continue\r\n".utf8)
        count = 0
        while count < 100_000, status.withUnsafeBytes({ interim.accept(line: $0) }) { count += 1 }
        #expect(count < 10_000)
    }

    @Test(arguments: [
        #"multipart/related; type="application/dicom"; boundary=abc"#,
        #"Multipart/Related;boundary="abc";type="application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50""#,
        #"multipart/related ; BOUNDARY = "a\bc" ; start="<x;y>""#,
    ])
    func `parameters of media types are read in any order, quoted or not`(text: String) {
        let type = MediaType(text)
        #expect(type.name == "multipart/related")
        #expect(type.parameter("boundary") == "abc")
    }

    @Test
    func `Retry-After is seconds or a date, and has a limit`() {
        #expect(head("HTTP/1.1 503 x", "Retry-After: 7").retryAfter(now: 0) == 7)
        let date = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(head("HTTP/1.1 503 x", date).retryAfter(now: 784_111_767) == 10)
        #expect(head("HTTP/1.1 503 x", date).retryAfter(now: 784_111_999) == 0)
        #expect(head("HTTP/1.1 503 x", "Retry-After: 99999999").retryAfter(now: 0) == 3600)
        #expect(head("HTTP/1.1 503 x", "Retry-After: soon").retryAfter(now: 0) == nil)
        #expect(head("HTTP/1.1 503 x").retryAfter(now: 0) == nil)
    }

    @Test
    func `dates of HTTP count days as the calendar does`() {
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.seconds("Tue, 29 Feb 2000 23:59:59 GMT") == 951_868_799)
        #expect(HTTPDate.seconds("Wed, 01 Mar 2000 00:00:00 GMT") == 951_868_800)
        #expect(HTTPDate.seconds("Fri, 31 Dec 9999 23:59:59 GMT") == 253_402_300_799)
        #expect(HTTPDate.seconds("06 Nov 1994") == nil)
    }

    @Test(arguments: [
        (#"{"Details":"Accessing an inexistent study","HttpStatus":404}"#, "Accessing an inexistent study"),
        (#"{"errorMessage":"too many"}"#, "too many"), ("plain words\nand more", "plain words"),
        ("<!DOCTYPE html><html><head><TITLE>413 Too Large</TITLE></head>", "a page named \"413 Too Large\""),
        ("", nil), ("{\"a\":1}", "{\"a\":1}"),
    ])
    func `what a server says about a failure is told in one line`(body: String, shown: String?) {
        #expect(ErrorPage.text(Array(body.utf8)) == shown)
    }
}
