import Testing

@testable import DICOMweb

struct WebAddressTests {
    @Test(arguments: [
        ("http://pacs", "http://pacs"), ("https://pacs.example:443/dicom-web/", "https://pacs.example/dicom-web"),
        ("HTTP://Pacs:8042//", "http://Pacs:8042"), ("http://[::1]:8042/a/b%20c", "http://[::1]:8042/a/b%20c"),
        ("https://10.0.0.1:8443/v2", "https://10.0.0.1:8443/v2"),
    ])
    func `a base URL is read, and shown without what says nothing`(text: String, shown: String) throws {
        #expect(try WebAddress(parsing: text).description == shown)
    }

    @Test(arguments: [
        "ftp://pacs/", "other+http://pacs", "http://", "http:///path", "http://pacs:0/", "http://pacs:70000",
        "http://pacs:x", "http://pacs/?a=b", "http://pacs/#a", "http://a b/", "http://pacs/ä", "http://[::1",
        "http://[::1]x", "http://::1/", "http://[zz]/", "http://pacs:",
    ])
    func `what is no base URL is refused`(text: String) {
        #expect(throws: WebAddress.Problem.self) { try WebAddress(parsing: text) }
    }

    @Test
    func `a URL with a user is refused, and marked as one that may hold a secret`() {
        do throws(WebAddress.Problem) {
            _ = try WebAddress(parsing: "https://alice:secret@pacs/")
            Issue.record("accepted")
        } catch {
            #expect(error.mayHoldSecret)
            #expect(!error.words.contains("secret"))
        }
    }

    @Test
    func `only this machine is loopback`() throws {
        for text in ["http://localhost:1", "http://127.0.0.1", "http://127.1.2.3", "http://[::1]"] {
            #expect(try WebAddress(parsing: text).isLoopback)
        }
        for text in ["http://127.0.0.1.example", "http://128.0.0.1", "http://localhost.example", "http://127.evil.a.b"]
        {
            #expect(try !WebAddress(parsing: text).isLoopback)
        }
    }

    @Test
    func `a redirect may not lead from https to http, and credentials follow to the same origin alone`() throws {
        let plain = try WebAddress(parsing: "http://pacs/a")
        let secure = try WebAddress(parsing: "https://pacs/a")
        #expect(plain.redirected(to: "https://other/b?c=d") == (try WebAddress(parsing: "https://other/b")))
        #expect(secure.redirected(to: "http://pacs/a") == nil)
        #expect(secure.redirected(to: "file:///etc/passwd") == nil)
        #expect(plain.isSameOrigin(as: try WebAddress(parsing: "http://PACS:80/elsewhere")))
        #expect(!plain.isSameOrigin(as: secure))
        #expect(!plain.isSameOrigin(as: try WebAddress(parsing: "http://pacs:81/a")))
    }
}
