import Testing

@testable import DICOMweb

struct MaskedJSONTests {
    private static let match =
        #"{"00100020":{"vr":"LO","Value":["PID7391"]},"0020000D":{"vr":"UI","Value":["1.2.3"]}}"#

    private func masked(_ text: String) -> String? { MaskedJSON.text(of: Array(text.utf8)) }

    @Test(arguments: ["[\(match)]", "[\(match),\(match)]", match, "\n\(match)"])
    func `patients are hidden and UIDs are not`(_ body: String) throws {
        let text = try #require(masked(body))
        #expect(!text.contains("PID7391"))
        #expect(text.contains("1.2.3"))
        #expect(text.hasPrefix("[") == body.hasPrefix("["))
    }

    @Test func `of a body that is cut the whole elements are shown`() throws {
        let body = "[\(Self.match),\(Self.match)"
        for length in 1..<body.utf8.count {
            let text = masked(String(decoding: body.utf8.prefix(length), as: UTF8.self))
            #expect(text?.contains("PID7391") != true)
            let whole = text.map { $0.split(separator: "\n").count { $0.contains("1.2.3") } } ?? 0
            #expect(whole == (length < Self.match.utf8.count + 1 ? 0 : length < body.utf8.count ? 1 : 2))
        }
    }

    @Test(arguments: [
        "hello", "[1]", #"{"Details":"no instance of PID7391"}"#, #"[{"x":1}]"#, "<html>", "\u{1F}\u{8B}",
    ])
    func `what is no data set has no text`(_ body: String) { #expect(masked(body) == nil) }

    @Test func `an empty list is one`() { #expect(masked("[]") == "[]") }
}
