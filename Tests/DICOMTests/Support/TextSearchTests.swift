import DICOM
import Testing

struct TextSearchTests {
    @Test(arguments: [
        ("a note: b", "note:", 2), ("note:", "note:", 0), ("nonote:", "note:", 2), ("nnnote:", "note:", 2),
        ("no", "note:", nil),
        ("", "note:", nil), ("山田^太郎", "太", 3),
    ])
    func `a word is found at its first place`(text: String, word: String, place: Int?) {
        let found = text.firstRange(of: word)
        #expect(found.map { text.distance(from: text.startIndex, to: $0.lowerBound) } == place)
        #expect(found.map { String(text[$0]) } == place.map { _ in word })
    }

    @Test func `each place of a word is replaced`() {
        #expect("a://b://".replacing("://", with: "-") == "a-b-")
        #expect("aaaa".replacing("aa", with: "a") == "aa")
        #expect("abc".replacing("x", with: "y") == "abc")
        #expect("".replacing("x", with: "y").isEmpty)
    }
}
