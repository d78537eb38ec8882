import Testing

@testable import DICOM

struct HTMLTextTests {
    @Test func `markup and control characters of a peer are shown and do nothing`() {
        #expect(
            HTMLText.escaped("<a href=\"x\">'A&B'\u{1B}\n</a>")
                == "&lt;a href=&quot;x&quot;&gt;&#39;A&amp;B&#39;␛␊&lt;/a&gt;")
    }

    @Test func `line feeds stay where they are wanted`() {
        #expect(HTMLText.escaped("a<\n\tb", keepsLines: true) == "a&lt;\n␉b")
    }
}
