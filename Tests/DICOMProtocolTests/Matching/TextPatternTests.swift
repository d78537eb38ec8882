import Testing

@testable import DICOMProtocol

@Suite struct TextPatternTests {
    @Test(arguments: [
        ("abc", "abc", true), ("abc", "abcd", false), ("abc", "ABC", false), ("a*", "a", true), ("a*", "abc", true),
        ("*c", "abc", true), ("a?c", "abc", true), ("a?c", "ac", false), ("*b*", "abc", true), ("*", "", true),
        ("a*b*c", "aXbXbXc", true), ("a*b*c", "aXbX", false), ("??", "ü山", true),
        ("??", "ü", false), ("*?", "山", true), ("*?", "", false), ("?*田", "山本田", true), ("*??", "a山", true),
        ("*???", "a山", false), ("?", "u\u{308}", false),
    ])
    func `wildcards stand for any text and for one character`(pattern: String, text: String, expected: Bool) {
        #expect(TextPattern(pattern, wildcards: true).matches(text) == expected)
    }

    @Test func `without wildcards a star is a star`() {
        #expect(TextPattern("a*", wildcards: false).matches("a*"))
        #expect(!TextPattern("a*", wildcards: false).matches("ab"))
    }

    @Test(arguments: [
        ("yamada*", "Yamada^Tarou=山田^太郎=やまだ^たろう", true), ("山田*", "Yamada^Tarou=山田^太郎", true),
        ("Doe^John", "DOE^JOHN^^", true), ("Doe", "Doe^John", false), ("yamada*=佐藤*", "Yamada^Tarou=山田^太郎", false),
        ("yamada*=山田*", "Yamada^Tarou=山田^太郎", true),
    ])
    func `names match without regard to case, in any group`(pattern: String, name: String, expected: Bool) {
        #expect(NamePattern(pattern).matches(name) == expected)
    }

    @Test(arguments: [
        ("20200101", "20200101", true), ("20200101", "20200102", false), ("20200101-20200131", "20200115", true),
        ("20200101-", "20191231", false), ("-20200101", "20200101", true), ("20200101-20200131", "20200201", false),
        ("20200101", "2020.01.01", true),
    ])
    func `dates match by value and by range`(key: String, date: String, expected: Bool) throws {
        #expect(try #require(DateTimeRange(key, vr: .DA)).matches(date) == expected)
    }

    @Test(arguments: [
        ("1030", "103000", true), ("1000-1030", "103059.5", true), ("1000-1030", "1031", false), ("10-", "0959", false),
        ("-12", "125959", true), ("-12", "13", false),
    ])
    func `times match by value and by range, to their precision`(key: String, time: String, expected: Bool) throws {
        #expect(try #require(DateTimeRange(key, vr: .TM)).matches(time) == expected)
    }

    @Test(arguments: [
        ("20260102120000+0100", "20260102110000+0000", true), ("20260102003000+0100", "20260101233000-0000", true),
        ("20260102120000+0100", "20260102120000+0000", false), ("20260102120000+0100", "20260102120000", true),
        ("20260101120000-0500-20260102120000-0500", "20260101165959+0000", false),
        ("20260101120000-0500-20260102120000-0500", "20260101170000+0000", true),
        ("20260101120000-0500-20260102120000-0500", "20260102170001.5+0000", false),
        ("20251231233000-0100-", "20260101003000+0000", true), ("-2026+0000", "20270101003000+0100", true),
        ("202602+0000-202602+0000", "20260301003000+0100", true), ("2025-2026", "20260301", true),
    ])
    func `moments with an offset from UTC match by when they are, PS3_4 C_2_2_2_5`(
        key: String, moment: String, expected: Bool
    ) throws {
        #expect(try #require(DateTimeRange(key, vr: .DT)).matches(moment) == expected)
    }

    @Test(arguments: ["", "-", "today", "2020-01-xx"])
    func `what is no date is no range`(text: String) { #expect(DateTimeRange(text, vr: .DA) == nil) }
}
