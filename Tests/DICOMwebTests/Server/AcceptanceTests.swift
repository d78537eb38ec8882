import Testing

@testable import DICOMweb

struct AcceptanceTests {
    private let json = ["application/dicom+json", "application/json"]

    @Test(
        arguments: [
            (nil, "application/dicom+json"), ("*/*", "application/dicom+json"),
            ("application/*", "application/dicom+json"),
            ("application/json", "application/json"), ("text/html, application/json;q=0.1", "application/json"),
            ("application/dicom+json;q=0.2, application/json;q=0.9", "application/json"),
            ("application/dicom+json;q=0, */*", "application/json"), ("text/html", nil), ("*/*;q=0", nil),
            ("multipart/related; type=\"application/dicom+json\"", nil), ("APPLICATION/JSON", "application/json"),
        ] as [(String?, String?)])
    func `the media type with the highest quality is taken`(text: String?, expected: String?) {
        #expect(Acceptance(text).preferred(json) == expected)
    }

    @Test func `commas and semicolons in quotation marks divide nothing`() {
        let ranges = Acceptance(#"multipart/related; type="application/dicom"; x="a,b;q=0", text/html;q=0.5"#).ranges
        #expect(ranges.map(\.type.name) == ["multipart/related", "text/html"])
        #expect(ranges.first?.type.parameter("x") == "a,b;q=0")
        #expect(ranges.first?.quality == 1)
    }

    @Test func `of equal ones the first stays the first, and a quality that is none counts least`() {
        let ranges = Acceptance("b/b;q=x, a/a;q=0.5, c/c;q=0.5, d/d").ranges
        #expect(ranges.map(\.type.name) == ["d/d", "a/a", "c/c", "b/b"])
    }

    @Test func `a header of a megabyte is looked through in part`() {
        let text = String(repeating: "a/b;q=0.5,", count: 10_000)
        #expect(Acceptance(text).ranges.count <= 64)
    }
}
