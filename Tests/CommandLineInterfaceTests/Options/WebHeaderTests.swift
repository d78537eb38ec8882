import Testing

@testable import CommandLineInterface

struct WebHeaderTests {
    @Test(arguments: [
        ("X-Api-Key: abc", "X-Api-Key", WebHeader.Value.text("abc")), ("X-Site:a: b", "X-Site", .text("a: b")),
        ("X-Api-Key: env:KEY", "X-Api-Key", .secret(.environment("KEY"))),
        ("Cookie: file:/a", "Cookie", .secret(.file("/a"))), ("X: prompt", "X", .secret(.prompt)),
    ])
    func `a field is a name and a value, or where that stands`(
        _ text: String, _ name: String, _ value: WebHeader.Value
    ) throws {
        let header = try WebHeader(parsing: text)
        #expect(header.name == name && header.value == value)
    }

    @Test(arguments: ["", "abc", ": a", "a b: c", "A:", "A: ", "A: b\r\nHost: c", "A: b\u{0}", "Ä: b"])
    func `what is no field is refused`(_ text: String) {
        #expect(throws: WebHeader.Problem.noField) { try WebHeader(parsing: text) }
    }

    @Test(arguments: ["Host", "content-length", "Transfer-Encoding", "ACCEPT", "Content-Type", "Connection"])
    func `what requests rest upon is not for others to set`(_ name: String) {
        #expect(throws: WebHeader.Problem.reserved) { try WebHeader(parsing: "\(name): a") }
    }

    @Test func `a value is shown by where it stands alone`() {
        #expect(WebHeader.shown("X-Key: s3cret").contains("s3cret") == false)
        #expect(WebHeader.shown("X-Key: s3cret").hasPrefix("X-Key: "))
        #expect(WebHeader.shown("X-Key: env:KEY") == "X-Key: env:KEY")
        #expect(WebHeader.shown("s3cret").contains("s3cret") == false)
    }

    @Test func `a command line has no values of fields in the log`() {
        for line in [
            ["--header", "X: s3cret", "h"], ["--header=X: s3cret"], ["--head", "X: s3cret"], ["--heade=X: s3cret"],
        ] {
            let shown = CommandLineText.withoutHeaders(line)
            #expect(!shown.joined().contains("s3cret") && shown.joined().contains("X: "))
        }
        // What only looks like one is left.
        let others = ["--help", "X: a", "-h", "--hostname", "header", "--", "header: b"]
        #expect(CommandLineText.withoutHeaders(others) == others)
    }
}
